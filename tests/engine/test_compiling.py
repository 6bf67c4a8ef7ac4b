"""The first start says why it takes long; no other does."""

from pathlib import Path

import numba
import pytest

from engine import compiling


@pytest.mark.parametrize("compiled", [False, True])
def test_only_the_first_start_says_so(compiled: bool, tmp_path: Path, monkeypatch, capsys) -> None:
    compiling.machine_code_folder()  # the package names the folder when it is imported
    folder = tmp_path / "machine-code"
    if compiled:
        folder.mkdir()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(folder))
    said: list[str] = []
    compiling.say_if_first(said.append)
    compiling.say_if_first()
    expected = [] if compiled else [compiling.SENTENCE]
    assert said == expected
    assert capsys.readouterr().err.splitlines() == expected
