"""A note's bins give back its harmonics and its noise."""

import numpy as np
import pytest

from models.morph.bins import levels_of
from models.morph.spectrum import vqt
from models.morph.voice_model import HARMONICS

RATE_HZ = 24000
EDGES_HZ = np.geomspace(60, 11000, 25)


def levels(audio: np.ndarray, hz: float) -> np.ndarray:
    spectra = vqt(audio.astype(np.float32))
    return levels_of(spectra[20:-20], hz, EDGES_HZ).mean(0)


@pytest.mark.parametrize("hz", [98.0, 261.6, 880.0])
def test_harmonics_are_read_where_they_lie(hz: float) -> None:
    number = np.arange(1, HARMONICS + 1)
    true_db = -6 - 0.4 * number
    heard = number[number * hz < 9000]
    random = np.random.default_rng(1)
    time = np.arange(RATE_HZ) / RATE_HZ
    audio = sum(
        10 ** (true_db[n - 1] / 20) * np.sin(2 * np.pi * n * hz * time + random.uniform(0, 6))
        for n in heard
    )
    found = levels(np.asarray(audio), hz)[:HARMONICS]
    error = found[heard - 1] - true_db[heard - 1]
    assert abs(error[:6]).max() < 1.0
    assert np.sqrt((error**2).mean()) < 3.0
    assert (found[number * hz > 11000] == -100).all()


def test_noise_between_harmonics_is_told_by_bands() -> None:
    hz = 1200.0
    noise = 0.01 * np.random.default_rng(2).standard_normal(3 * RATE_HZ)
    tone = 0.3 * np.sin(2 * np.pi * hz * np.arange(3 * RATE_HZ) / RATE_HZ)
    found = levels(noise + tone, hz)[HARMONICS:]
    true = 20 * np.log10(0.01 * np.sqrt(2 * np.diff(EDGES_HZ) / RATE_HZ))
    known = found > -100
    assert known.sum() >= 6
    error = abs(found - true)[known]
    assert np.median(error) < 1
    assert np.quantile(error, 0.9) < 3


def test_the_bands_of_a_low_note_hold_no_noise_that_cannot_be_seen() -> None:
    tone = sum(np.sin(2 * np.pi * 60 * n * np.arange(RATE_HZ) / RATE_HZ) for n in range(1, 60))
    found = levels(0.02 * np.asarray(tone), 60.0)[HARMONICS:]
    assert found.max() < -60


def test_harmonics_that_share_a_bin_share_its_power() -> None:
    hz, time = 36.7, np.arange(RATE_HZ) / RATE_HZ
    number = np.arange(1, HARMONICS + 1)
    random = np.random.default_rng(3)
    tones = [0.1 * np.sin(2 * np.pi * n * hz * time + random.uniform(0, 6)) for n in number]
    spectra = vqt(np.sum(tones, 0).astype(np.float32))[20:-20]
    found = levels_of(spectra, hz, EDGES_HZ)[:, 50:HARMONICS]
    power = (10 ** (found / 10)).mean()
    assert 10 * np.log10(power / 0.1**2) == pytest.approx(0, abs=0.5)
