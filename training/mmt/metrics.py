"""The measures of Table 3.3, by MusPy's definitions (section 2.3.4), and their confidence.

Each takes notes (n, 4) as models.mmt.representation has them and returns nan where there is
nothing to measure.
"""

import math
from collections.abc import Iterable

import numpy as np

from models.mmt.representation import KEY, LENGTH, ONSET, TICKS

MEASURE = 4 * TICKS  # ticks that grooves are compared by, whatever the metre
_MAJOR = (0, 2, 4, 5, 7, 9, 11)
# Each natural minor scale has the notes of a major one: twelve scales are all of them.
_SCALES = np.array([[(step - root) % 12 in _MAJOR for step in range(12)] for root in range(12)])


def pitch_class_entropy(notes: np.ndarray) -> float:
    """Return the entropy of the notes' pitch classes in bits: 0 to log2(12)."""
    if not len(notes):
        return math.nan
    share = np.bincount(notes[:, KEY] % 12, minlength=12) / len(notes)
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())


def scale_consistency(notes: np.ndarray) -> float:
    """Return the largest share of notes that are in one major or minor scale: 0 to 1."""
    if not len(notes):
        return math.nan
    count = np.bincount(notes[:, KEY] % 12, minlength=12)
    return float((_SCALES @ count).max() / len(notes))


def groove_consistency(notes: np.ndarray, measure: int = MEASURE) -> float:
    """Return 1 minus the share of ticks at which neighbouring measures differ in having an onset.

    The music lasts to the end of its last note and has one measure more than fit into that; the
    differences, one fewer than the measures, are divided by all of the measures' ticks.
    """
    if not len(notes):
        return math.nan
    measures = int((notes[:, ONSET] + notes[:, LENGTH]).max()) // measure + 1
    onsets = np.zeros((measures, measure), bool)
    onsets[notes[:, ONSET] // measure, notes[:, ONSET] % measure] = True
    return 1 - np.count_nonzero(onsets[1:] != onsets[:-1]) / onsets.size


METRICS = {
    "pitch class entropy": pitch_class_entropy,
    "scale consistency": scale_consistency,
    "groove consistency": groove_consistency,
}


def opening(notes: np.ndarray, beats: int = 64) -> np.ndarray:
    """Return the notes that begin in the first beats: what the measures are taken of."""
    return notes[notes[:, ONSET] < beats * TICKS]


def with_confidence(values: Iterable[float]) -> tuple[float, float]:
    """Return the mean, and half the width of its 95 % confidence interval; nan are left out."""
    known = np.array([value for value in values if not math.isnan(value)])
    if len(known) < 2:
        return (float(known[0]) if len(known) else math.nan), math.nan
    return float(known.mean()), float(1.96 * known.std(ddof=1) / math.sqrt(len(known)))


def measured(pieces: Iterable[np.ndarray]) -> dict[str, tuple[float, float]]:
    """Return each measure of the pieces' openings with its confidence."""
    openings = [opening(notes) for notes in pieces]
    return {
        name: with_confidence(measure(notes) for notes in openings)
        for name, measure in METRICS.items()
    }
