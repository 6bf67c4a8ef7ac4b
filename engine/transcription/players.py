"""Who plays: one or two instruments for a whole recording, and which of them each note is. [any]"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

SECOND_GAIN = 8.0  # a second instrument explains so much more a note of its own, or is not there
FEWEST_NOTES = 2  # of the second instrument
FEWEST_SHARE = 0.08


def assign(
    evidence: np.ndarray,
    among: Sequence[int] | None = None,
    most: int = 2,
    second_gain: float = SECOND_GAIN,
) -> np.ndarray:
    """Return an instrument for each note, (n,), from what speaks for each, (n, instruments).

    At most `most` of them, 1 or 2, unless `among` says which there are: then each note is one of
    those.
    """
    if len(evidence) == 0:
        return np.zeros(0, int)
    if among:
        chosen = np.array(sorted(set(among)))
        return chosen[evidence[:, chosen].argmax(axis=1)]
    total = evidence.sum(axis=0)
    alone = int(total.argmax())
    best, found = float(total[alone]), np.full(len(evidence), alone)
    if most < 2:
        return found
    for pair in itertools.combinations(range(evidence.shape[1]), 2):
        own = evidence[:, pair]
        shares = own.argmax(axis=1)
        fewer = int(min(shares.sum(), len(shares) - shares.sum()))
        if fewer < max(FEWEST_NOTES, FEWEST_SHARE * len(shares)):
            continue
        explained = float(own.max(axis=1).sum()) - second_gain * fewer
        if explained > best:
            best, found = explained, np.array(pair)[shares]
    return found
