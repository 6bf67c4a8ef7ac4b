"""What is drawn can be played: in time, in reach, by a free voice; and follows the taste."""

import numpy as np
import pytest

from models.errors import ModelError
from models.mmt.drawing import CODE, FREE, HIGH, LOW, SOUNDING, Taste, earliest_onset, limits
from models.mmt.representation import BEAT, DURATION, INSTRUMENT, NOTE, PITCH, POSITION, TICKS
from models.mmt.shape import Shape
from models.mmt.stream import Stream
from tests.models.mmt.helpers import KINDS, decoder, each_kind

LONG_AGO = -(1 << 40)


def voices(*rows: tuple[int, int, int]) -> np.ndarray:
    """Return voices (code, low, high), all free."""
    table = [(code, low, high, LONG_AGO, -1, n) for n, (code, low, high) in enumerate(rows)]
    return np.array(table, np.int64).reshape(-1, 6)


def stream_of(shape: Shape, beats: int = 6) -> Stream:
    stream = Stream(decoder(shape), [1, 25, 27])
    for beat in range(beats):
        stream.add(TICKS * beat, 60, 12, 1)
    return stream


def draw(stream: Stream, wanted, earliest: int, seed: int):
    """Draw a note and take it back."""
    while stream.work():
        pass
    note = stream.draw(wanted, earliest, np.random.default_rng(seed))
    if note:
        stream.drop(note)
    return note


@each_kind
def test_only_voices_that_are_free_and_reach(shape: Shape):
    wanted = limits(
        Taste(temperature=2.0, min_p=0), voices((25, 60, 64), (27, 50, 52), (1, 0, 127))
    )
    wanted.voices[0, FREE], wanted.voices[2, FREE] = 100, 1 << 40
    stream = stream_of(shape)
    seen = set()
    for seed in range(150):
        note = draw(stream, wanted, 75, seed)
        assert note
        seen.add(note.instrument)
        assert 75 <= note.tick < 75 + (Taste().longest_wait_beats + 1) * TICKS + TICKS
        assert note.length <= Taste().longest_beats * TICKS
        if note.instrument == 25:
            assert note.tick >= 100
            assert 60 <= note.key <= 64
        else:
            assert note.instrument == 27
            assert 50 <= note.key <= 52
    assert seen == {25, 27}


@each_kind
@pytest.mark.parametrize(("free", "latest", "last"), [(LONG_AGO, 80, 80), (90, 80, 90)])
def test_it_begins_by_the_latest_tick_or_as_soon_as_a_voice_can(
    shape: Shape, free: int, latest: int, last: int
):
    wanted = limits(Taste(temperature=2.0, min_p=0), voices((1, 0, 127)))
    wanted.voices[0, FREE] = free
    stream = stream_of(shape)
    ticks = []
    for seed in range(60):
        while stream.work():
            pass
        note = stream.draw(wanted, 70, np.random.default_rng(seed), latest)
        assert note
        ticks.append(note.tick)
        stream.drop(note)
    assert max(ticks) <= last
    assert min(ticks) >= max(70, free)
    assert len(set(ticks)) > 3 or free == last


@each_kind
def test_on_the_last_onset_keys_rise(shape: Shape):
    wanted = limits(Taste(temperature=2.0, min_p=0), voices((1, 0, 127), (25, 0, 127)))
    stream = stream_of(shape)
    same = [
        note
        for seed in range(300)
        if (note := draw(stream, wanted, 0, seed)) and note.tick == 5 * TICKS
    ]
    assert same
    assert all(note.key > 60 or (note.key == 60 and note.instrument == 25) for note in same)


def test_a_sounding_key_is_not_struck_again():
    wanted = limits(Taste(temperature=2.0, min_p=0), voices((1, 60, 62), (1, 60, 62)))
    wanted.voices[0, FREE], wanted.voices[0, SOUNDING] = 1000, 61
    stream = stream_of(KINDS[3])
    keys = {note.key for seed in range(60) if (note := draw(stream, wanted, 80, seed))}
    assert keys == {60, 62}


def test_nobody_to_play_is_said():
    stream = stream_of(KINDS[3])
    assert draw(stream, limits(Taste(), voices()), 80, 0) is None


@pytest.mark.parametrize(
    ("free", "high", "earliest", "onset"),
    [
        (LONG_AGO, 127, 0, 60),  # with the last note
        (LONG_AGO, 60, 0, 61),  # nothing above it: the next tick
        (90, 127, 0, 90),
        (90, 127, 100, 100),
    ],
)
def test_the_first_onset_that_somebody_can_play(free, high, earliest, onset):
    table = voices((1, 0, high))
    table[0, FREE] = free
    before = np.array([NOTE, 6, 1, 61, 5, 1])  # beat 5, key 60
    assert earliest_onset(table, before, earliest) == onset


@each_kind
def test_given_codes_are_kept(shape: Shape):
    stream = stream_of(shape)
    wanted = limits(Taste(), voices((25, 58, 63)))
    for seed in range(20):
        stream.work()
        wanted.given[[BEAT, POSITION]] = stream.codes_at(7 * TICKS + 6)
        wanted.given[INSTRUMENT], wanted.given[DURATION] = 25, 6
        note = draw(stream, wanted, 7 * TICKS + 6, seed)
        assert note
        assert (note.tick, note.instrument, note.length) == (7 * TICKS + 6, 25, 6)
        assert 58 <= note.key <= 63


def test_worn_keys_are_avoided():
    stream = stream_of(KINDS[3])
    wanted = limits(Taste(min_p=0.05), voices((1, 60, 65)))
    wanted.worn[1, np.arange(60, 64) + 1] = 50.0
    keys = {note.key for seed in range(40) if (note := draw(stream, wanted, 80, seed))}
    assert keys <= {64, 65}


def test_density_shortens_waits():
    stream = stream_of(KINDS[3])
    waits = []
    for density in (-1, 0, 1):
        wanted = limits(Taste(density=density, min_p=0), voices((1, 0, 127), (25, 0, 127)))
        drawn = [draw(stream, wanted, 72, seed) for seed in range(120)]
        waits.append(np.mean([note.tick - 72 for note in drawn if note]))
    assert waits[0] > waits[1] > waits[2]


def test_voices_are_left_as_they_were():
    stream = stream_of(KINDS[3])
    wanted = limits(Taste(), voices((1, 0, 127)))
    before = wanted.voices.copy()
    draw(stream, wanted, 80, 0)
    np.testing.assert_array_equal(wanted.voices, before)
    assert before[0, [CODE, LOW, HIGH]].tolist() == [1, 0, 127]
    assert wanted.worn.shape[1] == 129 > PITCH


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 0), ("min_p", 1.5), ("top_p", 0), ("density", 2), ("longest_beats", 40)],
)
def test_what_no_taste_can_be(name, value):
    with pytest.raises(ModelError, match=name):
        Taste(**{name: value})
