"""What an engine would tell, in short, for tests of the mirror."""

import dataclasses
from typing import Any

from gui.mirror.statistics import Statistics


def part(name: str, **more: Any) -> dict[str, Any]:
    """A part as the state has it."""
    usual = {"program": 40, "bank": 0, "sound": "soundfont", "low": 55, "high": 100}
    mixer = {"gain_db": 0.0, "pan": 0.0, "mute": 0.0, "solo": 0.0}
    return {"name": name, **usual, "voices": ["soprano"], **mixer, **more}


def state(revision: int = 1, **more: Any) -> dict[str, Any]:
    """A state of a duo."""
    return {
        "version": "0.1.0",
        "revision": revision,
        "ensemble": "duo",
        "ensemble_name": "Duo",
        "model": {"name": "chorales", "live_accuracy": [[0.0, 90.0], [20.0, 95.0]]},
        "parts": [part("Violin"), part("Cello", low=36, gain_db=-3.0)],
        "chord_window_ms": 10.0,
        "chord_mode": "wait",
        "device": {"description": "JACK", "rate_hz": 48000, "block_frames": 128, "alive": True},
        "inputs": ["Keys"],
        "input_wanted": None,
        "transport": {
            "frame": 48000,
            "beat": 4.0,
            "tempo_bpm": 120.0,
            "rolling": True,
            "beats_per_bar": 4.0,
            "sync_source": "internal",
            "locked": True,
        },
        "rig": {"id": "night", "name": "Night", "unsaved": False, "setlist": None},
        **more,
    }


def note_on(note: int, part: int = 1, pitch: int = 60, frame: int = 1000, sure: float = 0.9):
    """The values of a /ripieno/note_on."""
    return (note, part, pitch, 80, sure, "network", 1.0, frame)


def statistics(**more: Any) -> dict[str, Any]:
    """A reading in which all is well."""
    counts = {
        field.name: 0 for field in dataclasses.fields(Statistics) if field.type in ("int", int)
    }
    return {
        **counts,
        "frame": 96000,
        "rate_hz": 48000,
        "block_frames": 128,
        "load_percent": {"p50": 1.0, "p99": 2.0, "p999": 5.0, "max": 9.0},
        "delay_ms": {"p50": 0.5, "p99": 1.0},
        "peak": [0.5] + [0.0] * 16,
        "rms": [0.0] * 17,
        "part_notes": [0] * 16,
        "puck_x": [0.5] * 16,
        "puck_y": [0.5] * 16,
        **more,
    }
