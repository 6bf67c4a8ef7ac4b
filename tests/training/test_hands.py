"""What two hands can hold, and what becomes of scores that ask for more."""

import numpy as np
import pytest

from training.part_separation.hands import fits, playable


@pytest.mark.parametrize(
    ("keys", "possible"),
    [
        ([], True),
        ([40, 54, 60, 74], True),
        ([40, 55, 70], False),  # the middle is out of reach of either
        ([40, 41, 42, 43, 44, 60, 61, 62, 63, 64], True),
        ([40, 41, 42, 43, 44, 45, 60, 61, 62, 63, 64], False),
        ([40, 40, 54, 74, 74], True),
    ],
)
def test_hands(keys, possible):
    assert fits(np.array(keys, int)) == possible


def test_what_can_be_played_is_left_alone():
    notes = np.array([[0, 480, 48, 3], [0, 960, 60, 2], [0, 480, 67, 1], [480, 480, 72, 0]])
    assert (playable(notes) == notes).all()


def test_a_key_out_of_reach_is_let_go():
    notes = np.array([[0, 960, 55, 2], [480, 480, 36, 3], [480, 480, 76, 0]])
    assert playable(notes).tolist() == [[0, 480, 55, 2], [480, 480, 36, 3], [480, 480, 76, 0]]


def test_an_inner_note_out_of_reach_is_left_out():
    notes = np.array([[0, 480, 36, 3], [0, 480, 55, 2], [0, 480, 76, 0]])
    assert playable(notes)[:, 3].tolist() == [3, 0]


def test_everything_made_can_be_played():
    random = np.random.default_rng(0)
    onset = np.sort(random.integers(0, 40, 300)) * 120
    notes = np.stack(
        [onset, random.integers(1, 9, 300) * 120, random.integers(36, 90, 300), onset * 0], axis=1
    )
    made = playable(notes)
    assert 100 < len(made) < 300
    for at in np.unique(made[:, 0]):
        down = (made[:, 0] <= at) & (made[:, 0] + made[:, 1] > at)
        assert fits(made[down, 2])
