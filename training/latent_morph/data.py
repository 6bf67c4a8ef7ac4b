"""Batches of frames to learn from: drawn at random, transposed, with other velocities and ages.

Transposition moves the spectrum by four bins a semitone and the labels and key with it. A velocity
other than the recording's moves the levels along the law of brightness; recordings without labels
are given dynamics that way, spectrum and level included. Frames of a held sound stand for any later
age, and a sound that decays goes on decaying.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.morph.spectrum import BINS, BINS_PER_OCTAVE, FLOOR_DB, frequencies_hz
from models.morph.voice_model import HARMONICS, LONGEST_AGE_S, conditioning
from training.latent_morph.analysis import HIGHEST_HZ, HOP_S, band_edges_hz, total_db
from training.latent_morph.laws import Laws, velocity_of
from training.latent_morph.network import labels_of
from training.latent_morph.prepare import Corpus
from training.latent_morph.sources import INSTRUMENTS, NAMES, UNKNOWN

BELOW_DB = -90.0  # quieter levels are all the same
OWN_SHARE = 0.7  # of brightness that a key's velocity moves; the rest is the anchor's dynamics
SEMITONES = 2
_ATTACK = 24  # frames drawn more often
_HELD_S = 0.35
STEP = BINS_PER_OCTAVE // 12
_FORTE = 3


@dataclass(frozen=True)
class Batch:
    """Frames to learn from."""

    spectra: Tensor  # (n, 410) dB
    labels: Tensor  # (n, 4)
    features: Tensor  # (n, FEATURES)
    target: Tensor  # (n, 88) dB
    weight: Tensor  # (n, 88)


@dataclass(frozen=True)
class Manner:
    """How frames are changed before they are learnt from."""

    transpose: bool = True
    velocities: bool = True
    ages: bool = True
    sustain_only: bool = False  # the paper's 0.32 to 0.8 s


class Frames:
    """The frames of some splits, of some instruments, and how they are drawn."""

    def __init__(
        self,
        corpus: Corpus,
        laws: Laws,
        splits: tuple[int, ...],
        names: tuple[str, ...] = NAMES,
    ) -> None:
        self.corpus, self.laws = corpus, laws
        asked = [NAMES.index(name) for name in names]
        of_these = np.isin(corpus.instrument, asked)
        self.takes = np.flatnonzero(np.isin(corpus.split, splits) & of_these)
        count = np.bincount(corpus.instrument[self.takes], minlength=len(INSTRUMENTS))
        share = 1 / np.sqrt(count[corpus.instrument[self.takes]])
        self.share = share / share.sum()
        self.decays = np.array([instrument.decays for instrument in INSTRUMENTS])
        self._last, self._slope = _endings(corpus)

    def batch(self, size: int, manner: Manner, random: np.random.Generator) -> Batch:
        """Return `size` frames."""
        corpus = self.corpus
        take = random.choice(self.takes, size, p=self.share)
        length = np.diff(corpus.first)[take]
        within = random.random(size)
        early = random.random(size) < 0.4
        row = (within * np.where(early, np.minimum(length, _ATTACK), length)).astype(int)
        if manner.sustain_only:
            low = np.minimum(int(0.32 / HOP_S), length // 2)
            high = np.minimum(int(0.8 / HOP_S), length)
            row = (low + within * np.maximum(high - low, 1)).astype(int)
        read = row
        if manner.ages:  # a point tells the sound, not the moment
            other = (random.random(size) * length).astype(int)
            read = np.where(random.random(size) < 0.5, other, row)
        spectra = corpus.spectra[corpus.first[take] + read].astype(np.float32)
        target = corpus.levels[corpus.first[take] + row].astype(np.float32)
        age = row * HOP_S
        if manner.ages:
            age, target = self._aged(take, row, age, target, random)
        instrument, pitch = corpus.instrument[take].astype(int), corpus.pitch[take].astype(int)
        dynamics = corpus.dynamics[take].astype(int)
        hidden = unobserved(pitch)
        if manner.transpose:
            moved = random.integers(-SEMITONES, SEMITONES + 1, size)
            spectra = shifted(spectra, moved * STEP)
            pitch = pitch + moved
            hidden |= unobserved(pitch)
        velocity = velocity_of(np.where(dynamics == UNKNOWN, _FORTE, dynamics))
        if manner.velocities:
            spectra, target, dynamics, velocity = self._louder(
                spectra, target, instrument, pitch, dynamics, velocity, random
            )
        target = np.maximum(beyond(target, hidden), BELOW_DB)
        weight = 0.15 + 0.85 / (1 + np.exp(-(target + 58) / 6))
        weight[:, :HARMONICS][hidden] = 0.03
        spectra += random.standard_normal(spectra.shape, np.float32)
        return Batch(
            torch.from_numpy(np.maximum(spectra, FLOOR_DB).astype(np.float32)),
            labels_of(*(torch.from_numpy(x) for x in (pitch, dynamics, instrument))),
            torch.from_numpy(conditioning(pitch, 127 * velocity, age)),
            torch.from_numpy(target.astype(np.float32)),
            torch.from_numpy(weight.astype(np.float32)),
        )

    def _aged(
        self,
        take: np.ndarray,
        row: np.ndarray,
        age: np.ndarray,
        target: np.ndarray,
        random: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ages and levels, some of them later than what was recorded."""
        decays = self.decays[self.corpus.instrument[take]]
        chance = random.random(len(take))
        held = ~decays & (age > _HELD_S) & (chance < 0.5)
        later = _HELD_S * (LONGEST_AGE_S / _HELD_S) ** random.random(len(take))
        age = np.where(held, later, age)
        gone = decays & (chance < 0.2)
        end = np.diff(self.corpus.first)[take] * HOP_S
        late = random.uniform(0, 1, len(take)) ** 2 * (LONGEST_AGE_S - end)
        fallen = self._last[take] + self._slope[take] * late[:, None]
        age = np.where(gone, end + late, age)
        return age, np.where(gone[:, None], fallen, target)

    def _louder(
        self,
        spectra: np.ndarray,
        target: np.ndarray,
        instrument: np.ndarray,
        pitch: np.ndarray,
        dynamics: np.ndarray,
        velocity: np.ndarray,
        random: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return spectra, levels, dynamics and velocities of notes struck otherwise."""
        size = len(pitch)
        slope = brightness(self.laws, instrument, pitch)
        lacking = dynamics == UNKNOWN
        made = np.where(lacking, random.integers(0, 5, size), dynamics)
        change = np.where(lacking, velocity_of(made) - velocity, 0).astype(np.float32)[:, None]
        hz = np.broadcast_to(frequencies_hz(), spectra.shape)
        if lacking.any():
            seen = self.laws.at_hz(instrument[lacking], hz[lacking])
            whole = self.laws.range_db[instrument[lacking], None]
            spectra[lacking] += (seen + whole) * change[lacking]
        velocity = velocity + change[:, 0]
        struck = np.where(random.random(size) < 0.6, random.uniform(0.05, 1, size), velocity)
        change = change + OWN_SHARE * (struck - velocity).astype(np.float32)[:, None]
        tilted = target + slope * change
        tilted += (total_db(target) - total_db(tilted))[:, None]
        return spectra, tilted, made, struck.astype(np.float32)


def unobserved(pitch: np.ndarray) -> np.ndarray:
    """Return which harmonics (n, 64) of keys (n,) are above HIGHEST_HZ."""
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    return f0[:, None] * np.arange(1, HARMONICS + 1) > HIGHEST_HZ


def beyond(levels: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Return levels (n, 88) whose hidden harmonics fall by 18 dB an octave from the last heard."""
    number = np.arange(1, HARMONICS + 1)
    heard = np.maximum((~hidden).sum(1), 1)
    last = heard[:, None] - 1 - np.arange(3)
    start = np.take_along_axis(levels, np.maximum(last, 0), 1).mean(1)
    fallen = start[:, None] - 18 * np.log2(np.maximum(number / heard[:, None], 1))
    done = levels.copy()
    done[:, :HARMONICS] = np.where(hidden, fallen, levels[:, :HARMONICS])
    return done


def brightness(laws: Laws, instrument: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Return what a whole velocity adds to each level (n, 88), in dB."""
    edges = band_edges_hz()
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    harmonics = f0[:, None] * np.arange(1, HARMONICS + 1)
    middles = np.broadcast_to((edges[1:] + edges[:-1]) / 2, (len(pitch), len(edges) - 1))
    return laws.at_hz(instrument, np.concatenate([harmonics, middles], 1))


def shifted(spectra: np.ndarray, bins: np.ndarray, silence: float = FLOOR_DB) -> np.ndarray:
    """Return spectra (n, 410) moved up by so many bins each, silence moving in."""
    place = np.arange(BINS) - bins[:, None]
    moved = np.take_along_axis(spectra, np.clip(place, 0, BINS - 1), 1)
    moved[(place < 0) | (place >= BINS)] = silence
    return moved


def _endings(corpus: Corpus) -> tuple[np.ndarray, np.ndarray]:
    """Return the last levels (takes, 88) and how they fall in dB a second."""
    last = np.empty((len(corpus.pitch), corpus.levels.shape[1]), np.float32)
    slope = np.empty_like(last)
    for take in range(len(last)):
        levels = corpus.levels[corpus.rows(take)].astype(np.float32)
        half = levels[len(levels) // 2 :]
        last[take] = half[-5:].mean(0)
        time = (np.arange(len(half)) - (len(half) - 1) / 2) * HOP_S
        slope[take] = time @ half / max(float(time @ time), 1e-6)
    return last, np.clip(slope, -60, -6)
