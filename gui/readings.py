"""How meters, lengths and delays are read: the meter's scale, samples beside ms, minutes. [any]"""

from __future__ import annotations

from itertools import pairwise

METER_LOW_DB = -60.0
METER_MARKS_DB = (0, -6, -12, -20, -30, -40)
# The scale of peak meters in studios (IEC 60268-18), which opens out towards full scale.
METER_LAW = ((-60.0, 0.0), (-40.0, 0.15), (-30.0, 0.30), (-20.0, 0.50), (-10.0, 0.75), (0.0, 1.0))


def meter_place(db: float) -> float:
    """Where a level stands on a meter, 0 to 1. [any]"""
    for (low, below), (high, above) in pairwise(METER_LAW):
        if db < high:
            return max(below + (above - below) * (db - low) / (high - low), 0.0)
    return 1.0


def peak_text(db: float) -> str:
    """A peak as people read it: "-6.0", and "-\u221e" where nothing was heard. [any]"""
    return "-\u221e" if db <= METER_LOW_DB else f"{db:.1f}"


def frames_text(frames: float, rate_hz: float) -> str:
    """Samples *and* milliseconds: "128 samples \u00b7 2.67 ms". [any]"""
    return f"{frames:.0f} samples \u00b7 {1000.0 * frames / rate_hz:.2f} ms"


def length_text(seconds: float) -> str:
    """A length as m:ss, or h:mm:ss from an hour on. [any]"""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}"
