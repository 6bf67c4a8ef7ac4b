"""Set lists: the rigs of an evening in their order, as one readable file. [main]

MIDI program change n, counted from 0 as the wire does, is the rig at place n + 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.ensembles import Several, Text
from engine.errors import RipienoError
from engine.preset_files import PresetError, find_preset, read_all, read_table
from engine.rigs import load_rig

KIND = "setlists"
MOST_RIGS = 128  # as many as there are program changes
RULES = {
    "name": Text(1, 64),
    "description": Text(0, 400),
    "rigs": Several(Text(1, 400), 1, MOST_RIGS),
}


class SetListError(PresetError):
    """A set list that cannot be played, or a file that holds none."""


@dataclass(frozen=True)
class SetList:
    """Ids or paths of rigs, in order; raises SetListError on an illegal value. [any]"""

    id: str
    name: str
    rigs: tuple[str, ...]
    description: str = ""

    def __post_init__(self) -> None:
        for key, rule in RULES.items():
            value = getattr(self, key)
            try:
                object.__setattr__(self, key, rule.check(value))
            except ValueError as error:
                raise SetListError(f"{key} = {str(value)[:60]!r} must be {error}") from None


def load_setlist(name_or_path: str | Path) -> SetList:
    """Read one set list and look at its rigs; PresetError names the file and what is wrong. [main]

    The path of a rig is seen from the set list's folder.
    """
    path = find_preset(KIND, name_or_path)
    table = read_table(path)
    try:
        setlist = _build(path.stem, table, path.parent)
        for rig in setlist.rigs:
            load_rig(rig)
    except RipienoError as error:
        raise SetListError(f"{path}: {error}") from error
    return setlist


def list_setlists() -> tuple[list[SetList], list[str]]:
    """Every set list there is, by name, and why others cannot be read. [main]"""
    return read_all(KIND, load_setlist)


def _build(setlist_id: str, table: dict[str, Any], folder: Path) -> SetList:
    for key in table:
        if key not in RULES:
            raise SetListError(f"unknown key {key!r}, legal are {', '.join(RULES)}")
    for key in ("name", "rigs"):
        if key not in table:
            raise SetListError(f'the key "{key}" is missing')
    setlist = SetList(id=setlist_id, **table)
    rigs = tuple(
        str(folder / Path(rig).expanduser()) if rig.lower().endswith(".toml") else rig
        for rig in setlist.rigs
    )
    return SetList(setlist.id, setlist.name, rigs, setlist.description)
