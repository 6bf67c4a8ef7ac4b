"""How the shipped network fares with what players do, and how far its confidence can be trusted.

All performances but the first are live: a tempo of their own, x 0.5 to 2, wandering by 8 %, onsets
up to 15 ms early or late, keys in the order that makes, shared keys struck once. The code that
ships decides, as in evaluate.py; seeded. tests/bench/live_separation.py prints this.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from training.part_separation.evaluate import PERFORMANCES, SEED, Network, play
from training.part_separation.hands import playable
from training.part_separation.live import CLEAN, LIVE, Conditions, Performance
from training.part_separation.prepare import Chorale

WINDOWS_MS = (0, 10, 20, 45)
PLAYED = replace(LIVE, jitter_ms=15)
CONDITIONS: dict[str, Conditions] = {
    "clean": CLEAN,
    "live": PLAYED,
    "staccato x0.3": replace(PLAYED, articulation=(0.3, 0.3)),
    "overlapping x1.3": replace(PLAYED, articulation=(1.3, 1.3)),
    "chords broken over 60 ms": replace(PLAYED, spread_ms=60),
    "arpeggios": replace(PLAYED, arpeggio=0.5),
    "2 % wrong keys": replace(PLAYED, wrong=0.02),
    "2 % split notes": replace(PLAYED, split=0.02),
    "what two hands can play": PLAYED,
}
BINS = 15


def performances(chorales: list[Chorale]) -> dict[str, list[Performance]]:
    """Return condition -> every piece, clean once, else as often as evaluate.py plays it."""
    by_hand = [Chorale(chorale.name, playable(chorale.notes)) for chorale in chorales]
    return {
        name: play(
            by_hand if name == "what two hands can play" else chorales,
            conditions,
            SEED,
            PERFORMANCES if conditions.jitter_ms else 1,
        )
        for name, conditions in CONDITIONS.items()
    }


def measure(network: Network, played: list[Performance], window_ms: float) -> tuple[float, float]:
    """Return accuracy in percent and expected calibration error in points."""
    right, confidence = [], []
    for performance in played:
        labels, _, chances = network.weigh(performance, window_ms)
        right.append(performance.voices[np.arange(len(labels)), labels])
        confidence.append(chances)
    hits = np.concatenate(right)
    return 100 * float(hits.mean()), calibration_error(hits, np.concatenate(confidence))


def calibration_error(right: np.ndarray, confidence: np.ndarray) -> float:
    """Return by how many points confidence and accuracy differ, over 15 bins, by their notes.

    right (n,) bool, confidence (n,) in 0 to 1.
    """
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, right - confidence.astype(np.float64), BINS)
    return 100 * float(np.abs(gaps).sum() / len(right))


def table(network: Network, chorales: list[Chorale]) -> Iterable[dict[str, str | float]]:
    """Yield a row for every condition: accuracy and calibration error of each window."""
    for name, played in performances(chorales).items():
        row: dict[str, str | float] = {"conditions": name}
        for window_ms in WINDOWS_MS:
            accuracy, error = measure(network, played, window_ms)
            row[f"{window_ms} ms"] = accuracy
            row[f"{window_ms} ms, error of confidence"] = error
        yield row
