"""What a peak meter shows from the levels it is told: a falling bar and a mark that stays a while.

One `Level` a meter, fed by the statistics ten times a second and asked by whoever paints. [main]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gui.readings import METER_LOW_DB

FALL_DB_S = 24.0  # a little slower than a studio meter: statistics come every tenth of a second
HOLD_S = 1.6
CLIP_DB = -0.1  # the engine's limiter begins here: above it the sound is changed


def to_db(linear: float) -> float:
    """A linear peak in dB, never below the meter's lowest. [any]"""
    if linear <= 0.0 or not math.isfinite(linear):
        return METER_LOW_DB
    return max(20.0 * math.log10(linear), METER_LOW_DB)


@dataclass
class Level:
    """The bar of one channel and its peak."""

    _top_db: float = METER_LOW_DB  # of the bar when it was last fed
    _top_s: float = 0.0
    _held_db: float = METER_LOW_DB
    _held_s: float = 0.0
    clipped: bool = False  # since somebody last cleared it

    def feed(self, linear: float, now_s: float) -> None:
        """Take a peak that was measured up to now."""
        db = to_db(linear)
        falling_db, held_db = self.bar_db(now_s), self.held_db(now_s)
        self._top_db, self._top_s = max(db, falling_db), now_s
        if db >= held_db:
            self._held_db, self._held_s = db, now_s
        if db > CLIP_DB:
            self.clipped = True

    def bar_db(self, now_s: float) -> float:
        """How high the bar is."""
        return max(self._top_db - FALL_DB_S * max(now_s - self._top_s, 0.0), METER_LOW_DB)

    def held_db(self, now_s: float) -> float:
        """Where the peak's mark is; when it was long enough there it falls with the bar."""
        late_s = now_s - self._held_s - HOLD_S
        return max(self._held_db - FALL_DB_S * max(late_s, 0.0), self.bar_db(now_s))

    def resting(self, now_s: float) -> bool:
        """Whether nothing will move until it is fed again."""
        return self.held_db(now_s) <= METER_LOW_DB

    def clear(self) -> None:
        """Put the clip light out."""
        self.clipped = False
