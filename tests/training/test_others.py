"""Figures of the models beside the chorales': who rests is told, groups count as one part."""

import numpy as np
import pytest

from engine.rt.network import random_weights
from training.part_separation import others
from training.part_separation.evaluate import Network
from training.part_separation.live import ABSENT, CLEAN, RATE_HZ, Performance, perform
from training.part_separation.prepare import Chorale


def duet():
    """A voice that plays four beats, rests eight and plays four more; another that never rests."""
    upper = [(beat * 480, 480, 72, 0) for beat in (*range(4), *range(12, 16))]
    lower = [(beat * 480, 480, 50, 1) for beat in range(16)]
    notes = np.array(sorted(upper + lower), np.int32)
    return perform(notes, CLEAN, np.random.default_rng(0), 2)


def test_who_rests_for_long_is_told_from_the_last_notes_end_to_just_before_the_next():
    told = others.told_who_rests(duet(), 2.0)
    turns = [(frame, key - ABSENT) for frame, key in told.events.tolist() if key >= ABSENT]
    begin = duet().events[0, 0]
    assert turns[0] == (begin + 2 * RATE_HZ, 1)
    assert turns[1] == (begin + round((6 - others.ENTERS_S) * RATE_HZ), 0)
    assert turns[2:] == [(begin + 8 * RATE_HZ, 1), (begin + 8 * RATE_HZ, 3)]  # the end
    assert (np.diff(told.events[:, 0]) >= 0).all()
    assert np.array_equal(told.struck, duet().struck)
    longer = others.told_who_rests(duet(), 4.1).events  # than any rest: but for the end
    assert longer[longer[:, 1] >= ABSENT, 0].tolist() == [begin + 8 * RATE_HZ] * 2


def test_an_absent_class_is_given_nothing():
    network = Network(random_weights(2, seed=1))
    performance = duet()
    silent = np.concatenate([np.array([[0, ABSENT + 0b01]]), performance.events])
    for window_ms in (0, 45):
        labels, _ = network.listen(Performance(silent, performance.voices), window_ms)
        assert (labels == 1).all()
    labels, _ = network.listen(performance, 45)  # the next performance knows nothing of it
    assert set(labels) == {0, 1}


def test_classes_no_note_is_of_are_told_once_at_the_start():
    performance = duet()
    voices = np.insert(performance.voices, 1, False, axis=1)
    told = others.only_those_who_play(Performance(performance.events, voices))
    assert told.events[0].tolist() == [0, ABSENT + 0b010]
    assert (told.events[1:] == performance.events).all()


def test_the_pianos_classes_are_one_part():
    voices = np.eye(6, dtype=bool)
    performance = Performance(np.zeros((0, 2), np.int64), voices)
    found = others.together(performance, others.GROUPS["pop"]).voices
    assert found[:2].tolist() == voices[:2].tolist()
    assert (found[2:] == [False, False, True, True, True, True]).all()


@pytest.mark.parametrize(("name", "classes"), [("quartets", 4), ("general", 5), ("pop", 6)])
def test_every_kind_has_its_rows(name, classes):
    random = np.random.default_rng(2)
    places = others.PLACES if name == "general" else {classes: range(classes)}
    pieces = [
        Chorale(
            f"{n}",
            np.array(
                [
                    (beat * 480, 480, 80 - 6 * k + random.integers(3), k)
                    for beat in range(20)
                    for k in which
                ],
                np.int32,
            ),
        )
        for n, which in places.items()
    ]
    rows = others.table(name, Network(random_weights(classes, seed=0)), pieces)
    kinds = {row["pieces"] for row in rows}
    assert kinds == ({"all", "3 parts", "4 parts", "5 parts"} if name == "general" else {"all"})
    hinted = [row for row in rows if row["conditions"] == "live, with entry hints"]
    assert len(hinted) == (name == "quartets")
    if name == "quartets":
        assert [row["conditions"] for row in rows if "hints" in str(row["conditions"])] == list(
            others.RESTS_S
        )
    for row in rows:
        assert 0 <= float(row["45 ms"]) <= 100
        assert int(row["notes"]) > 0
