"""What the ensemble's network looked at when it drew the note planned last. [any]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gui.pitch import pitch_name


@dataclass(frozen=True, slots=True)
class Seen:
    """A note and how much of the attention it had. Parts count from 0, -1 is none of them."""

    part: int
    pitch: int
    beat: float
    beats: float
    share: float = 0.0


@dataclass(frozen=True)
class Attention:
    """The planned note, the notes before it, the most attended first; how many there are."""

    note: Seen | None = None
    seen: tuple[Seen, ...] = ()
    remembered: int = 0

    def share_since(self, beat: float) -> float:
        """How much of the attention went to notes that begin at a beat or later. [any]"""
        return sum(each.share for each in self.seen if each.beat >= beat)

    def text(self, part_names: Sequence[str], beats_per_bar: int) -> str:
        """The same in words, a line. [any]"""
        if self.note is None:
            return ""
        part, pitch = self.note.part, pitch_name(self.note.pitch)
        name = part_names[part] if 0 <= part < len(part_names) else "A part"
        near = 100.0 * self.share_since(self.note.beat - beats_per_bar)
        return (
            f"{name} is to play {pitch}: {near:.0f} % of the attention on the bar before it; "
            f"{self.remembered} notes are remembered"
        )


def read(message: Mapping[str, Any]) -> Attention:
    """The engine's message. [any]"""
    return Attention(
        _seen(message["note"]),
        tuple(_seen(note) for note in message["notes"]),
        int(message["remembered"]),
    )


def _seen(values: Sequence[float]) -> Seen:
    part, pitch, beat, beats = values[:4]
    return Seen(int(part) - 1, int(pitch), float(beat), float(beats), *map(float, values[4:5]))
