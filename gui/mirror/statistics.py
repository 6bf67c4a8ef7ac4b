"""What the engine measures of itself, ten times a second. [any]"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Statistics:
    """One reading. Delays: from the event's arrival to its first frame. Loads: % of a block."""

    frame: int = 0
    rate_hz: int = 48000
    block_frames: int = 128
    cycles: int = 0
    xruns: int = 0
    missed_cycles: int = 0
    late_events: int = 0
    dropped_events: int = 0
    underruns: int = 0
    results_dropped: int = 0
    refused_notes: int = 0
    voices: int = 0
    voices_stolen: int = 0
    held_notes: int = 0
    notes_network: int = 0
    notes_rule: int = 0
    notes_late_rule: int = 0
    load_p50: float = 0.0
    load_p99: float = 0.0
    load_p999: float = 0.0
    load_max: float = 0.0
    delay_p50_ms: float = 0.0
    delay_p99_ms: float = 0.0
    peak: tuple[float, ...] = field(default=(0.0,) * 17)
    rms: tuple[float, ...] = field(default=(0.0,) * 17)
    part_notes: tuple[int, ...] = field(default=(0,) * 16)
    puck_x: tuple[float, ...] = field(default=(0.5,) * 16)  # of the parts' pads
    puck_y: tuple[float, ...] = field(default=(0.5,) * 16)

    @property
    def notes(self) -> int:
        """How many notes were given a part."""
        return self.notes_network + self.notes_rule


_COUNTS = [
    "frame",
    "rate_hz",
    "block_frames",
    "cycles",
    "xruns",
    "missed_cycles",
    "late_events",
    "dropped_events",
    "underruns",
    "results_dropped",
    "refused_notes",
    "voices",
    "voices_stolen",
    "held_notes",
    "notes_network",
    "notes_rule",
    "notes_late_rule",
]


def read(message: dict[str, Any]) -> Statistics:
    """The JSON of /ripieno/statistics; what a later engine adds is left out. [any]"""
    load, delay = message["load_percent"], message["delay_ms"]
    return Statistics(
        **{name: int(message[name]) for name in _COUNTS},
        load_p50=load["p50"],
        load_p99=load["p99"],
        load_p999=load["p999"],
        load_max=load["max"],
        delay_p50_ms=delay["p50"],
        delay_p99_ms=delay["p99"],
        peak=tuple(message["peak"]),
        rms=tuple(message["rms"]),
        part_notes=tuple(message["part_notes"]),
        puck_x=tuple(message["puck_x"]),
        puck_y=tuple(message["puck_y"]),
    )
