"""When a frame of the stream begins, by the clock of the system. [any]

The callback leaves the frame and the time at which each of its blocks began. It is never woken
early, but often a little late, and on a busy system very late: so the earliest of the last wakings
tell the time. A sound card that runs off the clock, or skipped a block, is followed within WINDOW.
"""

from __future__ import annotations

from typing import Any

EARLY = 0.5  # how much of an early waking is believed at once
WINDOW = 10  # looks: by as much as all of them were late, the stream is
JUMP_NS = 5_000_000  # earlier than this: another stream


class FrameClock:
    """Follows one engine; `look` often, about fifty times a second. [one thread]"""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._ns_per_frame = 1e9 / engine.rate_hz
        self._frame = -1
        self._ns = 0.0  # of that frame
        self._least_late = float("inf")  # of the present window
        self._looks = 0

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
        if not self.running or frame < self._frame or error < -JUMP_NS:
            expected, error = float(ns), 0.0
        elif error < 0:
            expected += EARLY * error
        self._least_late = min(self._least_late, max(error, 0.0))
        self._looks += 1
        if self._looks == WINDOW:
            expected += self._least_late
            self._least_late, self._looks = float("inf"), 0
        self._frame, self._ns = frame, expected

    def ns_of(self, frame: float) -> float:
        """The time at which the callback begins a frame, in ns of `stream_clock.clock_ns`."""
        return self._ns + (frame - self._frame) * self._ns_per_frame
