"""The vector code: every kind of product gives the same whole numbers, exp and bfloat16 round."""

from typing import Any

import numpy as np
import pytest
from numba import njit

from models.mmt import kernels as k

to_bfloat16: Any = k.to_bfloat16
exp_below_zero: Any = k.exp_below_zero

EVERYWHERE = ["plain"]
HERE = {"vnni512": ("vnni512", "vnni256", "avx2"), "vnni256": ("vnni256", "avx2")}.get(k.KIND, ())
KINDS = sorted({*EVERYWHERE, *HERE, k.KIND})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rows", "unroll"), [(1, 4), (4, 2)])
def test_every_kind_gives_the_exact_product(kind, rows, unroll):
    random = np.random.default_rng(rows)
    weights = random.integers(-127, 128, (16, 64)).astype(np.int8)
    x = random.integers(1, 256, (rows, 64)).astype(np.uint8)
    weights[0], weights[1], x[0] = 127, -127, 255  # where 16 bits would overflow
    if rows > 1:
        x[1] = 1
    product = k.panel(kind, rows, unroll)

    @njit
    def run(w, x, offset, out):
        product(w, 0, 16, x, 0, 64, offset, 0, out)

    out = np.zeros(64, np.int32)
    offset = (-128 * weights.sum(1, dtype=np.int32)).astype(np.int32)
    run(k.pack(weights), x.ravel(), offset, out)
    expected = (x.astype(np.int64) - 128) @ weights.T.astype(np.int64)
    assert np.array_equal(out[: 16 * rows].reshape(rows, 16), expected)


def test_the_fastest_kind_is_chosen():
    assert k.best_kind("+avx2,+avx512bw,+avx512vnni") == "vnni512"
    assert k.best_kind("+avx2,+avxvnni,-avx512vnni") == "vnni256"
    assert k.best_kind("+avx2,-avxvnni") == "avx2"
    assert k.best_kind("+neon") == "plain"
    assert k.KIND in k.KINDS


def test_packing_fills_outputs_up():
    packed = k.pack(np.arange(1, 5, dtype=np.int8)[None])
    assert packed[:4].tolist() == [1, 2, 3, 4]
    assert len(packed) == 64
    assert not packed[4:].any()


def test_bfloat16_rounds_to_the_nearest():
    @njit
    def bits(x):
        return to_bfloat16(x)

    random = np.random.default_rng(0)
    for x in random.normal(0, 100, 200).astype(np.float32):
        back = np.array([int(bits(x)) << 16], np.uint32).view(np.float32)[0]
        assert abs(back - x) <= abs(x) * 2.0**-8


def test_exp():
    @njit
    def exp(x, y):
        for i in range(x.size):
            y[i] = exp_below_zero(x[i])

    x = np.linspace(-80, 0, 5001).astype(np.float32)
    y = np.zeros_like(x)
    exp(x, y)
    np.testing.assert_allclose(y, np.exp(x.astype(np.float64)), rtol=1e-5)
    exp(np.full_like(x, -1e30), y)
    assert (y < 1e-37).all()


def test_scores_and_mixtures():
    random = np.random.default_rng(0)
    keys = random.normal(size=(16, 64)).astype(np.float32)
    q = random.normal(size=64).astype(np.float32)
    short = (keys.view(np.uint32) >> 16).astype(np.uint16)
    keys = (short.astype(np.uint32) << 16).view(np.float32)
    scores, mix = k.scores(64), k.mix(64)

    @njit
    def run(q, across, rows, out, mixed):
        scores(q, 0, across, 0, out, 0)
        mix(out, 0, 16, rows, 0, mixed, 0)

    out, mixed = np.zeros(16, np.float32), np.zeros(64, np.float32)
    run(q, short.T.copy().ravel(), short.ravel(), out, mixed)
    np.testing.assert_allclose(out, keys @ q, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(mixed, out @ keys, rtol=1e-4, atol=1e-4)
