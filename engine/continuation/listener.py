"""What the player plays, and what of the plan sounds, as notes of the stream.

Reads the callback's records in their order. A note enters the stream when its key goes down, with
a length guessed from the player's last ones; when it comes up, the true one takes its place. Notes
struck together share a tick, though fingers never land together; and a note that nearly lasts to
the next of its part is taken to last so long, as it would be written. Used by the planner.
"""

from collections.abc import Mapping

import numpy as np

from engine.continuation.dynamics import Dynamics
from engine.continuation.memory import plan_memory as pm
from engine.continuation.settings import Settings
from models.mmt.representation import TICKS
from models.mmt.stream import Note, Stream

TOGETHER_S = 0.035  # notes that begin so close to the first of a chord belong to it
_WRITTEN = 0.6  # of the way to the next note of its part, from which on a note lasts all of it
_LENGTHS = 8  # of the player's last notes, for the guess
_FIRST_GUESS = TICKS  # ticks, before any is known
_GRID = np.array([0, 3, 4, 6, 8, 9, 12])  # ticks of a beat where music mostly begins
_PULL_TICKS = 0.75  # how far off these an onset may be and still be meant there


def tick_of(beat: float) -> int:
    """Return the tick an onset is meant at: where music mostly begins, if that is near. [any]"""
    whole = np.floor(beat)
    ticks = (beat - whole) * TICKS
    off = np.abs(_GRID - ticks)
    near = int(_GRID[off.argmin()]) if off.min() <= _PULL_TICKS else round(ticks)
    return int(whole) * TICKS + near


class Listener:
    """The player's notes on their way into a stream."""

    def __init__(self, stream: Stream, settings: Settings) -> None:
        self.stream = stream
        self.settings = settings
        self.forget()

    def forget(self) -> None:
        """Nothing has been heard. [worker]"""
        self.floor = pm.PLAYER
        self.held: dict[int, tuple[Note, float]] = {}  # id -> note and the beat it began
        self.player: list[Note] = []  # all notes of the player that the stream has
        self.played: list[Note] = []  # of the plan
        self.dynamics = Dynamics(len(self.settings.parts), self.settings.bar_beats)
        self._lengths: list[int] = []
        self._last: dict[int, list[Note]] = {}  # part -> its last notes of one onset
        self._chord = (-1e18, 0)  # the beat its first note came, its tick
        self.stream.forget()

    def configure(self, settings: Settings) -> None:
        """Go on under other settings. [worker]"""
        self.settings = settings
        self.dynamics.resize(len(settings.parts), settings.bar_beats)

    @property
    def guess(self) -> int:
        """How many ticks a note that is still held may last."""
        return int(np.median(self._lengths[-_LENGTHS:])) if self._lengths else _FIRST_GUESS

    def note_on(self, record: np.void, bpm: float) -> None:
        """A key went down; or a note that is known went over to another part."""
        beat, part = float(record["beat"]), int(record["part"])
        moved, _ = self.held.get(int(record["id"]), (None, 0.0))
        if moved:
            self._move(moved, part)
            return
        first, tick = self._chord
        if not 0 <= (beat - first) * 60 / bpm <= TOGETHER_S:
            tick = tick_of(beat)
            self._chord = (beat, tick)
        self.stream.shorten_silence(tick)
        self.dynamics.hear(tick, part, int(record["velocity"]))
        note = self.stream.add(tick, int(record["pitch"]), self.guess, self._code(part))
        if note:
            note.part = part
            self.player.append(note)
            self._join(note)
            self.held[int(record["id"])] = (note, beat)

    def note_off(self, record: np.void) -> None:
        """A key came up."""
        note, beat = self.held.pop(int(record["id"]), (None, 0.0))
        if note:
            ticks = max(1, round((float(record["beat"]) - beat) * TICKS))
            self._lengths = [*self._lengths[1 - _LENGTHS :], ticks]
            self._lengthen(note, ticks)

    def age(self, beat: float) -> None:
        """Let the notes still held be at least as long as they have been so far."""
        for note, begun in self.held.values():
            ticks = int((beat - begun) * TICKS) + 1
            if ticks > note.length:
                self._lengthen(note, max(ticks, 2 * note.length))

    def sounded(self, record: np.void, planned: Mapping[int, Note]) -> None:
        """A note of the plan began: it is heard now."""
        note = planned.get(int(record["id"]))
        if note is None or note not in self.stream.notes:
            part = int(record["part"])
            note = self.stream.add(
                round(float(record["beat"]) * TICKS),
                int(record["pitch"]),
                round(float(record["duration"]) * TICKS),
                self._code(part),
            )
            if note is None:
                return
            note.part = part
            note.number = int(record["id"]) + 1
        note.heard = True
        self.played.append(note)

    def stopped(self, record: np.void, planned: Mapping[int, Note]) -> None:
        """A note of the plan was ended before its time."""
        note = planned.get(int(record["id"]))
        if note and note in self.stream.notes:
            self._lengthen(note, round(float(record["beat"]) * TICKS) - note.tick)

    def prune(self) -> None:
        """Let go of notes that the stream has let go of."""
        oldest = self.stream.notes[0].at if self.stream.notes else 0
        for notes in (self.player, self.played):
            if len(notes) > 64 and notes[0].at < oldest:
                notes[:] = [note for note in notes if note.at >= oldest]

    def _join(self, note: Note) -> None:
        """Let the notes before this one in its part last until it begins, if they nearly did."""
        before = self._last.get(note.part, [])
        if before and before[0].tick == note.tick:
            before.append(note)
            return
        held = [other for other, _ in self.held.values()]
        for other in before:
            whole = note.tick - other.tick
            if other not in held and _WRITTEN * whole <= other.length < whole:
                self._lengthen(other, whole)
        self._last[note.part] = [note]

    def _code(self, part: int) -> int:
        """The instrument of a part; records may speak of an ensemble that has just gone."""
        parts = self.settings.parts
        return parts[min(part, len(parts) - 1)].code if parts else 1

    def _move(self, note: Note, part: int) -> None:
        note.part = part
        if note in self.stream.notes:
            self.stream.reassign(note, self._code(part))

    def _lengthen(self, note: Note, ticks: int) -> None:
        if note in self.stream.notes[-256:]:
            self.stream.lengthen(note, ticks)
        else:
            note.length = max(1, ticks)
