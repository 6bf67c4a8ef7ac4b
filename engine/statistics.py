"""A snapshot of what the callback counts about itself. [any]"""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np


@dataclass(frozen=True)
class Stats:
    """What the callback counted since the last reset. Loads in % of the block, levels linear."""

    frame: int
    rate_hz: int
    block_frames: int
    cycles: int
    xruns: int
    missed_cycles: int
    late_events: int
    dropped_events: int
    underruns: int
    results_dropped: int
    refused_notes: int
    bad_messages: int
    voices: int
    voices_stolen: int
    held_notes: int
    notes_network: int
    notes_rule: int
    notes_late_rule: int
    notes_hand: int
    load_percent: dict[str, float]
    delay_ms: dict[str, float]
    peak: np.ndarray
    rms: np.ndarray
    part_notes: np.ndarray
    puck_x: np.ndarray  # of the parts' pads, 0 to 1
    puck_y: np.ndarray


def snapshot(rig: SimpleNamespace) -> Stats:
    """Return what a rig's callback has counted since the last reset. [any]"""
    state, stats = rig.state[0], rig.stats[0]
    rate_hz = int(state["rate_hz"])
    to_ms = 1000.0 / rate_hz
    load = _percentiles(stats["load"], 0.5)
    load["max"] = 100.0 * float(stats["max_load"])
    delay = _percentiles(stats["delay"], to_ms)
    return Stats(
        frame=int(state["frame"]),
        rate_hz=rate_hz,
        block_frames=int(state["block_frames"]),
        cycles=int(stats["cycles"]),
        xruns=int(stats["xruns"]),
        missed_cycles=int(stats["missed"]),
        late_events=int(stats["late_events"]),
        dropped_events=int(stats["dropped_events"]),
        underruns=int(stats["underruns"]),
        results_dropped=int(stats["results_dropped"]),
        refused_notes=int(stats["refused_notes"]),
        bad_messages=int(stats["bad_messages"]),
        voices=int(state["voices_active"]) + int(rig.morph[0]["active"]),
        voices_stolen=int(stats["voices_stolen"]),
        held_notes=int(state["live"]),
        notes_network=int(stats["notes_network"]),
        notes_rule=int(stats["notes_rule"]),
        notes_late_rule=int(stats["notes_late_rule"]),
        notes_hand=int(stats["notes_hand"]),
        load_percent=load,
        delay_ms={"p50": delay["p50"], "p99": delay["p99"]},
        peak=stats["peak"].copy(),
        rms=np.sqrt(stats["power"]),
        part_notes=rig.parts["sounding"].copy(),
        puck_x=rig.pads["x"].copy(),
        puck_y=rig.pads["y"].copy(),
    )


def _percentiles(histogram: np.ndarray, unit: float) -> dict[str, float]:
    """Return p50, p99 and p999 of a histogram whose bins are `unit` wide; upper edges."""
    total = np.cumsum(histogram)
    if total[-1] == 0:
        return {"p50": 0.0, "p99": 0.0, "p999": 0.0}
    shares = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
    return {
        name: float((np.searchsorted(total, share * total[-1]) + 1) * unit)
        for name, share in shares.items()
    }
