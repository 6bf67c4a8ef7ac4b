"""MIDI out: what the parts play, written by the callback at its own frame. [audio]

On JACK into the buffers of the cycle; elsewhere into a ring that a thread sends on. A part has a
channel on the port `midi_out`, or a port of its own. A note remembers where it was sent, so its end
follows it there, whatever was changed in between; two notes of one key on one channel end with the
last of them. A note-off for which a buffer has no room is owed and sent with the next cycle.
"""

import numpy as np
from numba import types

from engine.rt.layout import (
    CHANNELS_OUT,
    JACK_BUFFER,
    JACK_MIDI_CLEAR,
    JACK_MIDI_WRITE,
    MAX_PARTS,
    OUT_PORTS,
    OUT_RING,
)
from engine.rt.native import foreign, load_acquire, rt, store_release
from engine.rt.rings import READ, WRITE

BEND_CENTRE = 8192
SUSTAIN_PEDAL = 64
RELEASE_VELOCITY = 64
SILENCE = (SUSTAIN_PEDAL, 120, 123)  # controllers that leave nothing sounding, in this order

_buffer = foreign(types.int64, types.int64, types.uint32)
_clear = foreign(types.none, types.int64)
_write = foreign(types.int32, types.int64, types.uint32, types.int64, types.uint64)


@rt
def begin_midi_out(rig, frames):
    """Take this cycle's buffers, empty them, and send the note-offs still owed. [audio]"""
    native = rig.native
    for port in range(OUT_PORTS):
        buffer = 0
        if rig.out_ports[port] != 0 and native[JACK_MIDI_WRITE] != 0:
            buffer = _buffer(native[JACK_BUFFER], (rig.out_ports[port], frames))
            if buffer != 0:
                _clear(native[JACK_MIDI_CLEAR], (buffer,))
        rig.out_buffers[port] = buffer
    _pay_owed(rig)


@rt
def no_midi_out(rig):
    """This stream has no MIDI ports. [audio]"""
    rig.out_buffers[:] = 0
    _pay_owed(rig)


@rt
def _pay_owed(rig):
    """Send what an earlier cycle had no room for. [audio]"""
    state = rig.state[0]
    if state.out_owed == 0:
        return
    state.out_owed = 0
    for port in range(OUT_PORTS):
        for channel in range(16):
            for pitch in range(128):
                if rig.out_held[port, channel, pitch] < 0:
                    rig.out_held[port, channel, pitch] = 0
                    _end(rig, port, channel, pitch)


@rt
def send(rig, port, status, data1, data2, size):
    """Write a message at the present frame; False, and counted, if there was no room. [audio]"""
    state = rig.state[0]
    sent = True
    if rig.out_buffers[port] != 0:
        data = rig.out_bytes
        data[0] = status
        data[1] = data1
        data[2] = data2
        time = state.frame - state.clock_frame
        address = rig.out_bytes.ctypes.data
        buffer = rig.out_buffers[port]
        sent = _write(rig.native[JACK_MIDI_WRITE], (buffer, time, address, size)) == 0
    if state.out_ring != 0:
        cursor = rig.out_cursor
        write = cursor[WRITE]
        if write - load_acquire(cursor, READ) < OUT_RING:
            record = rig.out_ring[write & (OUT_RING - 1)]
            record.frame = state.frame
            record.port = port
            record.size = size
            record.data[0] = status
            record.data[1] = data1
            record.data[2] = data2
            store_release(cursor, WRITE, write + 1)
        else:
            sent = False
    if not sent:
        rig.stats[0].midi_out_dropped += 1
    return sent


@rt
def _place(rig, index):
    """Return port * 16 + channel of a part. [audio]"""
    if rig.state[0].out_mode == CHANNELS_OUT:
        return rig.parts[index].channel & 15
    return (1 + index) << 4


@rt
def strike_out(rig, slot):
    """Send the beginning of a note to where its part is. [audio]"""
    note = rig.notes[slot]
    place = _place(rig, note.part)
    port, channel = place >> 4, place & 15
    held = rig.out_held[port, channel, note.pitch]
    if held != 0:
        _end(rig, port, channel, note.pitch)
    if send(rig, port, 0x90 | channel, note.pitch, note.velocity, 3):
        rig.out_held[port, channel, note.pitch] = max(held, 0) + 1
        note.out = place + 1


@rt
def still_out(rig, slot):
    """Send the end of a note to where it was begun, unless another holds its key. [audio]"""
    note = rig.notes[slot]
    if note.out == 0:
        return
    place = note.out - 1
    note.out = 0
    port, channel = place >> 4, place & 15
    held = rig.out_held[port, channel, note.pitch]
    if held > 0:
        rig.out_held[port, channel, note.pitch] = held - 1
        if held == 1:
            _end(rig, port, channel, note.pitch)


@rt
def _end(rig, port, channel, pitch):
    """Send a note-off; one that finds no room is owed. [audio]"""
    if not send(rig, port, 0x80 | channel, pitch, RELEASE_VELOCITY, 3):
        rig.out_held[port, channel, pitch] = -1
        rig.state[0].out_owed = 1


@rt
def part_out(rig, index, status, data1, data2):
    """Send a controller, bend or pressure of a part. [audio]"""
    place = _place(rig, index)
    size = 2 if status == 0xD0 else 3
    send(rig, place >> 4, status | (place & 15), data1, data2, size)


@rt
def program_out(rig, index):
    """Send a part's bank and program; percussion (bank 128) as the highest bank. [audio]"""
    if rig.state[0].send_programs == 0:
        return
    number = rig.parts[index].program
    place = _place(rig, index)
    port, channel = place >> 4, place & 15
    send(rig, port, 0xB0 | channel, 0, min(number >> 7, 127), 3)
    send(rig, port, 0xB0 | channel, 32, 0, 3)
    send(rig, port, 0xC0 | channel, number & 127, 0, 2)


@rt
def programs_out(rig):
    """Send every active part's bank and program, as to a synth that was just connected. [audio]"""
    for index in range(MAX_PARTS):
        if rig.parts[index].active != 0:
            program_out(rig, index)


@rt
def set_out_channel(rig, index, channel):
    """Give a part another channel; pedal and bend go with it, notes end where they are. [audio]"""
    if rig.parts[index].channel != channel:
        _leave_place(rig, index)
        rig.parts[index].channel = channel & 15
        _join_place(rig, index)


@rt
def set_out_mode(rig, mode):
    """Send the parts on channels of one port, or each to a port of its own. [audio]"""
    state = rig.state[0]
    if state.out_mode == mode:
        return
    for index in range(MAX_PARTS):
        _leave_place(rig, index)
    state.out_mode = mode
    for index in range(MAX_PARTS):
        if rig.parts[index].active != 0:
            program_out(rig, index)
        _join_place(rig, index)


@rt
def _leave_place(rig, index):
    """Bring the controllers to rest that would hang where a part has been. [audio]"""
    part = rig.parts[index]
    if part.sent[SUSTAIN_PEDAL] != 0:
        part_out(rig, index, 0xB0, SUSTAIN_PEDAL, 0)
    if part.last_bend != BEND_CENTRE:
        part_out(rig, index, 0xE0, BEND_CENTRE & 127, BEND_CENTRE >> 7)


@rt
def _join_place(rig, index):
    """Tell where a part goes on what its pedal and bend are. [audio]"""
    part = rig.parts[index]
    if part.sent[SUSTAIN_PEDAL] != 0:
        part_out(rig, index, 0xB0, SUSTAIN_PEDAL, np.int64(part.sent[SUSTAIN_PEDAL]))
    if part.last_bend != BEND_CENTRE:
        part_out(rig, index, 0xE0, part.last_bend & 127, part.last_bend >> 7)


@rt
def leave_out(rig):
    """The stream ends: end every note where it was sent, and silence what is behind. [audio]

    The notes sound on here, and need no end there any more.
    """
    for port in range(OUT_PORTS):
        for channel in range(16):
            for pitch in range(128):
                if rig.out_held[port, channel, pitch] > 0:
                    send(rig, port, 0x80 | channel, pitch, RELEASE_VELOCITY, 3)
    panic_out(rig)


@rt
def panic_out(rig):
    """Silence everything behind the ports: pedal up, all sound off, all notes off. [audio]

    The notes' own ends have been sent; what was owed is part of this.
    """
    state = rig.state[0]
    rig.out_held[:] = 0
    state.out_owed = 0
    if state.out_mode == CHANNELS_OUT:
        for channel in range(16):
            for controller in SILENCE:
                send(rig, 0, 0xB0 | channel, controller, 0, 3)
    else:
        for port in range(1, OUT_PORTS):
            for controller in SILENCE:
                send(rig, port, 0xB0, controller, 0, 3)
