"""The offline network: what it is given, what comes out, and what shipped weights reach."""

import numpy as np
import pytest

from models import offline_parts, registry
from models.errors import ModelError
from models.offline_parts import STEPS, log_probabilities, shapes


def random_weights(classes: int = 4, seed: int = 1) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        name: random.normal(0, 0.2, shape).astype(np.float32)
        for name, shape in shapes(classes).items()
    }


def piece(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    onset = np.sort(random.integers(0, 4 * n, n)) * 6
    return onset, random.integers(1, 96, n), random.integers(36, 85, n)


def one_by_one(weights: dict[str, np.ndarray], x: np.ndarray, layer: int) -> np.ndarray:
    """A layer as the books write it, one way after the other."""

    def sigmoid(v: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-v))

    ways = []
    for way in range(2):
        rows = x if way == 0 else x[::-1]
        hidden = cell = np.zeros(offline_parts.UNITS)
        out = []
        for row in rows:
            gates = (
                weights[f"input_{layer}"][way] @ row
                + weights[f"recurrent_{layer}"][way] @ hidden
                + weights[f"bias_{layer}"][way]
            )
            enter, keep, candidate, leave = np.split(gates, 4)
            cell = sigmoid(keep) * cell + sigmoid(enter) * np.tanh(candidate)
            hidden = sigmoid(leave) * np.tanh(cell)
            out.append(hidden)
        ways.append(np.array(out) if way == 0 else np.array(out)[::-1])
    return np.concatenate(ways, axis=1)


def test_a_layer_is_an_lstm_both_ways() -> None:
    weights = random_weights()
    x = np.random.default_rng(2).normal(size=(20, offline_parts.FEATURES)).astype(np.float32)
    names = ("input_0", "recurrent_0", "bias_0")
    found = offline_parts._both_ways(x, *(weights[name] for name in names))
    np.testing.assert_allclose(found, one_by_one(weights, x, 0), atol=2e-6)


def test_probabilities_sum_to_one_and_see_past_and_future() -> None:
    weights = random_weights(3)
    onset, duration, pitch = piece(50)
    logp = log_probabilities(weights, onset, duration, pitch)
    assert (logp.shape, logp.dtype) == ((50, 3), np.float32)
    np.testing.assert_allclose(np.exp(logp).sum(axis=1), 1, rtol=1e-5)
    for changed in (0, 49):
        other = pitch.copy()
        other[changed] += 5
        moved = log_probabilities(weights, onset, duration, other)
        assert np.abs(moved - logp)[25].max() > 0


def test_the_longest_and_latest_notes_have_their_places() -> None:
    weights = random_weights()
    late = np.array([0, 10**7])
    logp = log_probabilities(weights, late, np.array([10**6, 0]), np.array([0, 127]))
    assert np.isfinite(logp).all()
    assert log_probabilities(weights, *(np.zeros(0, np.int64),) * 3).shape == (0, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("bias_1"), "lack the array 'bias_1'"),
        (lambda w: w.pop("output_bias"), "lack the array 'output_bias'"),
        (lambda w: w.update(norm_0=np.zeros((2, 3), np.float32)), "'norm_0' must be"),
        (lambda w: w["pitch"].fill(np.nan), "'pitch' must hold finite numbers"),
    ],
)
def test_what_is_no_network_is_refused(change, message: str) -> None:
    weights = random_weights()
    change(weights)
    with pytest.raises(ModelError, match=message):
        log_probabilities(weights, *piece(3))


@pytest.mark.parametrize("model", registry.list_offline(), ids=lambda model: model.name)
def test_what_ships_is_whole_and_has_a_card(model: registry.OfflineModel) -> None:
    weights = registry.read_weights(registry.content(model), str(model.file))
    assert offline_parts.check(weights) == len(model.classes)
    card = model.card.read_text(encoding="utf-8")
    assert f"{model.accuracy} %" in card
    assert f"{sum(array.size for array in weights.values()):,} parameters" in card


def test_the_shipped_one_knows_a_chorales_voices() -> None:
    weights = registry.read_weights(
        registry.content(registry.find_offline("chorales_offline")), "chorales_offline"
    )
    chords = [(50, 57, 65, 74), (45, 61, 64, 73), (50, 62, 65, 69), (43, 62, 67, 70)]
    pitch = np.array([key for chord in chords for key in chord])
    onset = np.repeat(np.arange(len(chords)) * STEPS, 4)
    logp = log_probabilities(weights, onset, np.full(16, STEPS), pitch)
    assert logp.argmax(axis=1).reshape(4, 4).tolist() == [[3, 2, 1, 0]] * 4
