"""Who plays which planned note: the voices of the parts, when each is free, what it played last.

The network knows instruments, not desks: two violins are one instrument to it. The draw is told
when each voice is free and how far it reaches (models.mmt.drawing); here the notes of an onset are
then dealt out, high notes to high voices, each where its last notes lay. Used by the planner.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from engine.continuation.settings import Part
from models.mmt.drawing import CODE, FREE, HIGH, LOW, PART, SOUNDING
from models.mmt.stream import Note

_LONG_AGO = -(1 << 40)
_OUT_OF_RANGE, _BUSY = 1000.0, 300.0
_HOME = 0.5  # of the way from a voice's last note, that from where its notes lie counts
_REACH = 14  # semitones about there, for parts of one instrument: they are told apart by it
_ENOUGH = 4  # notes of a part that say where they lie; before, the middle of its range does


class Voices:
    """The voices that may play on. `table` is what the draw reads."""

    def __init__(self, parts: Sequence[Part], playing: Iterable[int]) -> None:
        """`playing` are the numbers, from 0, of the parts that play on."""
        self.parts = parts
        rows, last = [], []
        for number in playing:
            part = parts[number]
            for _ in range(part.voices):
                rows.append((part.code, part.low, part.high, _LONG_AGO, -1, number))
                last.append((part.low + part.high) / 2)
        self.table = np.array(rows, np.int64).reshape(-1, 6)
        self.last = np.array(last)
        self.home = self.last.copy()
        self._taken = 0  # the row of the note taken last
        self._of_part: dict[int, list[int]] = {}
        for row, number in enumerate(self.table[:, PART].tolist()):
            self._of_part.setdefault(number, []).append(row)
        self.close()

    @property
    def codes(self) -> set[int]:
        """The instruments that play on."""
        return {int(code) for code in self.table[:, CODE]}

    def after(self, notes: Iterable[Note]) -> None:
        """Begin anew behind notes whose part is known, in their order."""
        self.table[:, FREE], self.table[:, SOUNDING] = _LONG_AGO, -1
        free = self.table[:, FREE]
        keys: dict[int, list[int]] = {}
        for note in notes:
            rows = self._of_part.get(note.part)
            if rows:
                self._sound(min(rows, key=free.__getitem__), note)
                keys.setdefault(note.part, []).append(note.key)
        self._settle(keys)
        self.close()

    def _settle(self, keys: dict[int, list[int]]) -> None:
        """Find where each part's notes lie; parts of one instrument stay about there."""
        for number, rows in self._of_part.items():
            if len(keys.get(number, ())) >= _ENOUGH:
                self.home[rows] = np.mean(keys[number])
            part = self.parts[number]
            alike = (self.table[:, CODE] == part.code) & (self.table[:, PART] != number)
            if alike.any():
                home = round(self.home[rows[0]])
                self.table[rows, LOW] = min(max(part.low, home - _REACH), part.high)
                self.table[rows, HIGH] = max(min(part.high, home + _REACH), part.low)

    def close(self) -> None:
        """End a group of notes of one onset: what comes now is dealt out behind it."""
        self._saved = (self.table[:, FREE:PART].copy(), self.last.copy())

    def take(self, note: Note) -> None:
        """Keep a voice for a note just drawn, until its group is dealt out."""
        cost = self._costs([note])[0]
        if len(cost):
            self._taken = int(cost.argmin())
            self._sound(self._taken, note)

    @property
    def first_free(self) -> int:
        """The tick from which on some voice is free; there must be voices."""
        return int(self.table[:, FREE].min())

    @property
    def free_from(self) -> int:
        """The tick from which on all of them are."""
        return int(self.table[:, FREE].max())

    def shorten(self, note: Note) -> None:
        """The note taken last has become shorter."""
        self.table[self._taken, FREE] = note.tick + note.length

    def deal(self, group: Sequence[Note]) -> None:
        """Give each note of an onset its part, the best way all together, and close the group."""
        self.table[:, FREE:PART], self.last = self._saved[0].copy(), self._saved[1].copy()
        for code in sorted({note.instrument for note in group}):
            rows = np.flatnonzero(self.table[:, CODE] == code)
            rows = rows[np.argsort(self.home[rows], kind="stable")]
            notes = sorted((n for n in group if n.instrument == code), key=lambda n: n.key)
            for note, place in zip(notes, _in_order(self._costs(notes)[:, rows]), strict=True):
                self._sound(int(rows[place]), note)
        self.close()

    def _sound(self, row: int, note: Note) -> None:
        self.table[row, FREE] = note.tick + note.length
        self.table[row, SOUNDING] = note.key
        self.last[row] = note.key
        note.part = int(self.table[row, PART])

    def _costs(self, notes: Sequence[Note]) -> np.ndarray:
        """Return what it costs each voice to play each note: (notes, voices)."""
        keys = np.array([note.key for note in notes])[:, None]
        ticks = np.array([note.tick for note in notes])[:, None]
        codes = np.array([note.instrument for note in notes])[:, None]
        t = self.table
        cost = np.abs(keys - self.last) + _HOME * np.abs(keys - self.home)
        cost += _OUT_OF_RANGE * ((keys < t[:, LOW]) | (keys > t[:, HIGH]) | (codes != t[:, CODE]))
        return cost + _BUSY * (t[:, FREE] > ticks)


def _in_order(cost: np.ndarray) -> list[int]:
    """Return a rising place for each row, so that the costs together are least. (notes, places)

    More rows than places: the last places take the rest.
    """
    notes, places = cost.shape
    if notes > places:
        return [min(k, places - 1) for k in range(notes)]
    best = np.full((notes + 1, places + 1), np.inf)
    best[0] = 0.0
    for i in range(1, notes + 1):
        for j in range(i, places - (notes - i) + 1):
            best[i, j] = min(best[i, j - 1], best[i - 1, j - 1] + cost[i - 1, j - 1])
    result, j = [0] * notes, places
    for i in range(notes, 0, -1):
        while best[i, j - 1] <= best[i, j]:
            j -= 1
        result[i - 1] = j - 1
        j -= 1
    return result
