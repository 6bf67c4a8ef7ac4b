"""Where the music is: beat, tempo and bar, moved on between what the engine tells. [any]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Transport:
    """The transport as it was at `frame`; `beat_at` reckons on from there."""

    frame: int = 0
    beat: float = 0.0
    tempo_bpm: float = 120.0
    rolling: bool = False
    beats_per_bar: int = 4
    source: str = "internal"
    locked: bool = True
    rate_hz: int = 48000

    def beat_at(self, frame: float) -> float:
        """The beat at a frame, in quarter notes; it stands where the transport stands. [any]"""
        if not self.rolling:
            return self.beat
        return self.beat + self.beats_between(self.frame, frame)

    def beats_between(self, first: float, last: float) -> float:
        """How many beats lie between two frames. [any]"""
        return (last - first) / self.rate_hz * self.tempo_bpm / 60.0

    def frames(self, beats: float) -> float:
        """How many frames so many beats last. [any]"""
        return beats * 60.0 / self.tempo_bpm * self.rate_hz

    def bar_and_beat(self, frame: float) -> tuple[int, int, float]:
        """Bar and beat from 1, and how far the beat is (0 to 1). Bar 0 is a count-in. [any]"""
        beat = self.beat_at(frame)
        bar, inside = divmod(beat, self.beats_per_bar)
        return int(bar) + 1, int(inside) + 1, inside % 1.0


def read(section: dict[str, Any], rate_hz: int) -> Transport:
    """The state's section. [any]"""
    return Transport(
        frame=int(section["frame"]),
        beat=float(section["beat"]),
        tempo_bpm=float(section["tempo_bpm"]),
        rolling=bool(section["rolling"]),
        beats_per_bar=int(section["beats_per_bar"]),
        source=str(section["sync_source"]),
        locked=bool(section["locked"]),
        rate_hz=rate_hz,
    )
