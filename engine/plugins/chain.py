"""Which plugins play one after another, with their settings: pure data. [any]

Read from and written to plain tables, as TOML has them. A spec that exists is valid; every message
names the plugin, the key, the value and what would be legal.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.ensembles import NEURAL  # before a morph sound's, for engine.neural's instrument
from engine.errors import RipienoError

MAX_PLUGINS = 16
BUILT_IN = "pedalboard:"  # before the name of an effect that needs no file
PARTS = 16
SLOTS = {
    **{f"part {number}": number - 1 for number in range(1, PARTS + 1)},
    "send a": PARTS,
    "send b": PARTS + 1,
    "master": PARTS + 2,
}

NAMES = {number: name for name, number in SLOTS.items()}


class PluginError(RipienoError):
    """A plugin or a chain that cannot be, or something nobody can do with it."""


@dataclass(frozen=True)
class PluginSpec:
    """One plugin; raises PluginError on an illegal value. [any]"""

    path: str  # a file or bundle, a scanned plugin's name, pedalboard:Reverb, neural:carousel
    name: str = ""  # which one, where a file holds several
    bypass: bool = False
    parameters: Mapping[str, float] = field(default_factory=dict)  # name -> 0..1, set after state
    state: bytes = b""  # as the plugin gave it; empty: as it comes

    def __post_init__(self) -> None:
        for key in ("path", "name"):
            value = getattr(self, key)
            if not isinstance(value, str) or not value.isprintable() or len(value) > 4096:
                raise PluginError(f"{key} = {_show(value)} must be one line of text")
        if not self.path.strip():
            raise PluginError("path is empty: give a file, a scanned plugin's name or pedalboard:…")
        if not isinstance(self.bypass, bool):
            raise PluginError(f"bypass = {_show(self.bypass)} must be true or false")
        if not isinstance(self.state, bytes):
            raise PluginError(f"state = {_show(self.state)} must be bytes")
        if not isinstance(self.parameters, Mapping):
            raise PluginError(f"parameters = {_show(self.parameters)} must be a table")
        checked = {_text(k): check_value(k, v) for k, v in self.parameters.items()}
        object.__setattr__(self, "parameters", MappingProxyType(checked))

    def __hash__(self) -> int:
        return hash((self.path, self.name, self.bypass, self.state))

    @property
    def title(self) -> str:
        """What to call it in a sentence. [any]"""
        own = self.path.removeprefix(BUILT_IN).removeprefix(NEURAL)
        return self.name or own if self.built_in else self._file_title

    @property
    def built_in(self) -> bool:
        """Whether it needs no file. [any]"""
        return self.path.startswith((BUILT_IN, NEURAL))

    @property
    def _file_title(self) -> str:
        return self.name or Path(self.path).stem


@dataclass(frozen=True)
class ChainSpec:
    """1 to 16 plugins, the first of which may be an instrument. [any]"""

    plugins: tuple[PluginSpec, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "plugins", tuple(self.plugins))
        if not 1 <= len(self.plugins) <= MAX_PLUGINS:
            raise PluginError(f"a chain has 1 to {MAX_PLUGINS} plugins, not {len(self.plugins)}")
        for plugin in self.plugins:
            if not isinstance(plugin, PluginSpec):
                raise PluginError(f"{_show(plugin)} is no plugin of a chain")

    @classmethod
    def from_table(cls, table: Any) -> ChainSpec:
        """Build from {"plugins": [{path, name, bypass, parameters, state in base64}]}. [any]"""
        if not isinstance(table, Mapping) or set(table) != {"plugins"}:
            raise PluginError(f"a chain must be a table with the key plugins, not {_show(table)}")
        entries = table["plugins"]
        if not isinstance(entries, list | tuple):
            raise PluginError(f"plugins = {_show(entries)} must be a list of tables")
        plugins = []
        for number, entry in enumerate(entries, start=1):
            try:
                plugins.append(_plugin(entry))
            except PluginError as error:
                raise PluginError(f"plugin {number}: {error}") from error
        return cls(tuple(plugins))

    def to_table(self) -> dict[str, Any]:
        """The table `from_table` reads; what is as usual is left out. [any]"""
        return {"plugins": [_table(plugin) for plugin in self.plugins]}

    def with_plugin(self, index: int, **changes: Any) -> ChainSpec:
        """The chain with other values in one plugin. [any]"""
        changed = replace(self.plugins[index], **changes)
        return ChainSpec((*self.plugins[:index], changed, *self.plugins[index + 1 :]))


def slot_number(slot_name: str) -> int:
    """The engine's number of "part 3", "send a" or "master", else PluginError. [any]"""
    name = " ".join(str(slot_name).casefold().split())
    if name not in SLOTS:
        raise PluginError(
            f'there is no chain "{slot_name}": choose part 1 to part {PARTS}, send a, send b '
            "or master"
        )
    return SLOTS[name]


def slot_name(text: str) -> str:
    """The slot's name as `SLOTS` has it, however it was written, else PluginError. [any]"""
    return NAMES[slot_number(text)]


def check_value(name: Any, value: Any) -> float:
    """A parameter's value as a float; PluginError if it is not 0 to 1. [any]"""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0.0 <= value <= 1.0:  # also for NaN
        raise PluginError(f"{_show(name)} = {_show(value)} must be a number from 0 to 1")
    return float(value)


def _plugin(entry: Any) -> PluginSpec:
    if not isinstance(entry, Mapping):
        raise PluginError(f"{_show(entry)} must be a table")
    legal = ("path", "name", "bypass", "parameters", "state")
    for key in entry:
        if key not in legal:
            raise PluginError(f"unknown key {_show(key)}, legal are {', '.join(legal)}")
    if "path" not in entry:
        raise PluginError('the key "path" is missing')
    values = dict(entry)
    if "state" in values:
        values["state"] = _decode(values["state"])
    return PluginSpec(**values)


def _table(plugin: PluginSpec) -> dict[str, Any]:
    table: dict[str, Any] = {"path": plugin.path}
    if plugin.name:
        table["name"] = plugin.name
    if plugin.bypass:
        table["bypass"] = True
    if plugin.parameters:
        table["parameters"] = dict(plugin.parameters)
    if plugin.state:
        table["state"] = base64.b64encode(plugin.state).decode("ascii")
    return table


def _decode(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise PluginError(f"state = {_show(text)} must be text in base64") from None


def _text(key: Any) -> str:
    if not isinstance(key, str):
        raise PluginError(f"the parameter {_show(key)} must be named by text")
    return key


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
