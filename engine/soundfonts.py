"""Finding a General MIDI SoundFont, so that there is sound with nothing downloaded.

Called on the main thread before the engine starts. The order: the one asked for, then the
system's MuseScore General or FluidR3, then TimGM6mb, which lies in the wheel of pretty_midi.
"""

import importlib.util
import os
import sys
from pathlib import Path

from engine.errors import RipienoError

KNOWN_NAMES = (
    "MuseScore_General.sf2",
    "MuseScore_General.sf3",
    "MuseScore_General_Lite.sf3",
    "MS Basic.sf3",
    "FluidR3_GM.sf2",
    "FluidR3Mono_GM.sf3",
)


class SoundFontError(RipienoError):
    """No SoundFont, or a file that is none."""


def find_soundfont(preferred: Path | None = None) -> Path:
    """The SoundFont to play: `preferred` or nothing else if given, else the best there is. [main]

    Raises SoundFontError when `preferred` is not a SoundFont, or none is found.
    """
    if preferred is not None:
        check_soundfont(preferred)
        return preferred
    for path in candidates():
        if is_soundfont(path):
            return path
    raise SoundFontError(
        "no SoundFont was found: install one (Debian: musescore-general-soundfont-small), "
        "or name a .sf2 or .sf3 file"
    )


def candidates() -> list[Path]:
    """Every file that would be tried, best first, whether or not it exists. [any]"""
    folders = system_folders()
    system = [folder / name for name in KNOWN_NAMES for folder in folders]
    bundled = bundled_soundfont()
    return system if bundled is None else [*system, bundled]


def bundled_soundfont() -> Path | None:
    """TimGM6mb inside the installed pretty_midi, found without importing it. [any]"""
    spec = importlib.util.find_spec("pretty_midi")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "TimGM6mb.sf2"
    return path if path.is_file() else None


def system_folders() -> list[Path]:
    """Where this system's packages and people put SoundFonts. [any]"""
    home = Path.home()
    if sys.platform == "win32":
        programs = [os.environ.get(name) for name in ("ProgramFiles", "ProgramFiles(x86)")]
        musescore = [
            Path(folder) / f"MuseScore {version}" / "sound"
            for folder in programs
            if folder
            for version in (4, 3)
        ]
        return [home / "Documents" / "SoundFonts", Path("C:/soundfonts"), *musescore]
    if sys.platform == "darwin":
        return [
            home / "Library/Audio/Sounds/Banks",
            Path("/Library/Audio/Sounds/Banks"),
            Path("/opt/homebrew/share/soundfonts"),
            Path("/usr/local/share/soundfonts"),
            Path("/Applications/MuseScore 4.app/Contents/Resources/sound"),
            Path("/Applications/MuseScore 3.app/Contents/Resources/sound"),
        ]
    share = [home / ".local/share", Path("/usr/local/share"), Path("/usr/share")]
    inside = ("sounds/sf2", "sounds/sf3", "soundfonts", "mscore3/sounds", "mscore-3.0/sounds")
    return [folder / name for folder in share for name in inside]


def check_soundfont(path: Path) -> None:
    """Raise SoundFontError, in one sentence, unless `path` is a readable SoundFont. [any]"""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        reason = error.strerror or error
        raise SoundFontError(f"the SoundFont {path} cannot be read: {reason}") from error
    if head[:4] != b"RIFF" or head[8:12] != b"sfbk":
        raise SoundFontError(f"{path} is not a SoundFont: no .sf2 or .sf3 file begins like it")


def is_soundfont(path: Path) -> bool:
    """Whether `path` is there and begins as a SoundFont does. [any]"""
    try:
        check_soundfont(path)
    except SoundFontError:
        return False
    return True
