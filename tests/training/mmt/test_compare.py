"""Networks compared by the same pieces: seeds together, differences paired, a whole run."""

import json
import sys

import numpy as np
import pytest
import torch

from models.mmt.shape import IN_TURN, Shape, random_weights
from training.mmt import compare as c
from training.mmt.baselines import REMI
from training.mmt.data import KINDS, Corpus, padded
from training.mmt.network import imported
from training.mmt.train import nll_of, save_weights

SIZES = {"layers": 1, "width": 64, "inner": 64, "turn_width": 64, "turn_inner": 64, "rows": 256}
PLAIN = Shape(**SIZES)  # pyright: ignore[reportArgumentType]
TURN = Shape(heads=IN_TURN, **SIZES)  # pyright: ignore[reportArgumentType]
WORDS = Shape(sizes=(REMI.size,), **SIZES)  # pyright: ignore[reportArgumentType]


def test_seeds_belong_to_the_network_they_are_of(tmp_path):
    names = ("a", "b-seed2", "a-seed2", "a-seed13", "b")
    found = c.by_network([tmp_path / f"{name}.npz" for name in names])
    assert {k: [p.stem for p in v] for k, v in found.items()} == {
        "a": ["a", "a-seed2", "a-seed13"],
        "b": ["b-seed2", "b"],
    }


def test_what_pieces_have_in_common_is_not_in_the_confidence_of_a_difference():
    hard = np.array([1.0, 5.0, 9.0])
    told = c.differences({"all": hard - 0.5}, {"all": hard, "beat": hard})
    assert told == {"all": (pytest.approx(0.5), pytest.approx(0.0, abs=1e-9))}


def test_a_piece_counts_with_the_mean_of_its_seeds():
    told = c.mean_of([{"all": np.array([1.0, 2.0])}, {"all": np.array([3.0, 2.0])}])
    assert told["all"].tolist() == [2.0, 2.0]


def test_fields_cost_what_training_says_they_do(corpus):
    network = imported(PLAIN, random_weights(PLAIN, 1))
    held_out = Corpus(corpus, "test")
    told = c.nats(network, held_out, np.array([0]))
    excerpt = held_out.excerpt(0, 0, KINDS["mmt"], PLAIN.rows)
    batches = [padded([excerpt], None)]
    by_training = nll_of(network, batches, network.starts.device, torch.inference_mode)
    for name, value in by_training.items():
        assert told[name].item() == pytest.approx(value, rel=1e-4, abs=1e-6)


def test_a_whole_run(corpus, tmp_path, monkeypatch, capsys):
    files = []
    for name, shape in (("plain", PLAIN), ("turn", TURN), ("turn-seed2", TURN), ("words", WORDS)):
        files.append(tmp_path / f"{name}.npz")
        save_weights(files[-1], imported(shape, random_weights(shape, len(files))))
    out = tmp_path / "compare.json"
    words = ["compare", "--weights", *map(str, files), "--data", str(corpus), "--split", "valid"]
    monkeypatch.setattr(sys, "argv", [*words, "--samples", "2", "--json", str(out)])
    c.main()
    truth, plain, turn, baseline = json.loads(out.read_text())["rows"]
    assert truth["network"] == "ground truth"
    assert plain["less than the first"]["all"][0] == 0
    assert len(turn["seeds"]) == 2
    assert turn["less than the first"]["all"][0] == pytest.approx(
        plain["nats"]["all"][0] - turn["nats"]["all"][0], abs=1e-4
    )
    assert set(baseline["nats"]) == {c.NOTE}
    for row in (plain, turn, baseline):
        assert row["notes/s"] >= 0  # what has learnt nothing may make none
        assert row["length, s"][0] == pytest.approx(row["length, beats"][0] / 2, abs=1e-4)
    assert "turn" in capsys.readouterr().out
