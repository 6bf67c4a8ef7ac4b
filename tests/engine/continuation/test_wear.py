"""A key that is struck over and over costs more, unless the player does so too."""

import numpy as np

from engine.continuation.wear import Wear
from models.mmt.stream import Note


def strikes(count: int, key: int = 60, every: int = 6, player: bool = False) -> list[Note]:
    notes = [Note(every * k, every * k, key, 6, 1) for k in range(count)]
    for number, note in enumerate(notes, 1):
        note.heard, note.number = player, 0 if player else number
    return notes


def test_repeats_cost_more_and_more():
    wear = Wear()
    costs = []
    for note in strikes(9):
        wear.strike(note)
        costs.append(wear.worn[1, 61])
    assert costs[:4] == [0] * 4
    assert (np.diff(costs[3:]) > 0).all()
    assert wear.worn.sum() == costs[-1]


def test_a_rest_makes_a_key_fresh():
    wear = Wear()
    wear.after(strikes(9))
    assert wear.worn[1, 61] > 0
    wear.rest(9 * 6 + 30)
    assert wear.worn.max() == 0
    assert wear.strike(Note(500, 500, 60, 6, 1)) == 1


def test_what_the_player_repeats_may_be_repeated():
    wear = Wear()
    wear.after(strikes(8, player=True))
    assert wear.worn.max() == 0
    wear.strike(Note(48, 48, 60, 6, 1))
    assert wear.worn[1, 61] > 0


def test_slow_repeats_are_free():
    wear = Wear()
    wear.after(strikes(20, every=36))
    assert wear.worn.max() == 0
