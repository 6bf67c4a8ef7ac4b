"""The inner loops of the step as LLVM vector code: int8 products, bfloat16 keys and values, exp.

numba vectorises loops of float32 well, but widens int8 products to 64 bits and knows no bfloat16.
So these few are written in LLVM's own vectors. The product of int8 weights and activations comes
in several kinds, all with the same whole-number result; KIND is the fastest this processor has:

    vnni512    AVX-512 VNNI: 64 products an instruction
    vnni256    AVX-VNNI, or AVX-512 VNNI in halves
    avx2       pairs through 16 bits; activations are signed by the weights, so nothing saturates
    plain      LLVM's portable vectors: any processor
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

LANES = 16  # outputs of a panel
STEP = 4  # inputs side by side: one 32-bit lane
GROUP = LANES * STEP  # bytes of weights that meet four inputs

_I8, _I16, _I32, _I64, _F32 = (
    ir.IntType(8),
    ir.IntType(16),
    ir.IntType(32),
    ir.IntType(64),
    ir.FloatType(),
)


def best_kind(features: str) -> str:
    """Return the fastest kind for LLVM's feature string, "+avx2,-avx512f,...". [any]"""
    have = set(features.split(","))
    if {"+avx512vnni", "+avx512bw"} <= have:
        return "vnni512"
    if "+avxvnni" in have:
        return "vnni256"
    return "avx2" if "+avx2" in have else "plain"


def _kind() -> str:
    if any(getattr(config, name, None) is not None for name in ("CPU_NAME", "CPU_FEATURES")):
        return "plain"  # numba compiles for another processor than this
    return best_kind(get_host_cpu_features())


KIND = _kind()
KINDS = ("vnni512", "vnni256", "avx2", "plain")


def _vector(kind: ir.Type, count: int) -> ir.VectorType:
    return ir.VectorType(kind, count)


def _pointer(context, builder, array_type, array, index):
    """Return the address of array[index] of a flat contiguous array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


def _load(builder, pointer, kind):
    return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=1)


def _store(builder, value, pointer):
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=1)


def _spread(builder, value, count):
    """Return a vector with `value` in every lane."""
    kind = _vector(value.type, count)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, _I32(0))
    return builder.shuffle_vector(
        one, ir.Constant(kind, ir.Undefined), ir.Constant(_vector(_I32, count), [0] * count)
    )


def _call(builder, name, result, arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, arguments)


def _halves(builder, value, count):
    """Return the lower and the upper half of a vector of `count`."""
    undefined = ir.Constant(value.type, ir.Undefined)
    indices = list(range(count))
    return [
        builder.shuffle_vector(
            value,
            undefined,
            ir.Constant(_vector(_I32, count // 2), indices[begin : begin + count // 2]),
        )
        for begin in (0, count // 2)
    ]


def _join(builder, low, high, count):
    return builder.shuffle_vector(low, high, ir.Constant(_vector(_I32, count), list(range(count))))


def _dot_vnni512(builder, total, weights, four):
    lanes = _vector(_I32, 16)
    weights = builder.bitcast(weights, lanes)
    name = "llvm.x86.avx512.vpdpbusd.512"
    return _call(builder, name, lanes, [total, _spread(builder, four, 16), weights])


def _dot_vnni256(builder, total, weights, four):
    lanes = _vector(_I32, 8)
    x = _spread(builder, four, 8)
    parts = [
        _call(
            builder,
            "llvm.x86.avx512.vpdpbusd.256",
            lanes,
            [half, x, builder.bitcast(bytes_, lanes)],
        )
        for half, bytes_ in zip(
            _halves(builder, total, 16), _halves(builder, weights, 64), strict=True
        )
    ]
    return _join(builder, parts[0], parts[1], 16)


def _dot_avx2(builder, total, weights, four):
    bytes_, words, lanes = _vector(_I8, 32), _vector(_I16, 16), _vector(_I32, 8)
    signed = builder.xor(four, _I32(0x80808080 - (1 << 32)))  # from 0..255 to -128..127
    x = builder.bitcast(_spread(builder, signed, 8), bytes_)
    size = _call(builder, "llvm.abs.v32i8", bytes_, [x, ir.IntType(1)(0)])
    parts = []
    for half, w in zip(_halves(builder, total, 16), _halves(builder, weights, 64), strict=True):
        w = _call(builder, "llvm.x86.avx2.psign.b", bytes_, [w, x])
        pairs = _call(builder, "llvm.x86.avx2.pmadd.ub.sw", words, [size, w])
        ones = ir.Constant(words, [1] * 16)
        parts.append(
            builder.add(half, _call(builder, "llvm.x86.avx2.pmadd.wd", lanes, [pairs, ones]))
        )
    return _join(builder, parts[0], parts[1], 16)


def _dot_plain(builder, total, weights, four):
    bytes_, words, lanes = _vector(_I8, 64), _vector(_I16, 64), _vector(_I32, 16)
    signed = builder.xor(four, _I32(0x80808080 - (1 << 32)))
    x = builder.sext(builder.bitcast(_spread(builder, signed, 16), bytes_), words)
    products = builder.mul(x, builder.sext(weights, words))
    wide = builder.sext(products, _vector(_I32, 64))
    for k in range(STEP):
        every = ir.Constant(lanes, list(range(k, 64, STEP)))
        undefined = ir.Constant(wide.type, ir.Undefined)
        total = builder.add(total, builder.shuffle_vector(wide, undefined, every))
    return total


_DOT = {
    "vnni512": _dot_vnni512,
    "vnni256": _dot_vnni256,
    "avx2": _dot_avx2,
    "plain": _dot_plain,
}


def panel(kind: str, rows: int, unroll: int) -> Any:
    """Return f(weights, at, groups, x, x_at, stride, offset, o_at, out): 16 outputs of `rows` rows.

    out[16 r + j] = sum over g < groups, b < 4 of (x[x_at + r stride + 4 g + b] - 128) times
    weights[at + 64 g + 4 j + b]. weights int8 in -127..127, x uint8 in 1..255, out int32;
    offset[o_at + j], int32, is -128 times the sum of an output's weights. groups is a multiple
    of `unroll`.
    """
    dot = _DOT[kind]
    raw = kind.startswith("vnni")  # these take x as it is, unsigned

    @intrinsic
    def product(typingctx, weights, at, groups, x, x_at, stride, offset, o_at, out):
        def codegen(context, builder, signature, args):
            lanes = _vector(_I32, LANES)
            kinds = signature.args
            w = _pointer(context, builder, kinds[0], args[0], args[1])
            inputs = [
                _pointer(
                    context,
                    builder,
                    kinds[3],
                    args[3],
                    builder.add(args[4], builder.mul(args[5], _I64(row))),
                )
                for row in range(rows)
            ]
            totals = []
            for _ in range(rows):
                first = ir.Constant(lanes, [0] * LANES)
                if raw:
                    place = _pointer(context, builder, kinds[6], args[6], args[7])
                    first = _load(builder, place, lanes)
                starts = [first] + [ir.Constant(lanes, [0] * LANES)] * (unroll - 1)
                totals.append([cgutils.alloca_once_value(builder, start) for start in starts])
            rounds = builder.udiv(args[2], _I64(unroll))
            with cgutils.for_range(builder, rounds) as loop:
                base = builder.mul(loop.index, _I64(unroll))
                for k in range(unroll):
                    group = builder.add(base, _I64(k))
                    place = builder.gep(w, [builder.mul(group, _I64(GROUP))])
                    bytes_ = _load(builder, place, _vector(_I8, GROUP))
                    step = builder.mul(group, _I64(STEP))
                    for row in range(rows):
                        four = _load(builder, builder.gep(inputs[row], [step]), _I32)
                        total = builder.load(totals[row][k])
                        builder.store(dot(builder, total, bytes_, four), totals[row][k])
            for row in range(rows):
                total = builder.load(totals[row][0])
                for k in range(1, unroll):
                    total = builder.add(total, builder.load(totals[row][k]))
                place = _pointer(context, builder, kinds[8], args[8], _I64(row * LANES))
                _store(builder, total, place)
            return context.get_dummy_value()

        i = types.int64
        return types.none(weights, i, i, x, i, i, offset, i, out), codegen

    return product


def _widened(builder, pointer, count):
    """Return `count` bfloat16 at an address as float32."""
    short = _load(builder, pointer, _vector(_I16, count))
    wide = builder.zext(short, _vector(_I32, count))
    shift = ir.Constant(_vector(_I32, count), [16] * count)
    return builder.bitcast(builder.shl(wide, shift), _vector(_F32, count))


def _fma(builder, a, b, c):
    return _call(builder, f"llvm.fmuladd.v{a.type.count}f32", a.type, [a, b, c])


def scores(width: int) -> Any:
    """Return f(q, q_at, keys, k_at, out, o_at): the products of a query with 16 keys.

    q float32; keys uint16, the bits of bfloat16, laid out (width, 16); out float32 (16,).
    """

    @intrinsic
    def product(typingctx, q, q_at, keys, k_at, out, o_at):
        def codegen(context, builder, signature, args):
            kinds = signature.args
            query = _pointer(context, builder, kinds[0], args[0], args[1])
            key = _pointer(context, builder, kinds[2], args[2], args[3])
            lanes = _vector(_F32, LANES)
            totals = [ir.Constant(lanes, [0.0] * LANES)] * 4
            for d in range(width):
                value = _load(builder, builder.gep(query, [_I64(d)]), _F32)
                row = _widened(builder, builder.gep(key, [_I64(d * LANES)]), LANES)
                totals[d % 4] = _fma(builder, _spread(builder, value, LANES), row, totals[d % 4])
            total = builder.fadd(
                builder.fadd(totals[0], totals[1]), builder.fadd(totals[2], totals[3])
            )
            _store(builder, total, _pointer(context, builder, kinds[4], args[4], args[5]))
            return context.get_dummy_value()

        i = types.int64
        return types.none(q, i, keys, i, out, i), codegen

    return product


def mix(width: int) -> Any:
    """Return f(p, p_at, count, values, v_at, out, o_at): the sum of rows of values, each times p.

    p float32 (count,), count even; values uint16, bits of bfloat16, laid out (count, width);
    out float32 (width,).
    """
    parts = width // LANES

    @intrinsic
    def total(typingctx, p, p_at, count, values, v_at, out, o_at):
        def codegen(context, builder, signature, args):
            kinds = signature.args
            weight = _pointer(context, builder, kinds[0], args[0], args[1])
            value = _pointer(context, builder, kinds[3], args[3], args[4])
            lanes = _vector(_F32, LANES)
            zero = ir.Constant(lanes, [0.0] * LANES)
            totals = [
                [cgutils.alloca_once_value(builder, zero) for _ in range(parts)] for _ in range(2)
            ]
            with cgutils.for_range(builder, builder.udiv(args[2], _I64(2))) as loop:
                for k in range(2):
                    row = builder.add(builder.mul(loop.index, _I64(2)), _I64(k))
                    share = _load(builder, builder.gep(weight, [row]), _F32)
                    share = _spread(builder, share, LANES)
                    place = builder.gep(value, [builder.mul(row, _I64(width))])
                    for part in range(parts):
                        numbers = _widened(builder, builder.gep(place, [_I64(part * LANES)]), LANES)
                        slot = totals[k][part]
                        builder.store(_fma(builder, share, numbers, builder.load(slot)), slot)
            place = _pointer(context, builder, kinds[5], args[5], args[6])
            for part in range(parts):
                both = builder.fadd(*(builder.load(totals[k][part]) for k in range(2)))
                _store(builder, both, builder.gep(place, [_I64(part * LANES)]))
            return context.get_dummy_value()

        i = types.int64
        return types.none(p, i, i, values, i, out, i), codegen

    return total


@intrinsic
def to_bfloat16(typingctx, value):
    """Return the bits of a float32 rounded to bfloat16, as uint16. [any]"""

    def codegen(context, builder, signature, args):
        bits = builder.bitcast(args[0], _I32)
        odd = builder.and_(builder.lshr(bits, _I32(16)), _I32(1))
        rounded = builder.add(builder.add(bits, _I32(0x7FFF)), odd)
        return builder.trunc(builder.lshr(rounded, _I32(16)), _I16)

    return types.uint16(types.float32), codegen


# 2 to the power of 0..1, fitted: a relative error of 2e-9 before rounding.
_POWERS = (
    1.00000000186,
    0.693146983841,
    0.240229836268,
    0.0554833420108,
    0.00967884094338,
    0.00124396883115,
    0.000217022538022,
)


@intrinsic
def exp_below_zero(typingctx, value):
    """Return exp of a float32 that is at most about 80, 0 far below: vectorisable. [any]"""

    def codegen(context, builder, signature, args):
        power = builder.fmul(args[0], _F32(1.4426950408889634))
        low = builder.fcmp_ordered("<", power, _F32(-126.0))
        power = builder.select(low, _F32(-126.0), power)
        whole = _call(builder, "llvm.floor.f32", _F32, [power])
        part = builder.fsub(power, whole)
        result = _F32(_POWERS[-1])
        for coefficient in _POWERS[-2::-1]:
            result = builder.fadd(builder.fmul(result, part), _F32(coefficient))
        exponent = builder.shl(builder.add(builder.fptosi(whole, _I32), _I32(127)), _I32(23))
        return builder.fmul(result, builder.bitcast(exponent, _F32))

    return types.float32(types.float32), codegen


def pack(matrix: np.ndarray) -> np.ndarray:
    """Return int8 (outputs, inputs) as `panel` reads them, outputs filled up to 16s: flat. [any]"""
    outputs, inputs = matrix.shape
    full = np.zeros((-(-outputs // LANES) * LANES, inputs), np.int8)
    full[:outputs] = matrix
    panels = full.reshape(-1, LANES, inputs // STEP, STEP).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(panels).ravel()
