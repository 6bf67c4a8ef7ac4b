"""Which frame sounds now, reckoned from messages that come late and unevenly. [main]

Every message says a frame and comes some time after it. The least delayed of the last seconds
tell how the stream's frames lie on this process's clock; between them the clock runs evenly, so
that what scrolls by it scrolls smoothly.
"""

from __future__ import annotations

from collections import deque

REMEMBER_S = 8.0
JUMP_S = 0.5  # the stream was started anew


class StreamClock:
    """Frames by the window's own clock. [main]"""

    def __init__(self, rate_hz: int = 48000) -> None:
        self.rate_hz = rate_hz
        self._heads: deque[tuple[float, float]] = deque()  # (when, frame - when * rate), falling

    def hear(self, frame: int, at_s: float) -> None:
        """A message that came at `at_s` spoke of `frame`. [main]"""
        ahead = frame - at_s * self.rate_hz
        if self._heads and ahead < self._heads[0][1] - JUMP_S * self.rate_hz * 4:
            self._heads.clear()  # far behind what was heard: frames are counted anew
        while self._heads and self._heads[0][0] < at_s - REMEMBER_S:
            self._heads.popleft()
        while self._heads and self._heads[-1][1] <= ahead:
            self._heads.pop()
        self._heads.append((at_s, ahead))

    def set_rate(self, rate_hz: int) -> None:
        """The stream's rate; another one begins anew. [main]"""
        if rate_hz != self.rate_hz:
            self.rate_hz = rate_hz
            self._heads.clear()

    def frame(self, at_s: float) -> float:
        """The frame that is now, at `at_s`. [main]"""
        ahead = self._heads[0][1] if self._heads else 0.0
        return at_s * self.rate_hz + ahead
