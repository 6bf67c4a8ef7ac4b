"""The first start says why it takes long; no other does."""

import os
import subprocess
import sys
import time
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


def test_machine_code_nobody_compiled_for_long_is_deleted(tmp_path: Path, monkeypatch) -> None:
    old, recent = tmp_path / "machine-code-a", tmp_path / "machine-code-b"
    for folder in (old, recent):
        folder.mkdir()
    long_ago_s = time.time() - (compiling.UNUSED_DAYS + 1) * 86400
    os.utime(old, (long_ago_s, long_ago_s))
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "machine-code-c"))
    compiling.say_if_first(lambda sentence: None)
    assert not old.exists()
    assert recent.exists()


@pytest.mark.slow
def test_everything_may_be_compiled_before_anything_plays() -> None:
    command = [sys.executable, "-m", "engine.compiling"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr in ("", compiling.SENTENCE + "\n")
