"""A chain in its slot: its host process, what it is set to, and what happens when it fails.

Made by the manager. Answers and ends come on the host's own thread, everything else from whoever
calls; a lock makes it one at a time. The audio callback bypasses a chain that is late by itself;
here it is noticed, ended, told and started again: first as it last was, less what was changed in
the two seconds before; then as it was asked for; then not again.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from typing import Any

from engine.chain_memory import BLOCK_FRAMES, shared
from engine.errors import RipienoError
from engine.plugins.chain import PARTS, SLOTS, ChainSpec, PluginError, check_value
from engine.plugins.host_process import HANGS, HostProcess
from engine.plugins.lead import Lead
from engine.plugins.standby import Waiting, request_of

LOADING, RUNNING, RESTARTING, FAILED = "loading", "running", "restarting", "failed"
HANG_S = 1.0  # a plugin that keeps the host so long will not come back
LOAD_LIMIT_S = 180.0
SETTLED_S = 0.5  # after a change, before its outcome is asked for
SUSPECT_S = 2.0  # what was changed so shortly before a fault is not set again
STEADY_S = 30.0  # a fault after so long begins the count anew
TRIES = 3
MAX_LATENCY_FRAMES = 4096  # that can be compensated beside the longest lead
ANSWER_S = 1.0
KEPT_S = 30.0  # for which a chain that starts again keeps its delay, so that timing stays
FADED_S = 1.0  # after which nothing of a chain is heard that was taken out


class HostedChain:
    """The plugins of one slot. Close it before the engine. [any]"""

    def __init__(
        self, engine: Any, slot_name: str, say: Callable[[str], None], priority: int = 0
    ) -> None:
        self.engine = engine
        self.slot_name = slot_name
        self.slot = SLOTS[slot_name]
        self.state = LOADING
        self.message = ""
        self.restarts = 0
        self.missing = False  # whether a plugin in it is not here
        self.plugins: list[dict[str, Any]] = []  # as the host describes them
        self.lead = Lead.first(self._block_frames(), engine.rate_hz)
        self._say = say
        self._lock = threading.RLock()
        self._wanted: ChainSpec | None = None  # as it was asked for
        self._spec: ChainSpec | None = None  # as it is
        self._host: HostProcess | None = None
        self._attached: HostProcess | None = None
        self._leaving: list[tuple[float, HostProcess]] = []
        self._changed_s: dict[tuple[int, str], float] = {}
        self._to_capture = False
        self._captured = threading.Event()
        self._faults = 0
        self._began_s = 0.0
        self._beat = (0, 0.0)
        self._stats: Any = None  # the engine's newest of this chain
        self._priority = priority
        self._killed_for = ""
        self._fault_s = 0.0
        self._proven: list[tuple[float, ChainSpec]] = []  # when the states in it were captured
        self._asked_s = 0.0
        self.editor: int | None = None

    # ---- what one can ask for ------------------------------------------------------------

    def start(self, spec: ChainSpec, ahead: Waiting | None = None) -> None:
        """Play through these plugins as soon as they are loaded; until then as before. [any]

        `ahead` is a host that has been loading just them.
        """
        with self._lock:
            self._wanted = spec
            self.missing = False
            self._faults = 0
            self._load(spec, LOADING, ahead)

    def keep(self, spec: ChainSpec, reason: str) -> None:
        """Hold plugins that cannot be loaded here as they are, for when they can. [any]"""
        with self._lock:
            self._wanted = self._spec = spec
            self.missing = True
            self._fail(reason)

    def spec(self) -> ChainSpec | None:
        """The chain as it is now, ready to be saved; waits a moment for plugins' states. [main]"""
        if self.state == RUNNING and self._to_capture and self.editor is None:
            self._captured.clear()
            self._capture()
            self._captured.wait(ANSWER_S)
        return self._spec

    def parameters(self, index: int) -> list[dict[str, Any]]:
        """Name, label, value, default and steps of each parameter of a plugin. [any]"""
        with self._lock:
            self._check_index(index)
            if index >= len(self.plugins):
                return []
            return [dict(parameter) for parameter in self.plugins[index]["parameters"]]

    def value(self, index: int, name: str) -> float:
        """Where a plugin's parameter stands, 0 to 1; PluginError if there is none such. [any]"""
        with self._lock:
            plugin = self._check_index(index)
            if index < len(self.plugins):
                return float(self._find_parameter(index, name)["value"])
            if name in plugin.parameters:  # to be set when it is loaded
                return plugin.parameters[name]
        raise PluginError(f"{plugin.title} on {self.slot_name} is not running yet")

    def set_parameter(self, index: int, name: str, value01: float) -> None:
        """Set a plugin's parameter; PluginError names what is legal. [any]"""
        value = check_value(name, value01)
        with self._lock:
            plugin = self._check_index(index)
            if index < len(self.plugins):
                parameter = self._find_parameter(index, name)
                parameter["value"] = value
                if self._attached is not None:
                    self._send(shared.PARAMETER, index, parameter["index"], value)
            self._keep(index, parameters={**plugin.parameters, name: value})
            self._changed_s[index, name] = time.monotonic()
            self._to_capture = True

    def bypass(self, index: int, on: bool) -> None:
        """Hear a plugin or not, without a click. [any]"""
        with self._lock:
            self._check_index(index)
            self._keep(index, bypass=bool(on))
            if self._attached is not None:
                self._send(shared.BYPASS, index, 0, float(on))

    def open_editor(self, index: int) -> None:
        """Let the plugin show its window; what goes wrong is told. [any]"""
        with self._lock:
            plugin = self._check_index(index)
            if self._attached is None:
                raise PluginError(f"{plugin.title} on {self.slot_name} is not running yet")
            self.close_editor()
            self.editor = index
            self._asked_s = float("inf")  # what the window changed counts
            self._attached.ask("editor", lambda answer: self._edited(index, answer), plugin=index)

    def close_editor(self) -> None:
        """Close the window that is open, if any. [any]"""
        with self._lock:
            if self._attached is not None and self.editor is not None:
                self._attached.ask("close_editor", lambda answer: None)

    def describe(self) -> dict[str, Any]:
        """What a window shows of it, ready for JSON. [any]"""
        with self._lock:
            spec, host = self._spec, self._attached
            to_ms = 1000.0 / self.engine.rate_hz
            shown: dict[str, Any] = {
                "state": self.state,
                "message": self.message,
                "instrument": self._is_instrument,
                "restarts": self.restarts,
                "editor": -1 if self.editor is None else self.editor,
                "plugins": [
                    {
                        "name": known["name"] if known else plugin.title,
                        "path": plugin.path,
                        "bypass": plugin.bypass,
                        "parameters": len(known["parameters"]) if known else 0,
                    }
                    for plugin, known in _side_by_side(spec, self.plugins)
                ],
                "pid": 0,
            }
            if host is not None:
                header = host.memory.header
                latency = _latency(host)
                chunks = max(int(header[shared.CHUNKS]), 1)
                chunk_ns = shared.CHUNK / self.engine.rate_hz * 1e9
                shown |= {
                    "pid": host.pid,
                    "lead_frames": self.lead.frames,
                    "lead_ms": round(self.lead.frames * to_ms, 2),
                    "latency_frames": latency,
                    "latency_ms": round(latency * to_ms, 2),
                    "misses": self._stats.misses if self._stats else 0,
                    "heard": bool(self._stats and self._stats.wet),
                    "load_percent": round(
                        100 * int(header[shared.CHUNK_NS]) / chunks / chunk_ns, 2
                    ),
                }
            return shown

    # ---- care ----------------------------------------------------------------------------

    def tend(self, priority: int) -> None:
        """Watch over the host, the lead and the latency; twice a second. [any]"""
        now_s = time.monotonic()
        with self._lock:
            if self._host is not None:
                self._watch(self._host, now_s)
            if self._attached is not None:
                self._tend_running(self._attached, priority, now_s)
            gone = [host for until_s, host in self._leaving if until_s <= now_s]
            self._leaving = [entry for entry in self._leaving if entry[0] > now_s]
        for host in gone:
            host.close()

    def retire(self) -> None:
        """Take the chain out of the sound; `tend` ends its process a little later. [any]"""
        with self._lock:
            attached, self._attached = self._attached, None
            hosts = {id(h): h for h in (attached, self._host) if h is not None}
            self._host = None
            until_s = time.monotonic() + FADED_S
            self._leaving += [(until_s, host) for host in hosts.values()]
        if attached is not None or self.state == RESTARTING:
            self.engine.detach_chain(self.slot)

    @property
    def gone(self) -> bool:
        """Whether nothing is left of a retired chain. [any]"""
        return self._host is None and not self._leaving

    def close(self) -> None:
        """Take the chain out of the sound and end its process now. Idempotent. [main]"""
        with self._lock:
            attached, self._attached = self._attached, None
            hosts = {id(h): h for h in (attached, self._host) if h is not None}
            hosts |= {id(h): h for _, h in self._leaving}
            self._host = None
            self._leaving = []
        if attached is not None:
            self.engine.detach_chain(self.slot)
        for host in hosts.values():
            host.leave()
        for host in hosts.values():
            host.close()

    def _watch(self, host: HostProcess, now_s: float) -> None:
        """Kill a host that hangs; its end is dealt with like any other."""
        if self.state in (LOADING, RESTARTING):
            if now_s - host.began_s > LOAD_LIMIT_S:
                self._killed_for = f"did not load within {LOAD_LIMIT_S:.0f} s"
                host.kill()
            return
        beat = int(host.memory.header[shared.BEAT])
        if beat != self._beat[0]:
            self._beat = (beat, now_s)
        if host.seconds_busy > HANG_S or now_s - self._beat[1] > 2.0 * HANG_S:
            self._killed_for = HANGS
            self._fault_s = now_s - host.seconds_busy
            host.kill()

    def _tend_running(self, host: HostProcess, priority: int, now_s: float) -> None:
        if priority != self._priority:
            self._priority = priority
            host.ask("priority", lambda answer: None, priority=priority)
        before, stats = self._stats, self.engine.chain_stats(self.slot)
        self._stats = stats
        new_misses = stats.misses - (before.misses if before else 0)
        headroom = stats.headroom_frames if stats.wet else None
        host.memory.header[BLOCK_FRAMES] = self._block_frames()
        latency = _latency(host)
        longer = self.lead.update(new_misses, headroom, now_s)
        if longer or latency != stats.latency_frames:
            self.engine.set_chain(self.slot, lead_frames=self.lead.frames, latency_frames=latency)
        last_change_s = max(self._changed_s.values(), default=0.0)
        settled = now_s - last_change_s > SETTLED_S and host.seconds_busy < SETTLED_S
        if self._to_capture and self.editor is None and settled:
            self._capture()

    # ---- life of a host ------------------------------------------------------------------

    def _load(self, spec: ChainSpec, state: str, ahead: Waiting | None = None) -> None:
        host = (
            ahead.host
            if ahead is not None
            else HostProcess(self.engine.rate_hz, lambda: self._ended(host))
        )
        if self._host is not None and self._host is not self._attached:
            self._host.leave()
            self._leaving.append((0.0, self._host))
        host.memory.header[BLOCK_FRAMES] = self._block_frames()
        self._host, self._spec, self.state, self.message = host, spec, state, ""
        self.plugins = []
        self._changed_s = {}
        self._proven = []
        self._killed_for = ""
        self._fault_s = 0.0
        if ahead is not None:
            ahead.adopt(lambda answer: self._loaded(host, answer), on_end=lambda: self._ended(host))
            return
        host.begin(
            lambda answer: self._loaded(host, answer),
            plugins=request_of(spec),
            priority=self._priority,
        )

    def _loaded(self, host: HostProcess, answer: dict[str, Any]) -> None:
        with self._lock:
            if host is not self._host:
                return
            try:
                self._attach(host, answer)
            except (RipienoError, ValueError) as error:
                self._host = None
                attached, self._attached = self._attached, None
                for old in filter(None, (host, attached)):
                    old.leave()
                    self._leaving.append((0.0, old))
                if attached is not None:
                    self.engine.detach_chain(self.slot)
                self._fail(str(error))

    def _attach(self, host: HostProcess, answer: dict[str, Any]) -> None:
        """Let a loaded host be heard; PluginError if it failed or does not belong here."""
        if "error" in answer:
            raise PluginError(answer["error"])
        plugins = answer["ok"]["plugins"]
        instrument = bool(plugins[0]["instrument"])
        if instrument and self.slot >= PARTS:
            raise PluginError(f"{plugins[0]['name']} is an instrument: it needs a part")
        self.plugins = plugins
        self._remember(answer["ok"])
        self.lead = Lead.first(self._block_frames(), self.engine.rate_hz)
        latency = _latency(host)
        self.engine.attach_chain(
            self.slot,
            host.memory,
            instrument=instrument,
            lead_frames=self.lead.frames,
            latency_frames=latency,
        )
        before, self._attached = self._attached, host
        if before is not None:  # it is heard until it has faded out
            self._leaving.append((time.monotonic() + FADED_S, before))
        self._began_s = time.monotonic()
        self._beat = (-1, self._began_s)
        self._stats = None
        again = "again " if self.state == RESTARTING else ""
        self.state = RUNNING
        self._set_what_was_changed_meanwhile()
        titles = _listed([plugin["name"] for plugin in self.plugins])
        late_ms = 1000.0 * (self.lead.frames + latency) / self.engine.rate_hz
        self._say(f"{self._title} plays {again}through {titles}, {late_ms:.1f} ms later.")

    def _set_what_was_changed_meanwhile(self) -> None:
        assert self._spec is not None
        for index, plugin in enumerate(self._spec.plugins):
            self._send(shared.BYPASS, index, 0, float(plugin.bypass))
            for name, value in plugin.parameters.items():
                try:
                    parameter = self._find_parameter(index, name)
                except PluginError as error:
                    self._say(f"{self._title}: {error}.")
                    continue
                if (index, name) in self._changed_s:
                    parameter["value"] = value
                    self._send(shared.PARAMETER, index, parameter["index"], value)

    def _ended(self, host: HostProcess) -> None:
        """The process has ended, and nobody asked it to. On its own thread."""
        with self._lock:
            attached = host is self._attached
            if not attached and host is not self._host:
                return  # an older one, on its way out
            how = self._killed_for or host.ended
            who = self._who_failed(host)
            self._fault_s = self._fault_s or time.monotonic() - host.seconds_busy
            if attached:
                self._attached = None
            if host is self._host:
                self._host = None
            self.editor = None
        if attached:
            self.engine.detach_chain(self.slot, keep_delay_s=KEPT_S)
        host.close()
        with self._lock:
            if self._host is not None or self._spec is None:
                return  # something else was asked for meanwhile
            self._faults = 1 if time.monotonic() - self._began_s > STEADY_S else self._faults + 1
            if not attached or self._faults >= TRIES:
                times = f", {self._faults} times in a row" if self._faults > 1 else ""
                self._fail(f"{who} {how}{times}")
                return
            self.restarts += 1
            spec = self._last_good() if self._faults == 1 else self._wanted
            assert spec is not None
            self._say(f"{self._title}: {who} {how}. It is bypassed and starts again.")
            self._load(spec, RESTARTING)

    def _fail(self, reason: str) -> None:
        self.engine.detach_chain(self.slot)  # its delay is of no use any more
        self.state, self.message = FAILED, reason
        self._say(f"{self._title} plays without its plugins: {reason}.")

    def _who_failed(self, host: HostProcess) -> str:
        index = host.plugin
        if self._spec is not None and index is not None and index < len(self._spec.plugins):
            return self._spec.plugins[index].title
        titles = [plugin.title for plugin in self._spec.plugins] if self._spec else []
        return titles[0] if len(titles) == 1 else f"the host of {_listed(titles)}"

    def _last_good(self) -> ChainSpec:
        """The chain as it was, less what was changed shortly before the fault."""
        assert self._spec is not None
        assert self._wanted is not None
        limit_s = self._fault_s - SUSPECT_S
        proven = [spec for when_s, spec in self._proven if when_s <= limit_s]
        good = proven[-1] if proven else self._wanted
        for index, plugin in enumerate(self._spec.plugins):
            parameters = dict(good.plugins[index].parameters)
            for (at, name), when_s in self._changed_s.items():
                if at == index and when_s <= limit_s:
                    parameters[name] = plugin.parameters[name]
            good = good.with_plugin(index, parameters=parameters, bypass=plugin.bypass)
        return good

    # ---- states and parameters -----------------------------------------------------------

    def _capture(self) -> None:
        """Ask the host for the states of its plugins."""
        with self._lock:
            if self._attached is None:
                return
            host, self._to_capture = self._attached, False
            self._asked_s = time.monotonic()
        host.ask("state", lambda answer: self._got_state(host, answer))

    def _got_state(self, host: HostProcess, answer: dict[str, Any]) -> None:
        with self._lock:
            if host is self._attached and "ok" in answer:
                self._remember(answer["ok"])
        self._captured.set()

    def _edited(self, index: int, answer: dict[str, Any]) -> None:
        with self._lock:
            if self.editor == index:
                self.editor = None
            if "ok" in answer:
                self._remember(answer["ok"])
                return
            assert self._spec is not None
            title = self._spec.plugins[index].title
        self._say(f"The window of {title} cannot be shown: {answer['error']}")

    def _remember(self, known: dict[str, Any]) -> None:
        """Take in the states and values a host reported.

        What was set since they were asked for stays, and what was set so shortly before that the
        host may not have heard of it.
        """
        assert self._spec is not None
        unheard_s = self._asked_s - SETTLED_S
        for index, state in enumerate(known["states"]):
            values = known["values"][index]
            parameters = {
                name: value
                if self._changed_s.get((index, name), 0.0) > unheard_s
                else values.get(name, value)
                for name, value in self._spec.plugins[index].parameters.items()
            }
            self._keep(index, state=base64.b64decode(state), parameters=parameters)
            for parameter in self.plugins[index]["parameters"]:
                name = parameter["name"]
                parameter["value"] = parameters.get(name, values.get(name, parameter["value"]))
        limit_s = time.monotonic() - 2.0 * SUSPECT_S
        older = [entry for entry in self._proven if entry[0] <= limit_s][-1:]
        newer = [entry for entry in self._proven if entry[0] > limit_s]
        self._proven = [*older, *newer, (time.monotonic(), self._spec)]

    def _keep(self, index: int, **changes: Any) -> None:
        assert self._spec is not None
        self._spec = self._spec.with_plugin(index, **changes)

    def _send(self, kind: int, plugin: int, index: int, value: float) -> None:
        self.engine.chain_event(self.slot, kind, plugin, index, value)

    def _find_parameter(self, index: int, name: str) -> dict[str, Any]:
        parameters = self.plugins[index]["parameters"]
        for parameter in parameters:
            if parameter["name"] == name:
                return parameter
        names = ", ".join(parameter["name"] for parameter in parameters[:40])
        title = self.plugins[index]["name"]
        raise PluginError(f'{title} has no parameter "{name}": choose one of {names}')

    def _check_index(self, index: int) -> Any:
        count = len(self._spec.plugins) if self._spec else 0
        if not isinstance(index, int) or not 0 <= index < count:
            raise PluginError(f"{self.slot_name} has no plugin {index}: 0 to {count - 1} are there")
        assert self._spec is not None
        return self._spec.plugins[index]

    @property
    def _is_instrument(self) -> bool:
        return bool(self.plugins) and bool(self.plugins[0]["instrument"])

    @property
    def _title(self) -> str:
        return self.slot_name[0].upper() + self.slot_name[1:]

    def _block_frames(self) -> int:
        return max(int(self.engine.stats().block_frames), shared.CHUNK)


def _latency(host: HostProcess) -> int:
    return min(int(host.memory.header[shared.LATENCY_FRAMES]), MAX_LATENCY_FRAMES)


def _side_by_side(spec: ChainSpec | None, known: list[dict[str, Any]]) -> Any:
    plugins = spec.plugins if spec else ()
    padded = [*known, *[None] * (len(plugins) - len(known))]
    return zip(plugins, padded, strict=True)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
