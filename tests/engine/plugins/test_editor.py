"""Plugins' own windows, on a screen without a monitor: they open in the host, and only there."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.plugins.chain import PluginSpec
from tests.engine.plugins.callback_role import wait_until
from tests.engine.plugins.test_manager import Rig

pytestmark = pytest.mark.slow
COMPRESSOR = PluginSpec("/usr/lib/vst3/ZamCompX2.vst3")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """An X server of the test's own, named by DISPLAY."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.fail("Xvfb or xdotool is not installed (Debian: apt-get install xvfb xdotool)")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as line:
        monkeypatch.setenv("DISPLAY", f":{line.readline().strip()}")
    yield server
    server.terminate()
    server.wait()


@pytest.fixture
def rig(screen: subprocess.Popen[bytes]) -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


def windows() -> list[str]:
    """The windows that can be seen."""
    command = ["xdotool", "search", "--onlyvisible", "--name", "."]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    return done.stdout.split()


def test_a_window_opens_and_closes_while_the_plugin_plays_on(rig: Rig) -> None:
    pid = rig.put("part 1", COMPRESSOR)["pid"]
    rig.plugins.open_editor("part 1", 0)
    wait_until(windows)
    assert rig.plugins.state()["part 1"]["editor"] == 0
    rig.plugins.set_parameter("part 1", 0, "Threshold", 0.25)
    rig.plugins.close_editor("part 1")
    wait_until(lambda: rig.plugins.state()["part 1"]["editor"] == -1)
    wait_until(lambda: not windows())
    state = rig.plugins.state()["part 1"]
    assert (state["pid"], state["restarts"]) == (pid, 0)
    saved = rig.plugins.chain("part 1")
    assert saved is not None
    assert saved.plugins[0].parameters["Threshold"] == pytest.approx(0.25)


def test_a_window_that_takes_its_process_with_it_does_not_take_the_engine(
    rig: Rig, screen: subprocess.Popen[bytes]
) -> None:
    pid = rig.put("part 1", COMPRESSOR)["pid"]
    rig.plugins.open_editor("part 1", 0)
    wait_until(windows)
    cycles = rig.engine.stats().cycles
    screen.kill()  # whoever has a window open there is ended by the window system's library
    rig.wait_to_hear("It is bypassed and starts again.")
    wait_until(lambda: rig.plugins.state()["part 1"].get("heard"), 20.0)
    state = rig.plugins.state()["part 1"]
    assert (state["editor"], state["restarts"]) == (-1, 1)
    assert state["pid"] != pid
    assert rig.engine.stats().cycles > cycles


def test_the_engine_ends_with_a_window_open(rig: Rig, our_plugins: Path) -> None:
    pid = rig.put("part 1", COMPRESSOR)["pid"]
    rig.plugins.open_editor("part 1", 0)
    wait_until(windows)
    rig.plugins.close()
    assert not Path(f"/proc/{pid}").exists()
