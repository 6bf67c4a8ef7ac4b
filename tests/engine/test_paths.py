"""The user's folders, and the one variable that moves them all."""

from pathlib import Path

import pytest

from engine import paths


def test_ripieno_home_holds_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path))
    folders = {paths.config_folder(), paths.cache_folder(), paths.takes_folder()}
    assert folders == {tmp_path / "config", tmp_path / "cache", tmp_path / "takes"}
    assert not any(folder.exists() for folder in folders)


def test_usual_folders_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIPIENO_HOME", raising=False)
    folders = {paths.config_folder(), paths.cache_folder(), paths.takes_folder()}
    assert len(folders) == 3
    assert paths.takes_folder().name == "Ripieno"
    assert all(folder.is_absolute() for folder in folders)


def test_presets_lie_beside_the_engine() -> None:
    assert (paths.presets_folder() / "ensembles" / "satb_choir.toml").is_file()
