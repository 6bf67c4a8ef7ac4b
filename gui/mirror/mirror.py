"""The mirror: everything the window knows of the engine, and who wants to hear of changes.

`gui.bridge` feeds it with what came and calls `notify` once a frame of the screen; each listener
hears at most once a frame, however much has changed. A topic is an address (a setting's value), or
one of TOPICS. Everything here runs on the window's thread. [main]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import addresses
from gui.mirror import attention, ensemble, settings, statistics, transport
from gui.mirror.notes import Notes
from gui.mirror.settings import Value
from gui.mirror.tallies import Tallies

SECTIONS = {  # a key of each section that no other has
    "about": "revision",
    "ensemble": "parts",
    "device": "device",
    "transport": "transport",
    "latency": "latency",
    "chains": "chains",
    "recorder": "recorder",
    "learn": "learn",
    "rig": "rig",
    "continuation": "continuation",
    "morph": "morph",
}
NEWS = ("statistics", "notes", "plan", "attention", "floor", "said", "connection", "values")
TOPICS = (*SECTIONS, *NEWS)
HOLD_S = 0.3  # a control in the player's hand does not jump back to what the engine said before
MOST_SAID = 50

Listener = Callable[[], None]


class Mirror:
    """The engine's state as last told. `state` holds the sections as they came."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.values: dict[str, Value] = {}
        self.ensemble = ensemble.Ensemble()
        self.transport = transport.Transport()
        self.statistics = statistics.Statistics()
        self.notes = Notes()
        self.tallies = Tallies()
        self.attention = attention.Attention()
        self.floor = "player"
        self.connection = "looking"
        self.revision = -1
        self.said: list[str] = []
        self.sections_due: set[str] = set()  # to be asked for again; the bridge does
        self._asked: set[str] = set()  # of these, since they last changed
        self._listeners: dict[str, list[Listener]] = {}
        self.is_gone: Callable[[Listener], bool] = lambda listener: False  # it ends unasked
        self._changed: set[str] = set()
        self._held: dict[str, float] = {}  # address -> until when the player's own value stands
        self._told: dict[str, Value] = {}  # what the engine said meanwhile

    # ---- who listens -----------------------------------------------------------------------

    def on(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` after changes of `topic`; what is returned ends that. [main]"""
        if topic not in TOPICS and not topic.startswith("/"):
            raise ValueError(f"topic {topic!r} is neither an address nor one of {TOPICS}")
        listening = [each for each in self._listeners.get(topic, ()) if not self.is_gone(each)]
        self._listeners[topic] = [*listening, listener]
        return lambda: self._leave(topic, listener)

    def _leave(self, topic: str, listener: Listener) -> None:
        if listener in self._listeners.get(topic, ()):
            self._listeners[topic].remove(listener)

    def notify(self, now_s: float) -> None:
        """Tell the listeners of all that changed since the last time. [main]"""
        for address in [a for a, until_s in self._held.items() if until_s <= now_s]:
            del self._held[address]
            if address in self._told:
                self._put(address, self._told.pop(address))
        changed, self._changed = self._changed, set()
        for topic in changed:
            for listener in tuple(self._listeners.get(topic, ())):
                if self.is_gone(listener):
                    self._leave(topic, listener)
                else:
                    listener()

    def changed(self, topic: str) -> None:
        """Have the listeners of `topic` told at the next frame. [main]"""
        self._changed.add(topic)

    # ---- what is known ---------------------------------------------------------------------

    def value(self, address: str, default: Any = None) -> Any:
        """The value of a setting. [main]"""
        return self.values.get(address, default)

    def section(self, name: str) -> dict[str, Any]:
        """A section as the engine told it, empty before it did. [main]"""
        return self.state.get(SECTIONS[name]) or {}

    def set_here(self, address: str, value: Value, now_s: float) -> None:
        """The player set this value here; the engine will hear of it. [main]"""
        self._held[address] = now_s + HOLD_S
        self._told.pop(address, None)
        self._put(address, value)

    # ---- what comes ------------------------------------------------------------------------

    def take(self, path: str, values: tuple[Any, ...], at_s: float) -> None:
        """One message of the engine's. [main]"""
        if path == "/ripieno/statistics":
            self._take_statistics(values[0], at_s)
        elif path == "/ripieno/state":
            self._take_state(values[0])
        elif path == "/ripieno/changed":
            self._take_changed(str(values[0]), int(values[1]))
        elif path == "/ripieno/transport_moved":
            self._take_transport(values, at_s)
        elif path == "/ripieno/floor":
            self.floor = str(values[0])
            self.changed("floor")
        elif path == "/ripieno/attention":
            self.attention = attention.read(values[0])
            self.changed("attention")
        elif path == "/ripieno/said":
            self.say(str(values[0]))
        elif self.notes.take(path, values, at_s):
            self.changed("plan" if path == "/ripieno/plan" else "notes")
            if path == "/ripieno/note_on":
                self.tallies.feed([self.notes.bars[-1]])
        elif len(values) == 1:
            self._take_value(path, values[0])

    def say(self, sentence: str) -> None:
        """A sentence for the player. [main]"""
        self.said = [*self.said[-MOST_SAID + 1 :], sentence]
        self.changed("said")

    def set_connection(self, state: str) -> None:
        """One of gui.client's LOOKING, CONNECTED, SLOW, GONE. [main]"""
        if state != self.connection:
            self.connection = state
            self.changed("connection")
            if state == "gone":
                self.notes.end_all(int(self.statistics.frame))

    def _take_state(self, state: Any) -> None:
        if not isinstance(state, dict):
            return
        if "revision" in state and state["revision"] < self.revision:
            self.notes.forget()  # another engine, or one started anew
            self.attention = attention.Attention()
            self.changed("attention")
        self.revision = state.get("revision", self.revision)
        self.state |= state
        for name, key in SECTIONS.items():
            if key in state:
                if name in self._asked:  # else it may tell what was before the last change
                    self._asked.discard(name)
                    self.sections_due.discard(name)
                self.changed(name)
        if "device" in state:
            self.notes.clock.set_rate(int(state["device"]["rate_hz"]))
        if "parts" in state:
            self.ensemble = ensemble.read(state)
        if "transport" in state:
            self.transport = transport.read(state["transport"], self.notes.clock.rate_hz)
        if "continuation" in state:
            self.floor = str(state["continuation"].get("floor") or self.floor)
            self.changed("floor")
        if "parts" in state:  # what an ensemble of fewer parts no longer has
            gone = f"/ripieno/part/{len(state['parts']) + 1}/"
            for address in [a for a in self.values if a.startswith(gone)]:
                del self.values[address]
        for address, value in settings.values_of(state).items():
            self._take_value(address, value)

    def take_due(self) -> set[str]:
        """The sections to be asked for now; none twice until it is answered or changes. [main]"""
        now = self.sections_due - self._asked
        self._asked |= now
        return now

    def ask_again(self) -> None:
        """Whatever was not answered may have been lost: it is due once more. [main]"""
        self._asked.clear()

    def _take_changed(self, section: str, revision: int) -> None:
        if revision < self.revision:
            self.sections_due.update(SECTIONS)
        elif section in SECTIONS:
            self.sections_due.add(section)
            self._asked.discard(section)
        self.revision = revision

    def _take_statistics(self, message: Any, at_s: float) -> None:
        self.statistics = statistics.read(message)
        self.notes.clock.set_rate(self.statistics.rate_hz)
        self.notes.clock.hear(self.statistics.frame, at_s)
        self.changed("statistics")

    def _take_transport(self, values: tuple[Any, ...], at_s: float) -> None:
        frame, beat, tempo_bpm, rolling = values
        self.notes.clock.hear(frame, at_s)
        known = self.section("transport") | {
            "frame": frame,
            "beat": beat,
            "tempo_bpm": tempo_bpm,
            "rolling": bool(rolling),
        }
        if "beats_per_bar" in known:
            self.state["transport"] = known
            self.transport = transport.read(known, self.notes.clock.rate_hz)
        self.changed("transport")
        self._take_value("/ripieno/transport/rolling", int(bool(rolling)))
        self._take_value("/ripieno/tempo", float(tempo_bpm))

    def _take_value(self, path: str, value: Any) -> None:
        try:
            row, _ = addresses.find(path)
        except (addresses.WrongMessageError, addresses.OutOfRangeError):
            return
        if not row.setting or not row.arguments or not isinstance(value, bool | int | float | str):
            return
        value = settings.as_row(row, value)
        if path in self._held:
            self._told[path] = value
        else:
            self._put(path, value)

    def _put(self, address: str, value: Value) -> None:
        if self.values.get(address) != value or address not in self.values:
            self.values[address] = value
            self.changed(address)
            self.changed("values")
