"""Music as a table of codes, a row an event: the representation of Multitrack Music Transformer.

Section 3.3.1 of Dong's dissertation. A row is (type, beat, position, pitch, duration,
instrument); 0 means undefined. A sequence is one start-of-song, the instruments in rising order,
start-of-notes, the notes sorted by beat, position, pitch, duration and instrument, and, where the
music really ends, end-of-song:

    type        start-of-song 0, instrument 1, start-of-notes 2, note 3, end-of-song 4
    beat        quarter note i is i + 1, 256 of them
    position    tick of the beat, 12 a beat, plus 1
    pitch       MIDI key plus 1
    duration    1 to 32, the place of the nearest of DURATIONS, the smaller where two are
    instrument  1 to 64, models.mmt.instruments; also in the rows of type instrument

Outside, notes are (n, 4) integers: onset in ticks, key, duration in ticks, instrument code.
Tempo, velocity and drums are not represented.
"""

from collections.abc import Iterable

import numpy as np

from models.errors import ModelError
from models.mmt.instruments import NAMES

TICKS = 12  # a beat, which is always a quarter note
BEATS = 256
_SHORT, _LONG = range(1, 13), (48, 60, 72, 84, 96, 120, 144, 168, 192, 384)
DURATIONS = np.array([*_SHORT, 15, 16, 18, 20, 21, 24, 30, 36, 40, 42, *_LONG])  # in ticks
FIELDS = ("type", "beat", "position", "pitch", "duration", "instrument")
TYPE, BEAT, POSITION, PITCH, DURATION, INSTRUMENT = range(6)
SIZES = (5, BEATS + 1, TICKS + 1, 129, len(DURATIONS) + 1, len(NAMES) + 1)
START, INSTRUMENT_ROW, NOTES, NOTE, END = range(5)
ONSET, KEY, LENGTH, PLAYER = range(4)  # the columns of notes

_MIDDLES = (DURATIONS[1:] + DURATIONS[:-1]) / 2
_CODE_OF_TICKS = 1 + np.searchsorted(_MIDDLES, np.arange(DURATIONS[-1] + 1), side="left")


def duration_codes(ticks: np.ndarray) -> np.ndarray:
    """Return the code of the nearest duration, the smaller of two as near. [any]"""
    return _CODE_OF_TICKS[np.clip(ticks, 1, DURATIONS[-1])]


def header(instruments: Iterable[int]) -> np.ndarray:
    """Return the rows before the first note: start, instruments, start-of-notes (n, 6). [any]"""
    codes = sorted({int(code) for code in instruments})
    if codes and not (codes[0] >= 1 and codes[-1] <= len(NAMES)):
        raise ModelError(f"instrument codes must be 1 to {len(NAMES)}, got {codes}")
    rows = np.zeros((len(codes) + 2, 6), np.int16)
    rows[1:-1, TYPE], rows[1:-1, INSTRUMENT] = INSTRUMENT_ROW, codes
    rows[-1, TYPE] = NOTES
    return rows


def note_rows(notes: np.ndarray) -> np.ndarray:
    """Return notes as rows, sorted, every row once: (n, 6) int16. [any]

    Raises ModelError naming the value if an onset, key or instrument has no code.
    """
    notes = np.asarray(notes).reshape(-1, 4)
    for column, name, low, high in (
        (ONSET, "the onset of a note (ticks)", 0, BEATS * TICKS - 1),
        (KEY, "the key of a note", 0, 127),
        (PLAYER, "the instrument of a note", 1, len(NAMES)),
    ):
        bad = notes[(notes[:, column] < low) | (notes[:, column] > high), column]
        if len(bad):
            raise ModelError(f"{name} must be {low} to {high}, got {bad[0]}")
    rows = np.empty((len(notes), 6), np.int16)
    rows[:, TYPE] = NOTE
    rows[:, BEAT] = notes[:, ONSET] // TICKS + 1
    rows[:, POSITION] = notes[:, ONSET] % TICKS + 1
    rows[:, PITCH] = notes[:, KEY] + 1
    rows[:, DURATION] = duration_codes(notes[:, LENGTH])
    rows[:, INSTRUMENT] = notes[:, PLAYER]
    return np.unique(rows, axis=0)  # the order of the columns is that of the sorting


def encode(notes: np.ndarray, end: bool = True) -> np.ndarray:
    """Return a whole sequence (n, 6) int16 of notes; end-of-song unless `end` is False. [any]"""
    rows = note_rows(notes)
    tail = np.zeros((1 if end else 0, 6), np.int16)
    tail[:, TYPE] = END
    return np.concatenate([header(rows[:, INSTRUMENT]), rows, tail])


def decode(rows: np.ndarray) -> np.ndarray:
    """Return the notes (n, 4) int32 of a sequence, whole or not; other rows are passed over.

    Raises ModelError naming row and field if a note lacks a value or a code is out of range. [any]
    """
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] != len(FIELDS):
        raise ModelError(f"a sequence must have rows of {len(FIELDS)} codes, got {rows.shape}")
    notes = rows[:, TYPE] == NOTE
    for field, (name, size) in enumerate(zip(FIELDS, SIZES, strict=True)):
        low = np.where(notes, 1, 0)
        bad = np.flatnonzero((rows[:, field] < low) | (rows[:, field] >= size))
        if len(bad):
            value = rows[bad[0], field]
            raise ModelError(
                f"row {bad[0]}: {name} must be {low[bad[0]]} to {size - 1}, is {value}"
            )
    rows = rows[notes].astype(np.int32)
    onset = (rows[:, BEAT] - 1) * TICKS + rows[:, POSITION] - 1
    length = DURATIONS[rows[:, DURATION] - 1]
    return np.stack([onset, rows[:, PITCH] - 1, length, rows[:, INSTRUMENT]], axis=1).astype(
        np.int32
    )


def times(rows: np.ndarray) -> np.ndarray:
    """Return each row's time in ticks, 0 before the first note: (n,) int64. [any]"""
    rows = np.asarray(rows, np.int64)
    onset = (rows[:, BEAT] - 1) * TICKS + rows[:, POSITION] - 1
    return np.where(rows[:, TYPE] == NOTE, onset, 0)


def with_advances(rows: np.ndarray) -> np.ndarray:
    """Return rows with the beat of each note told from that of the note before, plus 1. [any]

    The first note's is told from beat 0. What networks with rotary positions read and write.
    """
    rows = np.array(rows)
    note = rows[:, TYPE] == NOTE
    rows[note, BEAT] = np.diff(rows[note, BEAT], prepend=1) + 1
    return rows


def with_beats(rows: np.ndarray) -> np.ndarray:
    """Return rows as they were before with_advances. [any]"""
    rows = np.array(rows)
    note = rows[:, TYPE] == NOTE
    rows[note, BEAT] = 1 + np.cumsum(rows[note, BEAT] - 1)
    return rows


def check_order(rows: np.ndarray) -> None:
    """Raise ModelError naming the first row that no encoded music has in its place. [any]"""
    decode(rows)
    rows = np.asarray(rows, np.int64)
    if len(rows) == 0 or rows[0].any():
        raise ModelError("row 0 must be start-of-song, all zeros")
    for i in range(1, len(rows)):
        before, row = rows[i - 1], rows[i]
        if row[TYPE] in (NOTES, END) and row[1:].any():
            raise ModelError(f"row {i}: a row of type {row[TYPE]} has nothing but its type")
        if row[TYPE] == INSTRUMENT_ROW and (row[1:INSTRUMENT].any() or row[INSTRUMENT] == 0):
            raise ModelError(f"row {i}: an instrument's row has nothing but its instrument")
        follows = {
            START: (INSTRUMENT_ROW, NOTES),
            INSTRUMENT_ROW: (INSTRUMENT_ROW, NOTES),
            NOTES: (NOTE, END),
            NOTE: (NOTE, END),
            END: (),
        }[int(before[TYPE])]
        if row[TYPE] not in follows:
            raise ModelError(f"row {i}: type {row[TYPE]} cannot follow type {before[TYPE]}")
        if row[TYPE] == before[TYPE] and tuple(row) <= tuple(before):
            raise ModelError(f"row {i}: {tuple(map(int, row))} must come before the row above it")
