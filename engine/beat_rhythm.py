"""The table of how rhythms go on, which the beat tracker weighs its guesses with. [main]

Learnt from public-domain scores by `training.beat.rhythm`; the file and its card are in
models/weights. Places count in twelfths of a beat from the bar line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models import registry

TICKS = 12  # a beat
LONGEST = 8 * TICKS  # between onsets; what is longer is a rest
METRES = ((2, False), (3, False), (4, False), (2, True), (3, True), (4, True))  # beats, of thirds
FEATURES = 6
STEPS = (1, 2, 3, 4, 6, 9, 12)  # kinds of distances: up to so many twelfths; then longer ones
KINDS_OF_STEP = len(STEPS) + 1
LOW_KEYS, MIDDLE_MEMORY = 5.0, 0.1
LEAST_CHANCE = 1e-6  # of a place where nothing ever begins


def kind_of_step(distance: int) -> int:
    """The kind of a distance between onsets, 0 to KINDS_OF_STEP - 1. [any]"""
    return int(np.searchsorted(STEPS, distance))


def feature_of(size: int, lowest: float, middle: float) -> int:
    """What kind of onset it is: one, two or more keys, and whether the lowest is a bass. [any]

    `middle` is the running mean of the lowest keys, by MIDDLE_MEMORY of each.
    """
    return min(size, 3) - 1 + (3 if lowest < middle - LOW_KEYS else 0)


@dataclass(frozen=True)
class Rhythm:
    """Log-probabilities, float32. A metre: of METRES by number; a place: from the bar line."""

    following: np.ndarray  # (metre, place, kind of the distance before, distance to the next)
    features: np.ndarray  # (metre, place, kind of onset), relative to all places
    first: np.ndarray  # (metre, place): where a piece or a section begins
    metres: np.ndarray  # (metre,)
    places: np.ndarray  # (n, 2) metre and place ...
    chances: np.ndarray  # ... and the rising sum of their chances, 0 to 1


def load_rhythm(name: str = "beat_rhythm") -> Rhythm:
    """The table of that name in the registry; ModelError if it is damaged. [main]"""
    entry = registry.find_rhythm(name)
    return rhythm_of(registry.read_weights(registry.content(entry), str(entry.file)))


def rhythm_of(arrays: dict[str, np.ndarray]) -> Rhythm:
    """A table of its arrays following, features, first and metres. [any]"""
    chance = np.exp(arrays["metres"][:, None].astype(np.float64) + arrays["first"])
    places = np.argwhere(chance > LEAST_CHANCE)
    chances = np.cumsum(chance[places[:, 0], places[:, 1]])
    return Rhythm(**arrays, places=places, chances=chances / chances[-1])
