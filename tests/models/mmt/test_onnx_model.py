"""onnxruntime computes what the compiled step computes: exactly in fp32, closely in int8."""

import numpy as np
import pytest

from models.mmt.onnx_model import float_model, int8_model, onnx_decoder
from models.mmt.sampling import Rules
from models.mmt.shape import random_weights
from tests.models.mmt.helpers import decoder, each_kind, music

pytest.importorskip("onnxruntime")


@each_kind
def test_the_step_is_near_onnxruntime(shape):
    rows = music(100)
    exact = onnx_decoder(random_weights(shape, 1), shape, int8=False)
    told = decoder(shape).log_probabilities(rows)
    right = exact.log_probabilities(rows)
    assert np.sqrt(((told - right) ** 2).mean()) < 0.04 * right.std()
    assert told.mean() == pytest.approx(right.mean(), rel=0.005)


@each_kind
def test_slices_and_going_back_are_the_same_there(shape):
    rows = music(60)
    one, two = (onnx_decoder(random_weights(shape, 1), shape, int8=False) for _ in range(2))
    one.feed(rows)
    two.feed(rows[:30])
    two.feed(music(seed=9)[30:40])
    two.rewind(25)
    two.feed(rows[25:])
    np.testing.assert_allclose(
        one.state.hidden[one._slice_row], two.state.hidden[two._slice_row], atol=1e-4
    )
    new = one.generate(Rules(may_end=False), np.random.default_rng(0), 8)
    assert len(new) == 8


@each_kind
def test_int8_there_is_near_too(shape):
    weights = random_weights(shape, 1)
    assert len(int8_model(float_model(weights, shape))) < len(float_model(weights, shape)) / 1.4
    exact, small = (onnx_decoder(weights, shape, int8) for int8 in (False, True))
    right, told = exact.log_probabilities(music(60)), small.log_probabilities(music(60))
    assert np.sqrt(((told - right) ** 2).mean()) < 0.06 * right.std()
