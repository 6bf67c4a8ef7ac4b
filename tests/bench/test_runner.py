"""The runner of all benchmarks: what it finds, and what its exit status says."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.bench import __main__ as runner


@pytest.fixture
def figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict | None]:
    """What each benchmark would write, None if it fails before that; nothing is run."""
    written: dict[str, dict | None] = {}

    def pretend(command: list[str], **_options: object) -> SimpleNamespace:
        name = command[2].removeprefix("tests.bench.")
        if written[name] is None:
            return SimpleNamespace(returncode=3)
        path = Path(command[command.index("--json") + 1])
        path.write_text(json.dumps({"bench": name, "rows": [], "reach": written[name]}))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(runner, "FIGURES", tmp_path)
    monkeypatch.setattr(runner, "benchmarks", lambda: list(written))
    monkeypatch.setattr(runner.subprocess, "run", pretend)
    return written


def test_everything_reached(figures: dict, capsys: pytest.CaptureFixture[str]) -> None:
    figures["voices"] = {"voices held": {"value": 2100, "bar": 2000, "ok": True}}
    figures["startup"] = {"warm start": {"value": 1.2, "bar": 1.5, "ok": True}}
    assert runner.main([]) == 0
    table = capsys.readouterr().out
    assert "voices held" in table
    assert "warm start" in table
    assert runner.main(["startup"]) == 0
    assert "voices held" not in capsys.readouterr().out


def test_a_miss_and_a_crash_are_not_success(figures: dict, capsys: pytest.CaptureFixture) -> None:
    figures["voices"] = {"voices held": {"value": 1900, "bar": 2000, "ok": False}}
    assert runner.main([]) == 1
    figures["voices"] = None
    assert runner.main([]) == 1
    assert "exit code 3" in capsys.readouterr().out


def test_an_unknown_name_is_refused(figures: dict, capsys: pytest.CaptureFixture[str]) -> None:
    figures["voices"] = {}
    assert runner.main(["noises"]) == 2
    assert "choose from voices" in capsys.readouterr().err


def test_shared_modules_are_no_benchmarks() -> None:
    names = runner.benchmarks()
    assert "separation" in names
    assert not {"report", "test_runner", "__main__"} & set(names)
