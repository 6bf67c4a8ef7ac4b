"""From probabilities or rules to parts: the best joint choice for a chord, zones, closest pitch.

Called by the callback for every note or chord, and by training for its figures. Classes are the
model's, from the highest voice (0) to the lowest. Nothing here keeps state.
"""

import math

import numpy as np

from engine.rt.native import rt

MAX_CLASSES = 6  # every ordering of a chord is tried, 720 at most
_VIOLATION = 1e4  # dwarfs every difference of log-probabilities


@rt
def assign_jointly(logp, n, allowed, labels):
    """Give the first `n` notes distinct classes of the best sum of log-probabilities. [audio]

    logp (N, K) float32, n <= K <= MAX_CLASSES; allowed (N, K) uint8, 0 where a note must not get a
    class: where that cannot be kept, as few notes as possible break it; labels (N,) int8 receives
    the result. Of equal sums the first in the order of classes wins. Notes beyond K are assigned
    each for itself.
    """
    classes = logp.shape[1]
    together = min(n, classes, MAX_CLASSES)
    for i in range(together, n):
        labels[i] = _best_class(logp, allowed, i)
    best_score = -1e30
    best = np.int64(0)
    choice = first_choice(together)
    while choice >= 0:
        score = _score(logp, allowed, choice, together)
        if score > best_score:
            best_score = score
            best = choice
        choice = next_choice(choice, together, classes)
    for i in range(together):
        labels[i] = best >> (4 * i) & 15


@rt
def weigh_jointly(logp, n, allowed, labels, temperature, chances):
    """Write how likely each class is for each of the first `n` notes, as notes of distinct classes.

    What `temperature` leaves of the differences between log-probabilities counts: every choice of
    distinct classes is as likely as the exponential of its sum over temperature. As in
    assign_jointly, whose choice `labels` is; n <= K. chances (N, K) float32 receives
    probabilities, the sum of a row is one. [audio]
    """
    classes = logp.shape[1]
    best = np.int64(0)
    for i in range(n):
        best |= np.int64(labels[i]) << (4 * i)
        for k in range(classes):
            chances[i, k] = 0.0
    best_score = _score(logp, allowed, best, n)
    total = 0.0
    choice = first_choice(n)
    while choice >= 0:
        share = math.exp((_score(logp, allowed, choice, n) - best_score) / temperature)
        total += share
        for i in range(n):
            chances[i, choice >> (4 * i) & 15] += np.float32(share)
        choice = next_choice(choice, n, classes)
    for i in range(n):
        for k in range(classes):
            chances[i, k] /= np.float32(total)


@rt
def chance_of(logp, label, temperature):
    """Return how likely a class is for a note by itself: weigh_jointly with n 1. [audio]"""
    total = 0.0
    for k in range(logp.size):
        total += math.exp((np.float64(logp[k]) - np.float64(logp[label])) / temperature)
    return 1.0 / total


@rt
def first_choice(n):
    """Return the first choice of distinct classes for `n` notes, four bits a note. [audio]"""
    choice = np.int64(0)
    for i in range(n):
        choice |= np.int64(i) << (4 * i)
    return choice if n > 0 else np.int64(-1)


@rt
def next_choice(choice, n, classes):
    """Return the choice after `choice` in the order of classes, -1 after the last. [audio]"""
    used = np.int64(0)
    for i in range(n):
        used |= np.int64(1) << (choice >> (4 * i) & 15)
    for i in range(n - 1, -1, -1):
        k = choice >> (4 * i) & 15
        used &= ~(np.int64(1) << k)
        choice &= ~(np.int64(15) << (4 * i))
        k += 1
        while k < classes and used >> k & 1:
            k += 1
        if k < classes:
            choice |= k << (4 * i)
            used |= np.int64(1) << k
            for j in range(i + 1, n):  # the notes after it have the lowest that are left
                k = np.int64(0)
                while used >> k & 1:
                    k += 1
                choice |= k << (4 * j)
                used |= np.int64(1) << k
            return choice
    return np.int64(-1)


@rt
def _score(logp, allowed, choice, n):
    score = 0.0
    for i in range(n):
        k = choice >> (4 * i) & 15
        score += logp[i, k]
        if allowed[i, k] == 0:
            score -= _VIOLATION
    return score


@rt
def mirrored(pitches, i):
    """Return which note of a chord the step of note `i` tells of as they come backwards. [audio]

    That note itself; but of a key struck twice at once the first strike is the first both ways.
    """
    later = 0
    for j in range(i + 1, len(pitches)):
        later += pitches[j] == pitches[i]
    for j in range(len(pitches)):
        if pitches[j] == pitches[i]:
            if later == 0:
                return j
            later -= 1
    return i


@rt
def order_strikes(pitches, labels):
    """Of a key struck twice at once the first strike gets the higher of the two classes. [audio]

    So do parts that share a key come out of a file. pitches (n,), labels (n,) or more.
    """
    for i in range(len(pitches)):
        for j in range(i + 1, len(pitches)):
            if pitches[j] == pitches[i] and labels[j] < labels[i]:
                labels[i], labels[j] = labels[j], labels[i]


@rt
def _best_class(logp, allowed, i):
    best = 0
    best_score = -1e30
    for k in range(logp.shape[1]):
        score = logp[i, k] - (0.0 if allowed[i, k] else _VIOLATION)
        if score > best_score:
            best_score = score
            best = k
    return best


@rt
def assign_zone(pitch, zones):
    """Return the class whose zone holds the key: K-1 rising boundaries, lowest class below. [audio]

    zones (57, 63, 69): bass below 57, tenor 57 to 62, alto 63 to 68, soprano from 69.
    """
    k = zones.size
    for i in range(zones.size):
        if pitch >= zones[i]:
            k -= 1
    return k


@rt
def assign_closest(last_pitch, pitch, allowed):
    """Return the allowed class whose last pitch lies closest; of none, the closest. [audio]

    last_pitch (K,) is what each class played last; at the start, the middle of its range. It is
    the caller's to update. allowed (K,) uint8. Of equal distances the lower voice wins.
    """
    best = 0
    best_distance = np.int64(1) << 40
    for k in range(last_pitch.size):
        step = np.int64(pitch) - np.int64(last_pitch[k])
        distance = step * step + (0 if allowed[k] else 1 << 20)
        if distance <= best_distance:
            best_distance = distance
            best = k
    return best
