"""Every setting in the engine's state, by its own OSC address. Pure functions. [any]

A control of the window is an address: what it shows, its range, what it sends and what a MIDI
controller can learn are all found by it. The state's sections hold the same settings by key;
here is how keys become addresses.
"""

from __future__ import annotations

from typing import Any

from engine import addresses

Value = float | int | str

_SHORT = {"silence_beats": "silence", "length_bars": "length", "memory_beats": "memory"}


def values_of(state: dict[str, Any]) -> dict[str, Value]:
    """The settings in a state or in some sections of it. [any]"""
    found: dict[str, Value] = {}
    for number, part in enumerate(state.get("parts", ()), 1):
        for key, value in part.items():
            _add(found, _of_part(key, number), value)
    for key, value in state.items():
        _add(found, addresses.path_of(key) or f"/ripieno/{key}", value)
    for key, value in state.get("transport", {}).items():
        _add(found, addresses.path_of(key), value)
    _add_continuation(found, state.get("continuation", {}))
    for slot, chain in state.get("chains", {}).items():
        for place, plugin in enumerate(chain.get("plugins", ()), 1):
            path = f"/ripieno/chain/{slot.replace(' ', '_')}/{place}/bypass"
            _add(found, path, plugin.get("bypass"))
    for number, pad in enumerate(state.get("morph", {}).get("parts", ()), 1):
        for key in ("sound", "interpolation", "record"):
            _add(found, f"/ripieno/part/{number}/morph/{key}", (pad or {}).get(key))
    if rig := state.get("rig"):
        _add(found, "/ripieno/rig", rig["id"])
        _add(found, "/ripieno/setlist", (rig.get("setlist") or {}).get("id", ""))
    if "input_wanted" in state:
        _add(found, "/ripieno/input", state["input_wanted"] or "")
    return found


def _of_part(key: str, number: int) -> str:
    return addresses.path_of(key, number - 1) or f"/ripieno/part/{number}/{key}"


def _add_continuation(found: dict[str, Value], continuation: dict[str, Any]) -> None:
    for key, value in continuation.items():
        _add(found, f"/ripieno/continuation/{_SHORT.get(key, key)}", value)
    for number, may in enumerate(continuation.get("parts", ()), 1):
        _add(found, f"/ripieno/part/{number}/continues", may)


def _add(found: dict[str, Value], path: str, value: Any) -> None:
    if not path or not isinstance(value, bool | int | float | str):
        return
    try:
        row, _ = addresses.find(path)
    except (addresses.WrongMessageError, addresses.OutOfRangeError):
        return
    if row.setting and row.arguments:
        found[path] = as_row(row, value)


def as_row(row: addresses.Address, value: Value) -> Value:
    """A value of the type its row has. [any]"""
    tag = row.arguments[0].tag
    if tag == "s":
        return str(value)
    return int(value) if tag == "i" else float(value)
