"""Rigs and set lists through the window."""

from collections.abc import Callable, Iterator

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.paths import config_folder
from engine.session import Session
from gui.context import Context
from gui.pages.rigs import Page

Until = Callable[[Callable[[], bool]], None]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(context: Context, engine: Session, qtbot: QtBot) -> Iterator[Page]:
    page = Page(context)
    qtbot.addWidget(page)
    page.resize(1080, 560)
    page.show()
    yield page
    engine.repertoire.use_setlist("")


def test_a_rig_is_found_loaded_changed_undone_and_saved(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    until(lambda: len(page.list.shown()) >= 5)
    page.list.search.setText("woodwind")
    assert page.list.shown() == ["faders"]
    qtbot.keyClick(page.list.search, Qt.Key.Key_Return)
    until(lambda: page.name.text() == "Faders")
    assert engine.ensemble.id == "woodwind_quartet"
    until(lambda: page.told.text() == "Saved")
    before = engine.get("tempo_bpm")
    page.context.bridge.set("/ripieno/tempo", before + 10.0)
    until(lambda: page.told.text().startswith("Changed"))
    until(lambda: page.undo.isEnabled() and page.playing.undo > 0)
    until(lambda: engine.get("tempo_bpm") == before + 10.0)
    qtbot.wait(1500)  # changes within a second are one step
    qtbot.mouseClick(page.undo, LEFT)
    until(lambda: engine.get("tempo_bpm") == before)
    until(page.redo.isEnabled)
    qtbot.mouseClick(page.redo, LEFT)
    until(lambda: engine.get("tempo_bpm") == before + 10.0)
    qtbot.keyClicks(page.new_name, "Through the window")
    qtbot.keyClick(page.new_name, Qt.Key.Key_Return)
    until(lambda: page.result.text() == "Saved as Through the window.")
    file = config_folder() / "rigs" / "through_the_window.toml"
    assert file.exists()
    page.list.search.clear()
    until(lambda: "through_the_window" in page.list.shown())
    until(lambda: page.told.text() == "Saved")
    file.unlink()


def test_unsaved_changes_are_said_to_be_in_undo(page: Page, engine: Session, until: Until) -> None:
    page.context.bridge.set("/ripieno/tempo", 77.0)
    until(lambda: page.playing.unsaved)
    until(lambda: bool(page.rigs))
    page.load("chamber_quartet")
    assert "Undo has them" in page.result.text()
    until(lambda: page.name.text() == "Chamber quartet")


def test_a_rig_that_is_not_there_is_said_in_a_sentence(page: Page, until: Until) -> None:
    page.load("no_such_rig")
    until(lambda: "no_such_rig" in page.result.text())
    assert page.result.property("role") == "bad"


def test_a_set_list_is_stepped_through_with_the_next_rig_shown(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    until(lambda: page.setlists.count() == 2)
    page.setlists.changed.emit("concert")
    until(lambda: page.next_name.text() == "Next: Cathedral choir")
    assert page.name.text() == "Chamber quartet"
    qtbot.mouseClick(page.next, LEFT)
    until(lambda: page.name.text() == "Cathedral choir")
    assert engine.ensemble.id == "satb_choir"
    until(lambda: page.next_name.text() == "Next: Brass fanfare")
    qtbot.mouseClick(page.previous, LEFT)
    until(lambda: page.name.text() == "Chamber quartet")
    last = page.order.item(3)
    assert last is not None
    page.order.itemActivated.emit(last)
    until(lambda: page.next_name.text() == "The last of the evening")
    assert not page.next.isEnabled()
