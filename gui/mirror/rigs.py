"""Rigs and set lists as the window shows them. [any]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SetList:
    """The set list that is played; `place` counts from 1, 0 before the first."""

    id: str = ""
    name: str = ""
    rigs: tuple[str, ...] = ()
    place: int = 0

    @property
    def next_rig(self) -> str:
        """The rig that comes, "" at the end. [any]"""
        return self.rigs[self.place] if self.place < len(self.rigs) else ""


@dataclass(frozen=True)
class Playing:
    """The rig that plays, and what was changed since."""

    id: str = ""
    name: str = ""
    unsaved: bool = False
    undo: int = 0
    redo: int = 0
    setlist: SetList | None = None

    @property
    def told(self) -> str:
        """Whether anything is unsaved, and where it is kept. [any]"""
        if not self.unsaved:
            return "Saved"
        back = f"; {steps(self.undo)} back" if self.undo else ""
        return f"Changed, not saved as a rig{back}. It is written down all the same."


def steps(count: int) -> str:
    """So many steps, in words. [any]"""
    return "1 step" if count == 1 else f"{count} steps"


def read(section: Mapping[str, Any]) -> Playing:
    """The state's section. [any]"""
    if not section:
        return Playing()
    told = section.get("setlist")
    setlist = None
    if told:
        setlist = SetList(told["id"], told["name"], tuple(told["rigs"]), int(told["place"]))
    return Playing(
        section["id"],
        section["name"],
        bool(section["unsaved"]),
        int(section["undo"]),
        int(section["redo"]),
        setlist,
    )


def name_of(rig_id: str, rigs: Sequence[Mapping[str, Any]]) -> str:
    """A rig's name for people; its file's name in words where it is not known. [any]"""
    known = next((str(rig["name"]) for rig in rigs if rig["id"] == rig_id), "")
    return known or rig_id.replace("_", " ").capitalize()
