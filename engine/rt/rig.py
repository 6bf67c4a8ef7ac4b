"""The rig: every array of the callback behind one pointer.

Compiled functions take a `rig` and read `rig.voices`, `rig.parts` and so on; what travels is the
address of a table of addresses (layout.FIELDS is its legend). So a function has one argument
instead of fifty arrays, and its machine code is small and quick to compile.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    intrinsic,
    lower_getattr_generic,
    register_model,
)
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype

from engine.rt.layout import FIELDS, LENGTHS

I64 = ir.IntType(64)
_INDEX = {name: i for i, name in enumerate((*FIELDS, *LENGTHS))}
TABLE_SIZE = len(_INDEX)


class RigType(types.Opaque):
    """Type of a rig in compiled code: a pointer to its table."""

    def __init__(self) -> None:
        super().__init__(name="Rig")


register_model(RigType)(models.OpaqueModel)


@infer_getattr
class _Fields(AttributeTemplate):
    key = RigType

    def generic_resolve(self, typ, attr):
        if attr in FIELDS:
            dtype, shape = FIELDS[attr]
            return types.Array(from_dtype(np.dtype(dtype)), len(shape), "C")
        return None


@lower_getattr_generic(RigType)
def _read_field(context, builder, typ, value, attr):
    table = builder.bitcast(value, I64.as_pointer())

    def word(name):
        pointer = builder.gep(table, [ir.Constant(I64, _INDEX[name])])
        loaded = builder.load(pointer)
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        return loaded

    dtype, shape = FIELDS[attr]
    dtype = np.dtype(dtype)
    array = make_array(types.Array(from_dtype(dtype), len(shape), "C"))(context, builder)
    sizes = [word(n) if isinstance(n, str) else ir.Constant(I64, n) for n in shape]
    strides = [ir.Constant(I64, dtype.itemsize)]
    for size in reversed(sizes[1:]):
        strides.insert(0, builder.mul(strides[0], size))
    populate_array(
        array,
        data=builder.inttoptr(word(attr), array.data.type),
        shape=cgutils.pack_array(builder, sizes),
        strides=cgutils.pack_array(builder, strides),
        itemsize=ir.Constant(I64, dtype.itemsize),
        meminfo=None,
        parent=None,
    )
    return array._getvalue()


@intrinsic
def rig_at(typingctx, address):
    """Return the rig whose table lies at an address (int64 or pointer). [audio]"""

    def codegen(context, builder, signature, args):
        if isinstance(args[0].type, ir.PointerType):
            return builder.bitcast(args[0], cgutils.voidptr_t)
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return RigType()(address), codegen


@intrinsic
def address_of(typingctx, rig):
    """Return the address of a rig's table (int64), for rig_at. [audio]"""

    def codegen(context, builder, signature, args):
        return builder.ptrtoint(args[0], I64)

    return types.int64(rig), codegen


def new_table(arrays: dict[str, np.ndarray], lengths: dict[str, int]) -> np.ndarray:
    """Return the table (TABLE_SIZE,) int64 of these arrays; they must outlive it. [main]

    Raises ValueError for an array that is missing or not what layout.FIELDS says.
    """
    table = np.zeros(TABLE_SIZE, np.int64)
    for name, (dtype, shape) in FIELDS.items():
        array = arrays[name]
        expected = tuple(lengths[n] if isinstance(n, str) else n for n in shape)
        if array.dtype != np.dtype(dtype) or array.shape != expected:
            raise ValueError(f"{name} must be {dtype} {expected}, got {array.dtype} {array.shape}")
        if not array.flags.c_contiguous:
            raise ValueError(f"{name} must be contiguous")
        table[_INDEX[name]] = array.ctypes.data
    for name in LENGTHS:
        table[_INDEX[name]] = lengths[name]
    return table
