"""What the player prefers of the window, remembered in a readable file. No Qt. [main]

What sounds belongs to the engine and its rigs; here is only what belongs to the window: theme,
page, place on the screen, keys. A file that cannot be read is put aside, never a reason to fail.
"""

from __future__ import annotations

import contextlib
import os
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.paths import config_folder
from engine.toml_text import to_toml

FILE = "window.toml"
THEMES = ("dark", "light")
AFTER_CLOSING = ("ask", "play", "stop")


@dataclass
class Preferences:
    """One window's preferences. `save` writes them; wrong values of a file are left out."""

    theme: str = "dark"
    page: str = "stage"
    first_run_done: bool = False
    after_closing: str = "ask"  # when the window is closed that started the engine
    piano_keys: bool = False  # the computer's keyboard plays notes
    maximised: bool = False
    size: list[int] = field(default_factory=lambda: [1280, 720])
    seconds_shown: float = 8.0  # of the stage's roll
    shortcuts: dict[str, str] = field(default_factory=dict)  # name of an action -> keys
    path: Path | None = None

    def save(self) -> None:
        """Write the file, whole or not at all. Full disks do not stop the window. [main]"""
        if self.path is None:
            return
        table = {key: value for key, value in asdict(self).items() if key != "path"}
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = self.path.with_suffix(".new")
            new.write_text(to_toml(table), encoding="utf-8")
            os.replace(new, self.path)


def load(path: Path | None = None) -> Preferences:
    """What was remembered, or the usual. [main]"""
    path = path or config_folder() / FILE
    preferences = Preferences(path=path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return preferences
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        with contextlib.suppress(OSError):
            os.replace(path, path.with_suffix(".unreadable"))
        return preferences
    for key, value in table.items():
        if _fits(key, value):
            setattr(preferences, key, value)
    return preferences


def _fits(key: str, value: Any) -> bool:
    if key == "theme":
        return value in THEMES
    if key == "after_closing":
        return value in AFTER_CLOSING
    if key == "size":
        whole = isinstance(value, list) and len(value) == 2
        return whole and all(isinstance(v, int) and 200 <= v <= 20000 for v in value)
    if key == "shortcuts":
        return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    if key == "seconds_shown":
        return isinstance(value, int | float) and 2 <= value <= 20
    kinds = {"page": str, "first_run_done": bool, "piano_keys": bool, "maximised": bool}
    return key in kinds and isinstance(value, kinds[key])
