"""FluidSynth inside the callback, on its own absolute grid of 64 frames. [audio]

FluidSynth computes 64 frames at a time, so a message takes effect at the next multiple of 64 of the
stream, whatever the block: it sounds within 64 frames and the samples never depend on the block
size. Part p is MIDI channel p and has the stereo pair p of the synth. The synth has no threads and
no locks (threadsafe-api 0); its fonts are loaded before the stream starts.
"""

import numpy as np
from numba import types

from engine.rt.layout import (
    FLUID_BEND,
    FLUID_CC,
    FLUID_KEY_PRESSURE,
    FLUID_NOTE_OFF,
    FLUID_NOTE_ON,
    FLUID_PRESSURE,
    FLUID_PROCESS,
    FLUID_PROGRAM,
    FLUID_SOUNDS_OFF,
    QUANTUM,
)
from engine.rt.native import foreign, rt

_three = foreign(types.int32, types.int64, types.int32, types.int32, types.int32)
_two = foreign(types.int32, types.int64, types.int32, types.int32)
_one = foreign(types.int32, types.int64, types.int32)
_program = foreign(types.int32, types.int64, types.int32, types.int32, types.int32, types.int32)
_process = foreign(
    types.int32, types.int64, types.int32, types.int32, types.int64, types.int32, types.int64
)


@rt
def queue_fluid(rig, op, channel, a, b):
    """Keep a call for the start of the next quantum; when too many wait, it is made now. [audio]"""
    state = rig.state[0]
    if state.fluid == 0:
        return
    if state.fluid_ops == rig.fluid_ops.size:
        apply_fluid(rig)
    entry = rig.fluid_ops[state.fluid_ops]
    entry.op = op
    entry.channel = channel
    entry.a = a
    entry.b = b
    state.fluid_ops += 1


@rt
def apply_fluid(rig):
    """Make the calls that wait, in order. [audio]"""
    state = rig.state[0]
    synth = state.fluid
    native = rig.native
    for i in range(state.fluid_ops):
        entry = rig.fluid_ops[i]
        if entry.op == FLUID_NOTE_ON:
            _three(native[FLUID_NOTE_ON], (synth, entry.channel, entry.a, entry.b))
        elif entry.op == FLUID_NOTE_OFF:
            _two(native[FLUID_NOTE_OFF], (synth, entry.channel, entry.a))
        elif entry.op == FLUID_CC:
            _three(native[FLUID_CC], (synth, entry.channel, entry.a, entry.b))
        elif entry.op == FLUID_BEND:
            _two(native[FLUID_BEND], (synth, entry.channel, entry.a))
        elif entry.op == FLUID_PRESSURE:
            _two(native[FLUID_PRESSURE], (synth, entry.channel, entry.a))
        elif entry.op == FLUID_KEY_PRESSURE:
            _three(native[FLUID_KEY_PRESSURE], (synth, entry.channel, entry.a, entry.b))
        elif entry.op == FLUID_PROGRAM:
            _program(
                native[FLUID_PROGRAM], (synth, entry.channel, state.fluid_font, entry.a, entry.b)
            )
        elif entry.op == FLUID_SOUNDS_OFF:
            _one(native[FLUID_SOUNDS_OFF], (synth, entry.channel))
    state.fluid_ops = 0


@rt
def render_fluid(rig):
    """Apply what waits and compute the next 64 frames of every channel's pair. [audio]"""
    state = rig.state[0]
    if state.fluid == 0:
        return
    apply_fluid(rig)
    rig.fluid_audio[:] = np.float32(0.0)
    _process(
        rig.native[FLUID_PROCESS],
        (
            state.fluid,
            QUANTUM,
            0,
            0,
            rig.fluid_pointers.size,
            rig.fluid_pointers.ctypes.data,
        ),
    )
