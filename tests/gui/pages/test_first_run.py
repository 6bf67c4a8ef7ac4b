"""First run: what is there is said, a chord proves it, and it is shown only once."""

from collections.abc import Callable

from pytestqt.qtbot import QtBot

from engine.session import Session
from gui.bridge import Bridge
from gui.pages.first_run import CHORD, Page
from gui.preferences import Preferences
from gui.window import Window

Until = Callable[[Callable[[], bool]], None]


def test_a_first_window_welcomes_and_the_next_does_not(
    bridge: Bridge, engine: Session, qtbot: QtBot, until: Until
) -> None:
    preferences = Preferences()
    window = Window(bridge, preferences)
    qtbot.addWidget(window)
    window.show()
    page = window.stack.currentWidget()
    assert isinstance(page, Page)
    assert not any(button.isChecked() for button in window.buttons.values())
    assert "None is plugged in" in page.keyboard.text()
    assert "48000 Hz, blocks of 128 frames (2.7 ms)" in page.output.text()
    page.chord.click()
    notes = bridge.mirror.notes
    until(lambda: set(notes.pitches()) == set(CHORD))
    until(lambda: "ms after the key" in page.proof.text())
    until(lambda: not notes.sounding)  # the chord ends by itself
    page.computer.click()
    assert window.keys.piano_on
    window.do("piano")
    page.begin.click()
    assert window.stack.currentWidget() is window.pages["stage"]
    assert preferences.first_run_done
    window.close()


def test_without_a_keyboard_the_demo_plays(
    bridge: Bridge, engine: Session, qtbot: QtBot, until: Until
) -> None:
    window = Window(bridge, Preferences())
    qtbot.addWidget(window)
    window.show()
    page = window.stack.currentWidget()
    assert isinstance(page, Page)
    page.demo.click()
    assert window.stack.currentWidget() is window.pages["stage"]
    until(lambda: len(bridge.mirror.notes.bars) > 3)
    bridge.act("/ripieno/file/stop")
    until(lambda: not bridge.mirror.notes.sounding)
    window.close()
