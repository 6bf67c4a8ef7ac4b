"""Analysis and rendering: what is put in is found, and sounds again as it was put in."""

import numpy as np
import pytest

from models.morph.voice_model import BANDS, HARMONICS
from tests.training.latent_morph.tones import RATE_HZ, tone
from training.latent_morph.analysis import (
    HOP,
    analyse,
    band_edges_hz,
    from_onset,
    total_db,
)
from training.latent_morph.inversion import backward, forward, griffin_lim
from training.latent_morph.metrics import (
    distances_db,
    lsd_db,
    mel_db,
    rise_ms,
    roughness_db,
    spectrogram,
    wobble_db,
)
from training.latent_morph.render import noise, render


@pytest.mark.parametrize("pitch", [36, 60, 84])
def test_harmonics_are_found_at_their_levels(pitch: int) -> None:
    frames = analyse(tone(pitch), pitch)
    held = np.median(frames.harmonics_db[20:70], 0)
    inside = 440 * 2 ** ((pitch - 69) / 12) * np.arange(1, 9) < 10500
    true = 20 * np.log10(0.3 * 0.5 ** np.arange(8))
    assert held[:8][inside] == pytest.approx(true[inside], abs=0.7)
    assert (held[9:] < -55).all()


def test_a_frequency_off_its_key_is_found() -> None:
    frames = analyse(tone(60.3), 60)
    assert np.median(frames.f0_hz) == pytest.approx(440 * 2 ** (-8.7 / 12), rel=0.003)


def test_stretched_partials_are_found() -> None:
    time = np.arange(RATE_HZ) / RATE_HZ
    number = np.arange(1, 16)
    hz = 220 * number * np.sqrt(1 + 5e-4 * number**2)
    sound = (0.1 * np.sin(2 * np.pi * hz[:, None] * time)).sum(0).astype(np.float32)
    assert 2e-4 < analyse(sound, 57, strings=True).stretch < 1e-3
    assert analyse(tone(57), 57, strings=True).stretch < 1e-4


def test_noise_is_found_in_its_band() -> None:
    bands = np.full((94, BANDS), -100.0)
    bands[:, 12] = -30
    sound = noise(bands, np.random.default_rng(0)).astype(np.float32)
    edges = band_edges_hz()
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.arange(len(spectrum)) * RATE_HZ / len(sound)
    inside = (hz > edges[12]) & (hz < edges[13])
    assert spectrum[inside].sum() / spectrum.sum() > 0.8
    assert 10 * np.log10((sound**2).mean()) == pytest.approx(-30, abs=1.5)
    found = np.median(analyse(sound, 30).noise_db[10:80], 0)
    assert found.argmax() == 12


def test_what_is_rendered_of_an_analysis_is_near_the_recording() -> None:
    sound = tone(55, 0.8)
    frames = analyse(sound, 55)
    again = render(frames.levels_db, frames.f0_hz)
    mel, _ = distances_db(sound, again)
    assert mel < 3
    assert abs(rise_ms(again) - rise_ms(sound)) < 8


def test_a_frames_level_is_that_of_its_sound() -> None:
    sound = tone(60)
    level = total_db(analyse(sound, 60).levels_db)
    rms = 10 * np.log10((sound[20 * HOP : 60 * HOP] ** 2).mean())
    assert np.median(level[20:60]) == pytest.approx(rms, abs=0.3)


def test_a_recording_begins_at_its_attack_not_at_a_breath_before() -> None:
    breath = 0.002 * np.random.default_rng(0).normal(size=7200).astype(np.float32)
    begun = from_onset(np.concatenate([breath, tone(60)]))
    assert len(begun) == pytest.approx(RATE_HZ, abs=200)


def test_the_rise_is_measured() -> None:
    short, long = rise_ms(tone(60, rise_s=0.02)), rise_ms(tone(60, rise_s=0.2))
    assert short < 25
    assert long == pytest.approx(0.2 * (0.707 - 0.1) * 1000, abs=8)


def test_distances_are_none_of_itself_and_those_of_a_gain() -> None:
    sound = tone(60)
    assert distances_db(sound, sound) == (0, 0)
    flat = mel_db(spectrogram(np.random.default_rng(0).normal(size=20000)))
    assert lsd_db(flat, flat + 3) == pytest.approx(3, abs=1e-6)


def test_roughness_tells_one_leap_from_many_steps_where_the_mean_does_not() -> None:
    leap = np.repeat([[0.0], [20.0]], 10, 0)
    steps = np.linspace([0.0], [20.0], 20)
    assert roughness_db(leap)[0] > 3 * roughness_db(steps)[0]
    assert roughness_db(leap)[1] == 20
    assert abs(np.diff(leap, axis=0)).mean() == pytest.approx(abs(np.diff(steps, axis=0)).mean())


def test_a_held_tone_does_not_wobble_and_a_beating_one_does() -> None:
    levels = np.full((100, HARMONICS + BANDS), -100.0)
    levels[:, :6] = -20
    assert wobble_db(render(levels, 220.0)[HOP:]) < 0.15
    assert wobble_db(render(levels, 220.0)[HOP:] + render(levels, 222.0, seed=1)[HOP:]) > 0.7


def test_the_transform_with_phases_is_the_encoders_and_is_undone() -> None:
    from models.morph.spectrum import vqt

    sound = tone(62, 0.5)
    spectrum = forward(sound)
    levels = 20 * np.log10(np.abs(spectrum) + 1e-5)
    assert np.maximum(levels, -60) == pytest.approx(np.maximum(vqt(sound), -60), abs=0.5)
    again = backward(spectrum)
    gap = again[2048:-2048] - sound[2048 : len(again) - 2048]
    assert (gap**2).sum() < 0.01 * (sound**2).sum()


def test_griffin_and_lim_bring_back_a_sound_of_the_same_spectrum() -> None:
    from models.morph.spectrum import vqt

    levels = vqt(tone(62, 0.5))
    found = vqt(griffin_lim(levels, 8))[: len(levels)]
    gap = np.maximum(found, -40) - np.maximum(levels, -40)[: len(found)]
    assert np.sqrt((gap**2).mean()) < 2
