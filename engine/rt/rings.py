"""Wait-free rings between the callback and everything else.

Events and commands come in through a bounded ring of many producers and one consumer (Vyukov's
scheme: each slot carries the turn it is ready for). Results and audio leave through rings of one
producer and one consumer. In every cursor, WRITE and READ are monotonic counts a cache line apart.
"""

import numpy as np

from engine.rt.native import compare_exchange, fetch_add, load_acquire, rt, store_release

READ, WRITE = 0, 8
LOST_OFFS = 12  # in an event ring's cursor: note-offs that found no room
WORDS = 4  # int64 a slot of an event ring: turn, frame, packed, value (float64 bits)


def new_event_ring(capacity: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (words, values, cursor) of `capacity` slots; values: words as float64. [main]"""
    check_capacity(capacity)
    words = np.zeros(capacity * WORDS, np.int64)
    words[::WORDS] = np.arange(capacity)
    return words, words.view(np.float64), np.zeros(16, np.int64)


def check_capacity(capacity: int) -> None:
    """Raise ValueError unless the capacity is a power of two. [main]"""
    if capacity < 2 or capacity & (capacity - 1):
        raise ValueError(f"capacity must be a power of two >= 2, got {capacity}")


@rt
def pack(kind, a, b, c, index):
    """Return kind, three data bytes and a signed index (32 bit) as one int64. [any]"""
    return kind | a << 8 | b << 16 | c << 24 | index << 32


@rt
def room(words, cursor):
    """Return how many more events fit, at this moment. [any]"""
    used = load_acquire(cursor, WRITE) - load_acquire(cursor, READ)
    return words.size // WORDS - used


@rt
def push_event(words, values, cursor, frame, packed, value):
    """Append an event; False, and nothing written, if the ring is full. Any thread. [any]"""
    mask = words.size // WORDS - 1
    turn = load_acquire(cursor, WRITE)
    while True:
        slot = (turn & mask) * WORDS
        ready = load_acquire(words, slot)
        if ready == turn:
            if compare_exchange(cursor, WRITE, turn, turn + 1):
                words[slot + 1] = frame
                words[slot + 2] = packed
                values[slot + 3] = value
                store_release(words, slot, turn + 1)
                return True
        elif ready < turn:
            return False
        turn = load_acquire(cursor, WRITE)


@rt
def push_note(words, values, cursor, frame, packed, value, kept) -> tuple[bool, bool]:
    """Return (sent, lost): a note-on needs `kept` free slots; lost means a note-off found none."""
    status = packed >> 8 & 0xF0
    struck = status == 0x90 and packed >> 24 & 0x7F
    if struck and room(words, cursor) <= kept:
        return False, False
    if push_event(words, values, cursor, frame, packed, value):
        return True, False
    return False, status == 0x80 or status == 0x90


@rt
def report_lost_off(cursor):
    """Tell the callback that a note-off was lost. [any]"""
    fetch_add(cursor, LOST_OFFS, 1)


@rt
def pop_event(words, cursor):
    """Return the offset of the next event's words, -1 for none; see done_event. [audio]"""
    turn = cursor[READ]
    slot = (turn & (words.size // WORDS - 1)) * WORDS
    if load_acquire(words, slot) == turn + 1:
        return slot
    return -1


@rt
def done_event(words, cursor):
    """Hand the slot of the last pop_event back to the producers. [audio]"""
    turn = cursor[READ]
    capacity = words.size // WORDS
    store_release(words, (turn & (capacity - 1)) * WORDS, turn + capacity)
    store_release(cursor, READ, turn + 1)


@rt
def drain(slots, cursor, out):
    """Copy ready records of a one-producer ring into `out`; return how many. [main]"""
    read = cursor[READ]
    count = min(load_acquire(cursor, WRITE) - read, out.size)
    for i in range(count):
        out[i] = slots[(read + i) & (slots.size - 1)]
    store_release(cursor, READ, read + count)
    return count


@rt
def drain_audio(ring, cursor, out):
    """Copy ready frames of ring (channels, capacity) into out (frames, channels). [main]"""
    capacity = ring.shape[1]
    read = cursor[READ]
    count = min(load_acquire(cursor, WRITE) - read, out.shape[0])
    for channel in range(ring.shape[0]):
        for i in range(count):
            out[i, channel] = ring[channel, (read + i) % capacity]
    store_release(cursor, READ, read + count)
    return count
