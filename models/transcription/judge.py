"""The judge of found notes: how loud each is and which instrument plays it, asked of its spectra.

The network that finds notes reads every key at once and knows timbre poorly. The judge sees one
note's frames, each moved so that the note's fundamental lies at the same bin, with the key and the
frame's age beside them, and says a probability for each of five dynamics and of the instruments;
a note is the mean over its frames. Numpy; training/latent_morph/transcription/judging.py trains it,
`engine.transcription` asks it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models import registry
from models.errors import ModelError
from models.morph.spectrum import BINS, FLOOR_DB, bin_of
from models.transcription.network import DYNAMICS

BELOW, ABOVE = 48, 224  # bins around the fundamental: an octave, and nearly five
SEEN = BELOW + ABOVE
FACTS = 5  # key, its square, age twice, that it is a note
FASTEST_S, SLOWEST_S = 0.05, 0.4  # how fast the two features of age fade
MOST_FRAMES = 24  # of a note that are asked, spread over it


def shapes(hidden: int, instruments: int) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the arrays of a weights file. [any]"""
    return {
        "w0": (SEEN + FACTS, hidden),
        "b0": (hidden,),
        "w1": (hidden, hidden),
        "b1": (hidden,),
        "w2": (hidden, len(DYNAMICS) + instruments),
        "b2": (len(DYNAMICS) + instruments,),
    }


@dataclass(frozen=True)
class Judge:
    """Checked weights. ModelError names an array that is not the judge's."""

    weights: dict[str, np.ndarray]
    instruments: tuple[str, ...]

    def __post_init__(self) -> None:
        hidden = self.weights["b0"].size if "b0" in self.weights else 0
        for name, shape in shapes(hidden, len(self.instruments)).items():
            if name not in self.weights:
                raise ModelError(f"the judge's weights lack the array '{name}'")
            found = self.weights[name]
            if found.shape != shape or not np.isfinite(found).all():
                raise ModelError(
                    f"the judge's array '{name}' must be {shape} of finite numbers, "
                    f"got {found.shape}"
                )

    def frames(self, read: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return logarithms (n, 5) and (n, instruments) of what `inputs` made. [any]"""
        w = self.weights
        x = np.maximum(read @ w["w0"] + w["b0"], 0)
        x = np.maximum(x @ w["w1"] + w["b1"], 0) @ w["w2"] + w["b2"]
        return _log_softmax(x[:, : len(DYNAMICS)]), _log_softmax(x[:, len(DYNAMICS) :])


def inputs(levels_db: np.ndarray, pitch: np.ndarray, age_s: np.ndarray) -> np.ndarray:
    """Return what the judge reads (n, SEEN + FACTS) of spectra (n, 410) in dB, one a frame. [any]

    `pitch` is each frame's note, `age_s` the time since that began.
    """
    first = np.rint([bin_of(key) for key in pitch]).astype(int) - BELOW
    place = first[:, None] + np.arange(SEEN)
    inside = (place >= 0) & (place < BINS)
    moved = np.take_along_axis(levels_db, np.clip(place, 0, BINS - 1), 1)
    read = np.zeros((len(levels_db), SEEN + FACTS), np.float32)
    read[:, :SEEN] = (np.where(inside, moved, FLOOR_DB) + 60) / 25
    key = (np.asarray(pitch) - 60) / 24
    age = np.asarray(age_s)
    facts = (key, key * key, np.exp(-age / FASTEST_S), np.exp(-age / SLOWEST_S), 1 + 0 * key)
    read[:, SEEN:] = np.stack(facts, 1)
    return read


def asked(first: int, last: int) -> np.ndarray:
    """Return which of the frames of a note from `first` to before `last` are asked. [any]"""
    count = min(max(last - first, 1), MOST_FRAMES)
    return first + np.floor((np.arange(count) + 0.5) * max(last - first, 1) / count).astype(int)


def shipped(name: str) -> Judge:
    """Return a registered judge. ModelError if it is missing or damaged. [main]"""
    entry = registry.find_judge(name)
    return Judge(registry.read_weights(registry.content(entry), str(entry.file)), entry.instruments)


def random_judge(seed: int, instruments: int = 3, hidden: int = 8) -> Judge:
    """Return an untrained judge, the same for the same seed. [any]"""
    random = np.random.default_rng(seed)
    weights = {
        name: (random.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)
        for name, shape in shapes(hidden, instruments).items()
    }
    return Judge(weights, tuple(f"instrument {n}" for n in range(instruments)))


def _log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))
