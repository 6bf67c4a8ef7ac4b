"""Seconds and beats."""

import numpy as np
import pytest

from engine.midi.tempo import TempoMap


def test_steady_tempo() -> None:
    tempo = TempoMap.steady(90.0)
    np.testing.assert_allclose(tempo.to_beats([0.0, 2.0, 60.0]), [0.0, 3.0, 90.0])
    np.testing.assert_allclose(tempo.to_seconds([0.0, 3.0, 90.0]), [0.0, 2.0, 60.0])


def test_changes_by_beat_and_by_second_are_the_same_map() -> None:
    by_beat = TempoMap.from_beats([(0.0, 0.5), (4.0, 1.0), (6.0, 0.25)])
    by_second = TempoMap.from_seconds([(0.0, 120.0), (2.0, 60.0), (4.0, 240.0)])
    assert by_beat == by_second
    np.testing.assert_allclose(by_beat.to_seconds([4.0, 5.0, 8.0]), [2.0, 3.0, 4.5])


def test_there_and_back() -> None:
    tempo = TempoMap.from_beats([(1.5, 0.4), (7.0, 0.9), (7.25, 0.31)])
    beats = np.linspace(0.0, 20.0, 333)
    np.testing.assert_allclose(tempo.to_beats(tempo.to_seconds(beats)), beats, atol=1e-12)


def test_the_last_of_several_tempos_at_one_place_holds() -> None:
    tempo = TempoMap.from_beats([(0.0, 0.9), (0.0, 0.8), (2.0, 0.1), (2.0, 0.2)])
    assert tempo.beats == (0.0, 2.0)
    assert tempo.seconds_per_beat == (0.8, 0.2)


@pytest.mark.parametrize("tempo_bpm", [0.0, -3.0, float("nan"), 1e9])
def test_an_impossible_tempo_is_refused_with_the_legal_range(tempo_bpm: float) -> None:
    with pytest.raises(ValueError, match=r"tempo_bpm must be 4 to 6e\+06"):
        TempoMap.steady(tempo_bpm)


@pytest.mark.parametrize(
    "fields", [((), (), ()), ((1.0,), (0.0,), (0.5,)), ((0.0, 0.0), (0.0, 0.0), (0.5, 0.5))]
)
def test_a_map_that_does_not_rise_from_zero_is_refused(fields: tuple) -> None:
    with pytest.raises(ValueError, match="tempo map"):
        TempoMap(*fields)
