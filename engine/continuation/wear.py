"""Keys wear out: what a player of the ensemble has struck over and over becomes less likely.

A network left to itself falls into loops, the surer the longer they last. From some strikes of one
key by one instrument on, each without a pause, the next costs more; how many are free is learnt
from the player, who may like repeated notes. Used by the planner.
"""

from collections.abc import Iterable

import numpy as np

from models.mmt.representation import INSTRUMENT, PITCH, SIZES, TICKS
from models.mmt.stream import Note

_PAUSE = 2 * TICKS  # after so long without a strike a key is fresh
_FREE, _MOST_FREE = 4, 10  # strikes: always, and if the player repeats as much
_NATS = 0.7  # for each strike more


class Wear:
    """Strikes in a row of every key by every instrument."""

    def __init__(self) -> None:
        self.worn = np.zeros((SIZES[INSTRUMENT], SIZES[PITCH]), np.float32)
        self._strikes: dict[tuple[int, int], tuple[int, int]] = {}  # how many, the last one's tick
        self._free = _FREE

    def after(self, notes: Iterable[Note]) -> None:
        """Begin anew behind notes, in their order."""
        self.worn[:] = 0
        self._strikes.clear()
        self._free = _FREE
        most = 0
        for note in notes:
            count = self.strike(note)
            if note.heard and not note.number:
                most = max(most, count)
        self._free = min(max(_FREE, most), _MOST_FREE)
        for (code, key), (count, _) in self._strikes.items():
            self._set(code, key, count)

    def strike(self, note: Note) -> int:
        """Take a note; return which strike of its key in a row it is."""
        code, key = note.instrument, note.key
        count, last = self._strikes.get((code, key), (0, note.tick))
        count = count + 1 if note.tick - last <= _PAUSE else 1
        self._strikes[code, key] = (count, note.tick)
        self._set(code, key, count)
        return count

    def rest(self, tick: int) -> None:
        """Let keys that were not struck for a while be fresh again."""
        for code_key, (_, last) in [*self._strikes.items()]:
            if tick - last > _PAUSE:
                del self._strikes[code_key]
                self._set(*code_key, 0)

    def _set(self, code: int, key: int, count: int) -> None:
        self.worn[code, key + 1] = _NATS * max(0, count - self._free)
