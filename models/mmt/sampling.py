"""Choosing the codes of the next row: what is allowed, how surprising it may be, and the draw.

`Rules` says it in words; `packed` turns it into the arrays the compiled draw reads. The fields are
drawn in ORDER. What is not allowed is masked before the filter, so that the filter keeps as many
choices as it would have.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numba import njit

from models.errors import ModelError
from models.mmt.representation import (
    BEAT,
    BEATS,
    END,
    INSTRUMENT,
    INSTRUMENT_ROW,
    NOTE,
    NOTES,
    PITCH,
    POSITION,
    SIZES,
    START,
    TICKS,
    TYPE,
)
from models.mmt.shape import IN_TURN, ORDER, ROTARY, Shape
from models.mmt.step import enter_turns, hear_turn, tell_together, tell_turn

TOP_K, TOP_P, MIN_P = "top-k", "top-p", "min-p"
_FILTERS = (TOP_K, TOP_P, MIN_P)
MIN_P_SHARE = 0.02  # of the likeliest, where music is continued: chosen on validation pieces
_STARTS = np.cumsum((0, *SIZES[:-1]))


@dataclass(frozen=True)
class Rules:
    """How the next row is chosen. The defaults are the dissertation's: top-k of a tenth.

    `amount` is the share of a field's codes that stay (top-k), the probability they have together
    (top-p), or the least share of the likeliest code's probability (min-p). `instruments`, if any
    are named, are the only ones that play. No note begins before `earliest_ticks`, and none more
    than `longest_wait_beats` after the note before it or `earliest_ticks`.
    """

    temperature: float = 1.0
    filter: str = TOP_K
    amount: float = 0.1
    instruments: Collection[int] = ()
    earliest_ticks: int = 0
    longest_wait_beats: int = BEATS
    may_end: bool = True
    notes_only: bool = False
    lowest_key: int = 0
    highest_key: int = 127

    def __post_init__(self) -> None:
        for name, low, high in (
            ("temperature", 0.01, 10),
            ("amount", 0, 1),
            ("earliest_ticks", 0, BEATS * TICKS - 1),
            ("longest_wait_beats", 0, BEATS),
            ("lowest_key", 0, 127),
            ("highest_key", self.lowest_key, 127),
        ):
            value = getattr(self, name)
            if not (low <= value <= high and math.isfinite(value)):
                raise ModelError(f"{name} must be {low} to {high}, got {value}")
        if self.filter not in _FILTERS:
            raise ModelError(f"filter must be one of {_FILTERS}, got '{self.filter}'")
        bad = [code for code in self.instruments if not 1 <= code < SIZES[INSTRUMENT]]
        if bad:
            raise ModelError(f"instruments must be 1 to {SIZES[INSTRUMENT] - 1}, got {bad[0]}")

    def not_before(self, ticks: int) -> "Rules":
        """Return these rules for notes from a time on. [any]"""
        return replace(self, earliest_ticks=ticks)


class Draw(NamedTuple):
    """Rules as arrays."""

    allowed: np.ndarray  # uint8, every code of every field
    filter: np.ndarray  # float64: temperature, filter, amount
    numbers: np.ndarray  # int64: EARLIEST tick, longest WAIT in beats
    kept: np.ndarray  # int64 a field: codes that top-k keeps
    free: np.ndarray  # float32 (largest field,): zeros, what most codes cost
    players: np.ndarray  # float32 (instruments,): nats taken from those that would play a note


EARLIEST, WAIT = range(2)  # of the numbers


def packed(rules: Rules) -> Draw:
    """Return rules as the compiled draw reads them. [any]"""
    allowed = np.ones(sum(SIZES), np.uint8)
    allowed[_STARTS[TYPE] + START] = 0
    allowed[_STARTS[TYPE] + END] = rules.may_end
    if rules.notes_only:
        allowed[[_STARTS[TYPE] + kind for kind in (INSTRUMENT_ROW, NOTES)]] = 0
    allowed[_STARTS[1:]] = 0  # no note and no instrument is undefined
    players = slice(_STARTS[INSTRUMENT], _STARTS[INSTRUMENT] + SIZES[INSTRUMENT])
    if rules.instruments:
        allowed[players] = 0
        allowed[_STARTS[INSTRUMENT] + np.array(sorted(rules.instruments))] = 1
    keys = np.arange(SIZES[PITCH]) - 1
    at = _STARTS[PITCH]
    allowed[at : at + SIZES[PITCH]] &= (keys >= rules.lowest_key) & (keys <= rules.highest_key)
    kind = (rules.temperature, _FILTERS.index(rules.filter), rules.amount)
    share = rules.amount if rules.filter == TOP_K else 1.0
    kept = [max(1, math.ceil(round(share * size, 9))) for size in SIZES]
    return Draw(
        allowed,
        np.array(kind, np.float64),
        np.array((rules.earliest_ticks, rules.longest_wait_beats), np.int64),
        np.array(kept, np.int64),
        np.zeros(max(SIZES), np.float32),
        np.zeros(SIZES[INSTRUMENT], np.float32),
    )


_fast = njit(nogil=True, error_model="numpy", cache=True)
_START_OF = np.array(_STARTS, np.int64)
_SIZE_OF = np.array(SIZES, np.int64)
_IN_ORDER = np.array(ORDER, np.int64)


@_fast
def draw_row(w, s, row, in_turn, rotary, before, draw, uniforms, out):
    """Draw the row that follows hidden row `row` into out (6,) int64; return its log-probability.

    `before` (6,) is the row that was fed last, uniforms (6,) are in 0..1. The log-probability is
    the network's own, before rules and temperature. [worker]
    """
    out[:] = 0
    if in_turn:
        enter_turns(w, s, row)
    else:
        tell_together(w, s, row)
    earliest, wait = draw.numbers[EARLIEST], draw.numbers[WAIT]
    last_beat = max(np.int64(1), before[BEAT])
    # The first beat code a note may have, and the first position on that beat.
    first_beat = max(last_beat, earliest // TICKS + 1)
    told = 0.0
    for place in range(_IN_ORDER.size):
        field = _IN_ORDER[place]
        size = _SIZE_OF[field]
        if in_turn:
            tell_turn(w, s, place)
            logits = s.logits[:size]
        else:
            logits = s.logits[_START_OF[field] : _START_OF[field] + size]
        wanted = (
            field == TYPE
            or out[TYPE] == NOTE
            or (out[TYPE] == INSTRUMENT_ROW and field == INSTRUMENT)
        )
        code = np.int64(0)
        if wanted:
            low, high = np.int64(0), size - 1
            if field == TYPE:
                low = before[TYPE]
                if low in (START, NOTES):
                    low += 1
            elif field == BEAT:
                low, high = first_beat, min(np.int64(BEATS), first_beat + wait)
                if rotary:
                    low, high = low - last_beat + 1, high - last_beat + 1
            elif field == POSITION and out[BEAT] == earliest // TICKS + 1:
                low = earliest % TICKS + 1
            elif field == INSTRUMENT and out[TYPE] == INSTRUMENT_ROW:
                low = before[INSTRUMENT] + 1
            plays = field == INSTRUMENT and out[TYPE] == NOTE
            code, log_probability = _draw(
                logits,
                draw.players if plays else draw.free,
                draw.allowed[_START_OF[field] : _START_OF[field] + size],
                low,
                high,
                draw.filter,
                draw.kept[field],
                uniforms[place],
                s.shares,
            )
            told += log_probability
        if in_turn and place + 1 < _IN_ORDER.size:
            hear_turn(w, s, field, code)
        if field == BEAT and rotary and wanted:
            code += last_beat - 1
        out[field] = code
    return told


@_fast
def _draw(logits, costs, allowed, low, high, numbers, kept, uniform, scratch):
    """Return a code drawn from low..high of the allowed ones, and its log-probability.

    `costs` are nats taken from the logits; the log-probability is without them. If nothing in
    low..high is allowed, low itself, or the last code, is returned.
    """
    size = logits.size
    p = scratch[:size]
    temperature = np.float32(numbers[0])
    top, best = np.float32(-1e30), np.int64(-1)
    highest = np.float32(-1e30)
    for j in range(size):
        highest = max(highest, logits[j])
        if low <= j <= high and allowed[j] and logits[j] - costs[j] > top:
            top, best = logits[j] - costs[j], j
    total = 0.0
    for j in range(size):
        total += math.exp(logits[j] - highest)
    log_total = highest + math.log(total)
    if best < 0:
        code = min(low, size - 1)
        return code, logits[code] - log_total
    mass = np.float32(0.0)
    for j in range(size):
        p[j] = np.float32(0.0)
        if low <= j <= high and allowed[j]:
            p[j] = np.float32(math.exp((logits[j] - costs[j] - top) / temperature))
            mass += p[j]
    if numbers[1] == 2.0:  # min-p: the likeliest has 1
        mass = np.float32(0.0)
        for j in range(size):
            if p[j] < numbers[2]:
                p[j] = np.float32(0.0)
            mass += p[j]
    else:
        mass = _keep_likeliest(p, kept, mass, numbers[2] if numbers[1] == 1.0 else 1.0)
    aim = np.float32(uniform) * mass
    code = best
    for j in range(size):
        if p[j] > 0:
            code = j
            aim -= p[j]
            if aim < 0:
                break
    return code, logits[code] - log_total


@_fast
def _keep_likeliest(p, kept, mass, share):
    """Zero all but the likeliest `kept`, or those that have `share` of the mass; return theirs.

    Those taken are marked by a minus sign until the end.
    """
    taken = np.float32(0.0)
    count = 0
    while count < kept and taken < share * mass:
        best = -1
        for j in range(p.size):
            if p[j] > 0 and (best < 0 or p[j] > p[best]):
                best = j
        if best < 0:
            break
        taken += p[best]
        p[best] = -p[best]
        count += 1
    for j in range(p.size):
        p[j] = max(np.float32(0.0), -p[j])
    return taken


def kind_of(shape: Shape) -> tuple[bool, bool]:
    """Return whether a network tells codes in turn, and whether it reads advances. [any]"""
    return shape.heads == IN_TURN, shape.positions == ROTARY
