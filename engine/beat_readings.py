"""The beat tracker's arithmetic, compiled: one step of all readings at a chord, and what they say.

Called by `engine.beat_tracking` alone, which owns the arrays. A reading is a row of COLUMNS
numbers: the logarithm of its weight; when its last place was, in seconds, and the length of a
beat, with their variances and covariance; metre and place (twelfths from the bar line). [worker]
"""

import math

import numpy as np
from numba import njit

from engine.beat_rhythm import KINDS_OF_STEP, LONGEST, STEPS, TICKS

WEIGHT, AT, PERIOD, VAR_AT, COVAR, VAR_PERIOD, METRE, PLACE, STEP = range(9)
COLUMNS = 9
CANDIDATES = 8192
SLOTS = 16384  # of the table that finds equal readings, a power of two
LEADERS = 12
SHORTEST_S, LONGEST_S = 0.15, 3.0  # of a beat: 400 and 20 bpm
# Columns of the settings, in the order of engine.beat_tracking.Model
TEMPO, SPREAD, PULL, ONSET_S, ONSET_BEATS, DRIFT, ORNAMENT, HOLD, HOLD_BEATS = range(9)
MEMORY, KIND, RHYTHM, RENEWAL, CONSTANCY, KEPT = range(9, 15)
ORNAMENT_S = 0.08  # after the onset before it, on average
REACH = 2.8  # standard deviations
WORST = 12.0  # below the best, where a reading is dropped
SAME_TEMPO = 0.03  # of readings taken as one, natural logarithm
LIKELY = -3.0  # of a next place that may be held back
KIND_OF = np.searchsorted(np.array(STEPS), np.arange(LONGEST + 1))
FURTHEST_HOLD = 2 * TICKS
AGREE_TEMPO, AGREE_BEATS = 0.12, 0.11  # of readings that say the same beat
RATIOS = (1.0, 2.0, 0.5, 1.0, 1.5, 2.0 / 3.0, 3.0, 1.0 / 3.0)  # of fresh readings
CALM_BEATS = 4.0  # the drift of a longer distance is that of this one

compiled = njit(nogil=True, cache=True, error_model="numpy")


@compiled
def step(readings, count, at_s, gap_s, kind, settings, rhythm, beats, work):
    """Take in a chord: readings (n, COLUMNS) -> the best of what may follow, in work[0].

    `gap_s`: since the chord before; `rhythm`: following, features (metre, place, ...). Returns how
    many there are; the best has weight 0.
    """
    following, features = rhythm
    out, slots, stamps, order = work
    stamps[SLOTS] += 1
    best = -1e300
    made = 0
    ornament = math.log(settings[ORNAMENT] / ORNAMENT_S) - gap_s / ORNAMENT_S
    for i in range(count):
        weight = settings[MEMORY] * readings[i, WEIGHT]
        if weight + ornament > best - WORST:
            made = _put(
                *(out, slots, stamps, made, weight + ornament),
                *(readings[i, AT], readings[i, PERIOD], readings[i, VAR_AT], readings[i, COVAR]),
                *(readings[i, VAR_PERIOD], int(readings[i, METRE]), int(readings[i, PLACE]), 1),
                int(readings[i, STEP]),
            )
        made, best = _advance(
            *(readings[i], weight, at_s, kind, settings, following, features, beats),
            *(out, slots, stamps, made, best),
        )
    return _best_of(out, made, int(settings[KEPT]), order)


@compiled
def _advance(
    reading,
    weight,
    at_s,
    kind,
    settings,
    following,
    features,
    beats,
    out,
    slots,
    stamps,
    made,
    best,
):
    """Send one reading to all places near the chord; (how many there are now, best weight)."""
    metre = int(reading[METRE])
    place = int(reading[PLACE])
    stride = int(reading[STEP])
    period = reading[PERIOD]
    bar = beats[metre] * TICKS
    noise_s = settings[ONSET_BEATS] * period
    noise = settings[ONSET_S] * settings[ONSET_S] + noise_s * noise_s
    passed = (at_s - reading[AT]) / period
    spread = math.sqrt(_var_at(reading, min(passed, 8.0), settings) + noise) / period
    first = max(math.ceil((passed - REACH * spread) * TICKS), 1)
    last = min(math.floor((passed + REACH * spread) * TICKS), LONGEST - 1)
    pull = math.log(period * settings[TEMPO] / 60.0) / settings[SPREAD]
    weight -= 0.5 * settings[PULL] * pull * pull
    for distance in range(first, last + 1):
        ahead = distance / TICKS
        variance = _var_at(reading, ahead, settings)
        total = variance + noise
        error = at_s - reading[AT] - ahead * period
        target = (place + distance) % bar
        its = (
            weight
            + settings[RHYTHM] * following[metre, place, stride, distance]
            + settings[KIND] * features[metre, target, kind]
            - 0.5 * error * error / total
            - 0.5 * math.log(total)
        )
        if its < best - WORST:
            continue
        best = max(best, its)
        drift = settings[DRIFT] * period
        far = min(ahead, CALM_BEATS)
        covar = reading[COVAR] + ahead * reading[VAR_PERIOD] + 0.5 * drift * drift * far * far
        var_period = reading[VAR_PERIOD] + drift * drift * far
        gain_at = variance / total
        gain_period = covar / total
        new_period = period + gain_period * error
        if new_period < SHORTEST_S or new_period > LONGEST_S:
            continue
        made = _put(
            *(out, slots, stamps, made, its, reading[AT] + ahead * period + gain_at * error),
            *(new_period, (1.0 - gain_at) * variance, (1.0 - gain_at) * covar),
            *(var_period - gain_period * covar, metre, target, 0, KIND_OF[distance]),
        )
    hold = settings[HOLD_BEATS] * period
    for distance in range(1, min(first, FURTHEST_HOLD + 1)):
        likely = following[metre, place, stride, distance]
        if likely < LIKELY:
            continue
        target = (place + distance) % bar
        late = at_s - reading[AT] - distance * period / TICKS
        its = (
            weight
            + settings[RHYTHM] * likely
            + settings[KIND] * features[metre, target, kind]
            + math.log(settings[HOLD] / hold)
            - late / hold
            + 0.919
        )
        if its < best - WORST:
            continue
        best = max(best, its)
        made = _put(
            *(out, slots, stamps, made, its, at_s, period, noise, 0.0),
            *(reading[VAR_PERIOD] + noise_s * noise_s, metre, target, 0, KIND_OF[distance]),
        )
    if passed * TICKS > LONGEST - TICKS:  # a rest: it goes on at any beat, in the old tempo
        for beat in range(beats[metre]):
            target = beat * TICKS
            its = weight + settings[KIND] * features[metre, target, kind] - 6.0
            best = max(best, its)
            made = _put(
                *(out, slots, stamps, made, its, at_s, period, noise, 0.0),
                *(reading[VAR_PERIOD] + noise_s * noise_s, metre, target, 0, KINDS_OF_STEP - 1),
            )
    return made, best


@compiled
def _var_at(reading, ahead, settings):
    """Variance of a reading's time so many beats ahead."""
    drift = settings[DRIFT] * reading[PERIOD]
    far = min(ahead, CALM_BEATS)
    variance = reading[VAR_AT] + 2.0 * ahead * reading[COVAR]
    return variance + ahead * ahead * reading[VAR_PERIOD] + drift * drift * far * far * far / 3.0


@compiled
def _put(
    out,
    slots,
    stamps,
    made,
    weight,
    at_s,
    period,
    var_at,
    covar,
    var_period,
    metre,
    place,
    waits,
    stride,
):
    """Add a reading, or its weight to one that says the same; how many there are now."""
    if made == CANDIDATES:
        return made
    tempo = int(math.log(period) / SAME_TEMPO) + 512
    key = (((metre * 64 + place) * KINDS_OF_STEP + stride) * 1024 + tempo) * 2 + waits
    slot = (key * 2654435761 >> 8) & (SLOTS - 1)
    while stamps[slot] == stamps[SLOTS]:
        other = slots[slot, 1]
        if slots[slot, 0] == key:
            high = max(out[other, WEIGHT], weight)
            total = high + math.log1p(math.exp(min(out[other, WEIGHT], weight) - high))
            if weight > out[other, WEIGHT]:
                _write(
                    out[other], total, at_s, period, var_at, covar, var_period, metre, place, stride
                )
            else:
                out[other, WEIGHT] = total
            return made
        slot = (slot + 1) & (SLOTS - 1)
    stamps[slot] = stamps[SLOTS]
    slots[slot, 0] = key
    slots[slot, 1] = made
    _write(out[made], weight, at_s, period, var_at, covar, var_period, metre, place, stride)
    return made + 1


@compiled
def _write(row, weight, at_s, period, var_at, covar, var_period, metre, place, stride):
    row[WEIGHT] = weight
    row[AT] = at_s
    row[PERIOD] = period
    row[VAR_AT] = var_at
    row[COVAR] = covar
    row[VAR_PERIOD] = var_period
    row[METRE] = metre
    row[PLACE] = place
    row[STEP] = stride


@compiled
def _best_of(out, made, kept, order):
    """Move the `kept` heaviest readings to the front, the best's weight 0; how many there are."""
    if made == 0:
        return 0
    best = out[:made, WEIGHT].max()
    limit = best - WORST
    if made > kept:
        order[:made] = out[:made, WEIGHT]
        limit = max(limit, np.partition(order[:made], made - kept)[made - kept])
    count = 0
    for i in range(made):
        if out[i, WEIGHT] >= limit and count < kept:
            weight = out[i, WEIGHT] - best
            out[count] = out[i]
            out[count, WEIGHT] = weight
            count += 1
    return count


@compiled
def verdict(readings, count, at_s, told, settings, found, columns):
    """Find the beat most readings agree on: (period, phase in beats at at_s, share, best row).

    `told`: period and phase expected now, and whether anything was told before. Into `found`.
    """
    weights, tempi, phases = columns[0], columns[1], columns[2]
    total = 0.0
    for i in range(count):
        weights[i] = math.exp(readings[i, WEIGHT])
        tempi[i] = math.log(readings[i, PERIOD])
        phases[i] = _phase(readings[i], at_s)
        total += weights[i]
    best_score = -1.0
    bound = math.inf
    for _ in range(LEADERS):
        leader = -1
        for i in range(count):  # the heaviest of those lighter than the last leader
            if weights[i] < bound and (leader < 0 or weights[i] > weights[leader]):
                leader = i
        if leader < 0:
            break
        bound = weights[leader]
        mass = 0.0
        off = 0.0
        stretch = 0.0
        for i in range(count):
            ratio = tempi[i] - tempi[leader]
            away = _wrapped(phases[i] - phases[leader])
            if abs(ratio) < AGREE_TEMPO and abs(away) < AGREE_BEATS:
                mass += weights[i]
                off += weights[i] * away
                stretch += weights[i] * ratio
        score = mass / total
        near = told[2] > 0.0 and abs(tempi[leader] - math.log(told[0])) < AGREE_TEMPO
        if near and abs(_wrapped(phases[leader] - told[1])) < 1.5 * AGREE_BEATS:
            score *= math.exp(settings[CONSTANCY])
        if score > best_score:
            best_score = score
            found[0] = readings[leader, PERIOD] * math.exp(stretch / mass)
            found[1] = phases[leader] + off / mass
            found[2] = mass / total
            found[3] = leader


@compiled
def _phase(reading, at_s):
    """Where in its beat a reading is at a time: 0 up to 1 (or beyond)."""
    return (reading[PLACE] % TICKS) / TICKS + (at_s - reading[AT]) / reading[PERIOD]


@compiled
def _wrapped(beats):
    """The same place of the beat, from -0.5 to 0.5."""
    return beats - math.floor(beats + 0.5)


@compiled
def fresh(readings, count, number, at_s, gap_s, period, settings, chances, places, seed):
    """Add readings drawn at random: how many there are now, and the generator's new state.

    `chances`: rising sums of the chances of the rows of `places` (metre, place).
    """
    for _ in range(number):
        draws = np.empty(3)
        for k in range(3):
            seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
            draws[k] = (seed >> 8) / (0x7FFFFFFF >> 8)
        ratio = RATIOS[min(int(draws[0] * len(RATIOS)), len(RATIOS) - 1)]
        its = period * ratio * math.exp(0.2 * (draws[1] - 0.5))
        if its < SHORTEST_S or its > LONGEST_S:
            continue
        stride = KIND_OF[min(max(int(gap_s / its * TICKS + 0.5), 1), LONGEST)]
        which = min(np.searchsorted(chances, draws[2]), len(chances) - 1)
        noise_s = settings[ONSET_BEATS] * its
        _write(
            *(readings[count], -settings[RENEWAL], at_s, its),
            *(settings[ONSET_S] ** 2 + noise_s * noise_s, 0.0, (0.08 * its) ** 2),
            *(places[which, 0], places[which, 1], stride),
        )
        count += 1
    return count, seed
