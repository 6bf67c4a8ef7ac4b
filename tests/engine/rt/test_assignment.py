"""Joint assignment against trying every ordering, and the two rules against worked examples."""

import itertools

import numpy as np
import pytest

from engine.rt.assignment import (
    assign_closest,
    assign_jointly,
    assign_zone,
    chance_of,
    mirrored,
    order_strikes,
    weigh_jointly,
)


def jointly(logp, allowed=None):
    logp = np.asarray(logp, np.float32)
    allowed = np.ones(logp.shape, np.uint8) if allowed is None else np.asarray(allowed, np.uint8)
    labels = np.full(len(logp), 99, np.int8)
    assign_jointly(logp, len(logp), allowed, labels)
    return labels.tolist()


@pytest.mark.parametrize("classes", [2, 3, 4, 5, 6])
def test_it_finds_the_best_of_all_orderings(classes):
    random = np.random.default_rng(classes)
    for _ in range(50):
        n = int(random.integers(1, classes + 1))
        logp = np.log(random.dirichlet(np.ones(classes), n)).astype(np.float32)
        allowed = random.random((n, classes)) < 0.6
        notes = np.arange(n)

        def worth(labels, logp=logp, allowed=allowed, notes=notes):
            return (-int(np.sum(~allowed[notes, list(labels)])), logp[notes, list(labels)].sum())

        labels = jointly(logp, allowed)
        assert len(set(labels)) == n
        best = max(itertools.permutations(range(classes), n), key=worth)
        assert worth(labels) == pytest.approx(worth(best), abs=1e-4)


def test_two_notes_that_want_one_part_share_by_the_sum():
    high = np.log([0.6, 0.3, 0.1])
    higher = np.log([0.9, 0.05, 0.05])
    assert jointly([high, higher]) == [1, 0]


def test_a_forbidden_part_is_left_where_it_can_be():
    wants_first = np.log([0.98, 0.01, 0.01])
    assert jointly([wants_first], [[0, 1, 1]]) == [1]
    assert jointly([wants_first], [[0, 0, 0]]) == [0]
    assert jointly([wants_first, wants_first], [[1, 0, 0], [1, 0, 0]]) in ([0, 1], [1, 0])


def test_nothing_to_assign():
    labels = np.full(4, 99, np.int8)
    assign_jointly(np.zeros((4, 4), np.float32), 0, np.ones((4, 4), np.uint8), labels)
    assert labels.tolist() == [99] * 4


def test_notes_beyond_the_parts_are_assigned_each_for_itself():
    logp = np.log(np.array([[0.7, 0.3], [0.6, 0.4], [0.1, 0.9]], np.float32))
    assert jointly(logp) == [0, 1, 1]


def weighed(logp, temperature, allowed=None):
    logp = np.asarray(logp, np.float32)
    allowed = np.ones(logp.shape, np.uint8) if allowed is None else np.asarray(allowed, np.uint8)
    labels = np.array(jointly(logp, allowed), np.int8)
    chances = np.full(logp.shape, 99, np.float32)
    weigh_jointly(logp, len(logp), allowed, labels, temperature, chances)
    return chances


@pytest.mark.parametrize(("n", "classes"), [(1, 4), (3, 4), (4, 4), (2, 6), (6, 6)])
@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.5])
def test_chances_are_those_of_all_orderings(n, classes, temperature):
    random = np.random.default_rng(n)
    logp = np.log(random.dirichlet(np.ones(classes), n)).astype(np.float32)
    expected = np.zeros(logp.shape)
    for order in itertools.permutations(range(classes), n):
        rows = np.arange(n), list(order)
        expected[rows] += np.exp(logp[rows].sum() / temperature)
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(weighed(logp, temperature), expected, atol=1e-5)


def test_chances_of_impossible_classes_are_nought_and_a_row_is_one():
    logp = np.array([[0, -1e6, -1e6], [-1e6, -1e6, 0], [-1e6, -1e6, -1e6]])
    np.testing.assert_allclose(weighed(logp, 1.5), [[1, 0, 0], [0, 0, 1], [0, 1, 0]], atol=1e-6)
    few = weighed(np.log([[0.9, 0.05, 0.05]] * 2), 1.0, [[0, 1, 1], [1, 1, 0]])
    np.testing.assert_allclose(few.sum(1), 1, rtol=1e-5)
    assert few[0, 0] == 0
    assert few[1, 2] == 0


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.5])
def test_the_chance_of_a_note_alone_is_that_of_a_chord_of_one(temperature):
    logp = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    alone = [chance_of(logp, k, temperature) for k in range(4)]
    np.testing.assert_allclose(alone, weighed([logp], temperature)[0], rtol=1e-5)
    assert (alone[0] > 0.5) == (temperature < 1.0) or temperature == 1.0


@pytest.mark.parametrize(
    ("pitch", "part"), [(0, 3), (56, 3), (57, 2), (62, 2), (63, 1), (68, 1), (69, 0), (127, 0)]
)
def test_zones(pitch, part):
    assert assign_zone(pitch, np.array([57, 63, 69], np.int8)) == part


def test_closest_pitch():
    last = np.array([71, 65, 60, 52], np.int64)
    free = np.ones(4, np.uint8)
    assert [assign_closest(last, pitch, free) for pitch in (80, 69, 66, 61, 57, 40)] == [
        0,
        0,
        1,
        2,
        2,
        3,
    ]
    assert assign_closest(last, 68, free) == 1  # as near to 71: the lower voice
    assert assign_closest(last, 61, np.array([1, 1, 0, 1], np.uint8)) == 1
    assert assign_closest(last, 61, np.zeros(4, np.uint8)) == 2


def test_backwards_the_first_strike_of_a_key_stays_the_first():
    keys = np.array([60, 64, 60, 67, 60])
    assert [mirrored(keys, i) for i in (4, 3, 2, 1, 0)] == [0, 3, 2, 1, 4]


def test_of_a_key_struck_twice_the_first_gets_the_higher_class():
    keys = np.array([48, 60, 60, 72])
    labels = np.array([3, 2, 1, 0], np.int8)
    order_strikes(keys, labels)
    assert labels.tolist() == [3, 1, 2, 0]
