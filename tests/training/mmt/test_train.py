"""Training: the rate, a run that learns, stops and goes on, what it leaves, several processes."""

import json
import os
import subprocess
import sys
from argparse import Namespace

import numpy as np
import pytest
import torch

from models.mmt.shape import IN_TURN, LEARNED, ROTARY, TOGETHER, Shape
from training.mmt import train as t
from training.mmt.data import KINDS, Corpus
from training.mmt.network import Network


def options(corpus, out, **changed):
    usual = {
        "name": "tiny",
        "out": out,
        "data": corpus,
        "corpora": None,
        "power": 0.5,
        "kind": "mmt",
        "heads": TOGETHER,
        "positions": LEARNED,
        "layers": 1,
        "width": 64,
        "inner": 64,
        "turn_width": 64,
        "turn_inner": 64,
        "rows": 128,
        "batch": 4,
        "updates": 30,
        "rate": 3e-3,
        "warmup": 5,
        "decay": 60,
        "floor": 0.1,
        "dropout": 0.1,
        "clip": 1.0,
        "every": 10,
        "patience": 20,
        "valid_pieces": 2,
        "seed": 1,
        "device": "cpu",
        "precision": "fp32",
        "compile": False,
        "threads": 1,
        "workers": 0,
        "pool": 1,
        "minutes": 0,
        "resume": False,
    }
    return Namespace(**(usual | changed))


def lines(out):
    return [json.loads(line) for line in (out / "tiny.jsonl").read_text().splitlines()]


def test_the_rate_is_the_dissertations():
    paper = Namespace(warmup=5000, decay=100_000, floor=0.1)
    assert t.rate_at(0, paper) == pytest.approx(1 / 5000)
    assert t.rate_at(2499, paper) == pytest.approx(0.5)
    assert t.rate_at(5000, paper) == 1
    assert t.rate_at(52_500, paper) == pytest.approx(0.55)
    assert t.rate_at(100_000, paper) == t.rate_at(200_000, paper) == pytest.approx(0.1)


def test_what_is_told_of_a_network_is_its_nll(corpus):
    shape = Shape(layers=1, width=64, inner=64, rows=128)
    torch.manual_seed(0)
    network = Network(shape)
    some = Namespace(valid_pieces=3)
    batches = t.validation(Corpus(corpus, "valid"), KINDS["mmt"], shape, some)
    told = t.nll_of(network, batches, torch.device("cpu"), torch.inference_mode)
    assert list(told) == ["type", "beat", "position", "pitch", "duration", "instrument"]
    chance = np.log(shape.sizes)
    np.testing.assert_allclose(list(told.values()), chance, rtol=0.5)


@pytest.mark.slow
@pytest.mark.parametrize(("heads", "positions"), [(TOGETHER, LEARNED), (IN_TURN, ROTARY)])
def test_a_run_learns_stops_and_goes_on(corpus, tmp_path, heads, positions):
    settings = {"heads": heads, "positions": positions}
    t.train(options(corpus, tmp_path, **settings))
    first = lines(tmp_path)
    assert [row["update"] for row in first] == [10, 20, 30]
    assert first[-1]["valid"] < first[0]["valid"] < sum(np.log(Shape().sizes)) * 1.2
    t.train(options(corpus, tmp_path, updates=50, resume=True, **settings))
    rows = lines(tmp_path)
    assert [row["update"] for row in rows] == [10, 20, 30, 40, 50]
    assert rows[-1]["valid"] < first[-1]["valid"]
    assert rows[-1]["seconds"] > first[-1]["seconds"]
    assert (tmp_path / "tiny.png").stat().st_size > 1000
    network = t.load_network(tmp_path / "tiny.npz")
    assert (network.shape.heads, network.shape.positions) == (heads, positions)
    with pytest.raises(SystemExit, match="is of another shape"):
        t.train(options(corpus, tmp_path, layers=2, resume=True, **settings))


@pytest.mark.slow
def test_a_run_stops_when_its_time_is_up_and_can_go_on(corpus, tmp_path):
    t.train(options(corpus, tmp_path, updates=10_000, every=10_000, minutes=0.02))
    rows = lines(tmp_path)
    assert len(rows) == 1
    assert 20 <= rows[0]["update"] < 10_000
    t.train(options(corpus, tmp_path, updates=rows[0]["update"] + 5, resume=True))
    assert lines(tmp_path)[-1]["update"] == rows[0]["update"] + 5


@pytest.mark.slow
def test_going_on_is_as_if_it_had_not_been_stopped(corpus, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    t.train(options(corpus, whole, updates=20, dropout=0.0))
    t.train(options(corpus, parts, updates=10, dropout=0.0))
    t.train(options(corpus, parts, updates=20, dropout=0.0, resume=True))
    one, two = (t.load_weights(folder / "tiny.npz")[1] for folder in (whole, parts))
    for name, array in one.items():
        np.testing.assert_allclose(array, two[name], atol=1e-5)


@pytest.mark.slow
def test_a_baseline_learns_in_the_same_code(corpus, tmp_path):
    t.train(options(corpus, tmp_path, kind="remi", updates=20, pool=4))
    rows = lines(tmp_path)
    assert list(rows[0])[-1] == "token"
    assert rows[-1]["valid"] < rows[0]["valid"]
    assert t.load_network(tmp_path / "tiny.npz").shape.sizes == KINDS["remi"].sizes


@pytest.mark.slow
def test_two_processes_learn_what_one_does(corpus, tmp_path):
    """The command of the README, on the CPU; the processes' gradients are those of one batch."""
    arguments = ["--data", str(corpus), "--out", str(tmp_path), "--name", "tiny", "--layers", "1"]
    arguments += ["--width", "64", "--inner", "64", "--rows", "64", "--batch", "4"]
    arguments += ["--updates", "40", "--every", "2", "--valid-pieces", "2", "--device", "cpu"]
    arguments += ["--minutes", "0.001"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "training.mmt.train", *arguments]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert [row["update"] for row in lines(tmp_path)] == [
        *range(2, 21, 2)
    ]  # time is looked at then


def test_batches_must_share_evenly(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(t, "_join", lambda options: (0, 3, torch.device("cpu")))
    with pytest.raises(SystemExit, match="--batch 4 is no multiple of 3"):
        t.train(options(corpus, tmp_path))
