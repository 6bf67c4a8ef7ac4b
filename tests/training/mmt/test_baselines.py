"""The baselines' representations: worked examples, and music that survives there and back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.mmt.representation import DURATIONS
from models.mmt.shape import Shape, array_shapes
from tests.training.mmt.music import piece
from training.mmt.baselines import MMM, REMI

# A violin's c''' for a beat, then d''' for a half; a cello's C below for sixty ticks.
MUSIC = np.array([(0, 72, 12, 25), (12, 74, 6, 25), (0, 36, 60, 27)])


def test_mmm_writes_track_by_track():
    on, off, shift, instrument = MMM.note_on, MMM.note_off, MMM.shift, MMM.instrument
    violin = [2, instrument + 25, on + 72, shift + 12, off + 72, on + 74, shift + 6, off + 74, 3]
    cello = [2, instrument + 27, on + 36, shift + 48, shift + 12, off + 36, 3]
    assert MMM.encode(MUSIC).tolist() == [0, *violin, *cello, 1]
    assert MMM.encode(MUSIC, end=False).tolist() == [0, *violin, *cello]


def test_remi_writes_in_time_and_a_beat_only_when_it_is_new():
    def note(position, player, key, code):
        return [
            REMI.position + position,
            REMI.instrument + player,
            REMI.pitch + key,
            REMI.duration + code,
        ]

    expected = [0, REMI.beat, *note(0, 25, 72, 12), *note(0, 27, 36, 24)]
    expected += [REMI.beat + 1, *note(0, 25, 74, 6), 1]
    assert REMI.encode(MUSIC).tolist() == expected


def test_vocabularies_do_not_overlap():
    edges = [MMM.instrument + 1, MMM.note_on, MMM.note_off, MMM.shift + 1, MMM.size]
    assert np.diff(edges).tolist() == [64, 128, 128, 48]
    edges = [REMI.beat, REMI.position, REMI.instrument + 1, REMI.pitch, REMI.duration + 1]
    assert np.diff([*edges, REMI.size]).tolist() == [1024, 12, 64, 128, 32]


@pytest.mark.parametrize(("kind", "millions"), [(MMM, 19.81), (REMI, 20.72)])
def test_their_networks_have_the_dissertations_number_of_parameters(kind, millions):
    arrays = array_shapes(Shape(sizes=(kind.size,)))
    assert round(sum(math.prod(size) for size in arrays.values()) / 1e6, 2) == millions


@given(st.integers(0, 10**6), st.integers(1, 64))
def test_what_goes_in_comes_out(seed, beats):
    music = np.unique(piece(seed, beats), axis=0)
    for kind in (MMM, REMI):
        tokens = kind.encode(music)
        assert tokens.min() >= 0
        assert tokens.max() < kind.size
        assert np.array_equal(kind.decode(tokens), music)


@given(st.lists(st.integers(0, MMM.size - 1), max_size=60))
def test_any_tokens_give_notes_that_are_notes(tokens):
    for kind in (MMM, REMI):
        notes = kind.decode(np.array(tokens, np.int64))
        if len(notes):
            assert notes[:, 2].min() >= 1
            assert (notes[:, 0] >= 0).all()
            assert notes[:, 3].min() >= 1


def test_remi_lengths_are_those_of_the_representation():
    music = np.array([(0, 60, 13, 1)])
    assert REMI.decode(REMI.encode(music))[0, 2] == 12
    assert 12 in DURATIONS


def test_a_struck_key_is_let_go_before_it_is_struck_again():
    music = np.array([(0, 60, 30, 1), (12, 60, 12, 1)])
    assert MMM.decode(MMM.encode(music)).tolist() == [[0, 60, 12, 1], [12, 60, 12, 1]]
