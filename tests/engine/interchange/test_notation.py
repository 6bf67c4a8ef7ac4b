"""What a staff holds: lengths add up, nothing overlaps in a voice, keys are spelled."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.interchange.notation import (
    STEPS,
    VOICES,
    Sound,
    bars,
    clef,
    on_staff,
    spelled,
    values,
    voices_of,
)

NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def staff(*notes: tuple[float, float, int]) -> list[Sound]:
    beats, ends, pitch = (np.array(column) for column in zip(*notes, strict=True))
    return on_staff(beats, ends, pitch, np.full(len(pitch), 80))


def test_twos_and_threes_are_told_apart_quarter_by_quarter() -> None:
    third = 1 / 3
    sounds = staff(
        (0.0, 0.5, 60), (0.5, 1.0, 62), (1.0, 1 + third, 64), (1 + third, 1 + 2 * third, 65),
        (1 + 2 * third, 2.0, 67), (2.02, 2.24, 69), (2.26, 2.99, 71),
    )  # fmt: skip
    assert [(s.start, s.end) for s in sounds] == [
        (0, 12), (12, 24), (24, 32), (32, 40), (40, 48), (48, 54), (54, 72),
    ]  # fmt: skip


def test_the_shortest_note_has_a_length() -> None:
    (sound,) = staff((1.0, 1.001, 60))
    assert sound.end - sound.start == 3


@given(start=st.integers(0, 200), length=st.integers(1, 300))
def test_written_lengths_fill_a_stretch_of_either_kind(start: int, length: int) -> None:
    for unit in (3, 4):
        lengths = values(start * unit, (start + length) * unit)
        assert sum(value.steps for value in lengths) == length * unit
        for value in lengths:
            usual = {96, 48, 24, 12, 6, 3, 144, 72, 36, 18, 9}
            assert value.steps in ({16, 8, 4} if value.triplet else usual)


@pytest.mark.parametrize(
    ("start", "end", "names"),
    [
        (0, 96, ["whole"]),
        (0, 36, ["quarter."]),
        (12, 36, ["quarter"]),
        (0, 60, ["half", "eighth"]),
        (0, 8, ["eighth3"]),
        (8, 24, ["quarter3"]),
        (16, 48, ["eighth3", "quarter"]),
    ],
)
def test_lengths_have_their_names(start: int, end: int, names: list[str]) -> None:
    found = [v.name + "." * v.dots + "3" * v.triplet for v in values(start, end)]
    assert found == names


notes = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(40, 80)), min_size=1, max_size=40
)


@given(notes)
def test_in_a_voice_nothing_overlaps_and_no_onset_is_lost(rows: list[tuple[int, int, int]]) -> None:
    sounds = sorted(
        {Sound(3 * start, 3 * (start + length), pitch) for start, length, pitch in rows},
        key=lambda s: (s.start, s.end, s.pitch),
    )
    voices = voices_of(sounds)
    assert len(voices) <= VOICES
    for voice in voices:
        for chord, following in itertools.pairwise(voice):
            assert chord[0].end <= following[0].start
        for chord in voice:
            assert len({(s.start, s.end) for s in chord}) == 1
            assert chord[0].end > chord[0].start
    written = {(s.start, s.pitch) for voice in voices for chord in voice for s in chord}
    assert written == {(s.start, s.pitch) for s in sounds}


def test_bars_follow_their_meters() -> None:
    found = bars([(0.0, 3, 4), (6.0, 6, 8), (10.5, 4, 4)], 14 * STEPS)
    assert [(bar.start, bar.end, bar.meter) for bar in found] == [
        (0, 72, (3, 4)), (72, 144, None), (144, 216, (6, 8)), (216, 252, None),
        (252, 348, (4, 4)),
    ]  # fmt: skip


@pytest.mark.parametrize("fifths", range(-7, 8))
@pytest.mark.parametrize("pitch", [0, 21, 59, 60, 61, 66, 70, 127])
def test_keys_are_spelled_as_they_sound(pitch: int, fifths: int) -> None:
    step, alter, octave = spelled(pitch, fifths)
    assert NATURALS[step] + alter + 12 * (octave + 1) == pitch
    assert abs(alter) <= 1


def test_signatures_choose_between_sharps_and_flats() -> None:
    assert spelled(66, 2)[:2] == ("F", 1)
    assert spelled(66, -5)[:2] == ("G", -1)
    assert spelled(70, -2)[:2] == ("B", -1)
    assert spelled(63, 4)[:2] == ("D", 1)
    assert spelled(60, 0) == ("C", 0, 4)


def test_clefs_by_what_is_played() -> None:
    assert clef([72, 74, 67], 40, 55, 100) == ("G", 2)
    assert clef([50, 43], 42, 36, 81) == ("F", 4)
    assert clef([60, 62], 41, 48, 88) == ("C", 3)
    assert clef([], 58, 26, 65) == ("F", 4)
