"""A scripted player, a floor and a clock for the planner: what the callback does, in plain Python.

Time goes on in steps of a few milliseconds; in each the planner may do so many pieces of work. The
plan is kept, voided and sounded by the rules of engine/rt/plan_memory.py.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from engine.continuation.memory import plan_memory as pm
from engine.continuation.planner import Planner
from engine.continuation.settings import Part, Settings
from models.mmt.decoder import Decoder, from_floats
from models.mmt.instruments import code_of
from models.mmt.shape import IN_TURN, ROTARY, Shape, random_weights
from models.mmt.stream import Stream

TINY = Shape(
    layers=1,
    width=64,
    inner=64,
    rows=128,
    heads=IN_TURN,
    positions=ROTARY,
    turn_width=64,
    turn_inner=64,
)
VOICES = code_of("voices")
CHOIR = (
    Part(VOICES, 57, 84, 1),
    Part(VOICES, 52, 77, 1),
    Part(VOICES, 45, 72, 1),
    Part(VOICES, 36, 65, 1),
)
QUARTET = (
    Part(code_of("violin"), 55, 100, 1),
    Part(code_of("violin"), 55, 93, 1),
    Part(code_of("viola"), 48, 88, 1),
    Part(code_of("cello"), 36, 81, 1),
)


def tiny(rows: int = 128, seed: int = 3) -> Decoder:
    """Return a lively network that is quick to compute."""
    shape = Shape(**{**vars(TINY), "rows": rows})
    return from_floats(random_weights(shape, seed), shape)


def planner(decoder: Decoder | None = None, **settings) -> Planner:
    """Return a planner for a choir, or other `parts`."""
    chosen = Settings(**{"parts": CHOIR, "memory_beats": 32, **settings})
    stream = Stream(decoder or tiny(), [part.code for part in chosen.parts])
    return Planner(stream, chosen)


def record(kind: int, beat: float, **values) -> np.ndarray:
    """Return one record of HEARD."""
    made = np.zeros(1, pm.HEARD_RECORD)
    made["kind"], made["beat"] = kind, beat
    for name, value in values.items():
        made[name] = value
    return made


@dataclass
class Sounded:
    """A note of the plan as it sounded."""

    beat: float
    duration: float
    part: int
    pitch: int
    velocity: int


@dataclass
class Stage:
    """A planner, and the callback's part of it. `beat` is now."""

    planner: Planner
    bpm: float = 120.0
    step_s: float = 0.01
    pieces: int = 6  # of work in a step
    beat: float = 0.0
    floor: int = pm.PLAYER
    heard_notes: int = 0
    next_beat: float = math.inf
    sounded: list[Sounded] = field(default_factory=list)
    late: int = 0
    starved_beats: float = 0.0
    begun: list[tuple[float, float]] = field(default_factory=list)  # now, BEGIN.beat
    until: float = -1.0
    _open: bool = False
    _pending: list[tuple[float, int, np.void]] = field(default_factory=list)
    _ids: dict[tuple[int, int], int] = field(default_factory=dict)
    _next_id: int = 1

    def on(self, part: int, pitch: int, velocity: int = 80) -> None:
        """The player strikes a key."""
        if self.floor == pm.ENSEMBLE:
            self.give(pm.PLAYER)
        self._ids[part, pitch] = self._next_id
        self._tell(pm.NOTE_ON, part=part, pitch=pitch, velocity=velocity, id=self._next_id)
        self._next_id += 1
        self.heard_notes += 1
        if self.planner.settings.mode != "accompany":
            self._pending, self._open = [], False

    def off(self, part: int, pitch: int) -> None:
        """The player lets go of it."""
        self._tell(pm.NOTE_OFF, part=part, pitch=pitch, id=self._ids.pop((part, pitch)))

    def give(self, floor: int) -> None:
        """Somebody else has the floor."""
        self.floor = floor
        if floor == pm.PLAYER:
            self._pending, self._open = [], False
        else:
            self._pending = [p for p in self._pending if p[0] >= self.beat - 1e-6]
        self._tell(pm.FLOOR_IS, part=floor)

    def go(self, beats: float) -> None:
        """Let time pass."""
        end = self.beat + beats
        while self.beat < end - 1e-9:
            self.beat = min(end, self.beat + self.step_s * self.bpm / 60)
            self._step()

    def _tell(self, kind: int, **values) -> None:
        self.planner.hear(record(kind, self.beat, **values))

    def _step(self) -> None:
        planner = self.planner
        planner.at(self.beat, self.bpm, self.heard_notes, self.next_beat)
        for _ in range(self.pieces):
            if not planner.work():
                break
        first = planner.telling.written
        for place, made in enumerate(planner.telling.take(), first):
            self._take(place, made)
        if self.floor == pm.PLAYER:
            self._pending = [p for p in self._pending if p[0] >= self.beat - 1e-6]
            return
        while self._pending and self._pending[0][0] <= self.beat:
            beat, place, made = self._pending.pop(0)
            values = (int(made["part"]), int(made["pitch"]), int(made["velocity"]))
            self.sounded.append(Sounded(beat, float(made["duration"]), *values))
            part, pitch, velocity = values
            told = {"part": part, "pitch": pitch, "velocity": velocity, "id": place}
            planner.hear(record(pm.PLAYED, beat, duration=made["duration"], **told))
        if not self._pending and self.beat > self.until + 1e-6:
            self.starved_beats += self.step_s * self.bpm / 60

    def _take(self, place: int, made: np.void) -> None:
        beat = float(made["beat"])
        if made["kind"] == pm.BEGIN:
            any_will_do = self.planner.settings.mode == "accompany"
            self._open = any_will_do or int(made["heard"]) == self.heard_notes
            if self._open:
                self._pending = [p for p in self._pending if p[0] < beat]
                self.begun.append((self.beat, beat))
                self.until = beat
        elif made["kind"] == pm.NOTE and self._open:
            assert not self._pending or beat >= self._pending[-1][0]
            if self.floor != pm.PLAYER and beat < self.beat - 1e-6:
                self.late += 1
            self._pending.append((beat, place, made))
        elif made["kind"] == pm.UNTIL and self._open:
            self.until = beat
