"""The player's last bars, said again with some notes drawn anew: the mode vary.

Each repetition keeps the player's rhythm and parts. With the probability `variation` a note's
pitch is drawn by the network, near the one that was played; the rest is as it was. Used by the
planner, a note at a time. [worker]
"""

from collections.abc import Sequence

import numpy as np

from engine.continuation.settings import Settings
from models.mmt.drawing import FREE, HIGH, LOW, Limits
from models.mmt.representation import (
    BEAT,
    DURATION,
    INSTRUMENT,
    POSITION,
    TICKS,
)
from models.mmt.stream import Note, Stream, length_code

_NEAR = 3  # semitones a varied note may lie away, and so many more at full variation
_NEAR_MORE = 9


class Phrase:
    """Notes of `length` ticks, again and again from `start` on."""

    def __init__(self, notes: Sequence[Note], length: int, start: int, settings: Settings) -> None:
        self.notes = notes
        self.length, self.start = length, start
        self.settings = settings
        self._place = 0

    @classmethod
    def of(cls, player: Sequence[Note], settings: Settings, tick: int) -> "Phrase | None":
        """Return the phrase the player's notes end with, to be said from `tick` on, or None."""
        bar = settings.bar_beats * TICKS
        if not player:
            return None
        end = -(-(player[-1].tick + 1) // bar) * bar
        length = settings.bars * bar
        first = end - length
        notes = sorted(
            (n for n in player if n.tick >= first and settings.parts[n.part].continues),
            key=lambda n: (n.tick, n.key, n.instrument),
        )
        if not notes:
            return None
        while first + bar <= notes[0].tick:  # fewer bars were played
            first += bar
        start = end + max(0, -(-(tick - end) // bar)) * bar
        return cls([*notes], end - first, start, settings)

    def next(self, stream: Stream, limits: Limits, random: np.random.Generator) -> Note | None:
        """Add the next note to the stream and return it; None if it is there already."""
        again, place = divmod(self._place, len(self.notes))
        source = self.notes[place]
        tick = self.start + again * self.length + (source.tick - self.start) % self.length
        self._place += 1
        note = None
        if random.random() < self.settings.variation:
            note = self._varied(source, tick, stream, limits, random)
        note = note or stream.add(tick, source.key, source.length, source.instrument, heard=False)
        if note:
            note.part = source.part
        return note

    def _varied(
        self,
        source: Note,
        tick: int,
        stream: Stream,
        limits: Limits,
        random: np.random.Generator,
    ) -> Note | None:
        part = self.settings.parts[source.part]
        reach = _NEAR + round(_NEAR_MORE * self.settings.variation)
        voices = limits.voices[:1].copy()
        voices[0, LOW] = max(part.low, source.key - reach)
        voices[0, HIGH] = max(min(part.high, source.key + reach), voices[0, LOW])
        voices[0, 0], voices[0, FREE], voices[0, 4] = source.instrument, -(1 << 40), -1
        limits.given[[BEAT, POSITION]] = stream.codes_at(tick)
        limits.given[INSTRUMENT] = source.instrument
        limits.given[DURATION] = length_code(source.length)
        note = stream.draw(limits._replace(voices=voices), tick, random)
        limits.given[:] = -1
        return note
