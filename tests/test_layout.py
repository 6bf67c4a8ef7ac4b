"""The top of the tree stays plain, and its import names belong to this repository."""

import importlib
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"engine", "gui", "models", "training", "presets"}
FILES = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "pyproject.toml",
}


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Every path in the repository."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_top_level_is_the_packages_the_tests_and_the_usual_files(tracked: list[str]) -> None:
    folders = {path.split("/")[0] for path in tracked if "/" in path}
    assert {name for name in folders if not name.startswith(".")} == PACKAGES | {"tests"}
    files = {path for path in tracked if "/" not in path}
    assert {name for name in files if not name.startswith(".")} == FILES


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_the_import_name_is_ours(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ == str(ROOT / name / "__init__.py")
    assert module.__doc__


def test_the_wheel_holds_exactly_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["only-include"]) == PACKAGES


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(name for extra in extras for name in extra)]
    lines = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = dict(line.split("==") for line in lines if not line.startswith("#"))
    names = {_plain(name) for name in locked}
    for requirement in wanted:
        assert _plain(requirement) in names, requirement
    assert all(version[0].isdigit() for version in locked.values())


def test_no_file_is_large_without_reason(tracked: list[str]) -> None:
    """Weights and pictures apart, the repository is text that can be read."""
    for path in tracked:
        limit = 10_000_000 if path.startswith("models/weights/") else 1_000_000
        assert (ROOT / path).stat().st_size <= limit, path


def _plain(requirement: str) -> str:
    """`Pretty_MIDI>=0.2` -> `pretty-midi`."""
    name = requirement
    for mark in "[<>=!~ ;":
        name = name.split(mark)[0]
    return name.lower().replace("_", "-").replace(".", "-")
