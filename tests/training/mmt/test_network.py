"""The network: its size, what it may see, the cache, and both ways of telling codes and places."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from models.errors import ModelError
from models.mmt.representation import encode, with_advances
from models.mmt.shape import (
    HEAD,
    IN_TURN,
    LEARNED,
    ORDER,
    ROTARY,
    ROUND,
    TOGETHER,
    WAVELENGTHS,
    Shape,
    array_shapes,
    random_weights,
    shape_of,
)
from tests.training.mmt.music import piece
from training.mmt.baselines import MMM, REMI
from training.mmt.network import Network, advances, exported, imported, times

SMALL = {"layers": 2, "width": 64, "inner": 64, "turn_width": 64, "turn_inner": 64, "rows": 256}
KINDS = [
    Shape(heads=heads, positions=positions, **SMALL)  # pyright: ignore[reportArgumentType]
    for heads, positions in itertools.product((TOGETHER, IN_TURN), (LEARNED, ROTARY))
]
each_kind = pytest.mark.parametrize("shape", KINDS, ids=lambda s: f"{s.heads}-{s.positions}")


def count(shape: Shape) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in Network(shape).parameters())


def rows(seed=0, beats=20):
    return torch.from_numpy(encode(piece(seed, beats)).astype(np.int64))[None]


def made(shape: Shape) -> Network:
    """A network with lively weights."""
    return imported(shape, random_weights(shape, 1))


def test_the_dissertations_network_has_its_number_of_parameters():
    assert count(Shape()) == 19_944_950


def test_the_baselines_have_theirs():
    assert round(count(Shape(sizes=(MMM.size,))) / 1e6, 2) == 19.81
    assert round(count(Shape(sizes=(REMI.size,))) / 1e6, 2) == 20.72


def test_what_heads_in_turn_add():
    turns = count(Shape(heads=IN_TURN)) - count(Shape())
    assert turns == 915_200
    assert turns / count(Shape()) < 0.05


@each_kind
def test_arrays_are_all_of_the_parameters_and_come_back(shape):
    network = made(shape)
    arrays = exported(network)
    assert {k: v.shape for k, v in arrays.items()} == array_shapes(shape)
    assert sum(v.size for v in arrays.values()) == count(shape)
    other = imported(shape, arrays)
    x = rows()
    assert torch.equal(network(x)[0], other(x)[0])


@each_kind
def test_no_row_sees_a_later_one(shape):
    network, x = made(shape), rows()
    y = x.clone()
    y[0, 30:, 3] = 7
    a, b = network(x)[0], network(y)[0]
    torch.testing.assert_close(a[:, :30], b[:, :30], atol=1e-5, rtol=0)
    assert (a[:, 30:] - b[:, 30:]).abs().max() > 1e-3


@each_kind
def test_the_cache_gives_what_the_whole_gives(shape):
    network, x = made(shape), rows()
    whole, _ = network(x)
    first = 0 if shape.positions == LEARNED else 1  # rotary: with the row before
    out, cache = network(x[:, :20], keep=True)
    parts = [out]
    for begin, end in ((20, 21), (21, 30), (30, x.shape[1])):
        out, cache = network(x[:, begin - first : end], cache, keep=True)
        parts.append(out)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-4, rtol=1e-4)


@each_kind
def test_probabilities_of_a_field_sum_to_one(shape):
    network, x = made(shape), rows()
    hidden, _ = network(x[:, :12])
    following = x[:, 1:13].clone()
    total = torch.zeros(12)
    with torch.inference_mode():
        for code in range(shape.sizes[2]):
            following[..., 2] = code
            total += network.log_probabilities(hidden, following)[0, :, 2].exp()
    torch.testing.assert_close(total, torch.ones(12))


def test_unlearnt_heads_in_turn_are_heads_together_and_learn_from_the_codes():
    torch.manual_seed(0)
    network, x = Network(KINDS[2]), rows()
    hidden, _ = network(x[:, :12])
    torch.testing.assert_close(network.turns.enter_row(hidden).norm(dim=-1), hidden.norm(dim=-1))
    one, two = x[:, 1:13], x[:, 2:14].clone()
    two[..., ORDER[-1]] = one[..., ORDER[-1]]
    told = [network.log_probabilities(hidden, y)[..., ORDER[-1]] for y in (one, two)]
    torch.testing.assert_close(*told)
    told[0].sum().backward()
    learning = [*network.turns.told.parameters(), *list(network.turns.down.parameters())[-2:]]
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in learning)


def test_heads_in_turn_know_what_was_told_and_nothing_else():
    network, x = made(KINDS[2]), rows()
    hidden, _ = network(x[:, :12])
    following = x[:, 1:13]
    told = network.log_probabilities(hidden, following)
    for place, field in enumerate(ORDER):
        other = following.clone()
        other[..., field] = (other[..., field] + 1) % network.shape.sizes[field]
        differs = (network.log_probabilities(hidden, other) - told).abs().amax((0, 1)) > 1e-6
        assert set(torch.nonzero(differs)[:, 0].tolist()) == set(ORDER[place:])


@each_kind
def test_padding_counts_nothing(shape):
    network, x = made(shape), rows()
    alone = network.nll(x, torch.tensor([x.shape[1]]))
    padded = torch.zeros(2, x.shape[1] + 9, 6, dtype=torch.long)
    padded[:, : x.shape[1]] = x
    both = network.nll(padded, torch.tensor([x.shape[1]] * 2))
    torch.testing.assert_close(both, 2 * alone, rtol=1e-4, atol=1e-3)
    short = network.nll(padded, torch.tensor([10, 10]))
    assert (short < both / 2).all()


def test_with_rotary_positions_only_distances_count_among_notes():
    network, music = made(KINDS[3]), piece(3, 20)
    later = music + np.array([48, 0, 0, 0], np.int32)
    with torch.no_grad():  # the first note's advance, from beat 0, is to be no different
        beats = network.starts[1]
        network.embedding.weight[beats + 5] = network.embedding.weight[beats + 1]
    layer: Any = network.layers[0]
    layer.watched = True
    seen = []
    for notes in (music, later):
        x = torch.from_numpy(encode(notes).astype(np.int64))[None]
        network(x)
        first = int((x[0, :, 0] == 2).nonzero()[0, 0]) + 1
        among = layer.attention[0, :, first:-1, first:-1]
        seen.append(among / among.sum(-1, keepdim=True))
    torch.testing.assert_close(seen[0], seen[1], atol=1e-4, rtol=1e-3)


def test_advances_and_times_are_those_of_the_representation():
    from models.mmt import representation

    x = rows(5, 30)
    assert np.array_equal(advances(x)[0].numpy(), representation.with_advances(x[0].numpy()))
    assert np.array_equal(times(x)[0].numpy(), representation.times(x[0].numpy()))
    assert with_advances(x[0].numpy())[:, 1].max() < 20


def test_wavelengths_come_round_together():
    assert len(WAVELENGTHS) == HEAD // 4
    assert all(ROUND % wave == 0 for wave in WAVELENGTHS)


def test_shapes_are_checked_and_can_be_written_down():
    for shape in (*KINDS, Shape()):
        assert shape_of(shape.text()) == shape
    with pytest.raises(ModelError, match="width must be 64 to 4096 and a multiple of 64, got 100"):
        Shape(width=100)
    with pytest.raises(ModelError, match="heads must be one of"):
        Shape(heads="none")
    with pytest.raises(ModelError, match="does not describe"):
        shape_of("layers=six")
    with pytest.raises(ModelError, match="only rows of the six fields"):
        Shape(sizes=(372,), heads=IN_TURN)
