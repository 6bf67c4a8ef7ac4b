"""Where the stream of the callback is, by its frames and by the system's clock. [any]

The callback leaves the frame and the time at which each of its blocks began. Whatever works on a
rig while it plays - sending, reading, serving a device - builds on this.
"""

import ctypes
import sys
import time
from types import SimpleNamespace

AS_SOON_AS_POSSIBLE = -1
FURTHEST_AHEAD_S = 0.05  # some devices ask for their blocks in bursts of about 20 ms


class StreamClock:
    """The stream that plays one rig. See the module."""

    def __init__(self, rig: SimpleNamespace) -> None:
        self._rig = rig
        self._state = rig.state[0]
        self._stats = rig.stats[0]
        self.rate_hz = int(self._state["rate_hz"])

    @property
    def frame(self) -> int:
        """Frames rendered so far. [any]"""
        return int(self._state["frame"])

    def now_frame(self) -> int:
        """Return the frame a key struck now should sound at: one block ahead, steadily. [any]"""
        state = self._state
        if state["clock_ns"] == 0:
            return AS_SOON_AS_POSSIBLE
        block = int(state["block_frames"])
        frame = -1
        while frame != state["clock_frame"]:  # a block may begin between the two readings
            frame = int(state["clock_frame"])
            since_s = (clock_ns() - int(state["clock_ns"])) * 1e-9
        furthest = max(block, int(FURTHEST_AHEAD_S * self.rate_hz))
        return frame + block + min(max(int(since_s * self.rate_hz), 0), furthest)

    @property
    def block_frames(self) -> int:
        """Frames of the last block. [any]"""
        return int(self._state["block_frames"])

    def block_clock(self) -> tuple[int, int]:
        """Return the frame the last block began with, and when, in ns of `clock_ns`. [any]"""
        state = self._state
        frame = -1
        while frame != state["clock_frame"]:  # a block may begin between the two readings
            frame = int(state["clock_frame"])
            ns = int(state["clock_ns"])
        return frame, ns


def clock_ns() -> int:
    """Return the monotonic time the callback stamps its blocks with, in ns. [any]"""
    return time.perf_counter_ns() if sys.platform == "win32" else time.monotonic_ns()


def clock_function() -> tuple[int, int]:
    """Return (address, first argument or ns a tick) of the clock the callback reads."""
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32")
        frequency = ctypes.c_int64()
        kernel.QueryPerformanceFrequency(ctypes.byref(frequency))
        function = kernel.QueryPerformanceCounter
        return ctypes.cast(function, ctypes.c_void_p).value or 0, 1_000_000_000 // frequency.value
    function = ctypes.CDLL(None).clock_gettime
    clock = 8 if sys.platform == "darwin" else time.CLOCK_MONOTONIC  # 8: CLOCK_UPTIME_RAW
    return ctypes.cast(function, ctypes.c_void_p).value or 0, clock
