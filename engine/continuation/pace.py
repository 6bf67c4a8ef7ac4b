"""How busy the music is, and what keeps it so: notes a beat, lately and as they were given.

A network left to itself thins out what is rich and fills what is sparse. Waiting for the next note
is made dearer while fewer notes are made than were given, and cheaper while there are more.
Used by the planner. [worker]
"""

import math
from collections.abc import Iterable

from models.mmt.representation import TICKS

GIVEN_TICKS = 16 * TICKS  # of what was given last count
LATELY_TICKS = 4 * TICKS  # over which notes fade
NATS = 3.0  # a beat of waiting, for e times too few notes: chosen on validation pieces
MOST_NATS = 4.0


class Pace:
    """Notes a beat that are wanted and that there are."""

    def __init__(
        self, given: Iterable[int], seam: int, begin: int | None = None, wanted: float = 1.0
    ) -> None:
        """`given` are the onsets (ticks, rising) of what was given up to the seam.

        What follows begins at `begin`, the seam if none is named, and is to be `wanted` times as
        busy. Nothing given: nothing is wanted.
        """
        onsets = [tick for tick in given if seam - GIVEN_TICKS <= tick < seam]
        span = max(seam - onsets[0], 4 * TICKS) if onsets else GIVEN_TICKS
        self._wanted = len(onsets) / span  # a tick
        self._level, self._tick = self._wanted * LATELY_TICKS, seam - span
        for tick in onsets:
            self.take(tick)
        self._level = self._faded(seam)
        self._tick = seam if begin is None else begin
        self._wanted *= wanted

    def take(self, tick: int) -> None:
        """A note begins."""
        self._level, self._tick = self._faded(tick) + 1.0, max(tick, self._tick)

    def hurry(self, tick: int) -> float:
        """Return the nats that a tick of waiting costs at a time: below 0, it is rewarded."""
        if not self._wanted:
            return 0.0
        lately = max(self._faded(tick), 0.5) / LATELY_TICKS
        nats = NATS * math.log(self._wanted / lately)
        return max(-MOST_NATS, min(nats, MOST_NATS)) / TICKS

    def _faded(self, tick: int) -> float:
        return self._level * math.exp(min(self._tick - tick, 0) / LATELY_TICKS)
