"""The judge of found notes: how loud each is and which instrument plays it, asked of its spectra.

The network that finds notes reads every key at once and knows timbre poorly. The judge sees one
note's frames, each moved so that the note's fundamental lies at the same bin, with the key and the
frame's age beside them, and says a probability for each of five dynamics and of the instruments;
a note is the mean over its frames. Of dynamics it is asked once more: of the note's course
(models.morph.course), how it begins and wavers, and both answers' logarithms add up. Numpy;
training/latent_morph/transcription/judging.py trains it, `engine.transcription` asks it.
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
ATTACK, HELD = ((0, 1), (1, 3), (3, 6)), 2  # of a course, in frames of HOP_S
PARTS = len(ATTACK) + 2
COURSE_FACTS = 4  # key, its square, how long it lasts, that it is a note
LONGEST_S = 2.0  # a note that lasts longer is the same


def shapes(hidden: int, instruments: int, course_hidden: int) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the arrays of a weights file. [any]"""
    return {
        "course_w0": (PARTS * SEEN + COURSE_FACTS, course_hidden),
        "course_b0": (course_hidden,),
        "course_w1": (course_hidden, course_hidden),
        "course_b1": (course_hidden,),
        "course_w2": (course_hidden, len(DYNAMICS)),
        "course_b2": (len(DYNAMICS),),
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
        sizes = [self.weights[b].size if b in self.weights else 0 for b in ("b0", "course_b0")]
        for name, shape in shapes(sizes[0], len(self.instruments), sizes[1]).items():
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
        x = self._through(read, "")
        return _log_softmax(x[:, : len(DYNAMICS)]), _log_softmax(x[:, len(DYNAMICS) :])

    def courses(self, read: np.ndarray) -> np.ndarray:
        """Return logarithms (n, 5) of what `course_inputs` made. [any]"""
        return _log_softmax(self._through(read, "course_"))

    def _through(self, read: np.ndarray, which: str) -> np.ndarray:
        w = self.weights
        x = np.maximum(read @ w[f"{which}w0"] + w[f"{which}b0"], 0)
        x = np.maximum(x @ w[f"{which}w1"] + w[f"{which}b1"], 0)
        return x @ w[f"{which}w2"] + w[f"{which}b2"]


def inputs(levels_db: np.ndarray, pitch: np.ndarray, age_s: np.ndarray) -> np.ndarray:
    """Return what the judge reads (n, SEEN + FACTS) of spectra (n, 410) in dB, one a frame. [any]

    `pitch` is each frame's note, `age_s` the time since that began.
    """
    read = np.zeros((len(levels_db), SEEN + FACTS), np.float32)
    read[:, :SEEN] = (_around(levels_db, pitch, FLOOR_DB) + 60) / 25
    key = (np.asarray(pitch) - 60) / 24
    age = np.asarray(age_s)
    facts = (key, key * key, np.exp(-age / FASTEST_S), np.exp(-age / SLOWEST_S), 1 + 0 * key)
    read[:, SEEN:] = np.stack(facts, 1)
    return read


def course_inputs(courses: np.ndarray, pitch: np.ndarray, lasts_s: np.ndarray) -> np.ndarray:
    """Return what the judge reads (n, PARTS * SEEN + COURSE_FACTS) of courses. [any]

    `courses` (n, PARTS, 410) are those of ATTACK and HELD, of notes `pitch` that last so long.
    """
    held = (_around(courses[:, 0], pitch, FLOOR_DB) + 60) / 25
    others = [_around(courses[:, part], pitch, 0.0) / 8 for part in range(1, PARTS)]
    key = (np.asarray(pitch) - 60) / 24
    lasts = np.minimum(np.asarray(lasts_s), LONGEST_S)
    facts = np.stack([key, key * key, lasts, 1 + 0 * key], 1)
    return np.concatenate([held, *others, facts], 1).astype(np.float32)


def _around(levels: np.ndarray, pitch: np.ndarray, silence: float) -> np.ndarray:
    """Return the bins (n, SEEN) around each note's fundamental, `silence` beyond the spectrum."""
    first = np.rint([bin_of(key) for key in pitch]).astype(int) - BELOW
    place = first[:, None] + np.arange(SEEN)
    inside = (place >= 0) & (place < BINS)
    moved = np.take_along_axis(levels, np.clip(place, 0, BINS - 1), 1)
    return np.where(inside, moved, np.float32(silence))


def asked(first: int, last: int) -> np.ndarray:
    """Return which of the frames of a note from `first` to before `last` are asked. [any]"""
    count = min(max(last - first, 1), MOST_FRAMES)
    return first + np.floor((np.arange(count) + 0.5) * max(last - first, 1) / count).astype(int)


def shipped(name: str) -> Judge:
    """Return a registered judge. ModelError if it is missing or damaged. [main]"""
    entry = registry.find_judge(name)
    return Judge(registry.read_weights(registry.content(entry), str(entry.file)), entry.instruments)


def random_judge(seed: int, instruments: int = 3, hidden: int = 8, course_hidden: int = 4) -> Judge:
    """Return an untrained judge, the same for the same seed. [any]"""
    random = np.random.default_rng(seed)
    weights = {
        name: (random.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)
        for name, shape in shapes(hidden, instruments, course_hidden).items()
    }
    return Judge(weights, tuple(f"instrument {n}" for n in range(instruments)))


def _log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))
