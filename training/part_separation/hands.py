"""Makes of a score for several players what two hands can play.

At every onset the keys that are down must fit two hands: five keys each, a ninth from the lowest
to the highest. What does not fit is what a pianist would give up: keys already down are let go,
the soonest to end first; then inner notes are left out.
"""

import numpy as np

SPAN_SEMITONES = 14
FINGERS = 5


def playable(notes: np.ndarray) -> np.ndarray:
    """Return notes (m, 4) of onset, duration, pitch, part, sorted by onset, some cut or missing."""
    notes = notes.copy()
    kept = np.ones(len(notes), bool)
    down: list[int] = []
    onsets, starts = np.unique(notes[:, 0], return_index=True)
    for onset, group in zip(onsets, np.split(np.arange(len(notes)), starts[1:]), strict=True):
        down = [i for i in down if notes[i, 0] + notes[i, 1] > onset]
        struck = list(group)
        while down and not fits(notes[down + struck, 2]):
            i = _given_up(notes, down, struck)
            notes[i, 1] = onset - notes[i, 0]
            down.remove(i)
        while not fits(notes[struck, 2]):
            i = _left_out(notes, struck)
            kept[i] = False
            struck.remove(i)
        down += struck
    return notes[kept]


def fits(pitches: np.ndarray) -> bool:
    """Return whether two hands can hold these keys."""
    keys = np.unique(pitches)
    return any(_one_hand(keys[:i]) and _one_hand(keys[i:]) for i in range(len(keys) + 1))


def _one_hand(keys: np.ndarray) -> bool:
    return len(keys) == 0 or (len(keys) <= FINGERS and keys[-1] - keys[0] <= SPAN_SEMITONES)


def _given_up(notes: np.ndarray, down: list[int], struck: list[int]) -> int:
    """Return the key to let go: the soonest to end of those that are enough by themselves."""
    enough = [i for i in down if fits(notes[[j for j in down if j != i] + struck, 2])]
    return min(enough or down, key=lambda i: int(notes[i, 0] + notes[i, 1]))


def _left_out(notes: np.ndarray, struck: list[int]) -> int:
    """Return the inner note to leave out: one that is enough by itself, if there is."""
    inner = sorted(struck, key=lambda i: int(notes[i, 2]))[1:-1]
    enough = [i for i in inner if fits(notes[[j for j in struck if j != i], 2])]
    return (enough or inner)[0]
