"""The study's rules: zones and closest pitch, as the paper defines them; writes results/.

Zones are the best for the training pieces, or (oracle) for each piece. Closest pitch is told each
part's first note, sees a chord whole, and in its mono form gives a note to no part that is still
sounding. All of it takes seconds.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import numpy as np
from numba import njit

from training.part_separation.prepare import Chorale
from training.part_separation.study.corpora import BUILD, MOST_NOTES, PARTS, RESULTS, load

RULES = ("zones", "zones-oracle", "closest", "closest-mono")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(PARTS))
    parser.add_argument("--data", type=Path, default=BUILD)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    for name in options.names:
        corpus = load(name, options.data)
        classes = len(corpus.parts)
        zones = best_zones(corpus.train, classes)
        for rule in RULES:
            began = time.process_time()
            result: dict[str, object] = {"run": f"{name}-{rule}"}
            for side, pieces in (("valid", corpus.valid), ("test", corpus.test)):
                right = np.concatenate([piece_right(rule, p, zones, classes) for p in pieces])
                result[side] = round(100 * float(right.mean()), 2)
                result[f"{side}_notes"] = len(right)
            if rule == "zones":
                result["zones"] = described(zones)
            result["cpu_s"] = round(time.process_time() - began, 1)
            path = options.out / f"{result['run']}.json"
            path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            print(result, flush=True)


def piece_right(rule: str, piece: Chorale, zones: np.ndarray, classes: int) -> np.ndarray:
    """Return (n,) bool: where a rule gives the notes of a piece, its first 2000, their part."""
    notes = piece.notes[:MOST_NOTES].astype(np.int64)
    if rule == "zones":
        labels = zones[notes[:, 2]]
    elif rule == "zones-oracle":
        labels = best_zones([Chorale("", notes)], classes)[notes[:, 2]]
    else:
        labels = closest(notes, first_notes(notes), rule == "closest-mono")
    return labels == notes[:, 3]


def best_zones(pieces: list[Chorale], classes: int) -> np.ndarray:
    """Return part (128,) of each key: of all orders and borders of zones the most often right."""
    counts = np.zeros((classes, 129))
    for piece in pieces:
        np.add.at(counts, (piece.notes[:, 3], piece.notes[:, 2] + 1), 1)
    below = counts.cumsum(1)  # notes of a part under a key
    best, zones = -1.0, np.zeros(128, np.int64)
    for order in itertools.permutations(range(classes)):  # from the lowest zone to the highest
        worth, ends = below[order[0]].copy(), []
        for k in order[1:]:
            gain = (
                worth - below[k]
            )  # a zone that begins at a key: what was before, less what is k's
            begin = np.maximum.accumulate(
                np.where(gain == np.maximum.accumulate(gain), np.arange(129), 0)
            )
            ends.append(begin)
            worth = gain[begin] + below[k]
        if worth[128] > best:
            best = worth[128]
            border, borders = 128, [128]
            for begin in reversed(ends):
                border = int(begin[border])
                borders.append(border)
            zones = np.repeat(order, np.diff([0, *borders[::-1]]))
    return zones


def described(zones: np.ndarray) -> list[list[int]]:
    """Return (first key, part) of each zone."""
    starts = np.flatnonzero(np.diff(zones, prepend=-1))
    return [[int(key), int(zones[key])] for key in starts]


def first_notes(notes: np.ndarray) -> np.ndarray:
    """Return (n,) bool: which notes are their part's first."""
    _, first = np.unique(notes[:, 3], return_index=True)
    told = np.zeros(len(notes), bool)
    told[first] = True
    return told


@njit(cache=True)
def closest(notes, told, mono):
    """Return parts (n,) int64 of notes (n, 4) sorted by onset; `told` (n,) bool: which are given.

    A part that has not entered takes no note. `mono` gives a chord's notes distinct free parts by
    the least sum of squared steps; of equal choices the one in which fewest parts cross, as they
    go from high to low. A part still sounding is taken only if all are.
    """
    n = len(notes)
    classes = notes[:, 3].max() + 1
    last = np.full(classes, -1000, np.int64)
    end = np.full(classes, -1, np.int64)
    labels = np.full(n, -1, np.int64)
    start = 0
    while start < n:
        stop = start
        while stop < n and notes[stop, 0] == notes[start, 0]:
            stop += 1
        for i in range(start, stop):
            if told[i]:
                labels[i] = notes[i, 3]
        if mono:
            _distinct(notes, start, stop, last, end, labels)
        for i in range(start, stop):
            if labels[i] < 0:
                labels[i] = _nearest(notes[i], last, end, mono)
        for i in range(start, stop):
            last[labels[i]] = notes[i, 2]
            end[labels[i]] = max(end[labels[i]], notes[i, 0] + notes[i, 1])
        start = stop
    return labels


@njit(cache=True)
def _nearest(note, last, end, mono):
    best, chosen = np.int64(1) << 60, 0
    for k in range(last.size):
        cost = (note[2] - last[k]) ** 2
        if mono and end[k] > note[0]:
            cost += 1000000
        if last[k] < 0:
            cost += 100000000
        if cost < best:
            best, chosen = cost, k
    return chosen


@njit(cache=True)
def _distinct(notes, start, stop, last, end, labels):
    """Give a chord's untold notes distinct free parts, where there are as many."""
    classes = last.size
    free = np.zeros(classes, np.bool_)
    count = 0
    for k in range(classes):
        free[k] = last[k] >= 0 and end[k] <= notes[start, 0]
    for i in range(start, stop):
        if labels[i] >= 0:
            free[labels[i]] = False
    for k in range(classes):
        count += free[k]
    open_notes = np.zeros(stop - start, np.int64)
    size = 0
    for i in range(start, stop):
        if labels[i] < 0:
            open_notes[size] = i
            size += 1
    if size < 1 or size > count:
        return
    after = np.zeros(classes, np.int64)
    choice = np.zeros(size, np.int64)
    best_choice = np.zeros(size, np.int64)
    best = 1e18
    total = classes**size
    for code in range(total):
        rest, cost, taken, good = code, 0.0, 0, True
        for j in range(size - 1, -1, -1):  # of equals, the first note to the higher part
            k = rest % classes
            rest //= classes
            if not free[k] or taken & (1 << k):
                good = False
                break
            taken |= 1 << k
            choice[j] = k
            cost += (notes[open_notes[j], 2] - last[k]) ** 2
        if not good or cost >= best:
            continue
        cost += 0.0001 * _swapped(notes, open_notes, choice)
        after[:] = last
        for i in range(start, stop):
            if labels[i] >= 0:
                after[labels[i]] = notes[i, 2]
        for j in range(size):
            after[choice[j]] = notes[open_notes[j], 2]
        for k in range(classes):
            for m in range(k):
                if after[m] >= 0 and 0 <= after[m] < after[k]:
                    cost += 0.001
        if cost < best:
            best = cost
            best_choice[:] = choice
    for j in range(size):
        labels[open_notes[j]] = best_choice[j]


@njit(cache=True)
def _swapped(notes, chosen, parts):
    """Return how many pairs on one key lie the less usual way.

    The longer of two usually is the higher part's, as on the training chorales; two of one length
    come in the order of the parts.
    """
    count = 0
    for j in range(chosen.size):
        for m in range(j):
            a, b = notes[chosen[m]], notes[chosen[j]]
            if a[2] == b[2]:
                in_order = parts[m] < parts[j]
                count += in_order if a[1] < b[1] else not in_order
    return count


if __name__ == "__main__":
    main()
