"""The window as a program: an engine is started if none runs, and outlives it; faults are said."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from engine import repertoire
from engine.paths import state_folder
from engine.session import Session
from gui import app
from gui.bridge import Bridge
from gui.engine_process import LAST_STATE, EngineProcess
from gui.preferences import Preferences
from gui.window import Window

Until = Callable[[Callable[[], bool]], None]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


class Fake(EngineProcess):
    """An engine process that is any program: what is watched here is the process, not its music."""

    def __init__(self, command: list[str]) -> None:
        super().__init__(57999)
        self.command = command

    def start(self, resume: bool = False) -> None:
        self.resumed = resume
        self._process = subprocess.Popen(self.command, start_new_session=True)
        self._started_s = time.monotonic()
        self.starts += 1


def eventually(true: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    end_s = time.monotonic() + timeout_s
    while not (found := true()) and time.monotonic() < end_s:
        time.sleep(0.01)
    return found


def test_the_command_line() -> None:
    options = app.parse(["--port", "57141", "--no-engine", "--", "--out", "jack"])
    assert (options.port, options.no_engine, options.engine) == (57141, True, ["--out", "jack"])
    assert app.parse([]).port == 57140


def test_no_screen_is_said(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert app.main([]) == 1
    assert "ripieno play" in capsys.readouterr().err


def test_an_engine_that_cannot_start_leaves_its_last_words() -> None:
    engine = EngineProcess(57999, ("--block", "8"))
    engine.start()
    assert engine.ours
    engine.start()  # one is enough
    assert engine.starts == 1
    assert eventually(lambda: engine.died() == 2, 60.0)
    assert engine.died() is None
    assert "8 is outside 16 .. 8192 frames" in engine.last_words()
    assert not engine.may_restart()
    assert (state_folder() / "engine.log").exists()


def test_an_engine_lives_in_a_session_of_its_own() -> None:
    engine = Fake(SLEEPER)
    engine.start()
    assert engine._process is not None
    assert os.getsid(engine._process.pid) != os.getsid(0)
    engine._process.kill()
    assert eventually(lambda: engine.died() == -signal.SIGKILL)


def keeper_of(engine: EngineProcess, qtbot: QtBot, start: bool = True) -> app.Keeper:
    window = Window(Bridge(1), Preferences(first_run_done=True, after_closing="play"), engine)
    qtbot.addWidget(window)
    window.show()
    return app.Keeper(window, start)


def test_an_engine_is_started_once_if_none_answers(themed, qtbot: QtBot, until: Until) -> None:
    engine = Fake(SLEEPER)
    keeper = keeper_of(engine, qtbot)
    until(lambda: engine.starts == 1)
    assert keeper.starting()
    assert engine.resumed is False
    keeper.window.health.judge()
    assert "The engine starts" in keeper.window.health.finding.sentence
    for _ in range(10):
        keeper.look()
    assert engine.starts == 1
    keeper.stop()
    keeper.window.close()
    assert engine.ours  # the window is gone, the engine is not
    engine._process.kill()  # type: ignore[union-attr]


def test_an_engine_of_ours_that_dies_is_started_again_where_it_was(
    themed, qtbot: QtBot, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gui.engine_process.SOON_S", 0.0)
    (state_folder() / LAST_STATE).unlink(missing_ok=True)
    engine = Fake(SLEEPER)
    keeper = keeper_of(engine, qtbot)
    until(lambda: engine.starts == 1)
    engine._process.kill()  # type: ignore[union-attr]
    until(lambda: engine.starts == 2)
    assert engine.resumed is False  # it had not played: that there is no state is not its fault
    (state_folder() / LAST_STATE).parent.mkdir(parents=True, exist_ok=True)
    (state_folder() / LAST_STATE).write_text("format = 1\n")
    engine._process.kill()  # type: ignore[union-attr]
    until(lambda: engine.starts == 3)
    assert engine.resumed is True
    keeper.stop()
    keeper.window.close()
    engine._process.kill()  # type: ignore[union-attr]


def test_another_engine_that_ends_is_not_replaced_unasked(
    window: Window, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else started it, and may have ended it on purpose."""
    engine = Fake(SLEEPER)
    window.engine = engine
    keeper = app.Keeper(window, True)
    until(lambda: window.context.mirror.connection == "connected")
    keeper.look()
    monkeypatch.setattr(window.context.mirror, "connection", "gone")
    for _ in range(10):
        keeper.look()
    assert engine.starts == 0
    keeper.stop()


def test_one_that_cannot_start_is_not_tried_for_ever(themed, qtbot: QtBot, until: Until) -> None:
    engine = Fake([sys.executable, "-c", "raise SystemExit(1)"])
    keeper = keeper_of(engine, qtbot)
    until(lambda: "did not start" in keeper.window.health.finding.sentence)
    for _ in range(10):
        keeper.look()
    assert engine.starts == 1
    keeper.window.health._said_until_s = 0.0  # the sentence's time is over, the reason stays
    keeper.window.health.judge()
    assert keeper.window.health.finding.sentence.startswith("The engine did not start: ")
    assert keeper.window.health.finding.action == "start"
    keeper.window.close()


def test_what_was_left_is_resumed_and_if_that_fails_it_starts_without(
    themed, qtbot: QtBot, until: Until
) -> None:
    assert LAST_STATE == repertoire.LAST_STATE
    state_folder().mkdir(parents=True, exist_ok=True)
    (state_folder() / LAST_STATE).write_text("not TOML [")
    engine = Fake([sys.executable, "-c", "raise SystemExit(1)"])
    keeper = keeper_of(engine, qtbot)
    until(lambda: engine.starts == 1)
    assert engine.resumed is True
    until(lambda: engine.starts == 2)
    assert engine.resumed is False
    until(lambda: "did not start" in keeper.window.health.finding.sentence)
    assert engine.starts == 2
    keeper.window.close()


@pytest.mark.parametrize("wish", ["play", "stop"])
def test_closing_asks_what_becomes_of_the_music_and_does_it(
    themed, engine: Session, qtbot: QtBot, until: Until, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    ours = Fake(SLEEPER)
    ours.start()
    bridge = Bridge(engine.osc_port)
    window = Window(bridge, Preferences(first_run_done=True), ours)
    qtbot.addWidget(window)
    bridge.start()
    until(lambda: bridge.mirror.connection == "connected")
    asked: list[str] = []
    monkeypatch.setattr(
        window, "_ask_what_becomes_of_the_music", lambda: asked.append(wish) or "stay"
    )
    assert not window.close()
    monkeypatch.setattr(
        window, "_ask_what_becomes_of_the_music", lambda: asked.append(wish) or wish
    )
    assert window.close()
    assert len(asked) == 2
    if wish == "stop":
        assert eventually(engine.quit_wanted.is_set)
        engine.quit_wanted.clear()
    else:
        assert not engine.quit_wanted.is_set()
    ours._process.kill()  # type: ignore[union-attr]


def test_the_answer_may_be_for_always(
    themed, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    window = Window(Bridge(1), Preferences(first_run_done=True, path=tmp_path / "w.toml"))
    qtbot.addWidget(window)

    def answer(box: QMessageBox) -> int:
        check, keep = box.checkBox(), box.defaultButton()
        assert check is not None
        assert keep is not None
        check.setChecked(True)
        keep.click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", answer)
    assert window._ask_what_becomes_of_the_music() == "play"
    window.close()
    assert 'after_closing = "play"' in (tmp_path / "w.toml").read_text()


def test_a_fault_is_written_down_and_said(
    themed, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    bridge = Bridge(1)
    app.install_excepthook(bridge)
    with qtbot.waitSignal(bridge.complained) as said:
        try:
            raise ZeroDivisionError("on purpose")
        except ZeroDivisionError as error:
            sys.excepthook(ZeroDivisionError, error, error.__traceback__)
    assert said.args is not None
    assert "failed" in said.args[0]
    assert "on purpose" in (tmp_path / "state" / "window.log").read_text()
    bridge.close()
