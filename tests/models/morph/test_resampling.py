"""Resampling to 24 kHz: exact moments, flat below, nothing folded back, pieces equal the whole."""

import numpy as np
import pytest

from models.errors import ModelError
from models.morph.resampling import RATE_HZ, Resampler

RATES_HZ = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000]


def whole(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    resampler = Resampler(rate_hz)
    return np.concatenate([resampler.push(audio), resampler.finish()])


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_sine_stays_itself_sample_by_sample(rate_hz):
    hz = 0.45 * min(rate_hz, RATE_HZ)
    audio = np.sin(2 * np.pi * hz * np.arange(rate_hz) / rate_hz)
    out = whole(audio, rate_hz)
    assert len(out) == RATE_HZ
    expected = np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ)
    np.testing.assert_allclose(out[500:-500], expected[500:-500], atol=2e-3)


@pytest.mark.parametrize("rate_hz", [32000, 44100, 48000, 96000])
def test_what_24_khz_cannot_hold_does_not_fold_back(rate_hz):
    audio = np.sin(2 * np.pi * 13_200 * np.arange(rate_hz) / rate_hz)
    assert np.abs(whole(audio, rate_hz)[500:-500]).max() < 2e-4


@pytest.mark.parametrize("rate_hz", [24000, 44100, 48000, 44056])
def test_pieces_equal_the_whole(rate_hz):
    audio = np.random.default_rng(0).standard_normal(rate_hz // 4).astype(np.float32)
    resampler = Resampler(rate_hz)
    pieces = [resampler.push(piece) for piece in np.array_split(audio, 37)]
    pieces.append(resampler.finish())
    np.testing.assert_allclose(np.concatenate(pieces), whole(audio, rate_hz), atol=1e-5)


@pytest.mark.parametrize("rate_hz", [0, 3999, 400_001])
def test_a_rate_nobody_uses_is_refused(rate_hz):
    with pytest.raises(ModelError, match="4000 to 400000 Hz, got"):
        Resampler(rate_hz)
