"""The records of PLAN as the planner makes them, and which note each of them was.

Records are numbered from the first that was ever written; the callback says by that number which
note it has sounded. Used by the planner.
"""

import numpy as np

from engine.continuation.memory import plan_memory as pm
from models.mmt.representation import TICKS
from models.mmt.stream import Note

_GAP_TICKS = 0.25  # by which notes end before their time, so that the next is struck anew


class Telling:
    """Records on their way out. `written` is the number of the first that is not out yet."""

    def __init__(self, written: int) -> None:
        self.written = written
        self.notes: dict[int, Note] = {}  # number -> note, as long as it may be spoken of
        self._out: list[tuple[tuple, Note | None]] = []

    def __len__(self) -> int:
        return len(self._out)

    @property
    def notes_waiting(self) -> int:
        """How many notes are not out yet."""
        return sum(note is not None for _, note in self._out)

    def begin(self, tick: int, heard: int) -> None:
        """A plan begins, made for so many note-ons."""
        self._add(tick / TICKS, 0.0, heard, pm.BEGIN)

    def note(self, note: Note, velocity: int) -> None:
        """A note of it."""
        note.velocity = velocity
        beats = max(note.length - _GAP_TICKS, 0.5) / TICKS
        self._add(note.tick / TICKS, beats, 0, pm.NOTE, note.part, note.key, velocity, note)

    def until(self, tick: int) -> None:
        """It is whole up to here."""
        self._add(tick / TICKS, 0.0, 0, pm.UNTIL)

    def take(self) -> np.ndarray:
        """Return the records that are to be written next."""
        records = np.zeros(len(self._out), pm.PLAN_RECORD)
        for place, (values, note) in enumerate(self._out):
            records[place] = (*values, 0)
            if note is not None:
                note.number = self.written + place + 1
                self.notes[self.written + place] = note
        self.written += len(self._out)
        self._out.clear()
        while self.notes and (oldest := next(iter(self.notes))) < self.written - pm.PLAN:
            del self.notes[oldest]
        return records

    def _add(
        self,
        beat: float,
        duration: float,
        heard: int,
        kind: int,
        part: int = 0,
        pitch: int = 0,
        velocity: int = 0,
        note: Note | None = None,
    ) -> None:
        self._out.append(((beat, duration, heard, kind, part, pitch, velocity), note))
