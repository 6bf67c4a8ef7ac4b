"""A stand-in for the Engine: the smallest native callback that devices can run.

It plays a sine into every output, counts cycles and the MIDI notes it is given, and answers the
request to quit. Its memory is freed with it, so a device that closes in the wrong order crashes.
As a script it plays until it is ended, on JACK with the real Engine:

    python -m tests.engine.tiny_engine jack|portaudio exit|run
"""

import sys
import time
from typing import Any

import numpy as np
from numba import carray, cfunc, types

from engine.rt.layout import OUT_CHANNELS
from engine.rt.native import foreign, view_f32

STATE = np.dtype(
    [
        ("cycles", "i8"),
        ("frames", "i8"),
        ("notes", "i8"),
        ("xruns", "i8"),
        ("down", "i8"),
        ("quit", "i8"),
        ("ack", "i8"),
        ("phase", "f8"),
        ("step", "f8"),
        ("channels", "i8"),
        ("get_buffer", "i8"),
        ("event_count", "i8"),
        ("event_get", "i8"),
        ("midi_in", "i8"),
        ("event", "i8", (4,)),
        ("outputs", "i8", (OUT_CHANNELS,)),
    ]
)
FIELDS = tuple(name for name in STATE.names or ())
_get_buffer: Any = foreign(types.int64, types.int64, types.uint32)
_event_count: Any = foreign(types.uint32, types.int64)
_event_get: Any = foreign(types.int32, types.int64, types.int64, types.uint32)
_native = {"error_model": "numpy", "cache": True}


@cfunc(types.int32(types.uint32, types.voidptr), **_native)
def _jack_process(frames, user_data):
    s = carray(user_data, 1, STATE)[0]
    s.cycles += 1
    s.frames += frames
    if s.midi_in != 0:
        midi = _get_buffer(s.get_buffer, (s.midi_in, np.int64(frames)))
        s.notes += np.int64(_event_count(s.event_count, (midi,)))
    silent = s.quit != 0
    for c in range(OUT_CHANNELS):
        if s.outputs[c] != 0:
            out = view_f32(_get_buffer(s.get_buffer, (s.outputs[c], np.int64(frames))), frames)
            for i in range(frames):
                out[i] = 0.0 if silent else 0.25 * np.sin(s.phase + i * s.step)
    s.phase += frames * s.step
    if silent:
        s.ack = 1
    return 0


@cfunc(
    types.int32(
        types.voidptr, types.voidptr, types.uint64, types.voidptr, types.uint64, types.voidptr
    ),
    **_native,
)
def _portaudio_process(inputs, outputs, frames, times, flags, user_data):
    s = carray(user_data, 1, STATE)[0]
    s.cycles += 1
    s.frames += frames
    pointers = carray(outputs, (OUT_CHANNELS,), np.int64)
    silent = s.quit != 0
    for c in range(s.channels):
        out = view_f32(pointers[c], frames)
        for i in range(frames):
            out[i] = 0.0 if silent else 0.25 * np.sin(s.phase + i * s.step)
    s.phase += frames * s.step
    if silent:
        s.ack = 1
    return 0


@cfunc(types.int32(types.voidptr), **_native)
def _xrun(user_data):
    carray(user_data, 1, STATE)[0].xruns += 1
    return 0


@cfunc(types.void(types.voidptr), **_native)
def _shutdown(user_data):
    carray(user_data, 1, STATE)[0].down = 1


class TinyEngine:
    """What a device needs of an Engine, and counters to look at."""

    jack_callback_address = _jack_process.address
    portaudio_callback_address = _portaudio_process.address
    xrun_callback_address = _xrun.address
    shutdown_callback_address = _shutdown.address
    latency_callback_address = freewheel_callback_address = 0
    lags_frames = ()

    def __init__(self, rate_hz: int = 48000, tone_hz: float = 440.0) -> None:
        self.rate_hz = rate_hz
        self.announced = 0
        self.begun: list[tuple[int, bool]] = []
        self.messages: list[bytes] = []
        # a page of its own, given back to the system when freed: a late callback then crashes
        self._page = np.zeros(1 << 20, np.uint8)
        self._state = self._page[: STATE.itemsize].view(STATE)
        self._state["step"] = 2.0 * np.pi * tone_hz / rate_hz
        self.user_data = self._state.ctypes.data

    @property
    def frame(self) -> int:
        return int(self._state["frames"][0])

    def __getattr__(self, name: str) -> int:
        if name in FIELDS:
            return int(self._state[name][0])
        raise AttributeError(name)

    @property
    def server_down(self) -> bool:
        return bool(self._state["down"][0])

    @server_down.setter
    def server_down(self, value: bool) -> None:
        self._state["down"] = value

    def set_jack_ports(
        self,
        functions: dict[str, int],
        midi_in: int,
        outputs: list[int],
        client: int,
        inputs: list[int],
    ) -> None:
        self._state["get_buffer"] = functions["jack_port_get_buffer"]
        self._state["event_count"] = functions["jack_midi_get_event_count"]
        self._state["event_get"] = functions["jack_midi_event_get"]
        self._state["midi_in"] = midi_in
        self._state["outputs"] = outputs

    def set_jack_midi_out(self, functions: dict[str, int], ports: list[int]) -> None:
        assert all(functions.values())
        assert all(ports)

    def announce_programs(self) -> None:
        self.announced += 1

    def set_device_channels(self, n: int) -> None:
        self._state["channels"] = n

    def set_input_channels(self, n: int) -> None:
        self.inputs = n

    def midi(self, message: bytes) -> bool:
        self.messages.append(message)
        return True

    def begin(self, block_frames: int, deadline: bool) -> None:
        self.begun.append((block_frames, deadline))
        self._state["quit"] = 0
        self._state["ack"] = 0

    def quit_and_wait(self, timeout_s: float = 0.5) -> bool:
        self._state["quit"] = 1
        deadline = time.monotonic() + timeout_s
        while not self.ack and time.monotonic() < deadline:
            time.sleep(0.002)
        return bool(self.ack)


def main(kind: str, ending: str) -> None:
    """Play; then leave the stream running and end (`exit`), or wait to be ended (`run`)."""
    from engine.realtime import exit_on_signals

    exit_on_signals()
    engine = play_jack() if kind == "jack" else play_portaudio()
    while engine.frame == 0:
        time.sleep(0.001)
    print("playing", flush=True)
    while ending == "run":
        time.sleep(0.01)


def play_jack() -> Any:
    """The real Engine with a chord held, on JACK. Nobody but the device closes anything."""
    from engine.core import Engine
    from engine.ensembles import load_ensemble
    from engine.jack import JackDevice

    device = JackDevice("tiny")
    engine = Engine(device.rate_hz)
    engine.apply(load_ensemble("string_quartet"))
    for part in range(4):
        engine.part_midi(part, bytes([0x90, 60 + part, 100]))
    device.start(engine)
    return engine


def play_portaudio() -> Any:
    """The stand-in on the default PortAudio device."""
    from engine.portaudio import PortAudioDevice

    device = PortAudioDevice()
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    return engine


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
