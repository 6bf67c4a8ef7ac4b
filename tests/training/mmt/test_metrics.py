"""The measures against cases worked out by hand."""

import math

import numpy as np
import pytest

from training.mmt import metrics as m


def notes(*rows):
    return np.array([(onset, key, length, 1) for onset, key, length in rows]).reshape(-1, 4)


def test_pitch_class_entropy():
    assert m.pitch_class_entropy(notes((0, 60, 12), (12, 72, 12))) == 0
    assert m.pitch_class_entropy(notes((0, 60, 12), (0, 62, 12))) == pytest.approx(1)
    # shares 1/2, 1/4, 1/4: 0.5 + 0.5 + 0.5 bits
    four = notes((0, 60, 12), (1, 48, 12), (2, 64, 12), (3, 67, 12))
    assert m.pitch_class_entropy(four) == pytest.approx(1.5)
    every = notes(*((i, 60 + i, 1) for i in range(12)))
    assert m.pitch_class_entropy(every) == pytest.approx(math.log2(12))


def test_scale_consistency():
    c_major = [(i, key, 1) for i, key in enumerate((60, 62, 64, 65, 67, 69, 71))]
    assert m.scale_consistency(notes(*c_major)) == 1
    assert m.scale_consistency(notes(*c_major, (8, 66, 1))) == pytest.approx(7 / 8)
    assert m.scale_consistency(notes(*((i, 60 + i, 1) for i in range(12)))) == pytest.approx(7 / 12)
    a_minor = [(i, key, 1) for i, key in enumerate((57, 59, 60, 62, 64, 65, 67))]
    assert m.scale_consistency(notes(*a_minor)) == 1


def test_groove_consistency():
    # Two measures of four ticks, onsets 1000 and 1010: one of 8 ticks differs; the music ends at
    # tick 7, inside the second.
    assert m.groove_consistency(notes((0, 60, 1), (4, 60, 1), (6, 60, 1)), 4) == 1 - 1 / 8
    # It ends with the second measure at tick 8: a third, empty one is counted, two ticks differ.
    assert m.groove_consistency(notes((0, 60, 1), (4, 60, 1), (6, 60, 2)), 4) == 1 - (1 + 2) / 12
    # Several notes at once are one onset.
    assert m.groove_consistency(notes((0, 60, 1), (0, 64, 1), (4, 60, 1)), 4) == 1
    assert m.groove_consistency(notes((0, 60, 12))) == 1
    assert m.MEASURE == 48


def test_nothing_is_nothing():
    for measure in m.METRICS.values():
        assert math.isnan(measure(notes()))
    assert m.opening(notes((0, 60, 1), (767, 60, 1), (768, 60, 1)))[:, 0].tolist() == [0, 767]


def test_confidence():
    mean, half = m.with_confidence([1.0, 2.0, 3.0, math.nan])
    assert mean == 2
    assert half == pytest.approx(1.96 / math.sqrt(3))
    assert m.with_confidence([4.0])[0] == 4
    assert math.isnan(m.with_confidence([])[0])
