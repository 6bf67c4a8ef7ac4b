"""The callback of a listener: an audio input goes into a ring, MIDI from a ring goes out.

A small JACK client of its own, for `ripieno transcribe --live`; what hears notes in the sound runs
elsewhere and reads and writes the other ends of the rings. `memory` allocates all of it.
"""

import numpy as np
from numba import carray, cfunc, types

from engine.rt.native import (
    foreign,
    load_acquire,
    rt,
    store_release,
    view_f32,
    view_i64,
)
from engine.rt.rings import READ, WRITE, check_capacity

# Places in the table that travels as user data: ports, addresses of functions and of arrays.
IN_PORT, OUT_PORT, BUFFER, CLEAR, WRITE_EVENT = range(5)
AUDIO, AUDIO_CURSOR, MESSAGES, MESSAGE_CURSOR, BYTES, LOST_FRAMES, GONE, TABLE = range(5, 13)
AUDIO_FRAMES = 1 << 17  # 2.7 s at 48 kHz
MOST_MESSAGES = 1 << 10

_buffer = foreign(types.int64, types.int64, types.uint32)
_clear = foreign(types.none, types.int64)
_write = foreign(types.int32, types.int64, types.uint32, types.int64, types.uint64)


def memory() -> dict[str, np.ndarray]:
    """Return the callback's arrays; `table` holds the addresses of the others. [main]"""
    check_capacity(AUDIO_FRAMES)
    arrays = {
        "audio": np.zeros(AUDIO_FRAMES, np.float32),
        "audio_cursor": np.zeros(16, np.int64),
        "messages": np.zeros(MOST_MESSAGES, np.int64),
        "message_cursor": np.zeros(16, np.int64),
        "bytes": np.zeros(1, np.int64),
        "table": np.zeros(TABLE, np.int64),
    }
    places = (AUDIO, AUDIO_CURSOR, MESSAGES, MESSAGE_CURSOR, BYTES)
    names = ("audio", "audio_cursor", "messages", "message_cursor", "bytes")
    for place, name in zip(places, names, strict=True):
        arrays["table"][place] = arrays[name].ctypes.data
    return arrays


@rt
def take_audio(audio, cursor, out):
    """Copy what is ready of the ring into `out`; return how many frames. [worker]"""
    read = cursor[READ]
    count = min(load_acquire(cursor, WRITE) - read, out.size)
    for i in range(count):
        out[i] = audio[(read + i) & (audio.size - 1)]
    store_release(cursor, READ, read + count)
    return count


@rt
def push_message(messages, cursor, message):
    """Append a message of three bytes, the first lowest; False if the ring is full. [worker]"""
    w = cursor[WRITE]
    if w - load_acquire(cursor, READ) == messages.size:
        return False
    messages[w & (messages.size - 1)] = message
    store_release(cursor, WRITE, w + 1)
    return True


@rt
def _hear(table, frames):
    """Append the input's sound to the ring, as far as there is room; count the rest. [audio]"""
    source = _buffer(table[BUFFER], (table[IN_PORT], frames))
    if source == 0:
        return
    sound = view_f32(source, frames)
    ring = view_f32(table[AUDIO], AUDIO_FRAMES)
    cursor = view_i64(table[AUDIO_CURSOR], 16)
    w = cursor[WRITE]
    count = min(frames, AUDIO_FRAMES - (w - load_acquire(cursor, READ)))
    for i in range(count):
        ring[(w + i) & (AUDIO_FRAMES - 1)] = sound[i]
    store_release(cursor, WRITE, w + count)
    table[LOST_FRAMES] += frames - count


@rt
def _send(table, frames):
    """Write what waits into the MIDI port, at the beginning of the cycle. [audio]"""
    port = _buffer(table[BUFFER], (table[OUT_PORT], frames))
    if port == 0:
        return
    _clear(table[CLEAR], (port,))
    messages = view_i64(table[MESSAGES], MOST_MESSAGES)
    cursor = view_i64(table[MESSAGE_CURSOR], 16)
    scratch = view_i64(table[BYTES], 1)
    read = cursor[READ]
    ready = load_acquire(cursor, WRITE)
    while read < ready:
        scratch[0] = messages[read & (MOST_MESSAGES - 1)]
        if _write(table[WRITE_EVENT], (port, 0, table[BYTES], 3)) != 0:
            break  # the port is full: in the next cycle
        read += 1
    store_release(cursor, READ, read)


@cfunc(types.int32(types.uint32, types.voidptr), cache=True, error_model="numpy")
def jack_listen(frames, user):
    """JackProcessCallback. [audio]"""
    table = carray(user, TABLE, np.int64)
    _hear(table, np.int64(frames))
    _send(table, np.int64(frames))
    return 0


@cfunc(types.void(types.voidptr), cache=True, error_model="numpy")
def jack_gone(user):
    """JackShutdownCallback: the server has ended. [any]"""
    table = carray(user, TABLE, np.int64)
    table[GONE] = 1
