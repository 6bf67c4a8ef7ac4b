"""The ensemble that plays on: its modes in words, its worker's state, what it has planned. [any]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gui.mirror.notes import Planned
from gui.pitch import pitch_name

BASE = "/ripieno/continuation"
MODES = {
    "off": ("Off", "The ensemble plays your notes and nothing else."),
    "takeover": ("Takeover", "When you pause, the ensemble plays on; your next note ends that."),
    "trade": ("Trade", "You and the ensemble take turns, so many bars each."),
    "accompany": ("Accompany", "The ensemble plays along in the parts that you leave free."),
    "vary": ("Vary", "The ensemble plays your last bars again, with some notes its own."),
}
WORKER = {
    "off": ("Asleep", "muted"),
    "loading": ("Loading the model", "warn"),
    "ready": ("Ready", "good"),
    "restarting": ("Starting again", "warn"),
    "failed": ("Failed", "bad"),
}
USED_IN = {  # which setting matters in which modes
    "silence": ("takeover",),
    "bars": ("trade", "vary"),
    "length": ("takeover", "vary"),
    "variation": ("vary",),
}


@dataclass(frozen=True)
class Worker:
    """The process that plans."""

    state: str = "off"
    message: str = ""
    model: str = ""
    notes_per_s: float = 0.0

    @property
    def text(self) -> str:
        """Its state in words. [any]"""
        words = [WORKER.get(self.state, (self.state.capitalize(), ""))[0]]
        if self.model:
            words.append(self.model)
        if self.notes_per_s:
            words.append(f"{self.notes_per_s:.0f} notes a second")
        return " \u00b7 ".join(words)

    @property
    def colour(self) -> str:
        """The colour of the palette that says the same. [any]"""
        return WORKER.get(self.state, ("", "muted"))[1]


def worker(section: Mapping[str, Any]) -> Worker:
    """The worker of the state's section. [any]"""
    told = section.get("worker") or {}
    return Worker(
        str(told.get("state", "off")),
        str(told.get("message") or ""),
        str(told.get("model") or ""),
        float(told.get("notes_per_s") or 0.0),
    )


def matters(setting: str, mode: str) -> bool:
    """Whether a setting does anything in a mode. [any]"""
    return mode in USED_IN.get(setting, MODES)


def next_notes(
    plan: Sequence[Planned], now_beat: float, part_names: Sequence[str], most: int = 8
) -> list[str]:
    """What comes next in words, a line a note: "in 1.5 beats  C4  Viola". [any]"""
    coming = sorted((note for note in plan if note.beat >= now_beat), key=lambda note: note.beat)
    lines = []
    for note in coming[:most]:
        name = part_names[note.part] if 0 <= note.part < len(part_names) else f"{note.part + 1}"
        lines.append(f"in {note.beat - now_beat:.1f} beats: {pitch_name(note.pitch)}, {name}")
    return lines
