"""What each way of following tells while a performance is played: beats, and the tempo at a time.

Strictly causal: a beat falls where what was known before it said it would; what is learnt later
moves only beats to come. Used by `evaluate` and `tune`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.beat_tracking import CHORD_S, BeatTracker, Model
from engine.following import AHEAD_S, PERIOD_S, TOLD_TEMPO, TRUSTED, Steering

HEARD_S = 0.015  # a block, and the pump's round
LATEST = 12  # inter-onset intervals the simplest rule looks at
SLOWEST_S, FASTEST_S = 60.0 / 75.0, 60.0 / 150.0  # an octave of tempi


@dataclass(frozen=True)
class Followed:
    """What was told: when beats were, and the tempo from times on."""

    beat_s: np.ndarray
    told_s: np.ndarray
    tempo_bpm: np.ndarray
    cpu_s: float

    def tempo_at(self, at_s: np.ndarray) -> np.ndarray:
        """The tempo in force at times."""
        return self.tempo_bpm[np.maximum(np.searchsorted(self.told_s, at_s, "right") - 1, 0)]


class Teller(Protocol):
    """Takes a note in and tells (phase now in beats, period in s), or None as yet."""

    def note(self, at_s: float, pitch: int, velocity: int) -> tuple[float, float] | None: ...


class FixedTempo:
    """The tempo set before; the first note is a beat."""

    def __init__(self, tempo_bpm: float = 100.0) -> None:
        self._period_s = 60.0 / tempo_bpm
        self._first_s = math.nan

    def note(self, at_s: float, pitch: int, velocity: int) -> tuple[float, float] | None:
        if math.isnan(self._first_s):
            self._first_s = at_s
        return (at_s - self._first_s) / self._period_s, self._period_s


class SimplestRule:
    """Median of the last inter-onset intervals, folded into an octave; the last onset is a beat."""

    def __init__(self) -> None:
        self._last_s = -math.inf
        self._intervals: list[float] = []

    def note(self, at_s: float, pitch: int, velocity: int) -> tuple[float, float] | None:
        gap_s, self._last_s = at_s - self._last_s, at_s
        if gap_s > CHORD_S and math.isfinite(gap_s):
            self._intervals = [*self._intervals[-LATEST + 1 :], gap_s]
        if not self._intervals:
            return None
        period_s = float(np.median(self._intervals))
        while period_s > SLOWEST_S:
            period_s /= 2.0
        while period_s < FASTEST_S:
            period_s *= 2.0
        return 0.0, period_s


class Tracker:
    """`engine.beat_tracking`."""

    def __init__(self, model: Model | None = None) -> None:
        self._tracker = BeatTracker(model)

    def note(self, at_s: float, pitch: int, velocity: int) -> tuple[float, float] | None:
        beat = self._tracker.note(at_s, pitch, velocity)
        return None if beat is None else (beat.phase_at(at_s), beat.period_s)


def follow(
    teller: Teller, onset_s: np.ndarray, pitch: np.ndarray, velocity: np.ndarray
) -> Followed:
    """Play notes to a teller; beats fall where its steady line crosses whole numbers."""
    beats: list[float] = []
    told: list[tuple[float, float]] = []
    line: tuple[float, float, float] | None = None  # time, place in beats, period
    coming = 1
    notes = list(zip(onset_s.tolist(), pitch.tolist(), velocity.tolist(), strict=True))
    began_s = time.process_time()
    for at_s, key, loudness in notes:
        if line is not None:
            coming = _cross(line, at_s, coming, beats)
        answer = teller.note(at_s, key, loudness)
        if answer is None:
            continue
        phase, period_s = answer
        if line is None:
            place = 1.0 + phase - math.floor(phase)
            place -= 1.0 if place > 1.5 else 0.0
        else:
            expected = line[1] + (at_s - line[0]) / line[2]
            off = phase - expected
            place = expected + off - math.floor(off + 0.5)
        line = (at_s, place, period_s)
        if place >= coming:  # the beat has just been, or is now
            beats.append(at_s)
            coming = math.floor(place) + 1
        told.append((at_s, 60.0 / period_s))
    cpu_s = time.process_time() - began_s
    rows = np.array(told or [(0.0, 100.0)])
    return Followed(np.array(beats), rows[:, 0], rows[:, 1], cpu_s)


def follow_as_engine(
    onset_s: np.ndarray, pitch: np.ndarray, velocity: np.ndarray, tempo_bpm: float = 120.0
) -> Followed:
    """The beats of the transport, steered by `engine.following` as in the engine.

    The transport starts at the first note in the tempo it has; a note is heard HEARD_S late and a
    tempo acts AHEAD_S after it was told.
    """
    tracker, steering = BeatTracker(), Steering(tempo_bpm)
    beats: list[float] = [float(onset_s[0])]
    told = [(float(onset_s[0]), tempo_bpm)]
    line = (float(onset_s[0]), 1.0, 60.0 / tempo_bpm)
    coming, place, leading = 2, 0, False
    began_s = time.process_time()
    now_s = float(onset_s[0])
    while now_s < onset_s[-1] + 1.0:
        now_s += PERIOD_S
        while place < len(onset_s) and onset_s[place] + HEARD_S <= now_s:
            tracker.note(float(onset_s[place]), int(pitch[place]), int(velocity[place]))
            place += 1
        beat = tracker.beat
        leading |= beat is not None and beat.confidence >= TRUSTED
        if beat is None or not leading:
            continue
        acts_s = now_s + AHEAD_S
        at = line[1] + (acts_s - line[0]) / line[2]
        tempo_bpm = steering.tempo(beat, acts_s, at)
        if abs(tempo_bpm * line[2] / 60.0 - 1.0) > TOLD_TEMPO:
            coming = _cross(line, acts_s, coming, beats)
            line = (acts_s, at, 60.0 / tempo_bpm)
        told.append((acts_s, steering.tempo_bpm))
    _cross(line, float(onset_s[-1]), coming, beats)
    cpu_s = time.process_time() - began_s
    rows = np.array(told)
    return Followed(np.array(beats), rows[:, 0], rows[:, 1], cpu_s)


def _cross(line: tuple[float, float, float], until_s: float, coming: int, beats: list) -> int:
    """Add the beats a line crosses before a time; the number of the next one."""
    at_s, place, period_s = line
    while at_s + (coming - place) * period_s < until_s:
        beats.append(at_s + (coming - place) * period_s)
        coming += 1
    return coming


TELLERS: dict[str, Callable[[], Teller]] = {
    "fixed tempo": FixedTempo,
    "simplest rule": SimplestRule,
    "tracker": Tracker,
}
