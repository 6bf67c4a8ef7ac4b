"""One way to read a score, whatever kind of file it is in. [any]"""

from __future__ import annotations

from pathlib import Path

from engine.midi.files import read_midi
from engine.midi.performance import Performance


def read_score(path: str | Path) -> Performance:
    """Read a file of notes; RipienoError in one sentence if that cannot be. [any]"""
    return read_midi(path)
