"""How loud the ensemble plays: as the player did lately, at the same places of the beat and bar.

The network knows no velocities. Each of the player's notes leaves a trace at its tick of the bar
and in its part, fading over some notes; a planned note is as loud as the traces say, each pulled
towards the broader one (bar, beat, all) as long as it knows few notes. Used by the planner.
"""

import numpy as np

from models.mmt.representation import TICKS

_START = 76.0  # before anyone played
_FADE = 0.94  # of what is known, with each note
_PULL = 2.0  # notes' worth of the broader mean
_SPREAD = 3.0  # velocities up and down, so that no two notes are hammered alike


class Dynamics:
    """What the player's last notes say about loudness."""

    def __init__(self, parts: int, beats_per_bar: int) -> None:
        self._bar = beats_per_bar * TICKS
        self._all, self._count = 0.0, 0.0
        self._at = np.zeros((2, self._bar))  # sums and weights of differences from the mean
        self._of = np.zeros((2, max(parts, 1)))

    def resize(self, parts: int, beats_per_bar: int) -> None:
        """Go on with another ensemble or bar; what no longer fits is forgotten."""
        if beats_per_bar * TICKS != self._bar:
            self._bar = beats_per_bar * TICKS
            self._at = np.zeros((2, self._bar))
        if max(parts, 1) != self._of.shape[1]:
            self._of = np.zeros((2, max(parts, 1)))

    def hear(self, tick: int, part: int, velocity: int) -> None:
        """Take a note of the player."""
        self._all = _FADE * self._all + velocity
        self._count = _FADE * self._count + 1
        mean = self.mean
        for trace, place in ((self._at, tick % self._bar), (self._of, part)):
            if place < trace.shape[1]:
                trace *= _FADE
                trace[:, place] += (velocity - mean, 1)

    @property
    def mean(self) -> float:
        """The velocity of a note about which nothing else is known."""
        return self._all / self._count if self._count else _START

    def velocity(self, tick: int, part: int, random: float) -> int:
        """Return the velocity of a planned note, 1..127; `random` is in 0..1."""
        beat = self._at.reshape(2, -1, TICKS).sum(1)
        on_beat = beat[0, tick % TICKS] / (beat[1, tick % TICKS] + _PULL)
        sums, weights = self._at[:, tick % self._bar]
        value = self.mean + (sums + _PULL * on_beat) / (weights + _PULL)
        if part < self._of.shape[1]:
            value += self._of[0, part] / (self._of[1, part] + 2 * _PULL)
        return int(np.clip(round(value + _SPREAD * (2 * random - 1)), 1, 127))
