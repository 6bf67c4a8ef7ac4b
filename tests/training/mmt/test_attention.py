"""Mean relative attention: against the equations written out, and against made attention."""

import numpy as np
import pytest
import torch

from models.mmt.representation import NOTE, TYPE, encode
from models.mmt.shape import Shape, random_weights
from tests.training.mmt.music import sorted_piece
from training.mmt import attention as a
from training.mmt.network import imported

SHAPE = Shape(layers=2, width=128, inner=64, rows=64)


def excerpts():
    return [encode(sorted_piece(i, 12)).astype(np.int64)[:40] for i in range(2)]


def test_gains_are_the_equations():
    network = imported(SHAPE, random_weights(SHAPE, 0))
    gains = a.gains_of(network, excerpts())
    for name, (field, low, high) in a.SPANS.items():
        weighed, counted = np.zeros((2, high - low + 1)), np.zeros(high - low + 1)
        total, pairs = np.zeros(2), 0
        for rows in excerpts():
            layer = network.layers[-1]
            layer.watched = True  # pyright: ignore[reportArgumentType]
            with torch.inference_mode():
                network(torch.from_numpy(rows)[None])
            weights = layer.attention[0].numpy()  # pyright: ignore[reportIndexIssue]
            for s, row in enumerate(rows):
                for t in range(s):
                    if row[TYPE] == rows[t, TYPE] == NOTE:
                        total += weights[:, s, t]
                        pairs += 1
                        k = int(rows[t, field] - row[field])
                        if low <= k <= high:
                            weighed[:, k - low] += weights[:, s, t]
                            counted[k - low] += 1
        expected = weighed / total[:, None] - counted / pairs
        np.testing.assert_allclose(gains[name], expected, atol=1e-6)


def test_what_looks_four_beats_back_is_found():
    gains = {name: np.zeros((2, high - low + 1)) for name, (_, low, high) in a.SPANS.items()}
    for k in (-4, -8, -12, -16):
        gains["beat"][:, k + 64] = 0.1
    for k in a.CONSONANT:
        gains["pitch"][:, 24 - k] = 0.1
    gains["position"][:, 11] = -0.1
    found = {claim: entry["ok"] for claim, entry in a.checks(gains).items()}
    assert list(found.values()) == [True, True, True, True, False]
    assert a.summary(gains)[0]["highest gains"].startswith("-16: 0.1")
    assert a.mean_gain(gains, "beat", [-4, -5]) == pytest.approx(0.05)


def test_a_picture(tmp_path):
    network = imported(SHAPE, random_weights(SHAPE, 0))
    a.draw(a.gains_of(network, excerpts()), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5000
