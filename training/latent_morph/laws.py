"""How loudness and brightness follow the velocity: straight lines measured on labelled takes.

Both compare takes of one key only. Brightness is a slope a mel band, in dB of the band (relative to
the whole) from velocity 0 to 127; it is made to rise with frequency. An instrument without labels
borrows those of its relatives.
"""

from dataclasses import dataclass

import numpy as np

from models.morph.voice_model import BANDS, HARMONICS
from training.latent_morph.analysis import band_edges_hz
from training.latent_morph.prepare import Corpus
from training.latent_morph.sources import INSTRUMENTS, NAMES, TRAIN, UNKNOWN, VELOCITIES

BORROWED = {
    "violin": ("cello",),
    "viola": ("cello",),
    "trumpet": ("french horn", "trombone"),
    "harp": ("guitar", "piano"),
    "organ": ("flute", "clarinet"),
    "choir": ("flute", "french horn"),
}
_MOST_RANGE_DB = 45.0


@dataclass(frozen=True)
class Laws:
    """A row an instrument."""

    range_db: np.ndarray  # (I,) level from velocity 0 to 127, as recorded: gains may differ
    brightness_db: np.ndarray  # (I, 24) of each band, from velocity 0 to 127

    def at_hz(self, instrument: np.ndarray, hz: np.ndarray) -> np.ndarray:
        """Return the slope of brightness (n, m) of instruments (n,) at frequencies (n, m)."""
        edges = band_edges_hz()
        middles = (edges[1:] + edges[:-1]) / 2
        found = np.empty(hz.shape, np.float32)
        for place in np.unique(instrument):
            own = instrument == place
            found[own] = np.interp(hz[own], middles, self.brightness_db[place])
        return found


def velocity_of(dynamics: np.ndarray) -> np.ndarray:
    """Return velocity / 127 of labels of dynamics."""
    return (np.array(VELOCITIES)[dynamics] / 127).astype(np.float32)


def measure(corpus: Corpus) -> Laws:
    """Return the laws of the takes to learn from."""
    bands = np.array([_bands(corpus, take) for take in range(len(corpus.pitch))])
    ranges, slopes = {}, {}
    for place, instrument in enumerate(INSTRUMENTS):
        own = (corpus.instrument == place) & (corpus.split == TRAIN)
        own &= corpus.dynamics != UNKNOWN
        if instrument.name in BORROWED or not own.any():
            continue
        velocity = velocity_of(corpus.dynamics[own])
        both = np.column_stack([corpus.level_db[own], bands[own]])
        slope = _within_keys(corpus.pitch[own], velocity, both)
        ranges[instrument.name] = np.clip(slope[0], 0, _MOST_RANGE_DB)
        smooth = np.convolve(np.pad(slope[1:], 1, "edge"), np.ones(3) / 3, "valid")
        slopes[instrument.name] = np.maximum.accumulate(np.clip(smooth, -10, 60))
    labelled = tuple(ranges)
    if not labelled:
        raise ValueError("no take that is learnt from has a label of dynamics")
    for name in NAMES:
        if name not in labelled:
            relatives = [one for one in BORROWED.get(name, ()) if one in labelled] or labelled
            ranges[name] = np.mean([ranges[one] for one in relatives])
            slopes[name] = np.mean([slopes[one] for one in relatives], 0)
    return Laws(
        np.array([ranges[name] for name in NAMES], np.float32),
        np.array([slopes[name] for name in NAMES], np.float32),
    )


def _bands(corpus: Corpus, take: int) -> np.ndarray:
    """Return the dB of 24 bands, harmonics and noise together, where a take is loudest."""
    levels = corpus.levels[corpus.rows(take)].astype(np.float32)
    held = levels[max(0, len(levels) // 4) : max(1, 3 * len(levels) // 4)]
    power = (10 ** (held / 10)).mean(0)
    hz = corpus.f0_hz[take] * np.arange(1, HARMONICS + 1)
    place = np.searchsorted(band_edges_hz(), hz, "right") - 1
    bands = power[HARMONICS:].copy()
    inside = place < BANDS
    np.add.at(bands, place[inside], power[:HARMONICS][inside] / 2)
    return 10 * np.log10(np.maximum(bands / bands.sum(), 1e-7))


def _within_keys(pitch: np.ndarray, velocity: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the slopes (m,) of values (n, m) by velocity, each key with a level of its own."""
    velocity, values = velocity.astype(float).copy(), values.astype(float).copy()
    for key in np.unique(pitch):
        own = pitch == key
        velocity[own] -= velocity[own].mean()
        values[own] -= values[own].mean(0)
    return velocity @ values / max(float(velocity @ velocity), 1e-6)
