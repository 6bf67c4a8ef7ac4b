"""The step: rows of codes in, keys and values kept, the probabilities of the next row's codes out.

Compiled, one thread, nothing allocated. `feed` takes up to SLICE rows at a time and remembers
them at their row numbers: going back is feeding again from a smaller number. Weights are int8,
activations become int8 with one scale a row, keys and values are bfloat16, sums are float32.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from models.mmt import kernels
from models.mmt.representation import BEAT, NOTE, POSITION, TICKS, TYPE
from models.mmt.shape import HEAD, Shape

SLICE = 16  # rows at most in one call of feed
_BLOCK = 16  # keys side by side

fast = njit(nogil=True, error_model="numpy", cache=True, fastmath=True)

_one_row = kernels.panel(kernels.KIND, rows=1, unroll=4)
_four_rows = kernels.panel(kernels.KIND, rows=4, unroll=2)
_scores = kernels.scores(HEAD)
_mix = kernels.mix(HEAD)
_exp: Any = kernels.exp_below_zero
_bfloat16: Any = kernels.to_bfloat16


class State(NamedTuple):
    """What a step remembers and works in. `keys` and `values` are what it remembers."""

    keys: np.ndarray  # uint16 (layers, heads, blocks, HEAD * 16)
    values: np.ndarray  # uint16 (layers, heads, blocks * 16 * HEAD)
    x: np.ndarray  # float32 (SLICE, width): the rows on their way through the layers
    hidden: np.ndarray  # float32 (SLICE, width): what `feed` leaves, the input of the heads
    wide: np.ndarray  # float32, one slice of the widest layer, flat
    mixed: np.ndarray  # float32, one slice of attention, flat
    bytes_: np.ndarray  # uint8, one slice of activations, flat
    scale: np.ndarray  # float32 (SLICE,)
    sums: np.ndarray  # int32 (64,)
    shares: np.ndarray  # float32: scores, then softmax; as long as the rows and any field's codes
    turn: np.ndarray  # float32 (turn width,): what the heads in turn know
    logits: np.ndarray  # float32, flat
    angles: np.ndarray  # float32 (SLICE, 2, HEAD // 2): cosine and sine


def new_state(shape: Shape) -> State:
    """Return the State of a network that has heard nothing. [main]"""
    heads, blocks = shape.width // HEAD, -(-shape.rows // _BLOCK)
    widest = max(3 * shape.width, shape.inner, shape.turn_inner, shape.turn_width)
    f = np.float32
    return State(
        keys=np.zeros((shape.layers, heads, blocks, HEAD * _BLOCK), np.uint16),
        values=np.zeros((shape.layers, heads, blocks * _BLOCK * HEAD), np.uint16),
        x=np.zeros((SLICE, shape.width), f),
        hidden=np.zeros((SLICE, shape.width), f),
        wide=np.zeros(SLICE * widest, f),
        mixed=np.zeros(SLICE * shape.width, f),
        bytes_=np.zeros(SLICE * widest, np.uint8),
        scale=np.zeros(SLICE, f),
        sums=np.zeros(64, np.int32),
        shares=np.zeros(max(blocks * _BLOCK, *shape.sizes, 1), f),
        turn=np.zeros(max(1, shape.turn_width), f),
        logits=np.zeros(max(sum(shape.sizes) + 15, 16 * len(shape.sizes) + sum(shape.sizes)), f),
        angles=np.zeros((SLICE, 2, HEAD // 2), f),
    )


@fast
def feed(w, s, rows, count, first, told):
    """Take rows[first : first + count] of a sequence; leave s.hidden. [worker]

    rows (n, fields) int64 holds the rows before as well, which must have been fed. count is at
    most SLICE. told float32, empty but for who wants to see: to told[i] is added how much of row i
    each head of each layer took; the rows must have been fed and are not remembered again.
    """
    width = w.embedding.shape[1]
    rotary = w.row_turns.shape[0] > 0
    for r in range(count):
        row = rows[first + r]
        x = s.x[r]
        x[:] = 0.0
        if not rotary:
            x[:] = w.positions[first + r]
        for field in range(row.size):
            code = row[field]
            if rotary and field == BEAT and row[TYPE] == NOTE:  # told from the note before
                code = code + 1 - (max(np.int64(1), rows[first + r - 1, BEAT]) if first + r else 1)
            e = w.embedding[w.starts[field] + code]
            for j in range(width):
                x[j] += e[j]
        if rotary:
            _find_angles(w, row, first + r, s.angles[r])
    for layer in range(s.keys.shape[0]):
        for r in range(count):
            s.scale[r] = _normed_bytes(s.x[r], w.norms[2 * layer], s.hidden[r], s.bytes_, r * width)
        _apply(w.qkv, layer, s, count, s.wide)
        if rotary:
            for r in range(count):
                _turn(s.wide[3 * width * r : 3 * width * r + 2 * width], s.angles[r])
        if told.size == 0:
            _remember(s, layer, count, first, width)
        _attend(s, layer, count, first, width, told)
        for r in range(count):
            s.scale[r] = _as_bytes(s.mixed[r * width : (r + 1) * width], s.bytes_, r * width)
        _apply(w.out, layer, s, count, s.mixed)
        for r in range(count):
            x, y = s.x[r], s.mixed[r * width : (r + 1) * width]
            for j in range(width):
                x[j] += y[j]
            s.scale[r] = _normed_bytes(x, w.norms[2 * layer + 1], s.hidden[r], s.bytes_, r * width)
        _apply(w.up, layer, s, count, s.wide)
        inner = 16 * w.up.blocks[layer]
        for r in range(count):
            wide = s.wide[r * inner : (r + 1) * inner]
            _gelu(wide)
            s.scale[r] = _as_bytes(wide, s.bytes_, r * inner)
        _apply(w.down, layer, s, count, s.mixed)
        for r in range(count):
            x, y = s.x[r], s.mixed[r * width : (r + 1) * width]
            for j in range(width):
                x[j] += y[j]
    for r in range(count):
        _norm(s.x[r], w.norms[2 * s.keys.shape[0]], s.hidden[r])


@fast
def _find_angles(w, row, number, angles):
    """Write cosine and sine of the turns of row `number`: by its number, then by its time."""
    half = w.waves.shape[1]
    ticks = np.int64(0)
    if row[TYPE] == NOTE:
        ticks = (row[BEAT] - 1) * TICKS + row[POSITION] - 1
    for k in range(2):
        for j in range(half):
            angles[k, j] = w.row_turns[number, k, j]
            angles[k, half + j] = w.time_turns[k, w.waves[0, j] + ticks % w.waves[1, j]]


@fast
def tell_together(w, s, row):
    """Write the logits of all fields of what follows hidden row `row` into s.logits. [worker]"""
    s.scale[0] = _as_bytes(s.hidden[row], s.bytes_, 0)
    _apply(w.logits, 0, s, 1, s.logits)


@fast
def enter_turns(w, s, row):
    """Begin to tell in turn the codes of what follows hidden row `row`. [worker]"""
    s.scale[0] = _as_bytes(s.hidden[row], s.bytes_, 0)
    _apply(w.turn_in, 0, s, 1, s.turn)


@fast
def tell_turn(w, s, place):
    """Write the logits of field ORDER[place] to the front of s.logits. [worker]"""
    turn = s.turn[: w.turn_norms.shape[2]]
    inner = 16 * w.turn_up.blocks[place]
    s.scale[0] = _normed_bytes(turn, w.turn_norms[place], s.wide, s.bytes_, 0)
    _apply(w.turn_up, place, s, 1, s.wide)
    _gelu(s.wide[:inner])
    s.scale[0] = _as_bytes(s.wide[:inner], s.bytes_, 0)
    _apply(w.turn_down, place, s, 1, s.wide)
    for j in range(turn.size):
        turn[j] += s.wide[j]
    s.scale[0] = _as_bytes(turn, s.bytes_, 0)
    _apply(w.logits, place, s, 1, s.logits)


@fast
def hear_turn(w, s, field, code):
    """Let the codes that are still to be told know what `field` has become. [worker]"""
    e = w.turn_embedding[w.starts[field] + code]
    for j in range(e.size):
        s.turn[j] += e[j]


@fast
def _apply(m, i, s, count, out):
    """Write matrix i times the slice's bytes, plus bias, into `out`, row after row."""
    groups, blocks = m.groups[i], m.blocks[i]
    stride, width = 4 * groups, 16 * blocks
    sums = s.sums
    for b in range(blocks):
        at = m.at[i] + b * groups * 64
        o = m.row_at[i] + b * 16
        scale, bias = m.scale[o : o + 16], m.bias[o : o + 16]
        r = 0
        while r + 4 <= count:
            _four_rows(m.codes, at, groups, s.bytes_, r * stride, stride, m.offset, o, sums)
            for k in range(4):
                y = out[(r + k) * width + b * 16 : (r + k) * width + b * 16 + 16]
                for j in range(16):
                    y[j] = np.float32(sums[k * 16 + j]) * (s.scale[r + k] * scale[j]) + bias[j]
            r += 4
        while r < count:
            _one_row(m.codes, at, groups, s.bytes_, r * stride, stride, m.offset, o, sums)
            y = out[r * width + b * 16 : r * width + b * 16 + 16]
            for j in range(16):
                y[j] = np.float32(sums[j]) * (s.scale[r] * scale[j]) + bias[j]
            r += 1


@fast
def _as_bytes(x, bytes_, at):
    """Write x as bytes about 128 and return the scale of one."""
    top = np.float32(0.0)
    for j in range(x.size):
        top = max(top, abs(x[j]))
    if top < np.float32(1e-20):
        top = np.float32(1e-20)
    each = np.float32(127.0) / top
    y = bytes_[at : at + x.size]
    for j in range(x.size):
        y[j] = np.uint8(np.int32(x[j] * each + np.float32(128.5)))
    return top / np.float32(127.0)


@fast
def _norm(x, gain_bias, y):
    """Write x, with mean 0 and variance 1, times the gain plus the bias, into y."""
    total = np.float32(0.0)
    for j in range(x.size):
        total += x[j]
    mean = total / np.float32(x.size)
    square = np.float32(0.0)
    for j in range(x.size):
        square += (x[j] - mean) * (x[j] - mean)
    each = np.float32(1.0) / np.sqrt(square / np.float32(x.size) + np.float32(1e-5))
    gain, bias = gain_bias[0], gain_bias[1]
    for j in range(x.size):
        y[j] = (x[j] - mean) * each * gain[j] + bias[j]


@fast
def _normed_bytes(x, gain_bias, scratch, bytes_, at):
    _norm(x, gain_bias, scratch)
    return _as_bytes(scratch[: x.size], bytes_, at)


@fast
def _turn(qk, angles):
    """Turn each head's pairs (j, j + HEAD // 2) of queries and keys."""
    half = HEAD // 2
    cos, sin = angles[0], angles[1]
    for head in range(qk.size // HEAD):
        x = qk[head * HEAD : (head + 1) * HEAD]
        for j in range(half):
            a, b = x[j], x[j + half]
            x[j] = a * cos[j] - b * sin[j]
            x[j + half] = a * sin[j] + b * cos[j]


@fast
def _remember(s, layer, count, first, width):
    """Keep the slice's keys and values."""
    for r in range(count):
        row = s.wide[3 * width * r : 3 * width * (r + 1)]
        block, lane = (first + r) // 16, (first + r) % 16
        for head in range(width // HEAD):
            key = s.keys[layer, head, block]
            value = s.values[layer, head]
            at = (first + r) * HEAD
            for d in range(HEAD):
                key[d * 16 + lane] = _bfloat16(row[width + head * HEAD + d])
                value[at + d] = _bfloat16(row[2 * width + head * HEAD + d])


@fast
def _attend(s, layer, count, first, width, told):
    """Write what each row of the slice gathers from itself and the rows before into s.mixed.

    How much of each goes to `told`, unless that is empty.
    """
    shares = s.shares
    for head in range(width // HEAD):
        keys, values = s.keys[layer, head], s.values[layer, head]
        for r in range(count):
            seen = first + r + 1
            blocks = (seen + 15) // 16
            for block in range(blocks):
                q_at = 3 * width * r + head * HEAD
                _scores(s.wide, q_at, keys[block], 0, shares, block * 16)
            top = np.float32(-1e30)
            for i in range(seen):
                top = max(top, shares[i])
            total = np.float32(0.0)
            for i in range(seen):
                share = _exp(shares[i] - top)
                shares[i] = share
                total += share
            shares[seen : blocks * 16] = 0.0
            at = r * width + head * HEAD
            _mix(shares, 0, blocks * 16, values, 0, s.mixed, at)
            each = np.float32(1.0) / total
            for d in range(HEAD):
                s.mixed[at + d] *= each
            if told.size > 0:
                for i in range(seen):
                    told[i] += shares[i] * each


@fast
def _gelu(x):
    """x times the share of a normal distribution below x; erf as a quotient of polynomials."""
    one = np.float32(1.0)
    for j in range(x.size):
        v = x[j]
        z = min(max(v, np.float32(-5.7)), np.float32(5.7))
        q = z * z
        top = np.float32(1.2747998225889516e-05) + q * np.float32(4.316083623953585e-08)
        top = np.float32(0.000358765319277689) + q * top
        top = np.float32(0.009481521219648058) + q * top
        top = np.float32(0.06988031186330147) + q * top
        top = np.float32(0.7978844120382361) + q * top
        low = np.float32(7.676366735281049e-05) + q * np.float32(1.1649519241342807e-06)
        low = np.float32(0.0019444908609732826) + q * low
        low = np.float32(0.02926009574766363) + q * low
        low = np.float32(0.25424745358456124) + q * low
        low = one + q * low
        x[j] = np.float32(0.5) * v * (one + z * top / low)
