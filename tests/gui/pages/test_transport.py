"""The transport through the window, on a real engine."""

from collections.abc import Callable, Iterator

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.session import Session
from gui.context import Context
from gui.pages.transport import Page, lock_text

Until = Callable[[Callable[[], bool]], None]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(context: Context, qtbot: QtBot) -> Iterator[Page]:
    page = Page(context)
    qtbot.addWidget(page)
    page.resize(1080, 560)
    page.show()
    yield page
    context.bridge.act("/ripieno/transport/stop")


def test_the_transport_starts_shows_its_beat_and_stops(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    qtbot.mouseClick(page.start, LEFT)
    until(lambda: engine.engine.transport().rolling)
    until(lambda: page.place.text() not in ("1.1", "0.1"))
    qtbot.mouseClick(page.stop, LEFT)
    until(lambda: not engine.engine.transport().rolling)
    qtbot.mouseClick(page.rewind, LEFT)
    until(lambda: engine.engine.transport().beat == 0.0)
    until(lambda: page.place.text() == "1.1")


def test_a_count_in_and_a_bar_to_go_to(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    page.bars.show_value(2)
    qtbot.mouseClick(page.count_in, LEFT)
    until(lambda: engine.engine.transport().beat < -1.0)
    qtbot.mouseClick(page.stop, LEFT)
    page.go_to.setValue(5)
    qtbot.mouseClick(page.go, LEFT)
    until(lambda: engine.engine.transport().beat == 16.0)


def test_tempo_click_and_beats_reach_the_engine(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    page.tempo.move_to(90.0)
    until(lambda: engine.get("tempo_bpm") == 90.0)
    until(lambda: page.tempo_text.text() == "90.0")
    qtbot.mouseClick(page.click.button("count_in"), LEFT)
    until(lambda: engine.get("click") == 1.0)
    qtbot.keyClick(page.beats, Qt.Key.Key_Down)
    until(lambda: engine.get("beats_per_bar") == 3.0)
    qtbot.mouseClick(page.click.button("off"), LEFT)
    page.beats.changed.emit(4)
    until(lambda: engine.get("beats_per_bar") == 4.0)


def test_whoever_leads_takes_the_tempo_out_of_our_hands(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    qtbot.mouseClick(page.source.button("midi_clock"), LEFT)
    until(lambda: not page.tempo.isEnabled())
    until(lambda: page.lock.text() == "Waits for a MIDI clock")
    qtbot.mouseClick(page.source.button("internal"), LEFT)
    until(page.tempo.isEnabled)
    assert page.lock.text() == "Ripieno leads"


def test_the_lock_in_words() -> None:
    assert lock_text({"sync_source": "link", "link_peers": 1}) == ("Link with 1 other", "good")
    assert lock_text({"sync_source": "link", "link_peers": 0})[1] == "warn"
    assert lock_text({"sync_source": "jack", "locked": True}) == ("Locked", "good")
    follow = {"sync_source": "playing", "locked": True, "follow": {"confidence": 0.83}}
    assert lock_text(follow) == ("Follows you, 83 % sure", "good")
