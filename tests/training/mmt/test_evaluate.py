"""Made music and its measures: rows in order, seeds, every representation, the int8 step."""

import itertools
from argparse import Namespace

import numpy as np
import pytest
import torch

from models.mmt.decoder import from_floats
from models.mmt.representation import NOTE, SIZES, encode, with_advances
from models.mmt.shape import IN_TURN, LEARNED, ROTARY, TOGETHER, Shape, random_weights
from tests.training.mmt.music import sorted_piece
from training.mmt.baselines import MMM, REMI
from training.mmt.data import Corpus
from training.mmt.evaluate import figures, of_made, one_stream, truth_row
from training.mmt.generate import Draw, drawn, generate, next_rows
from training.mmt.network import Network, imported

SMALL = {"layers": 1, "width": 64, "inner": 64, "turn_width": 64, "turn_inner": 64, "rows": 96}
KINDS = [
    Shape(heads=heads, positions=positions, **SMALL)  # pyright: ignore[reportArgumentType]
    for heads, positions in itertools.product((TOGETHER, IN_TURN), (LEARNED, ROTARY))
]
each_kind = pytest.mark.parametrize("shape", KINDS, ids=lambda s: f"{s.heads}-{s.positions}")


def arrays(shape: Shape) -> dict[str, np.ndarray]:
    """Return lively weights of a network that likes notes."""
    found = random_weights(shape, 2)
    if shape.sizes == SIZES:
        found["logits_bias" if shape.heads == TOGETHER else "turn0.logits_bias"][NOTE] += 8
    return found


def made(shape: Shape) -> Network:
    return imported(shape, arrays(shape))


@each_kind
def test_music_is_made_of_notes_in_order(shape):
    pieces, notes_per_s = generate(made(shape), 4, seed=1)
    assert notes_per_s > 0
    for notes in pieces:
        assert (np.diff(notes[:, 0] // 12) >= 0).all()
        assert (notes[:, 3] >= 1).all()
    again, _ = generate(made(shape), 4, seed=1)
    assert all(np.array_equal(x, y) for x, y in zip(pieces, again, strict=True))


def test_a_share_of_the_codes_is_drawn_from():
    logits = torch.arange(20.0).expand(400, 20) / 100
    random = torch.Generator().manual_seed(0)
    assert drawn(logits, random).unique().tolist() == [18, 19]
    assert drawn(logits, random, Draw(0.2)).unique().tolist() == [16, 17, 18, 19]
    assert len(drawn(logits, random, Draw(1.0)).unique()) == 20


def test_what_is_far_less_likely_than_the_likeliest_is_not_drawn():
    logits = torch.tensor([0.5, 0.3, 0.1, 0.06, 0.04]).log().expand(400, 5)
    random = torch.Generator().manual_seed(0)
    assert drawn(logits, random, Draw(1.0, min_p=0.15)).unique().tolist() == [0, 1, 2]
    assert drawn(logits, random, Draw(1.0, min_p=0.05)).unique().tolist() == [0, 1, 2, 3, 4]
    assert drawn(logits, random, Draw(0.4, min_p=0.05)).unique().tolist() == [0, 1]


@each_kind
def test_rows_drawn_with_and_without_cache_see_the_same(shape):
    """The rows drawn are likely: told by the whole sequence, none is impossible."""
    network = made(shape)
    rows = torch.zeros(3, 1, 6, dtype=torch.long)
    random = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        for _ in range(30):
            hidden, _ = network(rows)
            new = next_rows(network, hidden[:, -1], rows[:, -1], random)
            rows = torch.cat([rows, new[:, None]], 1)
    table = rows.numpy()
    assert (table < np.array(SIZES)).all()
    assert (np.diff(table[..., 0], axis=1) >= 0).all()
    assert (with_advances(table[0])[:, 1] >= 0).all()


@each_kind
def test_the_step_tells_what_the_network_tells(shape):
    network = made(shape)
    decoder = from_floats(arrays(shape), shape)
    rows = encode(sorted_piece(3, 40))[:90]
    with torch.inference_mode():
        exact = network.nll(
            torch.from_numpy(rows.astype(np.int64))[None], torch.tensor([len(rows)])
        )
    told = -decoder.log_probabilities(rows).sum(0)
    assert told.sum() == pytest.approx(float(exact.sum()), rel=0.01)


@pytest.mark.parametrize("size", [MMM.size, REMI.size])
def test_baselines_make_music_too(size):
    pieces, _ = generate(made(Shape(sizes=(size,), **SMALL)), 3, seed=1)  # pyright: ignore
    assert len(pieces) == 3
    assert all(p[:, 0].max(initial=0) < 65 * 12 for p in pieces)


def test_how_long_what_was_made_is():
    """Eight beats and four beats at 120 beats a minute; nothing is no length."""
    long = np.array([(0, 60, 12, 1), (72, 62, 24, 1)])
    short = np.array([(36, 60, 12, 1)])
    told = of_made([long, short, long[:0]])
    assert told["length, beats"][0] == pytest.approx(4)
    assert told["length, s"][0] == pytest.approx(2)
    assert told["length, s"][1] == pytest.approx(1.96 * 2 / np.sqrt(3))
    assert told["notes a piece"][0] == pytest.approx(1)


def test_the_speed_is_that_of_one_stream(monkeypatch):
    """Of the notes of five pieces, each made alone, by a clock of a second a piece."""
    counts, ticks = [], itertools.count()

    def made_alone(network, count, seed, most_rows=None, draw=None):
        counts.append((count, most_rows))
        return [np.zeros((30, 4))], 1e9

    monkeypatch.setattr("training.mmt.evaluate.generate", made_alone)
    monkeypatch.setattr("time.process_time", lambda: 10.0 * next(ticks))
    assert one_stream(made(KINDS[0]), 1) == 15.0
    assert counts == [(1, 32), *[(1, None)] * 5]


@pytest.mark.parametrize("shape", [KINDS[3], Shape(sizes=(MMM.size,), **SMALL)])  # pyright: ignore
def test_a_row_of_the_table(corpus, shape):
    pieces = Corpus(corpus, "test")
    options = Namespace(int8_pieces=2, samples=3, batch=2, seed=1)
    row = figures(made(shape), pieces, np.array([0, 1]), options)
    assert row["nll"] > 0
    assert row["nll a note"] > row["nll"] / 10
    if shape.sizes == SIZES:
        assert abs(row["int8 worse, %"]) < 2
        assert row["nll"] == pytest.approx(
            sum(v for k, v in row.items() if k.startswith("nll, ") and k != "nll, int8")
        )
    assert len(row["length, s"]) == 2
    truth = truth_row(pieces.pieces)
    assert 2 < truth["pitch class entropy"][0] < 3.6
