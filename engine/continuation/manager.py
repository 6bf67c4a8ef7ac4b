"""The continuation of a session: its memory, its worker process, what it is set to.

Made by the session; settings are the engine's parameters whose names begin with `continuation_`,
and `continues` of each part. The worker is started when it is first needed; when it dies, another
goes on from what was heard, which is in the memory, while the callback plays what is planned.
Nothing here waits for a worker but `plan_until`, for music without a clock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from engine import realtime
from engine.continuation.keeper import Keeper
from engine.continuation.memory import PlanMemory, plan_memory
from engine.continuation.process import COMMAND
from engine.ensembles import Ensemble
from engine.errors import RipienoError
from engine.parameters import CONTINUATION_MODES, GLOBAL_PARAMETERS

PREFIX = "continuation_"  # begins the names of the engine's parameters
KEYS = {name.removeprefix(PREFIX): name for name in GLOBAL_PARAMETERS if name.startswith(PREFIX)}
FLOORS = ("player", "ensemble", "both")
OFF, LOADING, READY, RESTARTING, FAILED = "off", "loading", "ready", "restarting", "failed"
LONGEST_PLAN_S = 120.0
ATTEND_S = 2.0  # somebody who wants to see the attention says so again before
BELOW_AUDIO = 2  # the worker's realtime priority, and below plugin hosts


class ContinuationError(RipienoError):
    """The ensemble cannot play on now."""


class Continuation:
    """What plays on when the player stops. Close it before the engine, after the device. [any]

    `say` gets sentences for the player, `changed` is called when the state is another, `planned`
    gets each new plan, `attended` what the network looked at; on any thread. `offline`: the worker
    plans only when `plan_until` asks.
    """

    def __init__(
        self,
        engine: Any,
        say: Callable[[str], None],
        changed: Callable[[], None] = lambda: None,
        planned: Callable[[dict[str, Any]], None] = lambda plan: None,
        attended: Callable[[dict[str, Any]], None] = lambda attention: None,
        *,
        offline: bool = False,
        command: Sequence[str] = COMMAND,
    ) -> None:
        try:
            self.memory = PlanMemory.create(engine.rate_hz)
        except OSError as error:
            raise ContinuationError(f"there is no memory for a plan: {error.strerror}") from error
        engine.attach_plan(self.memory)
        self._engine = engine
        self._say = say
        self._changed = changed
        self._planned = planned
        self._attended = attended
        self._offline = offline
        self._lock = threading.RLock()
        self._command = command
        self._keeper = Keeper(self.memory, command, self._hear, self._lost)
        self._priority = 0  # of the worker's thread; known once a stream runs
        self._state = OFF
        self._message = ""
        self._model = ""
        self._notes_per_s = 0.0
        self._plan: dict[str, Any] = {"serial": 0, "until_beat": 0.0, "notes": []}
        self._asked: dict[int, dict[str, Any]] = {}
        self._answered = threading.Condition(self._lock)

    # ---- what one can ask for ------------------------------------------------------------

    @property
    def mode(self) -> str:
        """off, takeover, trade, accompany or vary. [any]"""
        return CONTINUATION_MODES[int(self._engine.get("continuation_mode"))]

    @property
    def floor(self) -> str:
        """Who has the floor: player, ensemble or both. [any]"""
        return FLOORS[min(max(int(self.memory.header[plan_memory.FLOOR]), 0), 2)]

    def set(self, key: str, value: float | str) -> None:
        """Set one of mode, silence_beats, bars ... ; ValueError names the legal range. [any]"""
        if key not in KEYS:
            raise ContinuationError(f"{key!r} is nothing of the continuation: {', '.join(KEYS)}")
        if key == "mode":
            if value not in CONTINUATION_MODES:
                modes = ", ".join(CONTINUATION_MODES)
                raise ContinuationError(f"mode {value!r} is not one of {modes}")
            value = CONTINUATION_MODES.index(str(value))
        self._engine.set(KEYS[key], float(value))
        self.noticed()

    def noticed(self) -> None:
        """Something of the engine may have changed: tell the worker; start it if needed. [any]"""
        if self._engine.ensemble is None:
            return
        if self._state == FAILED:
            if self.mode == OFF:  # the next time it is wanted is another try
                self._keeper = Keeper(self.memory, self._command, self._hear, self._lost)
                self._set_state(OFF)
            return
        if self._keeper.working or self.mode != OFF:
            if self._state == OFF:
                self._set_state(LOADING)
            self._keeper.tell(self._line())

    def start(self) -> None:
        """Let the ensemble take over now. [any]"""
        if self.mode == OFF:
            modes = ", ".join(CONTINUATION_MODES[1:])
            raise ContinuationError(f"choose first how the ensemble plays on: {modes}")
        self._engine.take_over()

    def stop(self) -> None:
        """Let it yield now. [any]"""
        self._engine.yield_floor()

    def forget(self) -> None:
        """Another ensemble plays: what was before does not count. [any]"""
        self._engine.forget_past()
        self.noticed()

    def plan(self) -> dict[str, Any]:
        """What the ensemble would play: serial, until_beat, notes. [any]"""
        with self._lock:
            return self._plan

    def state(self) -> dict[str, Any]:
        """Everything, ready for JSON. [any]"""
        get, ensemble = self._engine.get, self._engine.ensemble
        parts = range(len(ensemble.parts) if ensemble else 0)
        with self._lock:
            worker = {
                "state": self._state,
                "message": self._message,
                "model": self._model,
                "notes_per_s": self._notes_per_s,
            }
        return {
            **self._settings(),
            "pedal": int(get("continuation_pedal")),
            "parts": [bool(get("continues", part)) for part in parts],
            "worker": worker,
            "floor": self.floor,
        }

    def attend(self) -> None:
        """Somebody wants to see what the network looks at; say so again within ATTEND_S. [any]"""
        if self._state == READY:
            self._keeper.ask(do="attend", seconds=ATTEND_S)

    def plan_until(self, from_beat: float, until_beat: float) -> int:
        """Have everything between two beats planned, and wait for it; notes planned. [main]

        Only `offline`. ContinuationError if the worker cannot, or takes too long.
        """
        number = len(self._asked) + 1
        limit_s = time.monotonic() + LONGEST_PLAN_S
        self.noticed()
        with self._lock:
            self._asked[number] = {}
            ask = {"do": "plan", "id": number, "from": from_beat, "until": until_beat}
            self._keeper.ask(**ask)
            while not self._asked[number] and self._state not in (FAILED, OFF):
                if not self._answered.wait(max(limit_s - time.monotonic(), 0.0)):
                    raise ContinuationError("the ensemble's plan took too long")
            answer = self._asked[number] or {"error": self._message or "there is no worker"}
        if "error" in answer:
            raise ContinuationError(f"the ensemble cannot play on: {answer['error']}")
        return int(answer["notes"])

    # ---- watching over it ----------------------------------------------------------------

    def tend(self) -> None:
        """Tell the worker what changed, end one that hangs; twice a second. [main]"""
        audio = realtime.audio_priority()
        self._priority = max(audio - BELOW_AUDIO, 1) if audio else 0
        self.noticed()
        if self._state == READY and not self._offline:
            self._keeper.end_if_hanging()

    def kill_worker(self) -> None:
        """End the worker as a fault would; for tests of what follows. [any]"""
        self._keeper.kill()

    def close(self) -> None:
        """End the worker. Idempotent; the memory stays mapped for the callback. [main]"""
        self._keeper.close()
        self.memory.unlink()

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for key, name in KEYS.items():
            value = self._engine.get(name)
            settings[key] = int(value) if GLOBAL_PARAMETERS[name].whole else value
        settings["mode"] = self.mode
        return settings

    def _line(self) -> dict[str, Any]:
        """The settings as the worker is told them."""
        ensemble: Ensemble = self._engine.ensemble
        keys = ("name", "program", "bank", "low", "high", "polyphony")
        return {
            "do": "set",
            **self._settings(),
            "beats_per_bar": int(self._engine.get("beats_per_bar")),
            "ensemble": ensemble.id,
            "offline": self._offline,
            "priority": self._priority,
            "parts": [
                {
                    **{key: getattr(part, key) for key in keys},
                    "continues": bool(self._engine.get("continues", index)),
                }
                for index, part in enumerate(ensemble.parts)
            ],
        }

    # ---- what the worker says, on its thread -----------------------------------------------

    def _hear(self, line: dict[str, Any]) -> None:
        if "plan" in line:
            self._take_plan(line)
        elif "attention" in line:
            self._attended(
                {
                    "note": list(line["note"]),
                    "notes": list(line["attention"]),
                    "remembered": int(line["notes"]),
                }
            )
        elif "id" in line:
            with self._answered:
                self._asked[int(line["id"])] = line
                self._answered.notify_all()
        elif "say" in line:
            self._say(str(line["say"]))
        elif line.get("state") in (LOADING, READY, FAILED):
            self._take_state(line)

    def _take_plan(self, line: dict[str, Any]) -> None:
        frame, _, beat, tempo_bpm = self.memory.now()
        with self._lock:
            plan = {
                "serial": self._plan["serial"] + 1,
                "until_beat": float(line["until_beat"]),
                "frame": frame,
                "beat": beat,
                "tempo_bpm": tempo_bpm,
                "notes": list(line["plan"]),
            }
            self._plan = plan
        self._planned(plan)

    def _take_state(self, line: dict[str, Any]) -> None:
        state, message = line["state"], str(line.get("message", ""))
        with self._lock:
            self._model = str(line.get("model", self._model))
            self._notes_per_s = float(line.get("notes_per_s", 0.0)) or self._notes_per_s
            if self._state == FAILED or (state == LOADING and self._state == RESTARTING):
                return
        self._set_state(state, message)
        if state == FAILED:
            self._say(f"The ensemble cannot play on: {message}")
        elif state == READY and not self._offline:
            self._keeper.have_spare()

    def _lost(self, another: bool) -> None:
        """The worker has ended; `another` has taken its place."""
        if self._state == FAILED:  # and has said why
            self._keeper.close()
        elif another:
            self._set_state(RESTARTING)
            self._say("The ensemble's worker ended; another goes on from what was heard.")
        else:
            self._set_state(FAILED, "its worker ended again and again")
            self._say("The ensemble's worker ended again and again; it plays on no more.")

    def _set_state(self, state: str, message: str = "") -> None:
        with self._answered:
            if (state, message) == (self._state, self._message):
                return
            self._state, self._message = state, message
            self._answered.notify_all()
        self._changed()
