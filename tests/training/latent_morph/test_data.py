"""What is learnt from: transposition, other velocities, later ages, and the laws behind them."""

from dataclasses import replace

import numpy as np
import pytest

from models.morph.spectrum import bin_of, vqt
from models.morph.voice_model import FEATURES, HARMONICS, conditioning
from tests.training.latent_morph.tones import tone
from training.latent_morph.analysis import total_db
from training.latent_morph.data import Frames, Manner, beyond, brightness, shifted, unobserved
from training.latent_morph.laws import Laws, measure, velocity_of
from training.latent_morph.prepare import held_frames, load, save
from training.latent_morph.sources import INSTRUMENTS, NAMES, TEST_PITCH, TRAIN


def flat_laws() -> Laws:
    count = len(INSTRUMENTS)
    return Laws(np.full(count, 20, np.float32), np.tile(np.linspace(-5, 20, 24), (count, 1)))


def test_a_shifted_spectrum_is_that_of_the_transposed_note() -> None:
    low, high = (np.maximum(vqt(tone(p, 0.6)), -60)[20:40] for p in (60, 62))
    moved = np.maximum(shifted(low, np.full(len(low), 8)), -60)
    assert np.sqrt(((moved - high) ** 2).mean()) < 4
    assert np.sqrt(((low - high) ** 2).mean()) > 8
    assert moved[0].argmax() == pytest.approx(bin_of(62), abs=1)


def test_silence_moves_in() -> None:
    assert (shifted(np.zeros((1, 410), np.float32), np.array([3]))[0, :3] == -100).all()
    assert (shifted(np.zeros((1, 410), np.float32), np.array([-3]))[0, -3:] == -100).all()


def test_harmonics_out_of_range_fall_from_the_last_that_was_heard() -> None:
    hidden = unobserved(np.array([96]))
    assert hidden[0].tolist() == [False] * 5 + [True] * 59
    levels = np.full((1, 88), -20.0)
    done = beyond(levels, hidden)
    assert (done[0, :5] == -20).all()
    assert done[0, 9] == pytest.approx(-20 - 18)
    assert (done[0, HARMONICS:] == -20).all()


def test_batches_are_repeatable_and_whole(corpus) -> None:
    frames = Frames(corpus, flat_laws(), (TRAIN,))
    one, two = (frames.batch(64, Manner(), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one.spectra, two.spectra)
    assert one.spectra.shape == (64, 410)
    assert one.features.shape == (64, FEATURES)
    assert one.target.shape == one.weight.shape == (64, 88)
    assert one.target.min() >= -90
    assert bool((one.labels[:, 3] >= 0).all())


def test_held_out_takes_are_not_drawn(corpus) -> None:
    held = set(corpus.pitch[corpus.split == TEST_PITCH].tolist())
    batch = Frames(corpus, flat_laws(), (TRAIN,)).batch(
        500, Manner(False, False, False), np.random.default_rng(0)
    )
    cello = batch.labels[:, 3] == NAMES.index("cello")
    keys = (batch.labels[:, 0] + 1) * 12 + batch.labels[:, 1]
    own = {
        int(p)
        for p, i, s in zip(corpus.pitch, corpus.instrument, corpus.split, strict=True)
        if s == TEST_PITCH and NAMES[i] == "cello"
    }
    assert own
    assert own <= held
    assert not own & set(keys[cello].tolist())


def test_unchanged_frames_are_those_of_the_corpus(corpus) -> None:
    batch = Frames(corpus, flat_laws(), (TRAIN,)).batch(
        50, Manner(False, False, False), np.random.default_rng(0)
    )
    recorded = np.maximum(corpus.levels.astype(np.float32), -90)
    for row in batch.target.numpy()[:, HARMONICS:]:
        assert (np.abs(recorded[:, HARMONICS:] - row).max(1) < 1e-3).any()


def test_another_velocity_moves_the_shape_and_not_the_level(corpus) -> None:
    frames = Frames(corpus, flat_laws(), (TRAIN,))
    plain, struck = (
        frames.batch(200, Manner(False, velocities, False), np.random.default_rng(3))
        for velocities in (False, True)
    )
    lit = struck.features[:, 2] - plain.features[:, 2]
    brighter = lit > 0.2
    tilt = (struck.target - plain.target)[brighter]
    known = plain.labels[brighter, 2] >= 0
    assert bool((tilt[known][:, 80] > tilt[known][:, 64]).all())
    assert total_db(struck.target.numpy()) == pytest.approx(total_db(plain.target.numpy()), abs=0.8)


def test_brightness_is_looked_up_at_each_levels_frequency() -> None:
    slopes = brightness(flat_laws(), np.array([0, 0]), np.array([40, 80]))
    assert slopes.shape == (2, 88)
    assert slopes[1, 0] > slopes[0, 0]
    assert slopes[0, 64] == pytest.approx(-5)


def test_laws_find_the_slope_they_were_made_with(corpus) -> None:
    velocity = velocity_of(np.maximum(corpus.dynamics, 0))
    louder = replace(corpus, level_db=-30 + 24 * velocity)
    cello = NAMES.index("cello")
    corpus_laws = measure(louder)
    assert corpus_laws.range_db[cello] == pytest.approx(24, abs=0.1)
    assert corpus_laws.range_db[NAMES.index("violin")] == corpus_laws.range_db[cello]
    assert (np.diff(corpus_laws.brightness_db[cello]) >= 0).all()


def test_a_note_ends_where_it_is_let_go() -> None:
    level = np.concatenate([np.full(50, -3.0), np.full(30, -40.0)])
    assert held_frames(level, decays=False) == 47
    assert held_frames(level, decays=True) == 80


def test_a_corpus_is_read_as_it_was_written(corpus, tmp_path) -> None:
    save(corpus, tmp_path / "frames.npz")
    again = load(tmp_path / "frames.npz")
    assert np.array_equal(again.spectra, corpus.spectra)
    assert np.array_equal(again.take, corpus.take)
    with pytest.raises(SystemExit, match="is missing: run python -m"):
        load(tmp_path / "none.npz")


def test_features_of_a_batch_are_the_engines(corpus) -> None:
    batch = Frames(corpus, flat_laws(), (TRAIN,)).batch(
        20, Manner(False, False, False), np.random.default_rng(0)
    )
    pitch = (batch.labels[:, 0] + 1) * 12 + batch.labels[:, 1]
    velocity = 127 * batch.features[:, 2].numpy()
    age = 4 * batch.features[:, 3].numpy()
    expected = conditioning(pitch.numpy(), velocity, age)
    assert batch.features.numpy() == pytest.approx(expected, abs=1e-4)
