"""The ensemble is as loud as the player was, where he was."""

import numpy as np

from engine.continuation.dynamics import Dynamics


def test_before_anyone_played_it_is_neither_loud_nor_soft():
    assert 60 < Dynamics(4, 4).velocity(0, 0, 0.5) < 90


def test_it_follows_the_players_last_notes():
    dynamics = Dynamics(2, 4)
    for tick in range(0, 480, 12):
        dynamics.hear(tick, 0, 30)
    assert abs(dynamics.velocity(480, 0, 0.5) - 30) <= 4
    for tick in range(480, 1440, 12):
        dynamics.hear(tick, 0, 110)
    assert abs(dynamics.velocity(1440, 0, 0.5) - 110) <= 4


def test_accents_stay_where_they_were():
    dynamics = Dynamics(1, 4)
    for beat in range(64):
        dynamics.hear(12 * beat, 0, 100 if beat % 4 == 0 else 60)
        dynamics.hear(12 * beat + 6, 0, 45)
    first, second, off = (dynamics.velocity(tick, 0, 0.5) for tick in (768, 780, 786))
    assert first > second + 12
    assert second > off + 5


def test_a_part_that_was_played_louder_is_louder():
    dynamics = Dynamics(2, 4)
    for beat in range(64):
        dynamics.hear(12 * beat, beat % 2, 100 if beat % 2 else 50)
    dynamics_of = [dynamics.velocity(6, part, 0.5) for part in (0, 1)]
    assert dynamics_of[1] > dynamics_of[0] + 5


def test_velocities_are_legal_and_vary_a_little():
    dynamics = Dynamics(1, 3)
    for beat in range(100):
        dynamics.hear(12 * beat, 0, 127)
    told = [dynamics.velocity(0, 0, random) for random in np.linspace(0, 1, 9)]
    assert max(told) == 127
    assert 1 <= min(told) < max(told)


def test_another_ensemble_or_bar_is_followed():
    dynamics = Dynamics(1, 4)
    dynamics.hear(0, 0, 100)
    mean = dynamics.mean
    dynamics.resize(3, 3)
    assert dynamics.mean == mean
    assert 1 <= dynamics.velocity(35, 2, 0.5) <= 127
