"""A probe for latency: strikes keys on JACK MIDI and listens, in native callbacks of its own.

Two clients, so that the server can run them before and after the engine in one cycle: the keys
write the events of a trial at a chosen offset in a block, the ear then copies what it hears, from
the first frame of that same cycle on. Event and sound are placed by the server's own frame count.
"""

import time
from typing import Any

import numpy as np
from numba import carray, cfunc, types

from engine.libjack import (
    AUDIO_TYPE,
    IS_INPUT,
    IS_OUTPUT,
    MIDI_TYPE,
    address_of,
    load_libjack,
    open_client,
)
from engine.rt import native
from engine.rt.native import foreign, view_f32

EARS = 4
HEARD_FRAMES = 512
EVENT_BYTES = 3
PROBE = np.dtype(
    [
        ("frame_time", "i8"),
        ("get_buffer", "i8"),
        ("clear", "i8"),
        ("write", "i8"),
        ("keys_client", "i8"),
        ("ear_client", "i8"),
        ("midi", "i8"),
        ("ears", "i8", (EARS,)),
        ("events", "i8"),  # address of the trial's messages, EVENT_BYTES each
        ("event_count", "i8"),
        ("offset", "i8"),  # frame in the block at which they all are sent
        ("state", "i8"),  # IDLE, STRIKE: asked for, STRUCK: sent, HEARD: the ear is full
        ("event_frame", "i8"),
        ("heard_from", "i8"),
        ("heard", "i8"),  # frames
        ("sound", "i8"),  # address of (EARS, HEARD_FRAMES) float32
    ]
)
IDLE, STRIKE, STRUCK, HEARD = range(4)
_frame_time: Any = foreign(types.uint32, types.int64)
_buffer: Any = foreign(types.int64, types.int64, types.uint32)
_clear: Any = foreign(types.none, types.int64)
_write: Any = foreign(types.int32, types.int64, types.uint32, types.int64, types.uint64)
_pointer: Any = native.as_pointer
_native: Any = {"error_model": "numpy", "cache": True}


@cfunc(types.int32(types.uint32, types.int64), **_native)
def strike(frames, user_data):
    """Process callback of the keys. [audio]"""
    p = carray(_pointer(user_data), 1, PROBE)[0]
    midi = _buffer(p.get_buffer, (p.midi, np.int64(frames)))
    _clear(p.clear, (midi,))
    if p.state == STRIKE:
        p.event_frame = np.int64(_frame_time(p.frame_time, (p.keys_client,))) + p.offset
        for i in range(p.event_count):
            _write(p.write, (midi, p.offset, p.events + i * EVENT_BYTES, EVENT_BYTES))
        p.heard = 0
        p.state = STRUCK
    return 0


@cfunc(types.int32(types.uint32, types.int64), **_native)
def listen(frames, user_data):
    """Process callback of the ear. [audio]"""
    p = carray(_pointer(user_data), 1, PROBE)[0]
    if p.state != STRUCK:
        return 0
    if p.heard == 0:
        p.heard_from = np.int64(_frame_time(p.frame_time, (p.ear_client,)))
    count = min(np.int64(frames), HEARD_FRAMES - p.heard)
    for ear in range(EARS):
        if p.ears[ear] != 0:
            heard = view_f32(_buffer(p.get_buffer, (p.ears[ear], np.int64(frames))), count)
            kept = view_f32(p.sound + 4 * ear * HEARD_FRAMES, HEARD_FRAMES)
            for i in range(count):
                kept[p.heard + i] = heard[i]
    p.heard += count
    if p.heard == HEARD_FRAMES:
        p.state = HEARD
    return 0


class Probe:
    """Keys connected to a MIDI input, an ear to at most EARS audio outputs."""

    def __init__(self) -> None:
        lib = self._lib = load_libjack()
        self._record = np.zeros(1, PROBE)
        self._events = np.zeros((64, EVENT_BYTES), np.uint8)
        self.sound = np.zeros((EARS, HEARD_FRAMES), np.float32)
        r = self._record
        for field, name in (
            ("frame_time", "jack_last_frame_time"),
            ("get_buffer", "jack_port_get_buffer"),
            ("clear", "jack_midi_clear_buffer"),
            ("write", "jack_midi_event_write"),
        ):
            r[field] = address_of(getattr(lib, name))
        r["events"] = self._events.ctypes.data
        r["sound"] = self.sound.ctypes.data
        self._keys, self._ear = open_client("probe-keys"), open_client("probe-ear")
        r["keys_client"], r["ear_client"] = self._keys, self._ear
        r["midi"] = lib.jack_port_register(self._keys, b"out", MIDI_TYPE, IS_OUTPUT, 0)
        r["ears"] = [
            lib.jack_port_register(self._ear, f"in_{i}".encode(), AUDIO_TYPE, IS_INPUT, 0)
            for i in range(EARS)
        ]
        for client, callback in ((self._keys, strike), (self._ear, listen)):
            lib.jack_set_process_callback(client, callback.address, r.ctypes.data)
            lib.jack_activate(client)

    def connect(self, midi_in: str, outputs: list[str]) -> None:
        """Put the probe around a synth."""
        pairs = [("probe-keys:out", midi_in)]
        pairs += [(output, f"probe-ear:in_{i}") for i, output in enumerate(outputs)]
        for source, destination in pairs:
            if self._lib.jack_connect(self._keys, source.encode(), destination.encode()) != 0:
                raise RuntimeError(f"cannot connect {source} to {destination}")

    def trial(self, messages: list[list[int]], offset: int) -> tuple[np.ndarray, int]:
        """Send all messages at `offset` frames in a block; what was heard, (EARS, frames).

        The ear begins with the block; the second value is the frame of the messages in what it
        heard. RuntimeError if it began later than they were sent.
        """
        r = self._record
        self._events[: len(messages)] = messages
        r["event_count"], r["offset"] = len(messages), offset
        r["state"] = STRIKE
        deadline = time.monotonic() + 5.0
        while r["state"][0] != HEARD:
            if time.monotonic() > deadline:
                raise RuntimeError("the probe's callbacks do not run")
            time.sleep(0.001)
        begin = int(r["event_frame"][0] - r["heard_from"][0])
        if not 0 <= begin < HEARD_FRAMES // 2:
            raise RuntimeError(f"the ear began {-begin} frames after the event")
        return self.sound.copy(), begin

    def close(self) -> None:
        for client in (self._keys, self._ear):
            self._lib.jack_deactivate(client)
            self._lib.jack_client_close(client)
