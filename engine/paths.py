"""Where files live: presets of the program, and the user's configuration, cache and takes.

Nothing here creates a folder; whoever writes does. The environment variable RIPIENO_HOME, when
set, holds all of the user's folders (tests and portable installations use it).
"""

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "RIPIENO_HOME"


def presets_folder() -> Path:
    """The presets shipped with the program: beside `engine`, in a checkout and in a wheel. [any]"""
    return Path(__file__).resolve().parents[1] / "presets"


def config_folder() -> Path:
    """Settings and the user's own presets. [any]"""
    return _folder("config", platformdirs.user_config_path("ripieno", appauthor=False))


def state_folder() -> Path:
    """What the program remembers of the user's doings; readable, and may be deleted. [any]"""
    return _folder("state", platformdirs.user_state_path("ripieno", appauthor=False))


def cache_folder() -> Path:
    """What can be made again: deleting it loses nothing but time. [any]"""
    return _folder("cache", platformdirs.user_cache_path("ripieno", appauthor=False))


def takes_folder() -> Path:
    """Recorded takes: `Ripieno` in the user's music folder. [any]"""
    return _folder("takes", platformdirs.user_music_path() / "Ripieno")


def _folder(name: str, usual: Path) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    return Path(home).expanduser() / name if home else usual
