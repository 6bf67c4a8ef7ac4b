"""The measures of beats, on cases worked out by hand."""

import numpy as np
import pytest

from training.beat import metrics

TRUE = np.arange(10.0, 20.0)  # ten beats a second apart


def test_all_right_is_one() -> None:
    assert metrics.f_measure(TRUE, TRUE) == 1.0
    assert metrics.f_measure_of_beat(TRUE, TRUE) == 1.0
    assert metrics.continuity(TRUE, TRUE) == (1.0, 1.0, 1.0, 1.0)
    assert metrics.time_to_lock(TRUE, TRUE) == 0.0


def test_nothing_is_nought() -> None:
    none = np.zeros(0)
    assert metrics.f_measure(TRUE, none) == metrics.f_measure_of_beat(TRUE, none) == 0.0
    assert metrics.continuity(TRUE, none) == (0.0, 0.0, 0.0, 0.0)
    assert metrics.time_to_lock(TRUE, none) == np.inf


def test_the_window_is_seventy_milliseconds() -> None:
    assert metrics.f_measure(TRUE, TRUE + 0.069) == 1.0
    assert metrics.f_measure(TRUE, TRUE + 0.071) == 0.0
    assert metrics.f_measure_of_beat(TRUE, TRUE - 0.149) == 1.0
    assert metrics.f_measure_of_beat(TRUE, TRUE - 0.151) == 0.0


def test_each_beat_counts_once() -> None:
    """Ten beats, each found twice: ten matches, 2 * 10 / (10 + 20)."""
    twice = np.sort(np.concatenate([TRUE, TRUE + 0.02]))
    assert metrics.f_measure(TRUE, twice) == pytest.approx(2 / 3)


def test_twice_as_fast_is_wrong_as_notated_and_right_at_any_level() -> None:
    double = np.arange(10.0, 19.25, 0.5)  # 19 beats
    assert metrics.f_measure(TRUE, double) == pytest.approx(20 / 29)
    cml_c, cml_t, aml_c, aml_t = metrics.continuity(TRUE, double)
    assert (cml_c, cml_t) == (0.0, 0.0)  # half as long as they should be
    assert (aml_c, aml_t) == (1.0, 1.0)


def test_every_other_beat_and_the_beats_between_are_levels_too() -> None:
    assert metrics.continuity(TRUE, TRUE[1::2])[2:] == (1.0, 1.0)
    between = metrics.continuity(TRUE, TRUE[:-1] + 0.5)
    assert between[:2] == (0.0, 0.0)
    assert between[2:] == (1.0, 1.0)


def test_a_beat_left_out_breaks_the_run() -> None:
    """Nine of ten, the sixth left out: five right, one of double length, then three more."""
    found = np.delete(TRUE, 5)
    cml_c, cml_t, _, _ = metrics.continuity(TRUE, found)
    assert cml_c == pytest.approx(0.5)
    assert cml_t == pytest.approx(0.8)


def test_places_and_lengths_may_be_off_by_17_5_percent() -> None:
    assert metrics.continuity(TRUE, TRUE + 0.17)[1] == 1.0
    assert metrics.continuity(TRUE, TRUE + 0.18)[1] == 0.0
    shaken = TRUE + 0.1 * (-1.0) ** np.arange(10)  # each length is off by a fifth
    assert metrics.continuity(TRUE, shaken)[1] == 0.0


def test_a_lock_is_eight_in_a_row() -> None:
    late = np.concatenate([TRUE[:2] + 0.4, TRUE[2:]])
    assert metrics.time_to_lock(TRUE, late) == 2.0
    assert metrics.time_to_lock(TRUE, TRUE[:7]) == np.inf
    long = np.arange(10.0, 40.0)
    assert metrics.time_to_lock(long, long[4::2]) == 4.0  # every other beat
    assert metrics.time_to_lock(long, np.arange(12.0, 30.0, 0.5)) == 2.0  # twice as fast
    assert metrics.time_to_lock(long, np.arange(10.0, 40.0, 0.2)) == np.inf  # near everything


def test_tempo_errors_as_notated_and_at_the_nearest_level() -> None:
    exact, folded = metrics.tempo_errors(TRUE, lambda at: np.full(len(at), 126.0))
    assert exact == pytest.approx(1.1)  # 126 for 60
    assert folded == pytest.approx(0.05)


def test_an_interval_holds_its_mean_and_counts_groups_once() -> None:
    values = np.array([0.0, 0.0, 0.0, 1.0])
    mean, low, high = metrics.interval(values, ["a", "a", "a", "b"])
    assert mean == 0.5
    assert (low, high) == (0.0, 1.0)
    assert metrics.counted(np.array([1.0, 5.0, 6.0])).tolist() == [5.0, 6.0]
