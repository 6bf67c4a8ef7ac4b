"""How good estimated beats are, by the definitions of the field, and their confidence intervals.

F-measure and continuity after Davies, Degara and Plumbley (Evaluation Methods for Musical Audio
Beat Tracking Algorithms, Queen Mary University of London, C4DM-TR-09-06, 2009), with their
tolerances; as there the first five seconds do not count. Times in seconds, rising. Used by
`evaluate` and `tune`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

WINDOW_S = 0.07
WINDOW_BEATS = 0.15
TOLERANCE = 0.175  # of a beat, of place and of length
SETTLE_S = 5.0
LOCKED_BEATS = 8
TEMPO_SPAN = 4  # beats over which the true tempo is taken
LEVELS = (1.0, 2.0, 0.5)


def counted(beat_s: np.ndarray, from_s: float = SETTLE_S) -> np.ndarray:
    """Beats from `from_s` on."""
    return beat_s[beat_s >= from_s]


def f_measure(true_s: np.ndarray, found_s: np.ndarray, window_s: float = WINDOW_S) -> float:
    """Harmonic mean of precision and recall, each beat matched at most once within the window."""
    if not len(true_s) or not len(found_s):
        return 0.0
    return (
        2.0
        * matches(true_s, found_s, np.full(len(true_s), window_s))
        / (len(true_s) + len(found_s))
    )


def f_measure_of_beat(true_s: np.ndarray, found_s: np.ndarray) -> float:
    """The same within WINDOW_BEATS of the true beat's own length."""
    if len(true_s) < 2 or not len(found_s):
        return 0.0
    windows = WINDOW_BEATS * np.minimum(
        np.diff(true_s, append=np.inf), np.diff(true_s, prepend=-np.inf)
    )
    return 2.0 * matches(true_s, found_s, windows) / (len(true_s) + len(found_s))


def matches(true_s: np.ndarray, found_s: np.ndarray, windows_s: np.ndarray) -> int:
    """How many true beats can each be given a found one of their own within their window.

    Both rise and windows hardly change, so the earliest found beat that fits is always right.
    """
    count, place = 0, 0
    for true, window in zip(true_s, windows_s, strict=True):
        while place < len(found_s) and found_s[place] < true - window:
            place += 1
        if place < len(found_s) and found_s[place] <= true + window:
            count += 1
            place += 1
    return count


def continuity(true_s: np.ndarray, found_s: np.ndarray) -> tuple[float, float, float, float]:
    """CMLc, CMLt, AMLc, AMLt: beats right in place and length, longest run and all of them.

    CML: as notated. AML: also between the beats, twice as fast or every other beat.
    """
    if len(true_s) < 2 or len(found_s) < 2:
        return 0.0, 0.0, 0.0, 0.0
    doubled = np.interp(np.arange(0, len(true_s) - 0.75, 0.5), np.arange(len(true_s)), true_s)
    readings = (true_s, doubled[1::2], doubled, true_s[::2], true_s[1::2])
    scores = np.array([_level(reading, found_s) for reading in readings])
    return (*scores[0].tolist(), *scores.max(0).tolist())


def _level(true_s: np.ndarray, found_s: np.ndarray) -> tuple[float, float]:
    """Longest run and number of right beats, as shares of the longer sequence."""
    if len(true_s) < 2:
        return 0.0, 0.0
    longest = run = total = 0
    used = np.zeros(len(true_s), bool)
    for m, found in enumerate(found_s):
        nearest = int(np.argmin(np.abs(true_s - found)))
        right = not used[nearest] and _right(true_s, found_s, nearest, m)
        if right:
            used[nearest] = True
            total += 1
        run = run + 1 if right else 0
        longest = max(longest, run)
    length = max(len(true_s), len(found_s))
    return longest / length, total / length


def _right(true_s: np.ndarray, found_s: np.ndarray, n: int, m: int) -> bool:
    """Whether found beat m is true beat n in place and, with the one before, in length."""
    if m == 0 or n == 0:  # no interval before it: the one after it
        true_period = (
            true_s[n + 1] - true_s[n] if n + 1 < len(true_s) else true_s[n] - true_s[n - 1]
        )
        period = (
            found_s[m + 1] - found_s[m] if m + 1 < len(found_s) else found_s[m] - found_s[m - 1]
        )
    else:
        true_period, period = true_s[n] - true_s[n - 1], found_s[m] - found_s[m - 1]
    place = abs(found_s[m] - true_s[n]) / true_period
    return place < TOLERANCE and abs(1.0 - period / true_period) < TOLERANCE


def tempo_errors(
    true_s: np.ndarray, tempo_at: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """Median relative error of the tempo, as notated and at the nearest of LEVELS.

    The true tempo is that of TEMPO_SPAN beats about a beat, `tempo_at` what was told there.
    """
    if len(true_s) <= TEMPO_SPAN:
        return np.nan, np.nan
    period = (true_s[TEMPO_SPAN:] - true_s[:-TEMPO_SPAN]) / TEMPO_SPAN
    half = TEMPO_SPAN // 2
    ratio = tempo_at(true_s[half:-half]) * period / 60.0
    folded = np.min([np.abs(ratio / level - 1.0) for level in LEVELS], axis=0)
    return float(np.median(np.abs(ratio - 1.0))), float(np.median(folded))


def time_to_lock(true_s: np.ndarray, found_s: np.ndarray) -> float:
    """Seconds from the first true beat to the first of LOCKED_BEATS followed in a row; else inf.

    Found beats one after the other, each within WINDOW_BEATS of its own of the true ones; twice as
    fast or every other beat is a lock too.
    """
    best = np.inf
    if len(true_s) < 2 or len(found_s) < LOCKED_BEATS:
        return best
    doubled = np.interp(np.arange(0, len(true_s) - 0.75, 0.5), np.arange(len(true_s)), true_s)
    for reading in (true_s, doubled, true_s[::2], true_s[1::2]):
        if len(reading) < LOCKED_BEATS:
            continue
        windows = WINDOW_BEATS * np.diff(reading, append=2 * reading[-1] - reading[-2])
        after = np.clip(np.searchsorted(found_s, reading), 1, len(found_s) - 1)
        nearest = after - (reading - found_s[after - 1] < found_s[after] - reading)
        good = np.abs(found_s[nearest] - reading) < windows
        steps = good[1:] & good[:-1] & (np.diff(nearest) == 1)
        run = np.convolve(steps, np.ones(LOCKED_BEATS - 1), "valid")
        if np.any(run == LOCKED_BEATS - 1):
            best = min(best, float(reading[int(np.argmax(run == LOCKED_BEATS - 1))] - true_s[0]))
    return best


def interval(
    values: np.ndarray, groups: list[str], middle: Callable = np.mean, draws: int = 2000
) -> tuple[float, float, float]:
    """Mean (or another middle) over groups of their means; its 95 % interval, groups drawn anew."""
    names = sorted(set(groups))
    own = np.array([np.mean(values[[g == name for g in groups]]) for name in names])
    drawn = np.random.default_rng(1).integers(0, len(own), (draws, len(own)))
    low, high = np.percentile(middle(own[drawn], axis=1), [2.5, 97.5])
    return float(middle(own)), float(low), float(high)
