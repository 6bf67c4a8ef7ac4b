"""From the callback's result records to whole notes: who played what, from when to when.

Used by the demo, `arrange` and the piano-roll picture, on the thread that drains the results.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NOTE_ON, NOTE_OFF, MOVED = 1, 2, 3
ENSEMBLE = "ensemble"  # it plays this note by itself
HOW = ("network", "zones", "closest", "direct", ENSEMBLE, "hand", "doubt", "doubling")


@dataclass
class Note:
    """One note as it sounded; `end_frame` is -1 while its key is down."""

    note: int
    part: int
    pitch: int
    velocity: int
    start_frame: int
    end_frame: int
    delay_frames: int
    confidence: float
    how: str


def how_of(code: int) -> str:
    """The word for how a note got its part, as a result record has it. [any]"""
    return HOW[min(code, len(HOW) - 1)]


class NoteLog:
    """Collects result records into notes, in the order in which they began. [main]"""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self._sounding: dict[int, Note] = {}

    def add(self, results: np.ndarray) -> None:
        """Take the records of one drain, in their order. [main]"""
        for record in results[results["kind"] <= MOVED].tolist():
            frame, note_id, delay_frames, confidence, part, kind, a, b, c = record[:9]
            if kind == NOTE_ON:
                note = Note(
                    note_id,
                    part,
                    a,
                    b,
                    frame,
                    -1,
                    delay_frames,
                    confidence,
                    how_of(c),
                )
                self.notes.append(note)
                self._sounding[note_id] = note
            elif kind == NOTE_OFF and note_id in self._sounding:
                self._sounding.pop(note_id).end_frame = frame
            elif kind == MOVED and note_id in self._sounding:
                self._sounding[note_id].part = part

    @property
    def sounding(self) -> int:
        """How many notes have begun and not ended."""
        return len(self._sounding)

    def end_all(self, frame: int) -> None:
        """End what still sounds, for pictures and files. [main]"""
        for note in self._sounding.values():
            note.end_frame = frame
        self._sounding.clear()
