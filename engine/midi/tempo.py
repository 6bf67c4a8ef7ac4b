"""The tempo map of a piece: seconds to beats and back. A pure value, used by files and takes.

A beat is a quarter note. The tempo holds from each change to the next; the first change stands at
beat 0 and second 0.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

LOWEST_TEMPO_BPM, HIGHEST_TEMPO_BPM = 4.0, 6_000_000.0  # what a MIDI file can say (24 bits of us)


@dataclass(frozen=True)
class TempoMap:
    """Changes in rising order: beat, second, and seconds a beat from there on. [any]"""

    beats: tuple[float, ...] = (0.0,)
    seconds: tuple[float, ...] = (0.0,)
    seconds_per_beat: tuple[float, ...] = (0.5,)

    def __post_init__(self) -> None:
        if not len(self.beats) == len(self.seconds) == len(self.seconds_per_beat) > 0:
            raise ValueError("a tempo map needs as many beats as seconds and tempos, at least one")
        if self.beats[0] != 0.0 or self.seconds[0] != 0.0:
            raise ValueError(f"a tempo map starts at beat 0, got beat {self.beats[0]}")
        if any(b <= a for a, b in zip(self.beats, self.beats[1:], strict=False)):
            raise ValueError(f"the beats of a tempo map must rise, got {self.beats}")

    @classmethod
    def steady(cls, tempo_bpm: float = 120.0) -> "TempoMap":
        """One tempo throughout. [any]"""
        return cls.from_seconds([(0.0, tempo_bpm)])

    @classmethod
    def from_beats(cls, changes: Iterable[tuple[float, float]]) -> "TempoMap":
        """From (beat, seconds a beat) in rising order; what holds before the first is 120 bpm."""
        beats, seconds, rates = [0.0], [0.0], [0.5]
        for beat, seconds_per_beat in changes:
            if beat > beats[-1]:
                seconds.append(seconds[-1] + (beat - beats[-1]) * rates[-1])
                beats.append(beat)
                rates.append(seconds_per_beat)
            else:
                rates[-1] = seconds_per_beat  # the last of several at one place holds
        return cls(tuple(beats), tuple(seconds), tuple(rates))

    @classmethod
    def from_seconds(cls, changes: Iterable[tuple[float, float]]) -> "TempoMap":
        """From (second, tempo_bpm) in rising order."""
        beats: list[tuple[float, float]] = []
        last_second, last_beat, rate = 0.0, 0.0, 0.5
        for second, tempo_bpm in changes:
            if not LOWEST_TEMPO_BPM <= tempo_bpm <= HIGHEST_TEMPO_BPM:
                raise ValueError(
                    f"tempo_bpm must be {LOWEST_TEMPO_BPM:g} to {HIGHEST_TEMPO_BPM:g}, "
                    f"got {tempo_bpm!r}"
                )
            last_beat += (max(second, last_second) - last_second) / rate
            last_second, rate = max(second, last_second), 60.0 / tempo_bpm
            beats.append((last_beat, rate))
        return cls.from_beats(beats)

    def to_beats(self, seconds: ArrayLike) -> np.ndarray:
        """Where in the music a moment lies. [any]"""
        at = np.asarray(seconds, np.float64)
        place = np.maximum(np.searchsorted(self.seconds, at, side="right") - 1, 0)
        start, rate = np.array(self.seconds)[place], np.array(self.seconds_per_beat)[place]
        return np.array(self.beats)[place] + (at - start) / rate

    def to_seconds(self, beats: ArrayLike) -> np.ndarray:
        """When a place in the music comes. [any]"""
        at = np.asarray(beats, np.float64)
        place = np.maximum(np.searchsorted(self.beats, at, side="right") - 1, 0)
        start, rate = np.array(self.beats)[place], np.array(self.seconds_per_beat)[place]
        return np.array(self.seconds)[place] + (at - start) * rate

    def beat_at(self, second: float) -> float:
        """`to_beats` of a single moment, quick where there are many changes. [any]"""
        place = max(bisect_right(self.seconds, second) - 1, 0)
        return self.beats[place] + (second - self.seconds[place]) / self.seconds_per_beat[place]

    def second_at(self, beat: float) -> float:
        """`to_seconds` of a single place. [any]"""
        place = max(bisect_right(self.beats, beat) - 1, 0)
        return self.seconds[place] + (beat - self.beats[place]) * self.seconds_per_beat[place]
