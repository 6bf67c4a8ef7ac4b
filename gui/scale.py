"""How a setting's numbers lie on a fader, a knob or in words. No Qt. [any]

Found by address: range and type come from the engine's table, the rest (what a double-click goes
back to, the unit, the way a fader's length is used) from the rows below.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from engine import addresses

UNITY_AT = 0.75  # where 0 dB lies on a fader of -60 .. 12 dB
KNEE_DB, KNEE_AT = -20.0, 0.375
METER_LOW_DB = -54.0  # where meters begin


@dataclass(frozen=True)
class Scale:
    """Range, step and words of one number."""

    low: float
    high: float
    default: float = 0.0
    step: float = 0.01  # of an arrow key or a click of the wheel
    unit: str = ""
    whole: bool = False
    decimals: int = 2
    fader: bool = False  # dB along a fader: fine near 0

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"a scale from {self.low:g} to {self.high:g} has no length")

    def clamp(self, value: float) -> float:
        """The nearest value there is. [any]"""
        value = min(self.high, max(self.low, value))
        return float(round(value)) if self.whole else value

    def position(self, value: float) -> float:
        """Where a value lies on the way from 0 to 1. [any]"""
        value = min(self.high, max(self.low, value))
        if not self.fader:
            return (value - self.low) / (self.high - self.low)
        for (low, at), (high, end) in pairwise(self._knees()):
            if value <= high:
                return at + (end - at) * (value - low) / (high - low)
        return 1.0

    def value(self, position: float) -> float:
        """The value at a position. [any]"""
        position = min(1.0, max(0.0, position))
        if not self.fader:
            return self.clamp(self.low + position * (self.high - self.low))
        for (low, at), (high, end) in pairwise(self._knees()):
            if position <= end:
                return low + (high - low) * (position - at) / (end - at)
        return self.high

    def text(self, value: float) -> str:
        """The value in words: "-6.0 dB", "L 50", "off". [any]"""
        if self.fader and value <= self.low:
            return "-∞ dB"
        if self.unit == "pan":
            place = round(abs(value) * 100)
            return "C" if place == 0 else f"{'L' if value < 0 else 'R'} {place}"
        if self.unit == "%":
            return f"{round(value * 100)} %"
        number = f"{round(value)}" if self.whole else f"{value:.{self.decimals}f}"
        return f"{number} {self.unit}".rstrip()

    def _knees(self) -> tuple[tuple[float, float], ...]:
        return ((self.low, 0.0), (KNEE_DB, KNEE_AT), (0.0, UNITY_AT), (self.high, 1.0))


_DB = {"unit": "dB", "step": 0.5, "decimals": 1, "fader": True}
_SHARE = {"unit": "%", "step": 0.02}
_KNOWN: dict[str, dict] = {
    "gain": _DB,
    "pan": {"unit": "pan", "step": 0.05},
    "reverb": _SHARE,
    "chorus": _SHARE,
    "send_a": _SHARE,
    "send_b": _SHARE,
    "value": _SHARE,
    "click_gain": {**_DB, "default": -12.0},
    "tempo": {"unit": "bpm", "step": 1.0, "decimals": 1, "default": 120.0},
    "chord_window": {"unit": "ms", "step": 1.0, "decimals": 0},
    "temperature": {"step": 0.05, "default": 1.0},
    "silence": {"unit": "beats", "step": 0.25, "decimals": 2, "default": 2.0},
    "density": {"step": 0.05},
    "memory": {"unit": "beats", "default": 64.0},
    "bars": {"unit": "bars", "default": 4.0},
    "length": {"unit": "bars"},
    "variation": {**_SHARE, "default": 0.5},
    "confidence": _SHARE,
    "polyphony": {"default": 4.0},
    "beats_per_bar": {"default": 4.0},
    "panic_cc": {"default": 119.0},
    "high": {"default": 127.0},
}


def scale_of(address: str) -> Scale | None:
    """The scale of a setting; None for words and switches without numbers. [any]"""
    row, _ = addresses.find(address)
    if not row.arguments or row.arguments[0].tag == "s":
        return None
    argument = row.arguments[0]
    known = _KNOWN.get(address.rpartition("/")[2]) or _KNOWN.get(row.path.rpartition("/")[2]) or {}
    if argument.tag == "i":
        known = {"step": 1.0, **known}
    default = min(argument.high, max(argument.low, 0.0))
    return Scale(
        argument.low,
        argument.high,
        **{"default": default, **known, "whole": argument.tag == "i"},
    )


def choices_of(address: str) -> tuple[str, ...]:
    """The words a setting may have, if it is one of words. [any]"""
    row, _ = addresses.find(address)
    return row.arguments[0].choices if row.arguments else ()


def description_of(address: str) -> str:
    """What a setting or a trigger does, in the table's words. [any]"""
    return addresses.find(address)[0].does


def learnable(address: str) -> bool:
    """Whether a control of the keyboard can be given to it. [any]"""
    return bool(addresses.find(address)[0].learn)
