"""Result records become whole notes."""

import numpy as np

from engine.notes import MOVED, NOTE_OFF, NOTE_ON, NoteLog
from engine.rt import layout


def records(*rows: tuple) -> np.ndarray:
    """(frame, note, delay_frames, confidence, part, kind, a, b, c) as RESULT records."""
    results = np.zeros(len(rows), layout.RESULT)
    for record, row in zip(results, rows, strict=True):
        for name, value in zip(layout.RESULT.names or (), row, strict=False):
            record[name] = value
    return results


def test_the_kinds_are_those_of_the_callback() -> None:
    assert (NOTE_ON, NOTE_OFF, MOVED) == (layout.NOTE_ON, layout.NOTE_OFF, layout.MOVED)


def test_a_note_begins_moves_and_ends() -> None:
    log = NoteLog()
    log.add(records((100, 7, 64, 0.5, 2, NOTE_ON, 60, 90, 0)))
    assert log.sounding == 1
    log.add(
        records((150, 7, 0, 0.5, 1, MOVED, 60, 90, 2), (300, 7, 0, 1.0, 1, NOTE_OFF, 60, 64, 0))
    )
    (note,) = log.notes
    assert (note.note, note.part, note.pitch, note.velocity) == (7, 1, 60, 90)
    assert (note.start_frame, note.end_frame, note.delay_frames) == (100, 300, 64)
    assert (note.confidence, note.how) == (0.5, "network")
    assert log.sounding == 0


def test_other_records_and_strange_ends_are_passed_over() -> None:
    log = NoteLog()
    log.add(records((0, 0, 0, 0, 0, 4, 0xB0, 64, 127), (0, 9, 0, 0, 0, NOTE_OFF, 60, 64, 0)))
    assert log.notes == []


def test_what_sounds_can_be_ended() -> None:
    log = NoteLog()
    log.add(records((0, 1, 0, 1, 0, NOTE_ON, 60, 90, 1), (0, 2, 0, 1, 0, NOTE_ON, 64, 90, 3)))
    log.end_all(500)
    assert [note.end_frame for note in log.notes] == [500, 500]
    assert [note.how for note in log.notes] == ["zones", "direct"]
    assert log.sounding == 0
