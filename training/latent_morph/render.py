"""Sound out of frames, as the engine makes it but slowly: sines with fixed phases, bands of noise.

For measurements only; the engine has its own oscillators (engine/rt/morph.py).
"""

import numpy as np

from models.morph.voice_model import HARMONICS
from training.latent_morph.analysis import HIGHEST_HZ, HOP, band_edges_hz
from training.latent_morph.sources import RATE_HZ

_FFT = 1024


def render(
    levels_db: np.ndarray, f0_hz: np.ndarray | float, stretch: float = 0.0, seed: int = 0
) -> np.ndarray:
    """Return the sound (T * HOP,) float32 of levels (T, 88), amplitudes drawn between frames."""
    random = np.random.default_rng(seed)
    count = len(levels_db)
    n = count * HOP
    f0 = np.broadcast_to(np.asarray(f0_hz, float), count)
    position = np.arange(n) / HOP
    phase = np.cumsum(np.interp(position, np.arange(count), f0)) * 2 * np.pi / RATE_HZ
    amplitude = 10 ** (levels_db[:, :HARMONICS] / 20)
    audio = np.zeros(n)
    for place in range(HARMONICS):
        number = place + 1
        ratio = number * np.sqrt((1 + stretch * number**2) / (1 + stretch))
        own = np.where(f0 * ratio < HIGHEST_HZ, amplitude[:, place], 0)
        offset = random.uniform(0, 2 * np.pi)
        if own.max() > 1e-5:
            audio += np.interp(position, np.arange(count), own) * np.sin(ratio * phase + offset)
    return (audio + noise(levels_db[:, HARMONICS:], random)).astype(np.float32)


def noise(bands_db: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return noise (T * HOP,) whose bands have the levels (T, 24) of each frame."""
    edges = band_edges_hz()
    hz = np.arange(_FFT // 2 + 1) * RATE_HZ / _FFT
    band = np.clip(np.searchsorted(edges, hz, "right") - 1, 0, len(edges) - 2)
    width = np.diff(edges)
    # white noise of unit variance has a power of 2 / RATE_HZ per Hz
    gain = 10 ** (bands_db / 20) / np.sqrt(width * 2 / RATE_HZ)
    shape = np.where(hz < edges[-1], gain[:, band], 0)  # (T, bins)
    n = len(bands_db) * HOP
    half = _FFT // 2
    white = random.normal(0, 1, n + _FFT)
    window = np.sqrt(np.hanning(_FFT + 1)[:-1])
    out = np.zeros(n + _FFT)
    for frame, gains in enumerate(shape):
        part = slice(frame * HOP, frame * HOP + _FFT)
        out[part] += np.fft.irfft(np.fft.rfft(white[part] * window) * gains) * window
    return out[half : half + n] / 2  # windows of four hops sum to 2
