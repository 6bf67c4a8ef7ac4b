"""Sound out of spectra alone, as the paper makes it: Griffin and Lim's algorithm, 30 iterations.

The transform is that of models.morph.spectrum, here with its phases. Its inverse adds up every
bin's oscillation and divides by how often each frequency was counted, which is nearly exact as the
hop is short beside the windows; the iterations take care of the rest.
"""

from functools import lru_cache

import numpy as np

from models.morph.spectrum import BINS, HOP, LONGEST_WINDOW, frequencies_hz, windows
from training.latent_morph.sources import RATE_HZ

ITERATIONS = 30
_HALF = LONGEST_WINDOW // 2


def forward(audio: np.ndarray) -> np.ndarray:
    """Return the complex spectrum (1 + n // HOP, 410) of audio (n,)."""
    padded = np.concatenate([np.zeros(_HALF), audio, np.zeros(LONGEST_WINDOW)])
    views = np.lib.stride_tricks.sliding_window_view(padded, LONGEST_WINDOW)[::HOP]
    spectrum = np.fft.rfft(views[: 1 + len(audio) // HOP], axis=1).astype(np.complex64)
    return spectrum @ _kernels()[0]


def backward(spectrum: np.ndarray) -> np.ndarray:
    """Return the audio ((T - 1) * HOP,) of a complex spectrum (T, 410)."""
    count = len(spectrum)
    blocks = np.fft.irfft(spectrum @ _kernels()[1], LONGEST_WINDOW, axis=1)
    out = np.zeros((count - 1) * HOP + LONGEST_WINDOW)
    for frame, block in enumerate(blocks):
        out[frame * HOP : frame * HOP + LONGEST_WINDOW] += block
    return out[_HALF : _HALF + (count - 1) * HOP]


def griffin_lim(levels_db: np.ndarray, iterations: int = ITERATIONS, seed: int = 0) -> np.ndarray:
    """Return audio ((T - 1) * HOP,) float32 whose spectrum has about the levels (T, 410)."""
    random = np.random.default_rng(seed)
    size = 10 ** (levels_db.astype(np.float32) / 20)
    turned = np.exp(2j * np.pi * random.random(size.shape)).astype(np.complex64)
    for _ in range(iterations):
        found = forward(backward(size * turned))
        turned = found / np.maximum(np.abs(found), 1e-9)
    return backward(size * turned).astype(np.float32)


@lru_cache(maxsize=1)
def _kernels() -> tuple[np.ndarray, np.ndarray]:
    """Return what multiplies a Fourier transform (2049, 410), and what undoes it (410, 2049)."""
    at = np.arange(LONGEST_WINDOW) - _HALF
    rows = np.empty((BINS, _HALF + 1), np.complex128)
    for place, (hz, length) in enumerate(zip(frequencies_hz(), windows(), strict=True)):
        window = np.where(np.abs(at) < length / 2, 1 + np.cos(2 * np.pi * at / length), 0)
        turning = np.exp(2j * np.pi * hz / RATE_HZ * at)
        rows[place] = np.fft.fft(window * 2 / window.sum() * turning)[: _HALF + 1]
    counted = (np.abs(rows) ** 2).sum(0) / HOP  # (2049,)
    undone = rows / np.maximum(counted, counted.max() * 1e-4)
    return (
        np.ascontiguousarray(rows.conj().T / LONGEST_WINDOW, np.complex64),
        np.ascontiguousarray(undone, np.complex64),
    )
