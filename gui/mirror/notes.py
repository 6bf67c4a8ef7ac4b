"""The notes of the last seconds, those that sound, and those the ensemble has planned. [main]"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from gui.mirror.clock import StreamClock
from gui.mirror.transport import Transport

KEEP_S = 30.0
MOST_NOTES = 4096
STUCK_S = 600.0  # a note whose end was lost


@dataclass(slots=True)
class Bar:
    """One note of the roll; `end_frame` is -1 while it sounds. Parts count from 0."""

    note: int
    part: int
    pitch: int
    velocity: int
    start_frame: int
    end_frame: int
    confidence: float
    how: str


@dataclass(frozen=True, slots=True)
class Planned:
    """One note the ensemble means to play."""

    part: int
    pitch: int
    velocity: int
    beat: float
    beats: float


class Notes:
    """Filled by the events the engine sends. [main]"""

    def __init__(self) -> None:
        self.clock = StreamClock()
        self.bars: deque[Bar] = deque(maxlen=MOST_NOTES)
        self.sounding: dict[int, Bar] = {}
        self.plan: tuple[Planned, ...] = ()
        self.plan_until_beat = 0.0
        self.plan_now: tuple[float, float, float] | None = None  # frame, beat, tempo_bpm
        self.lost = 0  # notes the engine left out
        self.last_part_s: dict[int, float] = {}  # when a part last began a note

    def take(self, path: str, values: tuple[Any, ...], at_s: float) -> bool:
        """A message of the topics events and plan; False if it is none. [main]"""
        name = path.rpartition("/")[2]
        if name == "note_on":
            note, part, pitch, velocity, confidence, how, _, frame = values
            self._begin(Bar(note, part - 1, pitch, velocity, frame, -1, confidence, how), at_s)
        elif name == "note_off":
            self._end(values[0], values[4], at_s)
        elif name == "note_moved":
            note, part, _, _, frame = values
            self.clock.hear(frame, at_s)
            if note in self.sounding:
                self.sounding[note].part = part - 1
        elif name == "panicked":
            self.end_all(values[0])
        elif name == "events_lost":
            self.lost += values[0]
        elif name == "plan":
            self._take_plan(values[0])
        else:
            return False
        return True

    def plan_beat(self, frame: float, transport: Transport) -> float:
        """The beat the plan is at: the transport's, which goes on where that stands. [main]"""
        if transport.rolling or self.plan_now is None:
            return transport.beat_at(frame)
        since, beat, tempo_bpm = self.plan_now
        return beat + (frame - since) / self.clock.rate_hz * tempo_bpm / 60.0

    def pitches(self) -> dict[int, int]:
        """The keys that sound now, each with its part. [main]"""
        return {bar.pitch: bar.part for bar in self.sounding.values()}

    def end_all(self, frame: int) -> None:
        """End every note, as after a panic or with another engine. [main]"""
        for bar in self.sounding.values():
            bar.end_frame = max(frame, bar.start_frame)
        self.sounding.clear()

    def forget(self) -> None:
        """Another engine: nothing of the former one is known. [main]"""
        self.bars.clear()
        self.sounding.clear()
        self.plan = ()
        self.clock = StreamClock(self.clock.rate_hz)

    def prune(self, now_s: float) -> None:
        """Forget what left the picture long ago. [main]"""
        now = self.clock.frame(now_s)
        oldest = now - KEEP_S * self.clock.rate_hz
        while self.bars and 0 <= self.bars[0].end_frame < oldest:
            self.bars.popleft()
        stuck = now - STUCK_S * self.clock.rate_hz
        for note in [n for n, bar in self.sounding.items() if bar.start_frame < stuck]:
            self._end(note, int(now), now_s, heard=False)

    def _begin(self, bar: Bar, at_s: float) -> None:
        self.clock.hear(bar.start_frame, at_s)
        self._end(bar.note, bar.start_frame, at_s, heard=False)
        self.bars.append(bar)
        self.sounding[bar.note] = bar
        self.last_part_s[bar.part] = at_s

    def _end(self, note: int, frame: int, at_s: float, heard: bool = True) -> None:
        if heard:
            self.clock.hear(frame, at_s)
        bar = self.sounding.pop(note, None)
        if bar is not None:
            bar.end_frame = max(frame, bar.start_frame)

    def _take_plan(self, plan: dict[str, Any]) -> None:
        self.plan_until_beat = float(plan.get("until_beat", 0.0))
        if "frame" in plan:
            now = (float(plan["frame"]), float(plan["beat"]), float(plan["tempo_bpm"]))
            self.plan_now = now
        self.plan = tuple(
            Planned(int(part) - 1, int(pitch), int(velocity), float(beat), float(beats))
            for part, pitch, velocity, beat, beats in plan["notes"]
        )
