"""Training: the network is the engine's, the losses mean what they say, a run can go on."""

import itertools
import json
from argparse import Namespace

import numpy as np
import pytest
import torch

from engine.rt.features import tokens
from models import registry
from training.part_separation import train as t
from training.part_separation.evaluate import Network, onsets
from training.part_separation.live import LIVE, decisions, perform
from training.part_separation.sequences import listen
from training.part_separation.ship import ship

ALL = np.ones((1, 4), bool)


def test_exported_weights_give_the_engine_the_same_probabilities(random_chorales):
    torch.manual_seed(0)
    model = t.Separator(4, 0.3).eval()
    model.frequency.data.normal_()
    believed = []

    def step(rows, state):
        with torch.inference_mode():
            logp, state = model(torch.from_numpy(rows)[None], state)
        believed.append(logp[0, 0].numpy().copy())
        return logp[0].numpy(), state

    performance = perform(random_chorales[0].notes, LIVE, np.random.default_rng(0))
    listen([performance.events], ALL, len(performance.voices), step)
    _, logp = Network(t.exported(model)).listen(performance, 0)
    np.testing.assert_allclose(logp, np.stack(believed), atol=1e-5)


def test_the_joint_loss_is_that_of_all_orderings():
    torch.manual_seed(1)
    logp = torch.randn(7, 4).log_softmax(-1)
    labels = np.array([2, 0, 3, 1, 1, 3, 0])
    voices = np.eye(4, dtype=bool)[labels]
    voices[4, 2] = True  # one key for two voices
    decision = np.array([0, 0, 0, 0, 1, 1, 2])
    total = 0.0
    for rows in ([0, 1, 2, 3], [4, 5]):
        worth = {
            order: float(np.exp(sum(logp[r, k].item() for r, k in zip(rows, order, strict=True))))
            for order in itertools.permutations(range(4), len(rows))
        }
        right = sum(
            value
            for order, value in worth.items()
            if all(voices[r, k] for r, k in zip(rows, order, strict=True))
        )
        total -= np.log(right / sum(worth.values()))
    assert t.JointLoss(4)(logp, voices, decision).item() == pytest.approx(total / 6, rel=1e-5)


def test_a_chord_with_two_notes_of_one_voice_is_no_lesson():
    logp = torch.zeros(2, 4).log_softmax(-1)
    voices = np.eye(4, dtype=bool)[[1, 1]]
    assert t.JointLoss(4)(logp, voices, np.array([0, 0])).item() == 0


def test_training_drops_a_share_of_the_values_and_no_more():
    x = torch.ones(100, 10, 160)
    model = t.Separator(4, 0.25, seed=3)
    dropped = model.train()._dropped(x)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(model.eval()._dropped(x), x)
    other = t.Separator(4, 0.25, seed=4).train()._dropped(x)
    assert not torch.equal(other, dropped)


def test_quick_steps_decide_as_exact_ones_do():
    torch.manual_seed(0)
    model = t.Separator(4, 0.3).eval()
    rows = torch.randint(0, tokens(4), (64, t.MAX_TOKENS))
    quick, _ = model.step(rows.numpy(), None)
    exact, _ = model(rows[None])
    np.testing.assert_allclose(quick, exact[0].detach().numpy(), atol=0.05)
    assert quick.dtype == np.float32


def test_the_pitch_is_never_forgotten():
    none = tokens(4)
    random = np.random.default_rng(0)
    rows = torch.arange(12000).reshape(1000, 1, 12) % none
    left = t.forgetful(rows, 0.25, none, random)
    assert torch.equal(left[..., 0], rows[..., 0])
    assert (left[..., 1:] == none).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert torch.equal(t.forgetful(rows, 0.0, none, random), rows)


def options(tmp_path, **changed):
    usual = {
        "name": "tiny",
        "data": tmp_path / "data.npz",
        "classes": 4,
        "tell_absent": False,
        "seed": 1,
        "updates": 60,
        "batch": 8,
        "steps": 100,
        "rate": 1e-2,
        "dropout": 0.0,
        "forget": 0.0,
        "joint": 0.5,
        "average": 0.9,
        "every": 30,
        "resume": False,
    }
    return Namespace(**(usual | changed))


def test_weights_never_take_the_place_of_their_data(tmp_path, monkeypatch):
    monkeypatch.setattr(t, "BUILD", tmp_path)
    (tmp_path / "tiny.npz").write_bytes(b"notes")
    with pytest.raises(SystemExit, match="would be overwritten: choose another --name"):
        t.train(options(tmp_path, data=tmp_path / "tiny.npz"))
    assert (tmp_path / "tiny.npz").read_bytes() == b"notes"


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.slow
def test_a_run_learns_goes_on_and_ships(random_chorales, tmp_path, monkeypatch):
    monkeypatch.setattr(t, "BUILD", tmp_path)
    np.savez(
        tmp_path / "data.npz",
        notes=np.concatenate([c.notes for c in random_chorales]),
        ends=np.cumsum([len(c.notes) for c in random_chorales]),
        names=[c.name for c in random_chorales],
        split=np.array([0, 0, 0, 1], np.int8),
    )
    save = t._save
    monkeypatch.setattr(t, "_save", lambda *a: save(*a) or interrupt())
    with pytest.raises(KeyboardInterrupt):
        t.train(options(tmp_path))
    monkeypatch.setattr(t, "_save", save)
    assert torch.load(tmp_path / "tiny.pt", weights_only=True)["update"] == 30
    t.train(options(tmp_path, resume=True))
    assert torch.load(tmp_path / "tiny.pt", weights_only=True)["update"] == 60
    unseen = dict(np.load(tmp_path / "tiny_unseen.npz"))
    trained = dict(np.load(tmp_path / "tiny.npz"))
    assert unseen.keys() == trained.keys()
    assert not np.array_equal(unseen["output"], trained["output"])

    performance = perform(random_chorales[3].notes, LIVE, np.random.default_rng(0))
    labels, _ = Network(trained).listen(performance, 0)
    assert performance.voices[np.arange(len(labels)), labels].mean() > 0.5  # chance: 0.25
    assert decisions(onsets(performance), 2160, 4).max() >= 29

    (tmp_path / "tiny.toml").write_text(
        'description = "t"\nfile = "tiny.npz"\nsha256 = ""\nlicence = "CC0-1.0"\n'
        'classes = ["a", "b", "c", "d"]\nzones = [50, 60, 70]\nmiddle_pitches = [1, 2, 3, 4]\n'
        "live_accuracy = [[0, 1.0]]\n"
    )
    live = {"conditions": "live", "by": "network", "0 ms": 91.234, "45 ms": 96.5}
    clean = live | {"conditions": "clean", "0 ms": 1.0}
    (tmp_path / "figures.json").write_text(json.dumps({"rows": [clean, live]}))
    shipped = tmp_path / "trained.npz"
    (tmp_path / "tiny.npz").rename(shipped)
    ship(shipped, tmp_path / "figures.json", "tiny", tmp_path)
    assert registry.find("tiny", tmp_path).live_accuracy == ((0, 91.23), (45, 96.5))
    registry.load(registry.find("tiny", tmp_path))
