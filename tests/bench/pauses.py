"""Whether the ensemble ever waits for its plan, and how long it holds and rests, as music does.

For the benchmark of takeovers, which looks at the memory of the plan again and again (`look`). Of
the time in which the ensemble has the floor:
- waiting: the beat has passed that up to which the plan is whole: what comes next was not planned
  when its time came. What the callback counts as starving, and how long it lasted;
- silence: nothing of the ensemble sounds, be it planned so or waiting;
- from one onset to the next, whatever is held meanwhile.
"""

import numpy as np

from engine.continuation.memory import PlanMemory
from engine.continuation.memory import plan_memory as pm

NEAR_BEATS = 1e-6


class Pauses:
    """What was seen from its beginning on, in frames. The tempo stays as it is."""

    def __init__(self, memory: PlanMemory, tempo_bpm: float) -> None:
        self._memory = memory
        self._rate_hz = int(memory.header[pm.RATE_HZ])
        self._frames_a_beat = 60.0 * self._rate_hz / tempo_bpm
        self._heard = memory.acquire(pm.HEARD_WRITE)
        self._planned = memory.acquire(pm.PLAN_WRITE)
        self._open = False  # whether the plan that is being told holds
        self._until_beat = -np.inf  # up to which it is whole
        self._since: int | None = None  # the frame from which the ensemble has the floor
        self._onset = self._sounds_until = 0
        self._waited, self._waits_from = False, 0
        self.longest = {"wait": 0, "silence": 0, "onsets": 0}

    def look(self) -> None:
        """Take in what came since the last look."""
        frame, *_ = self._memory.now()
        records, self._heard = self._memory.heard_since(self._heard)
        for record in records:
            self._take_heard(record)
        if self._since is not None:
            self._pause(frame)
        self._take_plan()
        frame, _, beat, _ = self._memory.now()
        if self._since is not None:
            self._wait(frame, beat)

    def figures(self) -> dict[str, float]:
        """What is told of it."""
        seconds = {name: frames / self._rate_hz for name, frames in self.longest.items()}
        return {
            "longest_wait_s": seconds["wait"],
            "longest_silence_s": seconds["silence"],
            "onsets_apart_s": seconds["onsets"],
            # a note sounds in the frame in which its beat has come: a frame more or less
            "onsets_apart_beats": round(self.longest["onsets"] / self._frames_a_beat, 3),
        }

    def _take_heard(self, record: np.void) -> None:
        kind, frame = int(record["kind"]), int(record["frame"])
        if kind == pm.FLOOR_IS:
            if self._since is not None:
                self._pause(frame)
            self._since = frame if int(record["part"]) == pm.ENSEMBLE else None
            self._onset = self._sounds_until = frame
            self._waited = False
        elif kind == pm.PLAYED and self._since is not None:
            self._pause(frame)
            self._onset = frame
            end = frame + round(float(record["duration"]) * self._frames_a_beat)
            self._sounds_until = max(self._sounds_until, end)

    def _pause(self, frame: int) -> None:
        """Nothing began until this frame since what is known to have begun last."""
        self._longest("onsets", frame - self._onset)
        self._longest("silence", frame - self._sounds_until)

    def _take_plan(self) -> None:
        memory, write = self._memory, self._memory.acquire(pm.PLAN_WRITE)
        made = memory.plan[np.arange(max(self._planned, write - pm.PLAN), write) % pm.PLAN]
        self._planned = write
        for record in made:
            if record["kind"] == pm.BEGIN:
                self._open = int(record["heard"]) == memory.acquire(pm.HEARD_NOTES)
            if self._open and record["kind"] in (pm.BEGIN, pm.UNTIL):
                self._until_beat = float(record["beat"])

    def _wait(self, frame: int, beat: float) -> None:
        """Measure the wait that goes on, or has just ended, up to now."""
        assert self._since is not None
        over = beat > self._until_beat + NEAR_BEATS
        if over:
            whole = frame - (beat - self._until_beat) * self._frames_a_beat
            self._waits_from = int(max(whole, self._since))
        if over or self._waited:
            self._longest("wait", frame - self._waits_from)
        self._waited = over

    def _longest(self, name: str, frames: int) -> None:
        self.longest[name] = max(self.longest[name], frames)
