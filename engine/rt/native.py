"""What numba lacks for an audio thread: atomics, raw addresses, calls by address, CPU modes.

All of it compiles to a handful of machine instructions. Foreign functions (JACK, FluidSynth, the
clock) are called through addresses kept in memory, not through symbols: cached machine code then
loads on any machine, with or without the library, and a test may put a function of its own there.
"""

import platform

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

from engine.rt.compiler import rt

I64 = ir.IntType(64)
_LLVM = {
    types.int32: ir.IntType(32),
    types.uint32: ir.IntType(32),
    types.int64: I64,
    types.uint64: I64,
    types.float32: ir.FloatType(),
    types.float64: ir.DoubleType(),
}


@intrinsic
def as_pointer(typingctx, address):
    """Return the address (int64) as a void pointer, for carray. [audio]"""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), codegen


def _element_pointer(context, builder, array_type, array, index):
    """Return a pointer to array[index] of a one-dimensional contiguous int64 array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


@intrinsic
def load_acquire(typingctx, array, index):
    """Return array[index]; no later read or write moves before it. int64 arrays. [any]"""

    def codegen(context, builder, signature, args):
        pointer = _element_pointer(context, builder, signature.args[0], args[0], args[1])
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(array, types.int64), codegen


@intrinsic
def store_release(typingctx, array, index, value):
    """Set array[index] = value; no earlier read or write moves after it. int64 arrays. [any]"""

    def codegen(context, builder, signature, args):
        pointer = _element_pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store_atomic(args[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.none(array, types.int64, types.int64), codegen


@intrinsic
def compare_exchange(typingctx, array, index, expected, value):
    """Set array[index] = value if it equals expected; return whether it did. [any]"""

    def codegen(context, builder, signature, args):
        pointer = _element_pointer(context, builder, signature.args[0], args[0], args[1])
        pair = builder.cmpxchg(pointer, args[2], args[3], "acq_rel", "acquire")
        return builder.extract_value(pair, 1)

    return types.boolean(array, types.int64, types.int64, types.int64), codegen


@intrinsic
def fetch_add(typingctx, array, index, value):
    """Add value to array[index] and return what was there before. int64 arrays. [any]"""

    def codegen(context, builder, signature, args):
        pointer = _element_pointer(context, builder, signature.args[0], args[0], args[1])
        return builder.atomic_rmw("add", pointer, args[2], "acq_rel")

    return types.int64(array, types.int64, types.int64), codegen


def foreign(result, *arguments):
    """Return a function f(address, *arguments) that calls native code at that address. [main]

    Integers travel as int64 on our side and are narrowed to the C type named here; pointers are
    int64. The address must be that of a C function with this very signature.
    """
    count = len(arguments)

    @intrinsic
    def call(typingctx, address, parameters):
        def codegen(context, builder, signature, args):
            values = []
            for i, kind in enumerate(arguments):
                value = builder.extract_value(args[1], i)
                source = signature.args[1][i]
                values.append(context.cast(builder, value, source, kind))
            function_type = ir.FunctionType(
                ir.VoidType() if result is types.none else _LLVM[result],
                [_LLVM[kind] for kind in arguments],
            )
            pointer = builder.inttoptr(args[0], function_type.as_pointer())
            returned = builder.call(pointer, values)
            return context.get_dummy_value() if result is types.none else returned

        if len(parameters) != count:
            raise TypeError(f"{count} arguments expected, got {len(parameters)}")
        return result(types.int64, parameters), codegen

    return call


@intrinsic
def _set_mxcsr(typingctx, value):
    """Load the SSE control register; 0x9FC0 flushes denormals to zero both ways. x86 only."""

    def codegen(context, builder, signature, args):
        slot = cgutils.alloca_once_value(builder, args[0])
        function = builder.module.declare_intrinsic(
            "llvm.x86.sse.ldmxcsr", (), ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t])
        )
        builder.call(function, [builder.bitcast(slot, cgutils.voidptr_t)])
        return context.get_dummy_value()

    return types.none(types.uint32), codegen


@intrinsic
def _get_mxcsr(typingctx):
    """Return the SSE control register. x86 only."""

    def codegen(context, builder, signature, args):
        slot = cgutils.alloca_once(builder, ir.IntType(32))
        function = builder.module.declare_intrinsic(
            "llvm.x86.sse.stmxcsr", (), ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t])
        )
        builder.call(function, [builder.bitcast(slot, cgutils.voidptr_t)])
        return builder.load(slot)

    return types.uint32(), codegen


@intrinsic
def _set_fpcr(typingctx, value):
    """Load the floating-point control register; bit 24 flushes denormals to zero. arm64 only."""

    def codegen(context, builder, signature, args):
        function_type = ir.FunctionType(ir.VoidType(), [I64])
        assembly = ir.InlineAsm(function_type, "msr fpcr, $0", "r", side_effect=True)
        builder.call(assembly, [args[0]])
        return context.get_dummy_value()

    return types.none(types.uint64), codegen


@intrinsic
def _get_fpcr(typingctx):
    """Return the floating-point control register. arm64 only."""

    def codegen(context, builder, signature, args):
        function_type = ir.FunctionType(I64, [])
        assembly = ir.InlineAsm(function_type, "mrs $0, fpcr", "=r", side_effect=True)
        return builder.call(assembly, [])

    return types.uint64(), codegen


if platform.machine().lower() in ("x86_64", "amd64"):

    @rt
    def flush_denormals():
        """Make this thread treat denormal numbers as zero (45 -> 2 ns a sample). [audio]"""
        _set_mxcsr(np.uint32(0x9FC0))

    @rt
    def float_mode():
        """Return how this thread computes, for set_float_mode. [any]"""
        return np.int64(_get_mxcsr())

    @rt
    def set_float_mode(mode):
        """Let this thread compute again as it did. [any]"""
        _set_mxcsr(np.uint32(mode))

elif platform.machine().lower() in ("arm64", "aarch64"):

    @rt
    def flush_denormals():
        """Make this thread treat denormal numbers as zero. [audio]"""
        _set_fpcr(np.uint64(1 << 24))

    @rt
    def float_mode():
        """Return how this thread computes, for set_float_mode. [any]"""
        return np.int64(_get_fpcr())

    @rt
    def set_float_mode(mode):
        """Let this thread compute again as it did. [any]"""
        _set_fpcr(np.uint64(mode))

else:

    @rt
    def flush_denormals():
        """Leave the processor as it is: its control register is not known here. [audio]"""

    @rt
    def float_mode():
        """Return 0: how this thread computes is not known here. [any]"""
        return 0

    @rt
    def set_float_mode(mode):
        """Leave the processor as it is. [any]"""


@rt
def view_i64(address, count):
    """Return the int64 array of `count` elements at an address. [audio]"""
    return carray(as_pointer(address), count, np.int64)


@rt
def view_f32(address, count):
    """Return the float32 array of `count` elements at an address. [audio]"""
    return carray(as_pointer(address), count, np.float32)
