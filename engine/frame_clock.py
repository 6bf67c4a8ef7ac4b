"""When a frame of the stream begins, by the clock of the system. [any]

The callback leaves the frame and the time at which each of its blocks began. It is never woken
early, but often a little late, and on a busy system very late: so the earliest wakings tell the
time, and the others only pull it along slowly, as far as a sound card may run off the clock.
"""

from __future__ import annotations

from typing import Any

EARLY, LATE = 0.5, 0.1  # how much of an error is believed at once
LATE_NS = 20_000.0  # and no more than this of a late waking
JUMP_NS = 5_000_000
JUMP_LOOKS = 20  # in which the stream was late by more: it stood still


class FrameClock:
    """Follows one engine; `look` often, about fifty times a second. [one thread]"""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._ns_per_frame = 1e9 / engine.rate_hz
        self._frame = -1
        self._ns = 0.0  # of that frame
        self._late = 0

    @property
    def running(self) -> bool:
        """Whether a stream has been seen."""
        return self._frame >= 0

    def look(self) -> None:
        """Take in where the callback is."""
        frame, ns = self._engine.block_clock()
        if ns == 0 or frame == self._frame:
            return
        expected = self.ns_of(frame)
        error = ns - expected
        self._late = self._late + 1 if error > JUMP_NS else 0
        anew = not self.running or frame < self._frame or error < -JUMP_NS
        if anew or self._late > JUMP_LOOKS:
            expected, self._late = float(ns), 0
        elif error < 0:
            expected += EARLY * error
        else:
            expected += min(LATE * error, LATE_NS)
        self._frame, self._ns = frame, expected

    def ns_of(self, frame: float) -> float:
        """The time at which the callback begins a frame, in ns of `core.clock_ns`."""
        return self._ns + (frame - self._frame) * self._ns_per_frame
