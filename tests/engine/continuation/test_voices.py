"""Notes find their desks: high to high, within reach, one at a time."""

import itertools

import numpy as np

from engine.continuation.settings import Part
from engine.continuation.voices import Voices, _in_order
from models.mmt.drawing import FREE, HIGH, LOW, PART, SOUNDING
from models.mmt.stream import Note
from tests.engine.continuation.stage import CHOIR, QUARTET, VOICES


def note(tick: int, key: int, code: int = VOICES, length: int = 12, part: int = -1) -> Note:
    made = Note(tick, tick, key, length, code)
    made.part = part
    return made


def test_a_chord_is_dealt_from_high_to_low():
    voices = Voices(CHOIR, range(4))
    group = [note(0, key) for key in (43, 59, 62, 74)]
    for one in group:
        voices.take(one)
    voices.deal(group)
    assert [one.part for one in group] == [3, 2, 1, 0]
    assert voices.table[:, FREE].tolist() == [12] * 4
    assert voices.table[:, SOUNDING].tolist() == [74, 62, 59, 43]


def test_one_note_goes_where_its_part_was():
    voices = Voices(CHOIR, range(4))
    voices.after(
        note(12 * k, key, part=part) for k in range(4) for part, key in enumerate((72, 64, 57, 45))
    )
    for key, part in ((74, 0), (63, 1), (58, 2), (43, 3)):
        voices.after(
            [note(12 * k, q, part=p) for k in range(4) for p, q in enumerate((72, 64, 57, 45))]
        )
        one = note(60, key)
        voices.take(one)
        voices.deal([one])
        assert one.part == part


def test_parts_of_one_instrument_stay_about_where_they_were():
    voices = Voices(CHOIR, range(4))
    voices.after([note(12 * k, 45, part=3) for k in range(6)])
    bass = voices.table[voices.table[:, PART] == 3][0]
    assert bass[LOW] == 36
    assert bass[HIGH] == 59
    cello = Voices(QUARTET, range(4))
    cello.after([note(12 * k, 45, part=3, code=QUARTET[3].code) for k in range(6)])
    assert cello.table[3, HIGH] == QUARTET[3].high  # nobody else plays a cello


def test_a_sounding_voice_is_passed_over():
    voices = Voices(CHOIR, range(4))
    voices.after([note(0, 72, length=48, part=0), note(0, 64, length=6, part=1)])
    one = note(12, 71)
    voices.take(one)
    voices.deal([one])
    assert one.part == 1


def test_parts_that_rest_have_no_voices():
    assert Voices(CHOIR, [2]).table[:, PART].tolist() == [2]
    chordal = Voices((Part(1, 21, 108, 6), CHOIR[0]), [0, 1])
    assert chordal.table[:, PART].tolist() == [0] * 6 + [1]
    assert chordal.codes == {1, VOICES}


def test_the_cheapest_rising_places_are_found():
    random = np.random.default_rng(0)
    for _ in range(50):
        count, places = int(random.integers(1, 5)), int(random.integers(4, 7))
        cost = random.random((count, places))
        found = _in_order(cost)
        best = min(
            itertools.combinations(range(places), count),
            key=lambda chosen: sum(cost[i, j] for i, j in enumerate(chosen)),
        )
        assert tuple(found) == best
    assert _in_order(np.zeros((3, 2))) == [0, 1, 1]
