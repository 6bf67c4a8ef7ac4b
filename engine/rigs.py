"""Rigs: everything a player sets up for a piece, as one readable file. [main]

An ensemble with the values that differ from its own, the settings (of clock and MIDI out too), how
the ensemble plays on by itself, the chains of plugins and the learned controls. presets/README.md
is the schema. A `Rig` that exists is valid; messages name the file, the key, the value and what
would be legal.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.addresses import CHOICES
from engine.bindings import Binding
from engine.ensembles import (
    PART_RULES,
    Choice,
    Ensemble,
    EnsembleError,
    Number,
    Several,
    Text,
    load_ensemble,
)
from engine.errors import RipienoError
from engine.pads import COURSE, course_of
from engine.parameters import GLOBAL_PARAMETERS, PART_PARAMETERS, Parameter
from engine.preset_files import (
    FORMAT,
    PresetError,
    find_preset,
    read_all,
    read_table,
    save_preset,
)
from engine.toml_text import to_toml

KIND = "rigs"
# Who has the floor or plays alone, whether the clock runs, which button is panic: not of rigs.
NOT_IN_RIGS = ("control", "solo_hold", "panic_cc", "rolling", "latency_compensation", "jack_master")
NOT_OF_PARTS = ("name", "voices", "role")
HEADER = "# A rig of Ripieno's: everything set up for a piece. It may be edited by hand.\n"
TOP_RULES = {
    "name": Text(1, 64),
    "description": Text(0, 400),
    "tags": Several(Text(1, 32), 0, 16),
    "ensemble": Text(1, 400),
}
TABLES = ("settings", "continuation", "parts", "chains", "learned")
CONTINUATION = "continuation_"  # begins the names of the engine's parameters in that table


class RigError(PresetError):
    """A rig that cannot be set up, or a file that holds none."""


@dataclass(frozen=True)
class Rig:
    """One rig; what it does not mention stays as it is, or as its ensemble has it. [any]

    But for continuation's mode: without one, the ensemble does not play on by itself.
    """

    id: str
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    ensemble: str = "string_quartet"  # an id or the path of a file
    settings: dict[str, float | str] = field(default_factory=dict)
    continuation: dict[str, float | str] = field(default_factory=dict)  # how it plays on
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)  # by the part's name
    chains: dict[str, dict[str, Any]] = field(default_factory=dict)  # as engine.plugins has them
    learned: tuple[Binding, ...] | None = None  # None: as they are

    def __post_init__(self) -> None:
        for key, rule in TOP_RULES.items():
            object.__setattr__(self, key, _checked(key, getattr(self, key), rule))
        for key in ("settings", "continuation", "parts", "chains"):
            if not isinstance(getattr(self, key), dict):
                raise RigError(f"{key} = {_show(getattr(self, key))} must be a table")
        _check_table("settings", self.settings, setting_rules())
        _check_table("continuation", self.continuation, continuation_rules())
        for name, values in self.parts.items():
            if not isinstance(values, dict):
                raise RigError(f"parts.{name} = {_show(values)} must be a table")
            _check_table(f"part {name!r}", values, part_rules())
        for slot, chain in self.chains.items():
            _check_chain(slot, chain)

    def players(self) -> Ensemble:
        """Its ensemble, with the parts as this rig wants them. RigError, EnsembleError. [main]"""
        ensemble = load_ensemble(self.ensemble)
        names = [part.name for part in ensemble.parts]
        for name in self.parts:
            if name not in names:
                raise RigError(f"no part of {ensemble.name} is called {name!r}: {', '.join(names)}")
        parts = []
        for part in ensemble.parts:
            wanted = self.parts.get(part.name, {})
            changes = {key: value for key, value in wanted.items() if key in PART_RULES}
            try:
                parts.append(dataclasses.replace(part, **changes))
            except EnsembleError as error:
                raise RigError(f"part {part.name!r}: {error}") from error
        return dataclasses.replace(ensemble, parts=tuple(parts))

    def table(self) -> dict[str, Any]:
        """The table its file holds; what is empty is left out. [any]"""
        table: dict[str, Any] = {"format": FORMAT, "name": self.name}
        for key in ("description", "tags"):
            if getattr(self, key):
                table[key] = list(self.tags) if key == "tags" else self.description
        table["ensemble"] = self.ensemble
        for key in ("settings", "continuation", "parts", "chains"):
            if getattr(self, key):
                table[key] = getattr(self, key)
        if self.learned is not None:
            table["learned"] = [binding.table() for binding in self.learned]
        return table

    def text(self) -> str:
        """The text of its file. [any]"""
        return HEADER + to_toml(self.table())


def setting_rules() -> dict[str, Any]:
    """The rule of each setting a rig may hold, by its name. [any]"""
    return {
        name: _rule(name, parameter)
        for name, parameter in GLOBAL_PARAMETERS.items()
        if name not in NOT_IN_RIGS and not name.startswith(CONTINUATION)
    }


def continuation_rules() -> dict[str, Any]:
    """The rule of each setting of how the ensemble plays on. [any]"""
    return {
        name.removeprefix(CONTINUATION): _rule(name, parameter)
        for name, parameter in GLOBAL_PARAMETERS.items()
        if name.startswith(CONTINUATION)
    }


def part_rules() -> dict[str, Any]:
    """The same of a part: what its ensemble says of it, and what the mixer adds. [any]"""
    mixer = {name: _rule(name, parameter) for name, parameter in PART_PARAMETERS.items()}
    of_ensemble = {key: rule for key, rule in PART_RULES.items() if key not in NOT_OF_PARTS}
    return mixer | of_ensemble | {key: OfCourse(key) for key in COURSE}


@dataclass(frozen=True)
class OfCourse:
    """A part's trajectory of the player's own, as `engine.pads` has it."""

    key: str

    def check(self, value: Any) -> Any:
        course_of({self.key: value})
        return value

    def __str__(self) -> str:
        return "a trajectory"


def load_rig(name_or_path: str | Path) -> Rig:
    """Read one rig; PresetError names file, key, value and what is legal. [main]"""
    path = find_preset(KIND, name_or_path)
    table = read_table(path)
    try:
        return rig_of(path.stem, table, path.parent)
    except RipienoError as error:
        raise RigError(f"{path}: {error}") from error


def rig_of(rig_id: str, table: dict[str, Any], folder: Path | None = None) -> Rig:
    """The rig a table describes; a relative ensemble file lies in `folder`. RigError. [any]"""
    legal = (*TOP_RULES, *TABLES)
    for key in table:
        if key not in legal:
            raise RigError(f"unknown key {_show(key)}, legal are {', '.join(legal)}")
    if "name" not in table:
        raise RigError('the key "name" is missing')
    values = dict(table)
    learned = values.pop("learned", None)
    if learned is not None and not isinstance(learned, list):
        raise RigError(f"learned = {_show(learned)} must be tables, each headed [[learned]]")
    bindings = []
    for number, binding in enumerate(learned or [], start=1):
        try:
            bindings.append(Binding.of(binding))
        except RipienoError as error:
            raise RigError(f"learned control {number}: {error}") from error
    rig = Rig(id=rig_id, learned=None if learned is None else tuple(bindings), **values)
    if folder is not None and rig.ensemble.lower().endswith(".toml"):
        rig = dataclasses.replace(rig, ensemble=str(folder / Path(rig.ensemble).expanduser()))
    return rig


def list_rigs() -> tuple[list[Rig], list[str]]:
    """Every rig there is, by name, and why others cannot be read. [main]"""
    return read_all(KIND, load_rig)


def save_rig(rig: Rig, folder: Path) -> Path:
    """Write a rig into a folder, its file named after it, instead of one of that name. [main]"""
    return save_preset(rig.name, rig.text(), folder)


def _rule(name: str, parameter: Parameter) -> Any:
    if name in CHOICES:
        return Choice(CHOICES[name])
    return Number(parameter.low, parameter.high, parameter.whole)


def _check_table(where: str, table: dict[str, Any], rules: dict[str, Any]) -> None:
    """Check every value and store it in its own type (a whole gain as a float)."""
    for key, value in table.items():
        if key not in rules:
            raise RigError(f"{where}: unknown key {_show(key)}, legal are {', '.join(rules)}")
        table[key] = _checked(f"{where}: {key}", value, rules[key])


def _checked(what: str, value: Any, rule: Any) -> Any:
    try:
        return rule.check(value)
    except ValueError as error:
        raise RigError(f"{what} = {_show(value)} must be {error}") from None


def _check_chain(slot: str, chain: Any) -> None:
    from engine.plugins.chain import ChainSpec, slot_number

    try:
        slot_number(slot)
        ChainSpec.from_table(chain)
    except RipienoError as error:
        raise RigError(f"chain of {slot!r}: {error}") from error


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
