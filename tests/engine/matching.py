"""Finding recorded audio, sample by sample, in what was played."""

from collections import defaultdict

import numpy as np

PROBE_FRAMES = 64
LOUD = 0.01


def found_at(piece: np.ndarray, whole: np.ndarray, tolerance: float = 0.0) -> int:
    """The row of `whole` (frames, 2) where `piece` lies, sample by sample; -1 if nowhere."""
    loud = int(np.argmax(np.abs(piece).max(axis=1) > LOUD))
    near = (np.abs(whole - piece[loud]) <= tolerance).all(axis=1)
    for start in np.flatnonzero(near) - loud:
        same = whole[start : start + len(piece)] if start >= 0 else whole[:0]
        if len(same) == len(piece) and np.abs(same - piece).max() <= tolerance:
            return int(start)
    return -1


def exact_runs(captured: np.ndarray, played: np.ndarray) -> list[int]:
    """Lengths of the stretches of `captured` (frames, 2) that are `played`, bit by bit, in order.

    A recording that lost blocks, or repeats some, has several; one that was altered has none.
    Silence is passed over.
    """
    rows: dict[bytes, list[int]] = defaultdict(list)
    for row, values in enumerate(played):
        rows[values.tobytes()].append(row)
    lengths: list[int] = []
    at = after = 0
    while at + PROBE_FRAMES <= len(captured):
        probe = captured[at : at + PROBE_FRAMES]
        near = rows.get(probe[0].tobytes(), []) if np.abs(probe[0]).max() > LOUD else []
        start = next((row for row in near if row >= after and _lies_at(probe, played, row)), -1)
        if start < 0:
            at += 1
            continue
        most = min(len(captured) - at, len(played) - start)
        differs = (captured[at : at + most] != played[start : start + most]).any(axis=1)
        length = int(np.argmax(differs)) if differs.any() else most
        lengths.append(length)
        at, after = at + length, start + length
    return lengths


def _lies_at(probe: np.ndarray, played: np.ndarray, row: int) -> bool:
    return np.array_equal(played[row : row + len(probe)], probe)
