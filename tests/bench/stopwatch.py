"""A native stopwatch around any process callback, and a trivial native callback beside it.

The stopwatch is itself a native callback: it notes the time, asks the server which cycle this is,
calls what it is put around, and notes the time again. What it measures therefore includes every
wait for the interpreter's lock. In slices of cycles it can do next to nothing instead (zero the
outputs): this is the noise floor of machine and server, taken in the same client and minute.
"""

import ctypes
import time
from typing import Any

import numpy as np
from numba import carray, cfunc, types

from engine.libjack import address_of, load_libjack
from engine.rt import native
from engine.rt.layout import OUT_CHANNELS
from engine.rt.native import foreign, rt, view_f32, view_i64

WATCH = np.dtype(
    [
        ("clock", "i8"),
        ("frame_time", "i8"),
        ("client", "i8"),
        ("get_buffer", "i8"),
        ("inner", "i8"),  # address of the callback measured; 0: none, always the trivial one
        ("inner_data", "i8"),
        ("slice_cycles", "i8"),  # trivial and measured take turns; 0: measured alone
        ("cycles", "i8"),
        ("expected", "i8"),  # frame time of the next cycle if none is skipped; -1 at first
        ("capacity", "i8"),
        ("laps", "i8"),  # address of (capacity, 3) int64: ns, cycles skipped before, measured?
        ("now", "i8", (2,)),
        ("ports", "i8", (OUT_CHANNELS,)),
    ]
)
_clock: Any = foreign(types.int32, types.int32, types.int64)
_frame_time: Any = foreign(types.uint32, types.int64)
_buffer: Any = foreign(types.int64, types.int64, types.uint32)
_jack: Any = foreign(types.int32, types.uint32, types.int64)
_portaudio: Any = foreign(
    types.int32, types.int64, types.int64, types.uint64, types.int64, types.uint64, types.int64
)
_pointer: Any = native.as_pointer
_native: Any = {"error_model": "numpy", "cache": True}


NOW = WATCH.fields["now"][1] if WATCH.fields else 0


@rt
def _now_ns(w, user_data):
    """The monotonic time in ns. [audio]"""
    _clock(w.clock, (time.CLOCK_MONOTONIC, user_data + NOW))
    return w.now[0] * 1000000000 + w.now[1]


@rt
def _skipped(w, frames):
    """How many cycles the server has run without us since the last one. [audio]"""
    cycle = np.int64(_frame_time(w.frame_time, (w.client,)))
    skipped = np.int64(0)
    if w.expected >= 0:
        ahead = (cycle - w.expected) & 0xFFFFFFFF
        if ahead < 1 << 31:
            skipped = ahead // frames
    w.expected = (cycle + frames) & 0xFFFFFFFF
    return skipped


@rt
def _note(w, took_ns, skipped, measured):
    """Write a lap down. [audio]"""
    laps = view_i64(w.laps, w.capacity * 3)
    at = (w.cycles % w.capacity) * 3
    laps[at] = took_ns
    laps[at + 1] = skipped
    laps[at + 2] = measured
    w.cycles += 1


@cfunc(types.int32(types.uint32, types.int64), **_native)
def watch_jack(frames, user_data):
    """JackProcessCallback around another. [audio]"""
    w = carray(_pointer(user_data), 1, WATCH)[0]
    start_ns = _now_ns(w, user_data)
    count = np.int64(frames)
    skipped = _skipped(w, count)
    measured = 0
    if w.inner != 0 and (w.slice_cycles == 0 or (w.cycles // w.slice_cycles) & 1 == 1):
        measured = 1
        _jack(w.inner, (count, w.inner_data))
    else:
        for channel in range(OUT_CHANNELS):
            if w.ports[channel] != 0:
                view_f32(_buffer(w.get_buffer, (w.ports[channel], count)), count)[:] = 0.0
    _note(w, _now_ns(w, user_data) - start_ns, skipped, measured)
    return 0


@cfunc(
    types.int32(types.int64, types.int64, types.uint64, types.int64, types.uint64, types.int64),
    **_native,
)
def watch_portaudio(inputs, outputs, frames, times, flags, user_data):
    """PaStreamCallback around another, on a JACK server. [audio]"""
    w = carray(_pointer(user_data), 1, WATCH)[0]
    start_ns = _now_ns(w, user_data)
    count = np.int64(frames)
    skipped = _skipped(w, count)
    arguments = (inputs, outputs, count, times, np.int64(flags), w.inner_data)
    result = _portaudio(w.inner, arguments)
    _note(w, _now_ns(w, user_data) - start_ns, skipped, 1)
    return result


@cfunc(types.int32(types.int64), **_native)
def _ignore(user_data):
    return 0


class Stopwatch:
    """Laps of one callback; `client` is any JACK client of this process, as a pointer."""

    def __init__(self, client: int, capacity: int = 1 << 18, slice_cycles: int = 0) -> None:
        lib = load_libjack()
        self.laps = np.zeros((capacity, 3), np.int64)
        self.record = np.zeros(1, WATCH)
        self.record["clock"] = address_of(ctypes.CDLL(None).clock_gettime)
        self.record["frame_time"] = address_of(lib.jack_last_frame_time)
        self.record["get_buffer"] = address_of(lib.jack_port_get_buffer)
        self.record["client"] = client
        self.record["slice_cycles"] = slice_cycles
        self.record["expected"] = -1
        self.record["capacity"] = capacity
        self.record["laps"] = self.laps.ctypes.data

    @property
    def user_data(self) -> int:
        return self.record.ctypes.data

    @property
    def cycles(self) -> int:
        return int(self.record["cycles"][0])

    def figures(
        self, block_frames: int, rate_hz: int, measured: bool, begin: int
    ) -> dict[str, Any]:
        """Counts of the laps since lap `begin`, of the measured callback or of the trivial one.

        Missed: cycles the server skipped after a lap, for which that lap answers, or else laps
        that took longer than a block.
        """
        laps = self.laps[begin : self.cycles]
        block_ns = block_frames * 1e9 / rate_hz
        ours = laps[:-1, 2] == measured
        skipped = laps[1:, 1][ours]
        took = laps[:-1, 0][ours]
        missed = int(np.where(skipped > 0, skipped, took > block_ns).sum())
        return {
            "cycles": len(took) + int(skipped.sum()),
            "missed": missed,
            "took_ns": [float(np.percentile(took, q)) for q in (50, 99, 99.9, 100)],
            "mean_ns": float(took.mean()),
        }


class Watched:
    """An engine with a stopwatch around its JACK callback: what JackDevice wants of an Engine."""

    jack_callback_address = watch_jack.address
    xrun_callback_address = _ignore.address
    shutdown_callback_address = _ignore.address
    latency_callback_address = freewheel_callback_address = 0
    lags_frames = ()
    server_down = False

    def __init__(self, engine: Any, slice_cycles: int) -> None:
        self.engine = engine
        self.rate_hz = engine.rate_hz
        self.slice_cycles = slice_cycles
        self.watch: Stopwatch

    @property
    def user_data(self) -> int:
        return self.watch.user_data

    def set_jack_ports(
        self,
        functions: dict[str, int],
        midi_in: int,
        outputs: list[int],
        client: int,
        inputs: list[int],
    ) -> None:
        self.watch = Stopwatch(client, slice_cycles=self.slice_cycles)
        self.watch.record["ports"] = outputs
        self.watch.record["inner"] = self.engine.jack_callback_address
        self.watch.record["inner_data"] = self.engine.user_data
        self.engine.set_jack_ports(functions, midi_in, outputs, client, inputs)

    def set_jack_midi_out(self, functions: dict[str, int], ports: list[int]) -> None:
        self.engine.set_jack_midi_out(functions, ports)

    def announce_programs(self) -> None:
        self.engine.announce_programs()

    def begin(self, block_frames: int, deadline: bool) -> None:
        self.engine.begin(block_frames, deadline)

    def quit_and_wait(self) -> bool:
        self.watch.record["slice_cycles"] = 0
        return self.engine.quit_and_wait()


class Nothing:
    """An engine whose callback is the stopwatch's trivial one, stems and all."""

    rate_hz = 48000
    jack_callback_address = 0
    user_data = 0

    def set_jack_ports(self, *_: Any) -> None: ...
    def set_jack_midi_out(self, *_: Any) -> None: ...
    def announce_programs(self) -> None: ...
    def begin(self, *_: Any) -> None: ...
    def quit_and_wait(self) -> bool:
        return True
