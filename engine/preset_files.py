"""Presets as files: found by name, read with their format checked, written whole or not at all.

Rigs and set lists are such files; ensembles, older than this, read their own. [main]
"""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from engine.errors import RipienoError
from engine.paths import config_folder, presets_folder

FORMAT = 1


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Preset = TypeVar("Preset", bound=_Named)


class PresetError(RipienoError):
    """A preset that is not there, cannot be read or says something illegal."""


def preset_files(kind: str) -> dict[str, Path]:
    """Id -> file of all presets of a kind, its folder's name; the user's come before ours. [any]"""
    folders = (presets_folder() / kind, config_folder() / kind)
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def find_preset(kind: str, name_or_path: str | Path) -> Path:
    """The file of a preset, by its id or path. PresetError names what there is. [any]"""
    path = Path(name_or_path)
    if path.suffix.lower() == ".toml":
        return path
    found = preset_files(kind)
    if str(name_or_path) not in found:
        have = ", ".join(sorted(found)) or "none yet"
        one = {"rigs": "rig", "setlists": "set list", "sounds": "morph sound"}[kind]
        raise PresetError(f'there is no {one} "{name_or_path}"; there are: {have}')
    return found[str(name_or_path)]


def read_all(kind: str, load: Callable[[Path], Preset]) -> tuple[list[Preset], list[str]]:
    """Every preset of a kind, by name, and why others cannot be read. [main]"""
    presets, complaints = [], []
    for path in preset_files(kind).values():
        try:
            presets.append(load(path))
        except PresetError as error:
            complaints.append(str(error))
    return sorted(presets, key=lambda preset: preset.name.casefold()), complaints


def save_preset(name: str, text: str, folder: Path) -> Path:
    """Write one into a folder, its file named after it, instead of one of that name. [main]"""
    path = folder / f"{file_name(name)}.toml"
    write_text(path, text)
    return path


def read_table(path: Path) -> dict[str, Any]:
    """What a file says, its `format` checked and left out. PresetError says why not. [main]"""
    try:
        table = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise PresetError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise PresetError(f"{path} is not UTF-8 text, at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise PresetError(f"{path} is not valid TOML: {' '.join(str(error).split())}") from error
    number = table.pop("format", None)
    if isinstance(number, int) and not isinstance(number, bool) and number > FORMAT:
        raise PresetError(
            f"{path} is of format {number}, made by a newer Ripieno; this one reads format {FORMAT}"
        )
    if number != FORMAT or isinstance(number, bool):
        raise PresetError(f"{path}: format = {number!r} must be {FORMAT}")
    return table


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step. PresetError if the disk refuses. [main]"""
    new = path.with_suffix(f".{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink()
        raise PresetError(f"{path} cannot be written: {error.strerror or error}") from error


def file_name(name: str) -> str:
    """A name people gave as the stem of a file. PresetError if nothing is left. [any]"""
    words = "".join(c if c.isalnum() else " " for c in name.casefold()).split()
    stem = "_".join(words)[:64]
    if not stem:
        raise PresetError(f"the name {name!r} must have letters or digits")
    return stem
