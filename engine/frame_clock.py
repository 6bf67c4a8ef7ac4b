"""When a frame of the stream begins, by the clock of the system. [any]

The callback leaves the frame and the time at which each of its blocks began; how late it was woken
is in that time. A loop filter of the second order follows them, as audio servers do to tell the
time, so that single late wakings hardly show, and a sound card that runs a little fast does.
"""

from __future__ import annotations

import math
from typing import Any

BANDWIDTH_HZ = 0.5
JUMP_NS = 20_000_000  # the stream stood still or another device runs it: begin anew


class FrameClock:
    """Follows one engine; `look` often, at least ten times a second. [one thread]"""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._frame = -1
        self._ns = 0.0  # of that frame, smoothed
        self._ns_per_frame = 1e9 / engine.rate_hz

    @property
    def running(self) -> bool:
        """Whether a stream has been seen."""
        return self._frame >= 0

    def look(self) -> None:
        """Take in where the callback is."""
        frame, ns = self._engine.block_clock()
        if ns == 0 or frame == self._frame:
            return
        passed = frame - self._frame
        error = ns - self.ns_of(frame)
        if self._frame < 0 or passed < 0 or abs(error) > JUMP_NS:
            self._frame, self._ns = frame, float(ns)
            self._ns_per_frame = 1e9 / self._engine.rate_hz
            return
        turn = min(2.0 * math.pi * BANDWIDTH_HZ * passed / self._engine.rate_hz, 0.5)
        self._ns = self.ns_of(frame) + math.sqrt(2.0) * turn * error
        self._ns_per_frame += turn * turn * error / passed
        self._frame = frame

    def ns_of(self, frame: float) -> float:
        """The time at which the callback begins a frame, in ns of `core.clock_ns`."""
        return self._ns + (frame - self._frame) * self._ns_per_frame
