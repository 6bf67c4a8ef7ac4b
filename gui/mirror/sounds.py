"""What makes a part's sound, in words; kinds this window does not know keep their own. [any]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gui import general_midi

KINDS = {"soundfont": "SoundFont", "bank": "Note bank", "midi": "MIDI only", "morph": "Morph"}
MORPH = "morph"


def kind_text(kind: str) -> str:
    """A kind of sound as it is read. [any]"""
    return KINDS.get(kind, kind.replace("_", " ").capitalize())


def kinds(known: Sequence[str], present: str = "") -> list[tuple[str, str]]:
    """The kinds to choose from, that of a part among them: word and text. [any]"""
    words = [*known, *([present] if present and present not in known else [])]
    return [(word, kind_text(word)) for word in words]


def morph_sounds(answer: Mapping[str, Any], present: str = "") -> list[tuple[str, str]]:
    """The morph sounds there are, that of a part among them: id or file, and name. [any]"""
    found = [(str(sound["id"]), str(sound["name"])) for sound in answer.get("sounds", ())]
    if present and present not in dict(found):
        found.append((present, title_of(present)))
    return found


def title_of(sound: str) -> str:
    """A morph sound's name as its id or file has it. [any]"""
    stem = sound.replace("\\", "/").rpartition("/")[2].removesuffix(".toml")
    return stem.replace("_", " ").capitalize()


def played_with(kind: str, program: int, morph: str = "") -> str:
    """What a part sounds like, in a word or two. [any]"""
    if kind == MORPH and morph:
        return title_of(morph)
    if kind in ("soundfont", "bank"):
        return general_midi.instrument(program)
    return kind_text(kind)
