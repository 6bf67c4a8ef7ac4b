"""Takes as they are read in a list, and the forms they can be exported in. [any]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gui.readings import length_text

FORMS = {
    "midi": ("MIDI", "a track a part, with tempo and instrument names"),
    "stems": ("Stems", "24-bit WAV files from bar 1, one a part, with the MIDI file"),
    "dawproject": ("DAWproject", "for Bitwig, Studio One and Cubase"),
    "rpp": ("Reaper", "a project with stems and MIDI"),
}


@dataclass(frozen=True)
class Take:
    """One take; `name` is what the engine is told."""

    name: str
    folder: str
    title: str
    detail: str
    complete: bool


def read(answer: Mapping[str, Any]) -> list[Take]:
    """The answer to /ripieno/takes, newest first. [any]"""
    return [_take(row) for row in answer.get("takes", ())]


def _take(row: Mapping[str, Any]) -> Take:
    folder = str(row["folder"])
    notes = int(row["notes"])
    parts = (
        str(row["ensemble"]),
        length_text(float(row["seconds"])),
        "1 note" if notes == 1 else f"{notes} notes",
    )
    name = folder.replace("\\", "/").rstrip("/").rpartition("/")[2]
    detail = " \u00b7 ".join(part for part in parts if part)
    return Take(name, folder, _when(str(row["started"])), detail, bool(row["complete"]))


def _when(started: str) -> str:
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return started
    return f"{moment.day} {moment:%B %Y, %H:%M:%S}"


def recording_text(recorder: Mapping[str, Any]) -> str:
    """What the recorder does now, in words. [any]"""
    if not recorder:
        return "Not known"
    if not recorder.get("on"):
        return "Off: nothing is written unless you keep it"
    if recorder.get("recording"):
        return "Everything you play is being recorded"
    return "Ready: a take begins with your first note"


def find(takes: Sequence[Take], name: str) -> Take | None:
    """The take of a name. [any]"""
    return next((take for take in takes if take.name == name), None)
