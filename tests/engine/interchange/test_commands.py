"""`ripieno export`, and the other commands where they take scores or keep takes."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from engine import cli
from engine.commands import export, play
from engine.interchange.export import FORMS
from engine.midi.files import read_midi
from tests.engine.interchange.recorded import ROLLING, record
from tests.engine.interchange.test_musicxml import DIVISIONS, note, score


@pytest.fixture
def take(tmp_path: Path) -> Path:
    return record(tmp_path / "takes", ROLLING)


def test_the_forms_of_the_command_are_those_there_are() -> None:
    assert tuple(FORMS) == export.FORMS


def test_export_the_last_take(take: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    words = ["export", "last", "--folder", str(take.parent), "-o", str(tmp_path / "out")]
    assert cli.main([*words, "--to", "dawproject"]) == 0
    path = tmp_path / "out" / f"{take.name}.dawproject"
    assert capsys.readouterr().out == f"{path}\n"
    assert path.exists()
    assert cli.main(words) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out'}\n"
    assert (tmp_path / "out" / f"{take.name}.mid").exists()
    assert (tmp_path / "out" / "stems" / "00 Mix.wav").exists()
    assert cli.main(["takes", "--folder", str(take.parent)]) == 0
    assert str(take) in capsys.readouterr().out


def test_export_of_what_is_no_take(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["export", "last", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"ripieno: There are no takes in {tmp_path}\n"
    assert cli.main(["export", str(tmp_path)]) == 1
    assert "take.json: cannot be read" in capsys.readouterr().err
    assert cli.main(["export", "last", "--to", "aaf"]) == 2
    assert "invalid choice: 'aaf'" in capsys.readouterr().err


def test_r_keeps_what_was_played_and_says_so_if_nothing_was() -> None:
    done: list[str] = []
    session = SimpleNamespace(keep=lambda: done.append("kept"))
    piano = SimpleNamespace(press=lambda key, now_s: done.append(key))
    assert play._keys(session, piano, "ar", 0.0)
    assert play._keys(session, piano, "R", 0.0)
    assert done == ["a", "kept", "kept"]


@pytest.mark.slow
def test_a_score_is_arranged(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "tune.musicxml"
    path.write_bytes(score(DIVISIONS + note("C", 5, 8) + note("E", 3, 8, before="<chord/>")))
    assert cli.main(["arrange", str(path), "-o", str(tmp_path / "out.mid")]) == 0
    assert "Cello 1" in capsys.readouterr().out
    assert len(read_midi(tmp_path / "out.mid").notes()) == 2
    path.write_bytes(b"PK and no more")
    assert cli.main(["render", str(path), "-o", str(tmp_path / "out.wav")]) == 1
    assert "damaged zip" in capsys.readouterr().err
