"""The native callbacks: what JACK and PortAudio call, and the loop that stands in for them offline.

A device is given a function's address and, as user data, the address of a rig's table. No callback
here touches the interpreter; tests/engine/rt/test_boundary.py looks at the code to prove it.
"""

import numpy as np
from numba import carray, cfunc, types

from engine.rt.handover import present
from engine.rt.jack_time import follow_jack, write_position
from engine.rt.layout import (
    CLOCK,
    FROM_EVENT,
    IN_CHANNELS,
    JACK_BUFFER,
    JACK_FRAME_TIME,
    JACK_MIDI_COUNT,
    JACK_MIDI_GET,
    MAX_PARTS,
    MIDI,
    OUT_CHANNELS,
    PLAY_BLOCK,
    POSITION,
    QUEUE,
)
from engine.rt.midi_out import begin_midi_out, no_midi_out
from engine.rt.native import (
    as_pointer,
    float_mode,
    flush_denormals,
    foreign,
    rt,
    set_float_mode,
    view_f32,
)
from engine.rt.queue import schedule
from engine.rt.rig import address_of, rig_at
from engine.rt.rings import pack
from engine.rt.router import handle
from engine.rt.stream import process
from engine.rt.timing import begin_block, end_block

JACK_DRIVES, CARD_DRIVES, LOOP_DRIVES = 0, 1, 2  # who calls play_block
NOTE_ON_LIMIT = QUEUE * 3 // 4  # notes in the queue beyond which new ones are refused

_buffer = foreign(types.int64, types.int64, types.uint32)
_midi_count = foreign(types.uint32, types.int64)
_midi_get = foreign(types.int32, types.int64, types.int64, types.uint32)
_frame_time = foreign(types.uint32, types.int64)
_play = foreign(types.none, types.int64, types.int64, types.int64)


@rt
def _take_jack_midi(rig, frames):
    """Queue the MIDI events of this JACK cycle at their own frames. [audio]"""
    state = rig.state[0]
    if state.midi_port == 0:
        return
    native = rig.native
    port = _buffer(native[JACK_BUFFER], (state.midi_port, frames))
    if port == 0:
        return
    event = rig.scratch.ctypes.data + 32  # u32 time, u64 size, pointer
    for i in range(_midi_count(native[JACK_MIDI_COUNT], (port,))):
        if _midi_get(native[JACK_MIDI_GET], (event, port, i)) != 0:
            continue
        frame = state.frame + (rig.scratch[4] & 0xFFFFFFFF)
        size = rig.scratch[5]
        if size < 1 or size > 3 or rig.scratch[6] == 0:
            continue
        data = carray(as_pointer(rig.scratch[6]), size, np.uint8)
        status = np.int64(data[0])
        timing = status == 0xF2 or status >= 0xF8
        if status < 0x80 or (status >= 0xF0 and not timing) or (size == 1 and status < 0xF8):
            continue
        data1 = np.int64(data[1]) if size > 1 else 0
        data2 = np.int64(data[2]) if size == 3 else 0
        packed = pack(CLOCK if timing else MIDI, status, data1, data2, 0)
        struck = status & 0xF0 == 0x90 and data2 > 0
        if struck and state.queued > NOTE_ON_LIMIT:
            rig.stats[0].dropped_events += 1
        elif not schedule(rig, frame, FROM_EVENT, packed, 0.0):
            handle(rig, packed, 0.0)  # early is better than a note that hangs


@rt
def _silence_unused(rig, frames):
    """Zero the stems of parts never used: the device's memory holds what it held. [audio]"""
    for index in range(MAX_PARTS):
        if rig.parts[index].used == 0:
            for side in range(2):
                address = rig.outputs[2 + 2 * index + side]
                if address != 0:
                    view_f32(address, frames)[:] = np.float32(0.0)


@cfunc(types.void(types.int64, types.int64, types.int64), cache=True, error_model="numpy")
def play_block(table, frames, driver):
    """Play the next `frames` frames into rig.outputs: what all drivers of the stream share.

    It is most of the callback's machine code. They find it through its address in the rig, so it
    is compiled once and not once for each of them. [audio]
    """
    rig = rig_at(table)
    if driver == JACK_DRIVES:
        begin_midi_out(rig, frames)
        follow_jack(rig, frames)
        _take_jack_midi(rig, frames)
    else:
        no_midi_out(rig)
    process(rig, frames)
    if driver != LOOP_DRIVES:
        _silence_unused(rig, frames)
    end_block(rig)


@cfunc(types.int32(types.uint32, types.voidptr), cache=True, error_model="numpy")
def jack_process(frames, user):
    """JackProcessCallback. [audio]"""
    flush_denormals()
    rig = present(rig_at(user))
    state = rig.state[0]
    begin_block(rig, np.int64(frames))
    native = rig.native
    if native[JACK_FRAME_TIME] != 0:
        cycle = np.int64(_frame_time(native[JACK_FRAME_TIME], (state.jack_client,)))
        skipped = (cycle - state.last_frame_time) & 0xFFFFFFFF
        if 0 < skipped < 1 << 31 and state.last_frame_time >= 0:
            rig.stats[0].missed += skipped // frames
        state.last_frame_time = (cycle + frames) & 0xFFFFFFFF
    for channel in range(OUT_CHANNELS):
        port = rig.ports[channel]
        rig.outputs[channel] = 0 if port == 0 else _buffer(native[JACK_BUFFER], (port, frames))
    for channel in range(IN_CHANNELS):
        port = rig.input_ports[channel]
        rig.inputs[channel] = 0 if port == 0 else _buffer(native[JACK_BUFFER], (port, frames))
    _play(native[PLAY_BLOCK], (address_of(rig), np.int64(frames), JACK_DRIVES))
    return 0


@cfunc(
    types.int32(
        types.voidptr, types.voidptr, types.uint64, types.voidptr, types.uint64, types.voidptr
    ),
    cache=True,
    error_model="numpy",
)
def portaudio_process(inputs, outputs, frames, time_info, flags, user):
    """PaStreamCallback, non-interleaved float32. [audio]"""
    flush_denormals()
    rig = present(rig_at(user))
    state = rig.state[0]
    begin_block(rig, np.int64(frames))
    if flags & np.uint64(4):  # paOutputUnderflow
        rig.stats[0].xruns += 1
    pointers = carray(outputs, OUT_CHANNELS, np.int64)
    for channel in range(OUT_CHANNELS):
        rig.outputs[channel] = pointers[channel] if channel < state.channels else 0
    given = carray(inputs, IN_CHANNELS, np.int64)
    for channel in range(IN_CHANNELS):
        rig.inputs[channel] = given[channel] if channel < state.input_channels else 0
    _play(rig.native[PLAY_BLOCK], (address_of(rig), np.int64(frames), CARD_DRIVES))
    return 0


@cfunc(
    types.void(types.int32, types.uint32, types.voidptr, types.int32, types.voidptr),
    cache=True,
    error_model="numpy",
)
def jack_timebase(rolling, frames, position, moved, user):
    """JackTimebaseCallback, after the process callback of a cycle. [audio]"""
    rig = rig_at(user)
    write_position(rig, carray(position, 1, POSITION)[0], moved != 0)


@cfunc(types.int32(types.voidptr), cache=True, error_model="numpy")
def count_xrun(user):
    """JackXRunCallback. [worker]"""
    rig = rig_at(user)
    rig.stats[0].xruns += 1
    return 0


@cfunc(types.void(types.voidptr), cache=True, error_model="numpy")
def server_gone(user):
    """JackShutdownCallback. [worker]"""
    rig = rig_at(user)
    rig.state[0].server_down = 1


@cfunc(types.void(types.int32, types.voidptr), cache=True, error_model="numpy")
def freewheel(starting, user):
    """JackFreewheelCallback. [worker]"""
    rig = rig_at(user)
    rig.state[0].freewheel = starting


@rt
def render(table, addresses, frames, block, inputs):
    """Drive the stream offline into OUT_CHANNELS buffers given by address, 0 = none. [main]

    `inputs`: addresses of IN_CHANNELS buffers to play in, 0 = none.
    """
    mode = float_mode()
    flush_denormals()  # as on a device: the same samples, and silence as quick as sound
    done = 0
    while done < frames:
        rig = present(rig_at(table.ctypes.data))
        count = min(block, frames - done)
        for channel in range(OUT_CHANNELS):
            address = addresses[channel]
            rig.outputs[channel] = 0 if address == 0 else address + 4 * done
        for channel in range(IN_CHANNELS):
            address = inputs[channel]
            rig.inputs[channel] = 0 if address == 0 else address + 4 * done
        begin_block(rig, count)
        _play(rig.native[PLAY_BLOCK], (address_of(rig), count, LOOP_DRIVES))
        done += count
    set_float_mode(mode)
