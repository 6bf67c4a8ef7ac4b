"""The whole window on a real engine: pages, keys, panic, undo, learning, the engine's death."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QContextMenuEvent
from PyQt6.QtWidgets import QAbstractButton, QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from engine.session import Session
from gui import preferences, theme
from gui.bridge import Bridge
from gui.learning import ADDRESS, menu_for
from gui.pages import PAGES
from gui.preferences import Preferences
from gui.widgets.badge import Badge
from gui.window import Window

Until = Callable[[Callable[[], bool]], None]


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_every_page_shows_and_paints_in_both_themes(window: Window, name: str) -> None:
    window.show_page(name)
    assert window.stack.currentWidget() is window.pages[name]
    dark = window.grab().toImage()
    window.use_theme("light")
    light = window.grab().toImage()
    assert dark.size() == light.size()
    assert dark != light


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_every_control_has_a_name_and_is_reached_by_tab(window: Window, name: str) -> None:
    window.show_page(name)
    own = [w for w in window.findChildren(QWidget) if type(w).__module__.startswith("gui.widgets")]
    assert own
    for widget in own:
        if not isinstance(widget, Badge) and not widget.isWindow():
            assert widget.accessibleName() or widget.parentWidget() in own, type(widget)
    for button in window.pages[name].findChildren(QAbstractButton):
        assert button.text() or button.accessibleName() or not button.isVisible()
    reachable = _tab_chain(window)
    for widget in window.pages[name].findChildren(QWidget):
        if widget.property(ADDRESS) and widget.isVisible() and widget.isEnabled():
            inside = [widget, *widget.findChildren(QWidget)]
            assert any(w in reachable for w in inside), widget.property(ADDRESS)


def _tab_chain(window: Window) -> list[QWidget]:
    found, widget = [], window.nextInFocusChain()
    while widget is not None and widget is not window:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            found.append(widget)
        widget = widget.nextInFocusChain()
    return found


def test_escape_is_panic(window: Window, engine: Session, qtbot: QtBot, until: Until) -> None:
    window.context.bridge.act("/ripieno/key", 60, 90)
    until(lambda: len(window.context.mirror.notes.sounding) == 1)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    until(lambda: not window.context.mirror.notes.sounding)
    until(lambda: engine.statistics()["held_notes"] == 0)


def test_space_plays_and_stops_but_belongs_to_buttons_first(
    window: Window, engine: Session, qtbot: QtBot, until: Until
) -> None:
    window.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_Space)
    until(lambda: bool(engine.state()["transport"]["rolling"]))
    until(lambda: window.top.play.text() == "Stop")
    window.top.play.setFocus()
    qtbot.keyClick(window.top.play, Qt.Key.Key_Space)
    until(lambda: not engine.state()["transport"]["rolling"])


def test_undo_takes_back_what_was_set(
    window: Window, engine: Session, qtbot: QtBot, until: Until
) -> None:
    before_db = engine.get("gain_db", 0)
    window.context.bridge.set("/ripieno/part/1/gain", -20.0)
    until(lambda: engine.get("gain_db", 0) == -20.0)
    until(lambda: engine.state()["rig"]["undo"] > 0)
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    until(lambda: engine.get("gain_db", 0) == before_db)
    until(lambda: window.context.mirror.value("/ripieno/part/1/gain") == before_db)


def test_letters_play_notes_only_when_the_piano_is_on(
    window: Window, engine: Session, qtbot: QtBot, until: Until
) -> None:
    notes = window.context.mirror.notes
    window.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_A)
    window.do("piano")
    qtbot.keyPress(window, Qt.Key.Key_G)
    until(lambda: [bar.pitch for bar in notes.sounding.values()] == [67])
    qtbot.keyRelease(window, Qt.Key.Key_G)
    until(lambda: not notes.sounding)
    assert window.context.preferences.piano_keys
    window.do("piano")


def test_the_right_button_learns_and_a_badge_says_so(
    window: Window, engine: Session, until: Until
) -> None:
    mirror, panic = window.context.mirror, window.top.panic
    menu = menu_for(window.context, "/ripieno/panic", window)
    _choose(menu, "Learn a control")
    until(lambda: mirror.section("learn").get("waiting") == "/ripieno/panic")
    until(lambda: panic.property("badge") is not None and panic.property("badge").isVisible())
    assert panic.property("badge").text == "move it"
    engine.inputs.play_key(bytes([0xB0, 20, 100]))
    until(lambda: panic.property("badge").text == "CC 20")
    _choose(menu_for(window.context, "/ripieno/panic", window), "Forget CC 20")
    until(lambda: not panic.property("badge").isVisible())


def _choose(menu: QMenu, text: str) -> None:
    action = next(action for action in menu.actions() if action.text().startswith(text))
    action.trigger()


def test_a_context_menu_event_opens_the_menu(window: Window, qtbot: QtBot) -> None:
    centre = window.top.panic.rect().center()
    event = QContextMenuEvent(
        QContextMenuEvent.Reason.Mouse, centre, window.top.panic.mapToGlobal(centre)
    )
    QApplication.sendEvent(window.top.panic, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert any(action.text().startswith("Learn") for action in menu.actions())
    menu.close()


def test_the_theme_page_and_size_are_remembered(window: Window, tmp_path: Path) -> None:
    window.show_page("graphs")
    window.use_theme("light")
    window.resize(1100, 700)
    window.close()
    again = preferences.load(tmp_path / "window.toml")
    assert (again.theme, again.page, again.size) == ("light", "graphs", [1100, 700])
    assert theme.current().name == "light"


def test_closing_the_window_leaves_the_engine_playing(
    window: Window, engine: Session, until: Until
) -> None:
    window.context.bridge.act("/ripieno/key", 64, 90)
    until(lambda: engine.statistics()["held_notes"] == 1)
    window.close()
    assert engine.device.alive
    assert engine.statistics()["held_notes"] == 1
    assert not engine.quit_wanted.is_set()


def test_an_engine_that_is_not_there_is_said_and_offered_to_be_started(
    themed: QApplication, qtbot: QtBot, until: Until
) -> None:
    bridge = Bridge(1)  # nobody listens there
    window = Window(bridge, Preferences(first_run_done=True))
    qtbot.addWidget(window)
    bridge.start()
    window.show()
    until(lambda: "Looking for the engine" in window.health.finding.sentence)
    assert window.health.finding.action == "start"
    with qtbot.waitSignal(window.health.acted) as signal:
        window.health.sentence.click()
    assert signal.args == ["start"]
    window.close()
