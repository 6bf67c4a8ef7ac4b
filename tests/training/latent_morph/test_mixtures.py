"""Two instruments at once: what is mixed, what is lost, and that it learns and goes on."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.latent_morph.tones import made_corpus, write_packs
from training.latent_morph import evaluate, mixtures
from training.latent_morph.data import Manner
from training.latent_morph.mixtures import HEADS, SILENT, Mixtures
from training.latent_morph.prepare import corpus_of
from training.latent_morph.sources import TEST_PITCH, TRAIN, read_takes

PAIR = ("cello", "flute")
STILL = Manner(False, False, False)


@pytest.fixture(scope="module")
def corpus():
    made = made_corpus()
    made.split[:] = TRAIN
    return made


def test_half_are_both_and_a_quarter_each_alone(corpus) -> None:
    batch = Mixtures(corpus, PAIR, (TRAIN,)).batch(800, STILL, np.random.default_rng(1))
    silent = (batch.labels[:, [0, 3]] == SILENT[0]).numpy()
    assert not silent.all(1).any()
    assert silent.any(1).mean() == pytest.approx(0.5, abs=0.06)
    assert (batch.labels.numpy() < np.array(tuple(HEADS.values()) * 2)).all()
    assert torch.isfinite(batch.spectra).all()


def test_powers_are_added(corpus) -> None:
    made = Mixtures(corpus, PAIR, (TRAIN,))
    batch = made.batch(400, STILL, np.random.default_rng(2))
    alone = (batch.labels[:, [0, 3]] == SILENT[0]).any(1)
    assert batch.spectra[~alone].max() < batch.spectra[alone].max() + 7


def test_it_learns_and_goes_on_where_it_was(corpus, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(mixtures, "BATCH", 32)
    monkeypatch.setattr(mixtures, "EVERY", 10)
    monkeypatch.setitem(mixtures.KINDS, "pair", lambda: mixtures.MixturePair(16, 8))
    monkeypatch.setattr(mixtures.Mixtures, "__init__", _all_splits(mixtures.Mixtures.__init__))
    once, _ = mixtures.train(corpus, PAIR, "pair", 20, tmp_path)
    file = next(tmp_path.glob("mixtures-*.pt"))
    kept = torch.load(file, weights_only=True)
    assert kept["state"]["update"] == 20
    again, _ = mixtures.train(corpus, PAIR, "pair", 20, tmp_path)
    for one, other in zip(once.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def _all_splits(begin):
    def begin_with_all(self, corpus, pair, splits) -> None:
        begin(self, corpus, pair, (TRAIN,))

    return begin_with_all


def test_scores_tell_two_from_one_and_hear_silence(tmp_path: Path) -> None:
    write_packs(tmp_path)
    takes = read_takes(tmp_path, 100)
    corpus = corpus_of(takes)
    corpus.split[:] = TEST_PITCH
    tests = mixtures.tested_mixtures(corpus, takes, ("cello", "piano"), 4)
    assert [(t.labels[[0, 3]] == SILENT[0]).sum() for t in tests] == [0, 0, 1, 1]
    found = mixtures.score(mixtures.MixturePair(8, 4).eval(), tests)
    assert {"silence", "octave of two", "class alone", "dynamics of two", "ratio"} <= set(found)
    mixtures.draw([("a", mixtures.MixturePair(8, 4), tests[0])], tmp_path / "mixtures.png")
    assert (tmp_path / "mixtures.png").stat().st_size > 3000


def test_what_was_measured_before_is_not_measured_again() -> None:
    about = {"kind": "B", "seed": 1, "cpu_s": 12.34567}
    found = {"about": {"kind": "B", "seed": 1, "cpu_s": 12.346}, "split": "test"}
    assert evaluate.is_done(found, about, "test")
    assert not evaluate.is_done(found, about, "valid")
    assert not evaluate.is_done(found, {**about, "cpu_s": 99.0}, "test")
    assert not evaluate.is_done(None, about, "test")
