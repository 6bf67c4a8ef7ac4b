"""mir_eval's transcription metrics, summed over recordings. Needs the extra `train`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import mir_eval
import numpy as np

ONSET_S = 0.05
FRAME_S = 0.01


@dataclass(frozen=True)
class Scores:
    """In %, over all notes: F1 of onsets, of onsets and ends, of onsets and who plays; frames."""

    precision: float
    recall: float
    onset: float
    onset_offset: float
    onset_player: float
    frame: float
    notes: int


def hertz(pitch: np.ndarray) -> np.ndarray:
    """Return the frequencies of keys."""
    return 440.0 * 2.0 ** ((np.asarray(pitch, float) - 69) / 12)


def spans(notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return starts and ends (n, 2) in seconds, and frequencies, as mir_eval wants them."""
    times = np.stack([notes["start_s"], notes["end_s"]], axis=1).astype(float).reshape(-1, 2)
    times[:, 1] = np.maximum(times[:, 1], times[:, 0] + 0.01)
    return times, hertz(notes["pitch"])


def matched(true: np.ndarray, found: np.ndarray, offsets: bool = False) -> list[tuple[int, int]]:
    """Return pairs (true, found): same key, onsets within 50 ms, and ends where asked."""
    if not len(true) or not len(found):
        return []
    ends: Any = 0.2 if offsets else None
    return mir_eval.transcription.match_notes(
        *spans(true),
        *spans(found),
        onset_tolerance=ONSET_S,
        offset_ratio=ends,
    )


def score(
    pairs: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray | None]], seconds: float = 0.0
) -> Scores:
    """Return the scores of recordings: true notes, found notes, the found notes' instruments."""
    true_count = found_count = onset = both = player = 0
    right = wrong = missed = 0
    for true, found, players in pairs:
        true_count += len(true)
        found_count += len(found)
        good = matched(true, found)
        onset += len(good)
        both += len(matched(true, found, offsets=True))
        if players is not None:
            player += sum(int(true["instrument"][t]) == int(players[f]) for t, f in good)
        end_s = max([seconds, *true["end_s"].tolist(), *found["end_s"].tolist()])
        one, other = _roll(true, end_s), _roll(found, end_s)
        right += int((one & other).sum())
        wrong += int((~one & other).sum())
        missed += int((one & ~other).sum())
    total = max(1, true_count + found_count)
    return Scores(
        precision=100 * onset / max(1, found_count),
        recall=100 * onset / max(1, true_count),
        onset=200 * onset / total,
        onset_offset=200 * both / total,
        onset_player=200 * player / total,
        frame=200 * right / max(1, 2 * right + wrong + missed),
        notes=true_count,
    )


def _roll(notes: np.ndarray, end_s: float) -> np.ndarray:
    """Return (frames, 128) of what sounds every 10 ms."""
    roll = np.zeros((int(end_s / FRAME_S) + 2, 128), bool)
    for note in notes:
        roll[
            round(float(note["start_s"]) / FRAME_S) : round(float(note["end_s"]) / FRAME_S),
            int(note["pitch"]),
        ] = True
    return roll
