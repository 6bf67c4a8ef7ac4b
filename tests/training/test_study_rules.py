"""Zones, closest pitch and the perceptron's features, on chords worked out by hand."""

import itertools

import numpy as np
import pytest

from training.part_separation.study import perceptron
from training.part_separation.study.corpora import Chorale
from training.part_separation.study.rules import best_zones, closest, first_notes


def chords(*rows, length=24):
    """Notes of chords a quarter apart, from the lowest pitch up: (pitch, part) pairs."""
    notes = [(24 * i, length, *pair) for i, row in enumerate(rows) for pair in sorted(row)]
    return np.array(notes, np.int64)


def test_zones_are_the_best_of_all():
    random = np.random.default_rng(5)
    part = random.integers(3, size=200)
    pitch = np.clip(np.round(random.normal(np.array([6, 3, 9])[part], 2)), 0, 12).astype(int)
    notes = np.stack([np.arange(200), np.ones(200, int), pitch, part], axis=1)
    zones = best_zones([Chorale("", notes)], 3)
    best = max(
        np.mean(np.array(order)[np.searchsorted(borders, pitch, side="right")] == part)
        for order in itertools.permutations(range(3))
        for borders in itertools.combinations_with_replacement(range(14), 2)
    )
    assert np.mean(zones[pitch] == part) == pytest.approx(best)


def test_a_parts_first_note_is_given_and_others_go_to_the_closest():
    notes = chords([(72, 0), (48, 1)], [(71, 0), (50, 1)], [(60, 1)])
    told = first_notes(notes)
    assert told.tolist() == [True, True, False, False, False]
    assert closest(notes, told, False).tolist() == [1, 0, 1, 0, 1]


def test_mono_gives_a_chord_distinct_parts():
    notes = chords([(72, 0), (64, 1)], [(65, 0), (63, 1)])
    told = first_notes(notes)
    assert closest(notes, told, False)[2:].tolist() == [1, 1]
    assert closest(notes, told, True)[2:].tolist() == [1, 0]


def test_mono_gives_no_note_to_a_part_that_sounds():
    notes = np.array([[0, 96, 64, 1], [0, 24, 72, 0], [24, 24, 65, 0]])
    assert closest(notes, first_notes(notes), True).tolist() == [1, 0, 0]
    assert closest(notes, first_notes(notes), False).tolist() == [1, 0, 1]


def test_after_a_shared_key_parts_do_not_cross():
    notes = chords([(64, 0), (64, 1)], [(67, 0), (60, 1)])
    assert closest(notes, first_notes(notes), True).tolist() == [0, 1, 1, 0]


def test_history_is_what_was_decided_not_what_is_true():
    notes = chords([(72, 0), (48, 1)], [(71, 0), (50, 1)], [(70, 0), (52, 1)])
    enters = perceptron.entries(notes, 2)
    size = perceptron.OF_NOTE + 2 * perceptron.OF_PART
    always_first = [np.zeros((size, 2), np.float32), np.array([1, 0], np.float32)]
    labels = perceptron.own_history(notes, first_notes(notes), enters, always_first)
    assert labels.tolist() == [1, 0, 0, 0, 0, 0]
    x = perceptron.true_features(notes, enters, 2)
    near = perceptron.OF_NOTE + 2
    assert x[2, near + perceptron.OF_PART] == pytest.approx(np.exp(-2 / 6))
    assert x[2, near] == pytest.approx(np.exp(-22 / 6))


def test_features_tell_nothing_of_later_chords():
    notes = chords([(72, 0), (48, 1)], [(71, 0), (50, 1)], [(70, 0), (52, 1)])
    other = notes.copy()
    other[4:, 2] += 5
    enters = perceptron.entries(notes, 2)
    one = perceptron.true_features(notes, enters, 2)
    two = perceptron.true_features(other, enters, 2)
    assert (one[:4] == two[:4]).all()
    assert (one[4:] != two[4:]).any()
