"""Where the puck of a neural synth's pad is: the sound's own place, moved by its sources.

The host's audio thread asks once a frame of the decoder. Sources mean what they mean in
`engine.rt.pad`; trajectories, even motion and the transport's beats are the live voices' own: a
period in beats goes at 120 a minute here. [worker]
"""

from __future__ import annotations

import math

import numpy as np

from engine.morph_plane import plane_of, weights_at
from engine.morph_sounds import MorphSound, Source

BEAT_S = 0.5
SETTLED_S = 0.02  # in which the weights come within a thousandth of where they go
LOWEST_KEY, KEY_SPAN = 24, 84
GOLDEN = 0.6180339887498949


class Puck:
    """The puck of one sound. `x` and `y` are the player's to set, 0 to 1."""

    def __init__(self, sound: MorphSound) -> None:
        self.x, self.y = sound.puck.x, sound.puck.y
        self._sources = sound.sources
        self._plane = plane_of([(anchor.x, anchor.y) for anchor in sound.anchors])
        self._controllers = [0] * 128
        self._pressure = 0
        self._key_pressure: dict[int, int] = {}
        self._bend = 8192
        self._newest: tuple[int, int, float] | None = None  # key, velocity, when
        self.weights = self.target(0.0)

    def hears(self, status: int, data1: int, data2: int, now_s: float) -> None:
        """Take in a message of the part's. [worker]"""
        kind = status & 0xF0
        if kind == 0x90 and data2 > 0:
            self._newest = (data1, data2, now_s)
        elif kind in (0x80, 0x90):
            self._key_pressure.pop(data1, None)
        elif kind == 0xA0:
            self._key_pressure[data1] = data2
        elif kind == 0xB0:
            self._controllers[data1] = data2
        elif kind == 0xD0:
            self._pressure = data1
        elif kind == 0xE0:
            self._bend = data1 | data2 << 7

    def jump(self, now_s: float) -> None:
        """Be at once where the sources lead: for the first note after silence. [worker]"""
        self.weights = self.target(now_s)

    def step(self, now_s: float, seconds: float) -> np.ndarray:
        """Follow for so long; return the anchors' weights. [worker]"""
        target = self.target(now_s)
        self.weights = target + (self.weights - target) * 10 ** (-3 * seconds / SETTLED_S)
        return self.weights

    def target(self, now_s: float) -> np.ndarray:
        """The anchors' weights at the place the sources lead to. [worker]"""
        place = {"x": self.x, "y": self.y}
        for number, source in enumerate(self._sources):
            value = self._value(source, number, now_s)
            place[source.axis] += source.low + value * (source.high - source.low)
        x, y = (min(max(place[axis], 0.0), 1.0) for axis in ("x", "y"))
        return weights_at(self._plane, x, y)

    def _value(self, source: Source, number: int, now_s: float) -> float:
        """What a source says now, 0 to 1."""
        if source.kind == "cc":
            return self._controllers[source.controller] / 127
        if source.kind == "aftertouch":
            return max(self._pressure, *self._key_pressure.values(), 0) / 127
        if source.kind == "bend":
            return self._bend / 16383
        if source.kind == "lfo":
            period_s = source.period_beats * BEAT_S or source.period_s
            return wave(now_s / period_s, source.shape, number)
        if self._newest is None:
            return 0.0
        key, velocity, struck_s = self._newest
        if source.kind == "velocity":
            return velocity / 127
        if source.kind == "key":
            return min(max((key - LOWEST_KEY) / KEY_SPAN, 0.0), 1.0)
        return envelope(now_s - struck_s, source.attack_s, source.decay_s)


def envelope(age_s: float, attack_s: float, decay_s: float) -> float:
    """Up in a line, then down; without a decay it stays. [any]"""
    if age_s < attack_s:
        return age_s / attack_s
    return 1.0 if decay_s <= 0 else max(1.0 - (age_s - attack_s) / decay_s, 0.0)


def wave(turns: float, shape: str, seed: int) -> float:
    """A wave after so many turns, 0 to 1; all but the random one begin at 0. [any]"""
    turn = math.floor(turns)
    phase = turns - turn
    if shape == "triangle":
        return 1.0 - abs(2.0 * phase - 1.0)
    if shape == "saw":
        return phase
    if shape == "random":
        one, other = ((GOLDEN * (n + 1) * (n + 7 * seed + 3)) % 1.0 for n in (turn, turn + 1))
        return one + (0.5 - 0.5 * math.cos(math.pi * phase)) * (other - one)
    return 0.5 - 0.5 * math.cos(2.0 * math.pi * phase)
