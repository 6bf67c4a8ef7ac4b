"""Effects that come with pedalboard and need no file: what they are called, their parameters. [any]

A parameter is an attribute of the effect; its value 0..1 lies on a straight line, or for
frequencies and times on a curve of equal ratios, between the two ends given here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """The ends of a parameter, and whether equal steps are equal ratios."""

    attribute: str
    low: float
    high: float
    unit: str = ""
    ratio: bool = False

    def at(self, value01: float) -> float:
        """The parameter's own value. [any]"""
        if self.ratio:
            return self.low * (self.high / self.low) ** value01
        return self.low + value01 * (self.high - self.low)

    def of(self, value: float) -> float:
        """Where the parameter's own value lies, 0..1. [any]"""
        import math

        if self.ratio:
            place = math.log(max(value, 1e-9) / self.low) / math.log(self.high / self.low)
        else:
            place = (value - self.low) / (self.high - self.low)
        return min(max(place, 0.0), 1.0)


_CUTOFF = Span("cutoff_frequency_hz", 20, 20000, "Hz", ratio=True)
_RELEASE = Span("release_ms", 5, 2000, "ms", ratio=True)
_SHELF = (_CUTOFF, Span("gain_db", -24, 24, "dB"), Span("q", 0.1, 10, ratio=True))
_MOTION = (
    Span("rate_hz", 0.05, 20, "Hz", ratio=True),
    Span("depth", 0, 1),
    Span("feedback", -0.95, 0.95),
    Span("mix", 0, 1),
)
EFFECTS: dict[str, tuple[Span, ...]] = {
    "Chorus": (*_MOTION, Span("centre_delay_ms", 1, 50, "ms", ratio=True)),
    "Clipping": (Span("threshold_db", -40, 0, "dB"),),
    "Compressor": (
        Span("threshold_db", -60, 0, "dB"),
        Span("ratio", 1, 20, ratio=True),
        Span("attack_ms", 0.1, 200, "ms", ratio=True),
        _RELEASE,
    ),
    "Delay": (
        Span("delay_seconds", 0.001, 2, "s", ratio=True),
        Span("feedback", 0, 0.95),
        Span("mix", 0, 1),
    ),
    "Distortion": (Span("drive_db", 0, 60, "dB"),),
    "Gain": (Span("gain_db", -60, 24, "dB"),),
    "HighShelfFilter": _SHELF,
    "HighpassFilter": (_CUTOFF,),
    "Limiter": (Span("threshold_db", -40, 0, "dB"), _RELEASE),
    "LowShelfFilter": _SHELF,
    "LowpassFilter": (_CUTOFF,),
    "NoiseGate": (
        Span("threshold_db", -100, 0, "dB"),
        Span("ratio", 1, 20, ratio=True),
        Span("attack_ms", 0.1, 200, "ms", ratio=True),
        _RELEASE,
    ),
    "PeakFilter": _SHELF,
    "Phaser": (*_MOTION, Span("centre_frequency_hz", 100, 10000, "Hz", ratio=True)),
    "Reverb": (
        Span("room_size", 0, 1),
        Span("damping", 0, 1),
        Span("wet_level", 0, 1),
        Span("dry_level", 0, 1),
        Span("width", 0, 1),
    ),
}
