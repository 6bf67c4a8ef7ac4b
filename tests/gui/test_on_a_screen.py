"""A real window on a screen (Xvfb), real keys and clicks (xdotool), and an engine on JACK.

The player connects, plays, changes the ensemble, learns a controller, lets the ensemble play on and
exports; the window is killed and opened again: what was set is back, and the sound never stopped.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jack
import numpy as np
import pytest
from PyQt6.QtCore import QPoint
from PyQt6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from gui.bridge import Bridge
from gui.client import Client
from gui.mirror.mirror import Mirror
from gui.preferences import Preferences
from gui.window import Window
from tests.servers import JackServer

pytestmark = [pytest.mark.slow, pytest.mark.jack, pytest.mark.timeout(900)]
WIDTH, HEIGHT = 1280, 720
CONTROLLER = 21
PATIENCE_S = 90.0
COMPILING_S = 600.0  # the first start of these sources, on a busy machine
SILENT = 1e-5


class Screen:
    """An X server without a screen to look at, and a hand on its keyboard and mouse."""

    def __init__(self) -> None:
        reader, writer = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1400x900x24", "-dpi", "96"],
            pass_fds=[writer],
            stderr=subprocess.DEVNULL,
        )
        os.close(writer)
        with os.fdopen(reader) as told:
            self.env = {**os.environ, "DISPLAY": f":{told.readline().strip()}"}
        self.env.pop("QT_QPA_PLATFORM", None)

    def do(self, *words: str) -> str:
        """One command of xdotool; what it printed."""
        done = subprocess.run(
            ["xdotool", *words], env=self.env, capture_output=True, text=True, timeout=30
        )
        return done.stdout.strip()

    def focus(self) -> str:
        """Give the window the keyboard; its id."""
        found = ""
        end_s = time.monotonic() + PATIENCE_S
        while not found and time.monotonic() < end_s:
            found = self.do("search", "--onlyvisible", "--name", "^Ripieno$").split("\n")[0]
            time.sleep(0.1)
        self.do("windowmove", found, "0", "0")
        self.do("windowfocus", "--sync", found)
        return found

    def click(self, place: QPoint, button: int = 1) -> None:
        """Click at a place of the window, which lies at the screen's corner."""
        self.do("mousemove", "--sync", str(place.x()), str(place.y()), "click", str(button))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


class Ear:
    """Hears the engine's master: how loud each tenth of a second was."""

    def __init__(self) -> None:
        self.peaks: list[float] = []
        self._client: Any = jack.Client("ear", no_start_server=True)
        self._port: Any = self._client.inports.register("in")
        self._peak, self._frames = 0.0, 0
        self._client.set_process_callback(self._listen)
        self._client.activate()

    def _listen(self, frames: int) -> None:
        self._peak = max(self._peak, float(np.abs(self._port.get_array()).max()))
        self._frames += frames
        if self._frames >= 4800:
            self.peaks.append(self._peak)
            self._peak, self._frames = 0.0, 0

    def listen_to(self, port: str) -> None:
        self._client.connect(port, self._port)

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()


class Keyboard:
    """A JACK client with a MIDI output, as a player's keyboard has one."""

    def __init__(self) -> None:
        self._client: Any = jack.Client("keys", no_start_server=True)
        self._port: Any = self._client.midi_outports.register("out")
        self._waiting: list[bytes] = []
        self._client.set_process_callback(self._process)
        self._client.activate()

    def _process(self, frames: int) -> None:
        self._port.clear_buffer()
        while self._waiting:
            self._port.write_midi_event(0, self._waiting.pop(0))

    def plug_into(self, port: str) -> None:
        self._client.connect(self._port, port)

    def play(self, *message: int) -> None:
        self._waiting.append(bytes(message))

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()


class Observer:
    """The test's own mirror of the engine."""

    def __init__(self, port: int) -> None:
        self.client, self.mirror = Client(port), Mirror()
        self._asked_s = 0.0
        self.client.start()

    def look(self) -> Mirror:
        for arrival in self.client.drain():
            self.mirror.take(arrival.path, arrival.values, arrival.at_s)
        if time.monotonic() - self._asked_s > 1.0:
            self._asked_s = time.monotonic()
            self.mirror.ask_again()
        for section in self.mirror.take_due():
            self.client.send("/ripieno/state", section)
        self.mirror.notify(time.monotonic())
        return self.mirror

    def until(self, true: Callable[[Mirror], bool], what: str) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not true(self.look()):
            assert time.monotonic() < end_s, what
            time.sleep(0.05)


@pytest.fixture
def screen() -> Iterator[Screen]:
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            pytest.fail(f"{tool} is not installed (Debian: apt-get install xvfb xdotool)")
    screen = Screen()
    yield screen
    screen.close()


def open_window(screen: Screen, server: JackServer, home: Path, port: int) -> subprocess.Popen[str]:
    """`python -m gui`; an engine on JACK is started if none runs."""
    command = [sys.executable, "-m", "gui", "--port", str(port), "--say-ready", "--"]
    options = ["--out", "jack", "--in", "none"]
    jack_names = {
        name: server.env[name] for name in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")
    }
    return subprocess.Popen(
        [*command, *options],
        env={**screen.env, **jack_names, "RIPIENO_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )


def ready(window: subprocess.Popen[str]) -> str:
    """What the window shows when it knows the engine's state."""
    found: list[str] = []
    assert window.stdout is not None
    reader = threading.Thread(target=lambda: found.append(window.stdout.readline()), daemon=True)  # type: ignore
    reader.start()
    reader.join(COMPILING_S)
    assert found, "the window did not open"
    assert found[0].startswith("ready: ")
    return found[0].removeprefix("ready: ").strip()


@pytest.fixture
def twin(themed: QApplication, qtbot: QtBot) -> Iterator[Callable[[int], Window]]:
    """The same window offscreen: it tells where things lie."""
    made: list[Window] = []

    def make(port: int) -> Window:
        bridge = Bridge(port)
        window = Window(bridge, Preferences(first_run_done=True, size=[WIDTH, HEIGHT]))
        qtbot.addWidget(window)
        bridge.start()
        window.show()
        qtbot.waitUntil(lambda: bool(bridge.mirror.ensemble.parts), timeout=60000)
        made.append(window)
        return window

    yield make
    for window in made:
        window.close()


def place_of(window: Window, qtbot: QtBot, page: str, find: Callable[[QWidget], bool]) -> QPoint:
    """Where the widget of a page lies in the window."""
    window.show_page(page)

    def found() -> list[QWidget]:
        return [w for w in window.pages[page].findChildren(QWidget) if w.isVisible() and find(w)]

    qtbot.waitUntil(lambda: bool(found()), timeout=30000)
    qtbot.wait(300)
    widget = found()[0]
    return widget.mapTo(window, widget.rect().center())


def test_a_player_at_the_screen(
    screen: Screen,
    jack_server: JackServer,
    tmp_path: Path,
    twin: Callable[[int], Window],
    qtbot: QtBot,
) -> None:
    port = 57200 + os.getpid() % 500
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "window.toml").write_text("first_run_done = true\npage = 'stage'\n")
    window = open_window(screen, jack_server, tmp_path, port)
    assert ready(window) == "String quartet"
    observer, ear, keyboard = Observer(port), Ear(), Keyboard()
    ear.listen_to("ripieno:master_left")
    keyboard.plug_into("ripieno:midi_in")
    try:
        observer.until(lambda m: m.connection != "gone" and bool(m.values), "the engine answers")
        keyboard.play(0x90, 60, 100)
        observer.until(lambda m: 60 in m.notes.pitches(), "a note of the keyboard")
        plan = twin(port)
        screen.focus()
        _change_the_ensemble(screen, plan, qtbot, observer)
        keyboard.play(0x90, 64, 100)
        observer.until(lambda m: 64 in m.notes.pitches(), "a note of the brass")
        _learn(screen, plan, qtbot, keyboard, observer)
        _let_it_play_on(screen, plan, qtbot, keyboard, observer)
        _export(screen, plan, qtbot, tmp_path / "takes")
        begun = len(ear.peaks)
        window.kill()
        window.wait(10)
        time.sleep(2.0)
        window = open_window(screen, jack_server, tmp_path, port)
        assert ready(window) == "Brass quartet"
        time.sleep(1.0)
        heard = ear.peaks[begun:]
        assert len(heard) > 20
        assert min(heard) > SILENT, "the music stopped while the window was gone"
        assert _engines(port) == 1
        screen.focus()
        screen.do("key", "Escape")
        observer.until(lambda m: not m.notes.pitches(), "Esc silences the reopened window's engine")
    finally:
        observer.client.send("/ripieno/quit")
        window.kill()
        window.wait(10)
        ear.close()
        keyboard.close()
        _wait_for_the_end(observer)
        observer.client.close()


def _change_the_ensemble(screen: Screen, plan: Window, qtbot: QtBot, observer: Observer) -> None:
    place = place_of(plan, qtbot, "ensemble", lambda w: w.accessibleName() == "Choose an ensemble")
    screen.do("key", "ctrl+2")
    time.sleep(1.0)
    screen.click(place)
    time.sleep(0.5)
    screen.do("type", "brass quartet")
    time.sleep(0.5)
    screen.do("key", "Return")
    observer.until(lambda m: m.ensemble.id == "brass_quartet", "the ensemble chosen by hand")


def _learn(
    screen: Screen, plan: Window, qtbot: QtBot, keyboard: Keyboard, observer: Observer
) -> None:
    """The fader of the first part, by the right mouse button."""
    address = "/ripieno/part/1/gain"
    qtbot.waitUntil(lambda: plan.context.mirror.ensemble.id == "brass_quartet", timeout=30000)
    place = place_of(plan, qtbot, "mixer", lambda w: w.property("address") == address)
    screen.do("key", "ctrl+3")
    time.sleep(1.0)
    screen.click(place, button=3)
    time.sleep(0.5)
    screen.do("key", "Down", "Down", "Return")  # past "Back to 0 dB"
    observer.until(lambda m: m.section("learn").get("waiting") == address, "learning by hand")
    keyboard.play(0xB0, CONTROLLER, 10)
    observer.until(
        lambda m: [b["number"] for b in m.section("learn")["bindings"]] == [CONTROLLER],
        "the controller learned",
    )
    for position in range(10, 127, 3):
        keyboard.play(0xB0, CONTROLLER, position)
        time.sleep(0.01)
    observer.until(lambda m: m.value(address) > 6.0, "the fader follows the controller")
    keyboard.play(0xB0, CONTROLLER, 95)
    observer.until(lambda m: m.value(address) < 1.0, "and comes down again")


def _let_it_play_on(
    screen: Screen, plan: Window, qtbot: QtBot, keyboard: Keyboard, observer: Observer
) -> None:
    """Takeover chosen by a click, begun by F5, ended by the player's next note."""
    place = place_of(plan, qtbot, "continuation", lambda w: says(w, "Takeover"))
    screen.do("key", "ctrl+4")
    time.sleep(1.0)
    screen.click(place)
    observer.until(
        lambda m: (m.section("continuation").get("worker") or {}).get("state") == "ready",
        "the ensemble's model",
    )
    for pitch in (67, 69, 71):
        keyboard.play(0x90, pitch, 90)
        time.sleep(0.3)
        keyboard.play(0x80, pitch, 0)
    observer.until(lambda m: bool(m.notes.plan), "a plan")
    screen.do("key", "F5")
    observer.until(lambda m: m.floor == "ensemble", "the ensemble has the floor")
    screen.do("key", "ctrl+9")
    observer.client.send("/ripieno/subscribe", "attention", 60.0)
    observer.until(lambda m: m.attention.remembered > 3, "what the ensemble looks back at")
    keyboard.play(0x90, 64, 90)
    observer.until(lambda m: m.floor == "player", "the player has it again")


def _export(screen: Screen, plan: Window, qtbot: QtBot, takes: Path) -> None:
    """What was just played kept by a key, and written as DAWproject by a click."""
    screen.do("key", "ctrl+k")
    place = place_of(plan, qtbot, "transport", lambda w: says(w, "DAWproject"))
    screen.do("key", "ctrl+7")
    time.sleep(2.0)
    screen.click(place)
    end_s = time.monotonic() + PATIENCE_S
    while not list(takes.rglob("*.dawproject")):
        assert time.monotonic() < end_s, f"an export: {sorted(takes.rglob('*'))}"
        time.sleep(0.1)


def says(widget: QWidget, text: str) -> bool:
    """Whether it is a button with this text."""
    return isinstance(widget, QAbstractButton) and widget.text() == text


def _engines(port: int) -> int:
    """How many programs play on this port."""
    done = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    words = f"engine.cli play --osc-port {port}"
    return sum(words in line for line in done.stdout.splitlines())


def _wait_for_the_end(observer: Observer) -> None:
    end_s = time.monotonic() + 30
    while observer.client.state() != "gone" and time.monotonic() < end_s:
        time.sleep(0.1)
