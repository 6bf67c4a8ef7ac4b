"""Made music for the tests of training: seeded, small, with beats, chords and several players."""

from collections.abc import Sequence

import numpy as np


def piece(seed: int, beats: int = 60, players: Sequence[int] = (25, 27, 1)) -> np.ndarray:
    """Return notes (n, 4): a bass on each beat, a tune in halves over it, chords for the rest."""
    random = np.random.default_rng(seed)
    key = int(random.integers(0, 12))
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    notes = []
    for beat in range(beats):
        degree = (beat // 4 * 3) % 7
        root = 36 + key + int(scale[degree])
        notes.append((beat * 12, root, 12, players[-1]))
        for half in (0, 6):
            step = int(scale[(degree + int(random.integers(0, 3)) * 2) % 7])
            notes.append((beat * 12 + half, 72 + key + step, 6, players[0]))
        if beat % 2 == 0 and len(players) > 2:
            notes.append((beat * 12, root + 19, 24, players[1]))
    return np.array(notes, np.int32)


def sorted_piece(seed: int, beats: int = 60, players: Sequence[int] = (25, 27, 1)) -> np.ndarray:
    """Return the notes in the order of the representation, each once."""
    return np.unique(piece(seed, beats, players), axis=0)
