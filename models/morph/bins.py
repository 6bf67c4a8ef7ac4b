"""A spectrum's bins as the harmonics and the noise of a note whose frequency is known.

The paper's decoder gives back the 410 bins it was shown (models.morph.spectrum). One partial a bin
beats, since a harmonic shows in several of them; so each harmonic's amplitude is read where it
lies. Where windows are so short that a bin holds several harmonics at once, their powers add up
and are shared out again. What stands between the harmonics, where anything does, is noise. Offline
training and the neural synth worker call it; numpy only.
"""

from __future__ import annotations

import functools

import numpy as np

from models.morph.resampling import RATE_HZ
from models.morph.spectrum import BINS, BINS_PER_OCTAVE, FLOOR_DB, LOWEST_HZ, windows
from models.morph.voice_model import BANDS, HARMONICS, LEVELS

NOISE_WIDTH = 1.5  # of a Hann window, in lines of the Fourier transform
MOST_LOST_DB = 3.0  # that a harmonic between two bins is given back
CLEAR = 3.0  # lines between a bin and the nearest harmonic, so that it holds noise alone
HIGHEST_HZ = 11000.0


@functools.lru_cache(maxsize=512)
def reading_of(f0_hz: float, edges: tuple[float, ...]) -> tuple[np.ndarray, ...]:
    """Return how a note's levels are read: (nearest, correction_db, in_band, to_noise_db).

    nearest, correction_db (64,): the bin nearest to each harmonic, and what to add to the dB read
    there. in_band (24, 410): the weights with which bins
    make up a band's noise; to_noise_db (410,): what makes of a bin's dB the noise's power a
    hertz. [any]
    """
    line_hz = RATE_HZ / windows()
    hz = LOWEST_HZ * 2.0 ** (np.arange(BINS) / BINS_PER_OCTAVE)
    own = f0_hz * np.arange(1, HARMONICS + 1)
    place = np.clip(BINS_PER_OCTAVE * np.log2(own / LOWEST_HZ), 0, BINS - 1)
    nearest = np.round(place).astype(int)
    crowd = NOISE_WIDTH * line_hz[nearest] / f0_hz  # harmonics a bin holds
    off = np.abs(hz[nearest] - own) / line_hz[nearest]
    lost_db = np.minimum(-20 * np.log10(np.maximum(_hann(off), 1e-3)), MOST_LOST_DB)
    correction_db = np.where(crowd < 1, lost_db, -10 * np.log10(np.maximum(crowd, 1)))
    number = np.maximum(np.round(hz / f0_hz), 1)
    clear = np.abs(hz - number * f0_hz) > CLEAR * line_hz
    # a sine of amplitude 1 is 0 dB; noise of power p a hertz shows as p * 2 * width
    to_noise_db = -10 * np.log10(2 * NOISE_WIDTH * line_hz)
    in_band = np.zeros((BANDS, BINS), np.float32)
    for band in range(BANDS):
        inside = clear & (hz >= edges[band]) & (hz < edges[band + 1])
        if inside.any():
            in_band[band, inside] = 1 / inside.sum()
    return nearest, correction_db, in_band, to_noise_db


def _hann(lines: np.ndarray) -> np.ndarray:
    """Return what a Hann window keeps of a sine so many lines away from a bin's middle."""
    away = np.maximum(np.abs(lines), 1e-6)
    return np.abs(np.sinc(away) / np.where(np.abs(away - 1) < 1e-6, 2, 1 - away**2))


def levels_of(bins_db: np.ndarray, f0_hz: float, edges_hz: np.ndarray) -> np.ndarray:
    """Return levels (n, 88) dB of bins (n, 410) dB: amplitudes of harmonics, RMS of bands. [any]

    As models.morph.voice_model means them, but at the bins' own level.
    """
    edges = tuple(np.asarray(edges_hz, float).tolist())
    nearest, correction_db, in_band, to_noise_db = reading_of(float(f0_hz), edges)
    found = np.full((len(bins_db), LEVELS), FLOOR_DB, np.float32)
    read = bins_db[:, nearest] + correction_db
    heard = f0_hz * np.arange(1, HARMONICS + 1) < HIGHEST_HZ
    found[:, :HARMONICS][:, heard] = read[:, heard]
    power = 10 ** ((bins_db + to_noise_db) / 10) @ in_band.T * np.diff(edges_hz)
    known = in_band.any(1)
    found[:, HARMONICS:][:, known] = 10 * np.log10(power[:, known] + 1e-12)
    return np.maximum(found, FLOOR_DB)
