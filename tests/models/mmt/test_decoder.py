"""The step: slices, going back and files change nothing; bad weights are refused."""

import math

import numpy as np
import pytest

from models.errors import ModelError
from models.mmt import decoder as d
from models.mmt.quantise import laid_out, quantised, read_file, write_file
from models.mmt.representation import FIELDS
from models.mmt.sampling import Rules, packed
from models.mmt.shape import HEAD, IN_TURN, ROTARY, Shape, array_shapes, random_weights
from models.mmt.step import _as_bytes, _gelu, _norm
from tests.models.mmt.helpers import KINDS, decoder, each_kind, music


@each_kind
def test_any_split_into_slices_remembers_the_same(shape):
    rows = music()
    whole, parts = decoder(shape), decoder(shape)
    whole.feed(rows)
    begin = 0
    for size in (1, 2, 3, 5, 16, 7, 1, 4, 40, 41):
        parts.feed(rows[begin : begin + size])
        begin += size
    assert begin == parts.count == len(rows)
    np.testing.assert_array_equal(parts.state.keys, whole.state.keys)
    np.testing.assert_array_equal(parts.state.values, whole.state.values)
    last = [x.state.hidden[x._slice_row] for x in (whole, parts)]
    np.testing.assert_allclose(*last, rtol=1e-5, atol=1e-5)


@each_kind
def test_going_back_is_as_if_it_had_not_been(shape):
    rows, other = music(), music(seed=5)
    one, two = decoder(shape), decoder(shape)
    one.feed(rows[:40])
    one.feed(other[40:60])
    one.rewind(39)
    one.feed(rows[39:80])
    two.feed(rows[:80])
    np.testing.assert_allclose(
        one.state.hidden[one._slice_row], two.state.hidden[two._slice_row], rtol=1e-5, atol=1e-5
    )
    assert np.array_equal(one.rows[:80], rows[:80])


@each_kind
def test_a_sequence_is_told_the_same_a_row_at_a_time(shape):
    rows = music(50)
    decoder_ = decoder(shape)
    told = decoder_.log_probabilities(rows)
    assert told.shape == (49, len(FIELDS))
    assert (told < 0).all()
    again = decoder_.log_probabilities(rows[:30])
    np.testing.assert_allclose(again, told[:29], rtol=1e-5, atol=1e-5)


@each_kind
def test_a_draw_tells_its_own_probability(shape):
    """With nothing masked but what the row cannot be, drawing and telling agree."""
    rows = music(50)
    decoder_ = decoder(shape)
    decoder_.feed(rows)
    draw = packed(Rules(amount=1.0, notes_only=True, may_end=False))
    row, told = decoder_.next(draw, np.random.default_rng(2))
    expected = decoder_.log_probabilities(np.concatenate([rows, row[None].copy()]))[-1].sum()
    assert told == pytest.approx(expected, rel=1e-4)


def test_files_hold_what_is_computed_with(tmp_path):
    for shape in KINDS:
        arrays = quantised(random_weights(shape, 3), shape)
        path = tmp_path / "weights.npz"
        write_file(path, arrays, shape)
        loaded = d.load(path)
        assert loaded.shape == shape
        there, back = (x.log_probabilities(music(60)) for x in (d.Decoder(arrays, shape), loaded))
        assert back.mean() == pytest.approx(there.mean(), rel=0.002)
        _, read = read_file(path.read_bytes(), "weights.npz")
        assert all(np.array_equal(read[k], v) for k, v in arrays.items() if v.dtype == np.int8)


def parameters(shape: Shape) -> int:
    return sum(math.prod(size) for size in array_shapes(shape).values())


def test_the_dissertations_network_has_its_number_of_parameters():
    """19.94 M; heads in turn add what the README says, rotary positions need no table."""
    assert parameters(Shape()) == 19_944_950
    assert parameters(Shape(heads=IN_TURN)) - parameters(Shape()) == 915_200
    assert parameters(Shape()) - parameters(Shape(positions=ROTARY)) == 1024 * 512


def test_matrices_are_within_half_a_step():
    shape = KINDS[1]
    arrays = random_weights(shape, 0)
    for name, array in quantised(arrays, shape).items():
        if array.dtype == np.int8:
            back = array * quantised(arrays, shape)[f"{name}.scale"][:, None]
            step = np.abs(arrays[name]).max(1, keepdims=True) / 127
            assert (np.abs(back - arrays[name]) <= step * 0.501).all()


def test_every_matrix_is_read_in_whole_rounds():
    for shape in (*KINDS, Shape()):
        if shape == Shape():
            assert all(size[-1] % 16 == 0 for n, size in array_shapes(shape).items() if "qkv" in n)
            continue
        weights = laid_out(quantised(random_weights(shape, 0), shape), shape)
        for part in (weights.qkv, weights.out, weights.up, weights.down, weights.logits):
            assert not (part.groups % 4).any()


def test_bad_weights_are_refused(tmp_path):
    shape = KINDS[0]
    arrays = random_weights(shape, 0)
    with pytest.raises(ModelError, match="lack the array 'norm'"):
        quantised({k: v for k, v in arrays.items() if k != "norm"}, shape)
    with pytest.raises(ModelError, match="'norm' must have shape"):
        quantised(arrays | {"norm": np.zeros(3)}, shape)
    with pytest.raises(ModelError, match="'norm' must hold finite"):
        quantised(arrays | {"norm": arrays["norm"] * np.nan}, shape)
    with pytest.raises(ModelError, match=r"x\.npz is not a file of quantised weights"):
        read_file(b"nothing", "x.npz")
    with pytest.raises(ModelError, match=r"none\.npz cannot be read"):
        d.load(tmp_path / "none.npz")
    path = tmp_path / "weights.npz"
    good = quantised(arrays, shape)
    write_file(path, good | {"norm": np.zeros((2, 3), np.float32)}, shape)
    with pytest.raises(ModelError, match="array 'norm' must have shape"):
        d.load(path)
    write_file(path, good | {"layer0.qkv": good["layer0.qkv"].astype(np.int16)}, shape)
    with pytest.raises(ModelError, match=r"array 'layer0\.qkv' must be int8"):
        d.load(path)


def test_there_is_an_end_to_what_can_be_fed():
    decoder_ = decoder(KINDS[0])
    with pytest.raises(ModelError, match="nothing has been fed"):
        decoder_.next(packed(Rules()), np.random.default_rng(0))
    decoder_.feed(music(150))
    assert decoder_.room == 10
    with pytest.raises(ModelError, match="11 rows do not fit: there is room for 10"):
        decoder_.feed(music(11))
    with pytest.raises(ModelError, match="rows to keep must be 0 to 150, got 151"):
        decoder_.rewind(151)
    decoder_.rewind(20)
    with pytest.raises(ModelError, match="nothing has been fed"):
        decoder_.next(packed(Rules()), np.random.default_rng(0))


def test_gelu_norm_and_bytes():
    from math import erf, sqrt

    x = np.linspace(-9, 9, 4001).astype(np.float32)
    y = x.copy()
    _gelu(y)
    expected = [v * 0.5 * (1 + erf(v / sqrt(2))) for v in x.astype(float)]
    np.testing.assert_allclose(y, expected, atol=3e-6)
    gain_bias = np.stack([np.full(64, 2.0), np.full(64, 0.5)]).astype(np.float32)
    out = np.zeros(64, np.float32)
    _norm(x[:64] * 3 + 1, gain_bias, out)
    assert out.mean() == pytest.approx(0.5, abs=1e-4)
    assert out.std() == pytest.approx(2, rel=1e-3)
    bytes_ = np.zeros(4001, np.uint8)
    scale = _as_bytes(x, bytes_, 0)
    assert bytes_.min() == 1
    assert bytes_.max() == 255
    assert np.abs((bytes_.astype(np.float32) - 128) * scale - x).max() <= scale * 0.51
    assert _as_bytes(np.zeros(4, np.float32), bytes_, 0) > 0
    assert (bytes_[:4] == 128).all()


def shares_by_numpy(shape: Shape, weights: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """How much the last row takes of each, mean over heads and layers: the same in float64."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        return x * w[name][0] + w[name][1]

    x = w["embedding"][rows + np.array(shape.starts)].sum(1)
    x += w["positions"][: len(rows)] * shape.width**-0.5
    later = np.triu(np.full((len(rows), len(rows)), -np.inf), 1)
    told = []
    for layer in (f"layer{i}" for i in range(shape.layers)):
        qkv = norm(x, f"{layer}.norm1") @ w[f"{layer}.qkv"].T
        q, k, v = qkv.reshape(len(rows), 3, -1, HEAD).transpose(1, 2, 0, 3)
        scores = q @ k.transpose(0, 2, 1) * HEAD**-0.5 + later
        shares = np.exp(scores - scores.max(2, keepdims=True))
        shares /= shares.sum(2, keepdims=True)
        told.append(shares[:, -1])
        mixed = (shares @ v).transpose(1, 0, 2).reshape(len(rows), -1)
        x = x + mixed @ w[f"{layer}.out"].T + w[f"{layer}.out_bias"]
        y = norm(x, f"{layer}.norm2") @ w[f"{layer}.up"].T + w[f"{layer}.up_bias"]
        y = 0.5 * y * (1 + np.vectorize(math.erf)(y / math.sqrt(2)))
        x = x + y @ w[f"{layer}.down"].T + w[f"{layer}.down_bias"]
    return np.mean(told, (0, 1))


def test_attention_is_what_the_network_gathers():
    """Keys that are sharper than chance's, so that a wrong share would be seen."""
    shape = KINDS[0]
    weights = random_weights(shape, 4)
    for layer in range(shape.layers):
        weights[f"layer{layer}.qkv"][: 2 * shape.width] *= 1.7
    decoder_ = d.from_floats(weights, shape)
    rows = music(60)
    decoder_.feed(rows)
    for row in (0, 7, 59):
        expected = shares_by_numpy(shape, weights, rows[: row + 1])
        told = decoder_.attention(row)
        assert told.sum() == pytest.approx(1.0, abs=1e-4)
        assert np.abs(told - expected).sum() < 0.06  # of 2: int8 and bfloat16
        assert row == 0 or np.abs(1 / (row + 1) - expected).sum() > 0.2  # not like anything


@each_kind
def test_looking_changes_nothing(shape):
    looked, other = decoder(shape), decoder(shape)
    for each in (looked, other):
        each.feed(music(80))
    shares = [looked.attention(row) for row in (79, 40, 2)]
    assert [len(each) for each in shares] == [80, 41, 3]
    draw = packed(Rules(amount=1.0, notes_only=True, may_end=False))
    drawn = [each.next(draw, np.random.default_rng(3)) for each in (looked, other)]
    assert np.array_equal(drawn[0][0], drawn[1][0])
    assert drawn[0][1] == drawn[1][1]
    for each in (looked, other):
        each.feed(drawn[0][0].copy())
    np.testing.assert_array_equal(looked.state.keys, other.state.keys)
    np.testing.assert_array_equal(looked.state.hidden[0], other.state.hidden[0])
    with pytest.raises(ModelError, match="0 to 80, got 81"):
        looked.attention(81)
