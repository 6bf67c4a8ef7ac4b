"""What a player knows of a piece before it is arranged: which part lies where, enters when. [any]

A TOML file with a table a part, by its name in the ensemble:

    [parts.Cello]
    home = 48         # the key about which it lies
    lock_low = 36     # keys from here
    lock_high = 47    # to here are always its own
    playing = 1       # 0: it gets nothing
    enters = 16       # quarter notes from the beginning
    leaves = 64       # nothing that begins here or later
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.ensembles import PART_RULES, Ensemble, Number
from engine.errors import RipienoError

LONGEST_BEATS = 1e6
RULES = {
    **{key: PART_RULES[key] for key in ("playing", "home", "lock_low", "lock_high")},
    "enters": Number(0, LONGEST_BEATS),
    "leaves": Number(0, LONGEST_BEATS),
}


class HintsError(RipienoError):
    """A file of hints that cannot be followed."""


@dataclass(frozen=True)
class PartHints:
    """Of one part; beats are quarter notes from the beginning."""

    playing: int = 1
    home: int = -1
    lock_low: int = -1
    lock_high: int = -1
    enters: float = 0.0
    leaves: float = math.inf

    def locks(self, pitch: int) -> bool:
        """Whether a key is always this part's."""
        return bool(self.playing) and 0 <= self.lock_low <= pitch <= self.lock_high

    def plays_at(self, beat: float) -> bool:
        """Whether it may be given a note that begins at a beat."""
        return bool(self.playing) and self.enters <= beat < self.leaves


def hints_of(ensemble: Ensemble, path: Path | None = None) -> list[PartHints]:
    """What the ensemble says of each part, and a file of hints over it. HintsError. [main]"""
    names = [part.name for part in ensemble.parts]
    tables = _read(path, names) if path else {}
    keys = ("playing", "home", "lock_low", "lock_high")
    return [
        PartHints(**({key: getattr(part, key) for key in keys} | tables.get(part.name, {})))
        for part in ensemble.parts
    ]


def _read(path: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HintsError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise HintsError(f"{path} is not valid TOML: {' '.join(str(error).split())}") from error
    parts = table.pop("parts", {})
    if table or not isinstance(parts, dict):
        raise HintsError(f'{path} must hold tables headed [parts."NAME"] and nothing else')
    found = {}
    for name, values in parts.items():
        if name not in names:
            raise HintsError(f"{path}: no part is called {name!r}: {', '.join(names)}")
        if not isinstance(values, dict):
            raise HintsError(f"{path}: parts.{name} must be a table")
        found[name] = {key: _checked(path, name, key, value) for key, value in values.items()}
    return found


def _checked(path: Path, name: str, key: str, value: Any) -> Any:
    if key not in RULES:
        legal = ", ".join(RULES)
        raise HintsError(f"{path}: part {name!r}: unknown key {key!r}, legal are {legal}")
    try:
        return RULES[key].check(value)
    except ValueError as error:
        shown = repr(value)[:60]
        raise HintsError(f"{path}: part {name!r}: {key} = {shown} must be {error}") from None
