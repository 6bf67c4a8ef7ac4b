"""The representation: every code where it belongs, and music survives the way there and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from models.errors import ModelError
from models.mmt import instruments as i
from models.mmt import representation as r

# The opening of figure 3.1, an accordion over a trombone with brasses, twelve ticks a beat.
ACCORDION, TROMBONE, BRASSES = (i.code_of(name) for name in ("accordion", "trombone", "brasses"))
OPENING = np.array(
    [
        (0, 40, 24, TROMBONE),
        (0, 64, 6, BRASSES),
        (0, 64, 36, ACCORDION),
        (0, 67, 6, BRASSES),
        (0, 67, 36, ACCORDION),
        (0, 72, 36, ACCORDION),
        (6, 67, 6, BRASSES),
        (6, 72, 6, BRASSES),
        (12, 72, 18, BRASSES),
        (12, 76, 18, BRASSES),
    ]
)
OPENING_ROWS = [
    (0, 0, 0, 0, 0, 0),  # start of song
    (1, 0, 0, 0, 0, 15),  # accordion
    (1, 0, 0, 0, 0, 36),  # trombone
    (1, 0, 0, 0, 0, 39),  # brasses
    (2, 0, 0, 0, 0, 0),  # start of notes
    (3, 1, 1, 41, 18, 36),  # beat 0, E2, 24 ticks, trombone
    (3, 1, 1, 65, 6, 39),
    (3, 1, 1, 65, 20, 15),
    (3, 1, 1, 68, 6, 39),
    (3, 1, 1, 68, 20, 15),
    (3, 1, 1, 73, 20, 15),
    (3, 1, 7, 68, 6, 39),  # half a beat later
    (3, 1, 7, 73, 6, 39),
    (3, 2, 1, 73, 15, 39),  # beat 1, C5, 18 ticks, brasses
    (3, 2, 1, 77, 15, 39),
    (4, 0, 0, 0, 0, 0),  # end of song
]


def test_the_worked_example():
    assert [tuple(row) for row in r.encode(OPENING).tolist()] == OPENING_ROWS
    assert r.decode(np.array(OPENING_ROWS)).tolist() == OPENING.tolist()
    r.check_order(np.array(OPENING_ROWS))


def test_vocabularies():
    assert r.SIZES == (5, 257, 13, 129, 33, 65)
    assert len(r.DURATIONS) == 32
    assert (np.diff(r.DURATIONS) > 0).all()


def test_instruments():
    assert len(i.INSTRUMENTS) == 64
    programs = [program for _, program in i.INSTRUMENTS]
    assert programs == sorted(programs)
    for code, program in enumerate(programs, start=1):
        assert i.CODE_OF_PROGRAM[program] == code
        assert i.program_of(code) == program
        assert i.code_of(i.name_of(code)) == code
    dropped = {*range(76, 79), *range(96, 104), *range(112, 117), *range(120, 128)}
    assert set(np.flatnonzero(i.CODE_OF_PROGRAM == 0)) == dropped
    alike = {1: "piano", 48: "strings", 44: "strings", 110: "violin", 59: "trumpet", 20: "organ"}
    for program, name in alike.items():
        assert i.name_of(int(i.CODE_OF_PROGRAM[program])) == name
    with pytest.raises(ValueError, match="no instrument 'kazoo'"):
        i.code_of("kazoo")
    with pytest.raises(ValueError, match="1 to 64, got 65"):
        i.name_of(65)


def test_durations_take_the_nearest_and_of_two_the_smaller():
    ticks = np.array([0, 1, 12, 13, 14, 17, 19, 22, 23, 288, 289, 5000])
    nearest = r.DURATIONS[r.duration_codes(ticks) - 1]
    assert nearest.tolist() == [1, 1, 12, 12, 15, 16, 18, 21, 24, 192, 384, 384]
    for t in range(1, 385):
        distance = np.abs(r.DURATIONS - t)
        assert r.DURATIONS[r.duration_codes(np.array([t]))[0] - 1] == r.DURATIONS[distance.argmin()]


notes = npst.arrays(
    np.int64,
    st.tuples(st.integers(0, 60), st.just(4)),
    elements=st.integers(0, 2**16),
).map(
    lambda a: np.stack(
        [a[:, 0] % 3072, a[:, 1] % 128, r.DURATIONS[a[:, 2] % 32], 1 + a[:, 3] % 64], axis=1
    )
)


@given(notes)
def test_what_goes_in_comes_out_sorted_and_once(music):
    rows = r.encode(music)
    r.check_order(rows)
    back = r.decode(rows)
    assert sorted(map(tuple, back.tolist())) == sorted(set(map(tuple, music.tolist())))
    assert np.array_equal(r.encode(back), rows)
    assert set(rows[rows[:, 0] == 1, 5]) == set(music[:, 3])
    assert (rows.max(0) < r.SIZES).all()


@given(notes)
def test_advances_are_beats_told_otherwise(music):
    rows = r.encode(music)
    moves = r.with_advances(rows)
    assert np.array_equal(r.with_beats(moves), rows)
    assert (moves[moves[:, 0] == 3, 1] >= 1).all()
    changed = np.flatnonzero((moves != rows).any(0))
    assert set(changed) <= {r.BEAT}


@given(notes, st.integers(0, 70))
def test_a_later_start_changes_only_the_first_advance(music, beats):
    later = music + np.array([beats * 12, 0, 0, 0])
    if len(music) == 0 or later[:, 0].max() >= 3072:
        return
    here, there = r.with_advances(r.encode(music)), r.with_advances(r.encode(later))
    first = np.flatnonzero(here[:, 0] == 3)[0]
    there[first, 1] -= beats
    assert np.array_equal(here, there)


def test_times():
    assert r.times(np.array(OPENING_ROWS)).tolist() == [0] * 5 + [0] * 6 + [6, 6, 12, 12] + [0]


@pytest.mark.parametrize(
    ("note", "message"),
    [
        ((3072, 60, 12, 1), "onset of a note .ticks. must be 0 to 3071, got 3072"),
        ((-1, 60, 12, 1), "got -1"),
        ((0, 128, 12, 1), "the key of a note must be 0 to 127, got 128"),
        ((0, 60, 12, 0), "the instrument of a note must be 1 to 64, got 0"),
    ],
)
def test_what_has_no_code_is_refused(note, message):
    with pytest.raises(ModelError, match=message):
        r.encode(np.array([note]))


@pytest.mark.parametrize(
    ("row", "field", "value", "message"),
    [
        (5, 1, 257, "row 5: beat must be 1 to 256, is 257"),
        (5, 4, 0, "row 5: duration must be 1 to 32, is 0"),
        (1, 5, 65, "row 1: instrument must be 0 to 64, is 65"),
        (0, 0, 5, "row 0: type must be 0 to 4, is 5"),
    ],
)
def test_codes_out_of_range_are_refused(row, field, value, message):
    rows = np.array(OPENING_ROWS)
    rows[row, field] = value
    with pytest.raises(ModelError, match=message):
        r.decode(rows)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([1, 2], "row 0 must be start-of-song"),
        ([0, 5], "row 1: type 3 cannot follow type 0"),
        ([0, 2, 1, 4], "row 2: .* must come before the row above"),
        ([0, 4, 6, 5], "row 3: .* must come before"),
        ([0, 4, 15, 15], "row 3: type 4 cannot follow type 4"),
    ],
)
def test_rows_out_of_order_are_refused(order, message):
    with pytest.raises(ModelError, match=message):
        r.check_order(np.array(OPENING_ROWS)[order])


def test_headers():
    assert r.header([36, 15, 39, 15]).tolist() == [list(row) for row in OPENING_ROWS[:5]]
    with pytest.raises(ModelError, match="1 to 64"):
        r.header([0])
