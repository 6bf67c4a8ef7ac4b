"""How far a sound is from another, how fast it rises, how rough a path is, which labels are right.

Mel log-spectral distance (LSD): 80 bands from 30 Hz to 11 kHz, windows of 1024 samples, hop 256;
in dB, nothing below 60 dB under the loudest band of the reference; the RMS over bands, the mean
over frames. The fine one has the 513 lines of the same windows.
"""

from functools import lru_cache

import numpy as np

from training.latent_morph.analysis import HIGHEST_HZ, HOP
from training.latent_morph.sources import RATE_HZ

_FFT = 1024
_BANDS = 80
DEPTH_DB = 60.0


def spectrogram(audio: np.ndarray) -> np.ndarray:
    """Return power (T, 513), a frame every HOP samples."""
    frames = 1 + len(audio) // HOP
    padded = np.pad(audio, (_FFT // 2, _FFT))
    views = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::HOP][:frames]
    window = np.hanning(_FFT + 1)[:-1]
    return np.abs(np.fft.rfft(views * window, axis=1)) ** 2 / (window.sum() / 2) ** 2


def mel_db(power: np.ndarray) -> np.ndarray:
    """Return the mel bands (T, 80) of a spectrogram in dB."""
    return 10 * np.log10(power @ _mel().T + 1e-14)


def lsd_db(reference: np.ndarray, other: np.ndarray) -> float:
    """Return the distance of two spectra (T, n) in dB, over the frames both have."""
    frames = min(len(reference), len(other))
    floor = reference.max() - DEPTH_DB
    gap = np.maximum(reference[:frames], floor) - np.maximum(other[:frames], floor)
    return float(np.sqrt((gap**2).mean(1)).mean())


def distances_db(reference: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return mel and fine LSD of two recordings."""
    one, two = spectrogram(reference), spectrogram(other)
    fine = [10 * np.log10(power + 1e-14) for power in (one, two)]
    return lsd_db(mel_db(one), mel_db(two)), lsd_db(*fine)


def rise_ms(audio: np.ndarray, longest_s: float = 0.6) -> float:
    """Return how long a note takes from 20 dB to 3 dB below the loudest of its first `longest_s`.

    Its level is the RMS of a Hann window of 12 ms.
    """
    size = int(0.012 * RATE_HZ)
    window = np.hanning(size + 2)[1:-1]
    begin = audio[: int(longest_s * RATE_HZ)].astype(np.float64)
    power = np.convolve(np.pad(begin, size) ** 2, window / window.sum(), "same")
    loudest = power.max()
    late = int(np.argmax(power >= loudest * 10**-0.3))
    early = np.flatnonzero(power[: late + 1] < loudest * 10**-2)
    return (late - (int(early[-1]) if len(early) else 0)) / RATE_HZ * 1000


def roughness_db(levels_db: np.ndarray) -> tuple[float, float]:
    """Return RMS and max over a path's frames of the change (RMS over levels) from the one before.

    Levels more than 60 dB below the loudest count as 60 dB below.
    """
    held = np.maximum(levels_db, levels_db.max() - DEPTH_DB)
    step = np.sqrt((np.diff(held, axis=0) ** 2).mean(1))
    return float(np.sqrt((step**2).mean())), float(step.max())


def wobble_db(audio: np.ndarray) -> float:
    """Return the standard deviation in dB of a held sound's level, over windows of 40 ms."""
    size = int(0.04 * RATE_HZ)
    count = len(audio) // size
    power = (audio[: count * size].reshape(count, size).astype(np.float64) ** 2).mean(1)
    return float((10 * np.log10(power + 1e-14)).std())


def flux_db(power: np.ndarray) -> float:
    """Return how much the mel bands of a sound move from frame to frame, mean, in dB."""
    bands = mel_db(power)
    held = np.maximum(bands, bands.max() - DEPTH_DB)
    return float(np.abs(np.diff(held, axis=0)).mean())


def confusion(true: np.ndarray, found: np.ndarray, labels: int) -> np.ndarray:
    """Return counts (true label, found label)."""
    table = np.zeros((labels, labels), int)
    np.add.at(table, (true, found), 1)
    return table


@lru_cache(maxsize=1)
def _mel() -> np.ndarray:
    """Triangles (80, 513), each of sum 1 so that a level stays one."""
    top = 2595 * np.log10(1 + HIGHEST_HZ / 700)
    low = 2595 * np.log10(1 + 30 / 700)
    centres = 700 * (10 ** (np.linspace(low, top, _BANDS + 2) / 2595) - 1)
    hz = np.arange(_FFT // 2 + 1) * RATE_HZ / _FFT
    rows = [np.interp(hz, centres[b : b + 3], [0, 1, 0], left=0, right=0) for b in range(_BANDS)]
    table = np.array(rows)
    for band, row in enumerate(table):  # narrower than a line: the nearest line
        if row.sum() < 0.5:
            row[np.abs(hz - centres[band + 1]).argmin()] += 1
    return table / table.sum(1, keepdims=True)
