"""The table of rhythms that ships: whole, made of probabilities, knowing the plainest."""

import numpy as np
import pytest

from engine.beat_rhythm import (
    FEATURES,
    KINDS_OF_STEP,
    LONGEST,
    METRES,
    TICKS,
    feature_of,
    kind_of_step,
    load_rhythm,
)
from models import registry
from models.errors import ModelError


def test_each_row_is_a_distribution() -> None:
    rhythm = load_rhythm()
    for metre, (beats, _) in enumerate(METRES):
        rows = np.exp(rhythm.following[metre, : beats * TICKS].astype(np.float64))
        assert rows.shape == (beats * TICKS, KINDS_OF_STEP, LONGEST + 1)
        assert rows.sum(2) == pytest.approx(np.ones(rows.shape[:2]), abs=1e-3)
        assert np.exp(rhythm.first[metre].astype(np.float64)).sum() == pytest.approx(1.0, abs=1e-3)
    assert np.exp(rhythm.metres).sum() == pytest.approx(1.0, abs=1e-3)
    assert rhythm.features.shape[2] == FEATURES
    assert rhythm.chances[-1] == 1.0


def test_it_knows_that_runs_go_on_and_basses_are_on_the_beat() -> None:
    rhythm = load_rhythm()
    four = METRES.index((4, False))
    after_sixteenth = rhythm.following[four, 15, kind_of_step(3)]
    after_eighth = rhythm.following[four, 18, kind_of_step(6)]
    assert after_sixteenth.argmax() == 3
    assert after_eighth.argmax() == 6
    chord_with_bass = feature_of(3, 40.0, 60.0)
    assert rhythm.features[four, 0, chord_with_bass] > 0.5
    assert rhythm.features[four, 3, chord_with_bass] < 0.0


def test_kinds() -> None:
    assert [feature_of(size, 60.0, 60.0) for size in (1, 2, 3, 9)] == [0, 1, 2, 2]
    assert [feature_of(1, low, 60.0) for low in (54.0, 55.0)] == [3, 0]
    assert [kind_of_step(distance) for distance in (1, 3, 4, 12, 13, 96)] == [0, 2, 3, 6, 7, 7]


def test_a_name_that_is_no_table_is_refused() -> None:
    with pytest.raises(ModelError, match="'chorales' is one for separation, not for rhythm"):
        load_rhythm("chorales")
    assert registry.find_rhythm("beat_rhythm").card.is_file()
