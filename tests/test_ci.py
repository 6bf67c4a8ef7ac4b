"""What `make` does before anything runs: the system packages, without touching the system."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import piece_of_work

SCRIPT = Path(__file__).resolve().parents[1] / ".ci" / "system-packages"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="a script for POSIX shells")


class FakeDebian:
    """A folder of commands that stand in for Debian's; apt-get writes down what it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "apt.log"
        self.command("dpkg-query", 'case " $INSTALLED " in *" $4 "*) printf installed ;; esac')
        self.command("apt-get", f'echo "$DEBIAN_FRONTEND $*" >>"{self.log}"')
        self.command("id", 'echo "$FAKE_USER_ID"')

    def command(self, name: str, body: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def run(
        self, purpose: str, installed: str = "", user_id: int = 1000, python: str = sys.executable
    ) -> subprocess.CompletedProcess[str]:
        env = {
            "PATH": f"{self.folder}:/usr/bin:/bin",
            "PYTHON": python,
            "INSTALLED": installed,
            "FAKE_USER_ID": str(user_id),
        }
        command = ["sh", str(SCRIPT), purpose]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def told_apt(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []


@pytest.fixture
def debian(tmp_path: Path) -> FakeDebian:
    return FakeDebian(tmp_path)


def packages_of(purpose: str, debian: FakeDebian) -> str:
    """All that a purpose needs, as it is told to someone who has none of it and is not root."""
    line = debian.run(purpose).stderr.splitlines()[-1]
    return line.split("--no-install-recommends ")[1]


def test_all_there_means_no_word_and_no_network(debian: FakeDebian) -> None:
    done = debian.run("demo", installed=packages_of("demo", debian), user_id=0)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert debian.told_apt() == []


def test_without_root_the_exact_line_is_printed(debian: FakeDebian) -> None:
    there = packages_of("demo", debian).replace("libfluidsynth3", "").replace("libegl1", "")
    done = debian.run("demo", installed=there)
    assert done.returncode == 1
    line = "    sudo apt-get install --no-install-recommends libfluidsynth3 libegl1\n"
    assert done.stderr.endswith(line)
    assert debian.told_apt() == []


def test_as_root_what_is_missing_is_installed_without_questions(debian: FakeDebian) -> None:
    done = debian.run("test", installed="libportaudio2", user_id=0)
    assert done.returncode == 0
    update, install = debian.told_apt()
    assert update.startswith("noninteractive update")
    assert install.startswith("noninteractive install -y")
    packages = install.split()
    assert {"jackd2", "musescore3", "pipewire", "libfluidsynth3"} <= set(packages)
    assert "libportaudio2" not in packages


def test_a_python_that_cannot_make_environments_gets_debians(debian: FakeDebian) -> None:
    debian.command("old-python", "exit 1")
    done = debian.run("lint", user_id=0, python="old-python")
    assert done.returncode == 0
    assert debian.told_apt()[1].split()[-2:] == ["python3", "python3-venv"]
    assert debian.run("lint").stdout == "", "a good Python needs no package"


def test_other_purposes_are_refused(debian: FakeDebian) -> None:
    done = debian.run("dinner")
    assert done.returncode == 2
    assert "demo, lint, test, bench or train" in done.stderr


def test_what_keeps_time_is_one_workers_work(request: pytest.FixtureRequest) -> None:
    timed = ("tests/gui/test_app.py::test_a", "tests/engine/rt/test_chains.py::test_a[x]")
    assert {piece_of_work(test) for test in (*timed, request.node.nodeid)} == {"keeps time"}
    alone = "tests/models/test_registry.py::test_a[x]"
    assert piece_of_work(alone) == alone
