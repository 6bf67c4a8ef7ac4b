"""The error of confidence, and that every condition is one of its own."""

import numpy as np
import pytest

from engine.rt.network import random_weights
from training.part_separation import robustness
from training.part_separation.evaluate import Network
from training.part_separation.prepare import Chorale

SCORE = np.array(
    [
        (i * 480, 480, pitch + i % 3, part)
        for i in range(24)
        for part, pitch in enumerate((76, 67, 60, 43))
    ],
    np.int32,
)


def test_confidence_that_is_right_has_no_error():
    right = np.arange(1000) % 4 > 0
    assert robustness.calibration_error(right, np.full(1000, 0.75)) == pytest.approx(0)
    assert robustness.calibration_error(right, np.full(1000, 0.95)) == pytest.approx(20)


def test_too_much_and_too_little_confidence_do_not_cancel():
    right = np.repeat([True, False], 500)
    confidence = np.repeat([0.6, 0.4], 500)
    assert robustness.calibration_error(right, confidence) == pytest.approx(40)


def test_every_condition_is_played_in_its_own_way():
    played = robustness.performances([Chorale("a", SCORE)])
    assert set(played) == set(robustness.CONDITIONS)
    events = [tuple(p[0].events.ravel()) for p in played.values()]
    assert len(set(events)) == len(events)


def test_an_untrained_network_is_right_by_luck_only():
    played = robustness.performances([Chorale("a", SCORE)])["live"]
    accuracy, error = robustness.measure(Network(random_weights(4, 0)), played, 0)
    assert accuracy < 60
    assert 0 <= error <= 100
