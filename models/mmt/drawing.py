"""The draw of a note that someone will hear: what the players can play, and never in the past.

models.mmt.sampling draws rows of a sequence; here the next note of a running stream is drawn, with
what only playing knows: which voices are free when, how far they reach, how much silence is
wanted, and which codes are given beforehand. Compiled; called by models.mmt.stream. [worker]
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from models.errors import ModelError
from models.mmt.representation import (
    BEAT,
    BEATS,
    DURATION,
    DURATIONS,
    INSTRUMENT,
    NOTE,
    PITCH,
    POSITION,
    SIZES,
    TICKS,
    TYPE,
)
from models.mmt.sampling import (
    _IN_ORDER,
    _SIZE_OF,
    _START_OF,
    EARLIEST,
    MIN_P_SHARE,
    WAIT,
    _draw,
)
from models.mmt.step import enter_turns, hear_turn, tell_together, tell_turn

CODE, LOW, HIGH, FREE, SOUNDING, PART = range(6)  # the columns of voices
# Of the numbers, behind EARLIEST and WAIT: nats taken from each tick waited; the tick by which the
# next note begins, or as soon afterwards as a voice can.
HURRY, LATEST = 2, 3
_HURRIED = 2  # beats: waiting longer costs no more
_TOP_P = 1.0
_DENSITY_NATS = 2.5  # a beat of waiting, at density 1
_MOST = max(SIZES)


@dataclass(frozen=True)
class Taste:
    """How the ensemble draws. `min_p` and `top_p` both apply; 0 and 1 let everything pass.

    `density` is -1..1: 0 as the network likes, above it shorter waits, below it longer ones.
    """

    temperature: float = 1.0
    min_p: float = MIN_P_SHARE
    top_p: float = 1.0
    density: float = 0.0
    longest_wait_beats: int = 2
    longest_beats: float = 8.0  # of a note

    def __post_init__(self) -> None:
        for name, low, high in (
            ("temperature", 0.1, 2),
            ("min_p", 0, 1),
            ("top_p", 0.01, 1),
            ("density", -1, 1),
            ("longest_wait_beats", 0, 64),
            ("longest_beats", 1 / TICKS, 32),
        ):
            value = getattr(self, name)
            if not (low <= value <= high and math.isfinite(value)):
                raise ModelError(f"{name} must be {low} to {high}, got {value}")


class Limits(NamedTuple):
    """What one draw has to keep to, as the compiled code reads it."""

    voices: np.ndarray  # int64 (voices, 6): code, lowest, highest key, free from, its key, part
    given: np.ndarray  # int64 (6,): codes that are given, -1 where drawn
    filter: np.ndarray  # float64: temperature, min-p, top-p
    numbers: np.ndarray  # float64: EARLIEST tick, longest WAIT in beats, HURRY in nats, LATEST tick
    worn: np.ndarray  # float32 (65, 129): nats taken from an instrument's pitches
    costs: np.ndarray  # float32 (largest field,), scratch
    allowed: np.ndarray  # uint8 (largest field,), scratch
    lengths: np.ndarray  # uint8, which codes of durations are allowed


def limits(taste: Taste, voices: np.ndarray) -> Limits:
    """Return Limits for `voices`; earliest and given are the caller's to set. [worker]"""
    lengths = np.zeros(SIZES[DURATION], np.uint8)
    lengths[1:] = taste.longest_beats * TICKS >= DURATIONS
    return Limits(
        voices=voices,
        given=np.full(len(SIZES), -1, np.int64),
        filter=np.array([taste.temperature, taste.min_p, taste.top_p]),
        numbers=np.array([0.0, taste.longest_wait_beats, hurry_of(taste), np.inf]),
        worn=np.zeros((SIZES[INSTRUMENT], SIZES[PITCH]), np.float32),
        costs=np.zeros(_MOST, np.float32),
        allowed=np.zeros(_MOST, np.uint8),
        lengths=lengths,
    )


def hurry_of(taste: Taste) -> float:
    """Return the nats a tick of waiting that a density stands for. [any]"""
    return taste.density * _DENSITY_NATS / TICKS


@njit(nogil=True, error_model="numpy", cache=True)
def earliest_onset(voices, before, earliest):
    """Return the first tick from `earliest` on at which some voice can begin a note, or -1.

    `before` (6,) is the last row: on its own onset only a voice that reaches above it can.
    """
    last = (before[BEAT] - 1) * TICKS + before[POSITION] - 1 if before[TYPE] == NOTE else -1
    best = np.int64(-1)
    for v in range(voices.shape[0]):
        at = max(earliest, voices[v, FREE])
        if at <= last:
            at = last if _reach(voices, v, before, last) else max(last + 1, at)
        if best < 0 or at < best:
            best = at
    return best


@njit(nogil=True, error_model="numpy", cache=True)
def draw_note(w, s, row, in_turn, rotary, before, limits, uniforms, out):
    """Draw the note that follows hidden row `row` into out (6,) int64; False if none can be.

    `before` (6,) is the row that was fed last, uniforms (6,) are in 0..1. [worker]
    """
    voices, numbers, costs = limits.voices, limits.numbers, limits.costs
    earliest = earliest_onset(voices, before, np.int64(numbers[EARLIEST]))
    if earliest < 0 or earliest >= BEATS * TICKS:
        return False
    last_beat = max(np.int64(1), before[BEAT])
    last = (before[BEAT] - 1) * TICKS + before[POSITION] - 1 if before[TYPE] == NOTE else -1
    first_beat = max(last_beat, earliest // TICKS + 1)
    latest = max(earliest, np.int64(min(numbers[LATEST], BEATS * TICKS - 1.0)))
    out[:] = 0
    if in_turn:
        enter_turns(w, s, row)
    else:
        tell_together(w, s, row)
    allowed = limits.allowed
    for place in range(_IN_ORDER.size):
        field = _IN_ORDER[place]
        size = _SIZE_OF[field]
        given = limits.given[field]
        if field == TYPE:
            given = NOTE
        if in_turn:
            tell_turn(w, s, place)
            logits = s.logits[:size]
        else:
            logits = s.logits[_START_OF[field] : _START_OF[field] + size]
        shift = last_beat - 1 if field == BEAT and rotary else 0  # from told codes to beats
        if given >= 0:
            code = given - shift
        else:
            allowed[:size] = 0
            costs[:size] = 0.0
            if field == BEAT:
                high = min(np.int64(BEATS), first_beat + np.int64(numbers[WAIT]))
                high = min(high, latest // TICKS + 1)
                for j in range(first_beat, high + 1):
                    allowed[j - shift] = 1
                    costs[j - shift] = numbers[HURRY] * TICKS * min(j - first_beat, _HURRIED)
            elif field == POSITION:
                low = earliest % TICKS if out[BEAT] == earliest // TICKS + 1 else 0
                top = latest % TICKS + 1 if out[BEAT] == latest // TICKS + 1 else TICKS
                for j in range(low, top):
                    at = (out[BEAT] - 1) * TICKS + j
                    if _any_free(voices, at) and (at > last or _any_reach(voices, before, last)):
                        allowed[j + 1] = 1
                        costs[j + 1] = numbers[HURRY] * (j - low)
            elif field == INSTRUMENT:
                at = (out[BEAT] - 1) * TICKS + out[POSITION] - 1
                for v in range(voices.shape[0]):
                    if voices[v, FREE] <= at and (at > last or _reach(voices, v, before, last)):
                        allowed[voices[v, CODE]] = 1
            elif field == PITCH:
                at = (out[BEAT] - 1) * TICKS + out[POSITION] - 1
                _mark_keys(voices, before, at, last, out[INSTRUMENT], allowed)
                for j in range(size):
                    costs[j] = limits.worn[out[INSTRUMENT], j]
            else:
                allowed[:size] = limits.lengths
            code = _pick(logits, costs, allowed[:size], limits.filter, uniforms[place], s.shares)
            if code < 0:
                return False
        if in_turn and place + 1 < _IN_ORDER.size:
            hear_turn(w, s, field, code)
        out[field] = code + shift
    return True


@njit(nogil=True, error_model="numpy", cache=True)
def _lowest_after(before, code):
    """The lowest key that instrument `code` may strike on the onset of `before`."""
    return before[PITCH] - 1 if code > before[INSTRUMENT] else before[PITCH]


@njit(nogil=True, error_model="numpy", cache=True)
def _reach(voices, v, before, last):
    """Whether voice v, free or not so far, can begin a note on the last onset as well."""
    return voices[v, FREE] <= last and voices[v, HIGH] >= _lowest_after(before, voices[v, CODE])


@njit(nogil=True, error_model="numpy", cache=True)
def _any_free(voices, at):
    found = False
    for v in range(voices.shape[0]):
        found |= voices[v, FREE] <= at
    return found


@njit(nogil=True, error_model="numpy", cache=True)
def _any_reach(voices, before, last):
    found = False
    for v in range(voices.shape[0]):
        found |= _reach(voices, v, before, last)
    return found


@njit(nogil=True, error_model="numpy", cache=True)
def _mark_keys(voices, before, at, last, code, allowed):
    """Allow the keys that the free voices of instrument `code` reach and do not sound already."""
    lowest = _lowest_after(before, code) if at == last else np.int64(0)
    for v in range(voices.shape[0]):
        if voices[v, CODE] == code and voices[v, FREE] <= at:
            for key in range(max(lowest, voices[v, LOW]), voices[v, HIGH] + 1):
                allowed[key + 1] = 1
    for v in range(voices.shape[0]):
        if voices[v, CODE] == code and voices[v, FREE] > at and voices[v, SOUNDING] >= 0:
            allowed[voices[v, SOUNDING] + 1] = 0


@njit(nogil=True, error_model="numpy", cache=True)
def _pick(logits, costs, allowed, numbers, uniform, shares):
    """Return a drawn code, -1 if none is allowed; min-p and top-p both hold."""
    some = False
    for j in range(allowed.size):
        some |= allowed[j] != 0
    if not some:
        return np.int64(-1)
    if numbers[1] > 0.0:
        top = np.float32(-1e30)
        for j in range(allowed.size):
            if allowed[j]:
                top = max(top, logits[j] - costs[j])
        least = top + numbers[0] * math.log(numbers[1])
        for j in range(allowed.size):
            if logits[j] - costs[j] < least:
                allowed[j] = 0
    kind = np.array([numbers[0], _TOP_P, numbers[2]])
    code, _ = _draw(
        logits, costs, allowed, np.int64(0), logits.size - 1, kind, logits.size, uniform, shares
    )
    return code
