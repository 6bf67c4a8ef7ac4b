"""The search for a SoundFont: its order, and what is said when there is none."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine import soundfonts
from engine.soundfonts import SoundFontError, bundled_soundfont, find_soundfont, is_soundfont

HEAD = b"RIFF\x00\x00\x00\x00sfbk"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two empty folders in place of the system's, looked at in this order."""
    places = [tmp_path / "first", tmp_path / "second"]
    for place in places:
        place.mkdir()
    monkeypatch.setattr(soundfonts, "system_folders", lambda: places)
    return places


def test_the_wheel_carries_a_soundfont_and_is_not_imported() -> None:
    path = bundled_soundfont()
    assert path is not None
    assert path.name == "TimGM6mb.sf2"
    assert is_soundfont(path)
    code = (
        "import sys, engine.soundfonts as s; s.find_soundfont(); "
        "sys.exit(bool({'pretty_midi', 'mido', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_wheels_font_is_the_last_resort(folders: list[Path]) -> None:
    assert find_soundfont() == bundled_soundfont()
    fluid = folders[0] / "FluidR3_GM.sf2"
    fluid.write_bytes(HEAD)
    assert find_soundfont() == fluid


def test_musescore_general_comes_before_fluid_in_whatever_folder(folders: list[Path]) -> None:
    (folders[0] / "FluidR3_GM.sf2").write_bytes(HEAD)
    better = folders[1] / "MuseScore_General.sf3"
    better.write_bytes(HEAD)
    assert find_soundfont() == better
    best = folders[0] / "MuseScore_General.sf3"
    best.write_bytes(HEAD)
    assert find_soundfont() == best


def test_damaged_system_fonts_are_passed_over(folders: list[Path]) -> None:
    (folders[0] / "MuseScore_General.sf2").write_bytes(b"")
    (folders[0] / "FluidR3_GM.sf2").mkdir()
    assert find_soundfont() == bundled_soundfont()


def test_the_preferred_font_or_nothing(tmp_path: Path, folders: list[Path]) -> None:
    mine = tmp_path / "mine.sf2"
    with pytest.raises(SoundFontError, match=r"mine.sf2 cannot be read: No such file"):
        find_soundfont(mine)
    mine.write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    with pytest.raises(SoundFontError, match="mine.sf2 is not a SoundFont"):
        find_soundfont(mine)
    mine.write_bytes(HEAD)
    assert find_soundfont(mine) == mine


def test_none_at_all(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfonts, "bundled_soundfont", lambda: None)
    with pytest.raises(SoundFontError, match="no SoundFont was found: install one"):
        find_soundfont()


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_every_system_has_folders(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("ProgramFiles", "C:/Program Files")
    assert len(soundfonts.system_folders()) >= 4
