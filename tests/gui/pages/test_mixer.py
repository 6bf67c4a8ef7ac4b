"""The mixer on a real engine."""

from collections.abc import Callable

import pytest
from PyQt6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from engine.session import Session
from gui.context import Context
from gui.pages.mixer import Page
from gui.pages.plugins import Page as Chains
from gui.window import Window

Until = Callable[[Callable[[], bool]], None]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(context: Context, qtbot: QtBot) -> Page:
    page = Page(context)
    qtbot.addWidget(page)
    page.resize(1080, 560)
    page.show()
    return page


def test_a_fader_moves_the_engine_and_the_engine_the_fader(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    fader = page.strips[2].fader
    assert fader.accessibleName() == "Level of Viola"
    fader.grab()
    before = fader.value
    qtbot.mousePress(fader, LEFT, pos=QPoint(40, 60))
    qtbot.mouseMove(fader, QPoint(40, 90))
    qtbot.mouseRelease(fader, LEFT)
    assert fader.value < before
    until(lambda: abs(engine.get("gain_db", 2) - fader.value) < 0.05)
    engine.set("gain_db", -20.0, 2)
    until(lambda: fader.value == -20.0)


def test_sends_pans_and_switches_reach_the_engine(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    strip = page.strips[0]
    strip.bars["send_a"].move_to(0.5)
    strip.bars["pan"].move_to(-0.25)
    qtbot.mouseClick(strip.mute, LEFT)
    qtbot.mouseClick(strip.solo, LEFT)
    until(lambda: engine.get("solo", 0) == 1.0)
    assert engine.get("send_a", 0) == pytest.approx(0.5)
    assert engine.get("pan", 0) == pytest.approx(-0.25)
    assert engine.get("mute", 0) == 1.0
    qtbot.mouseClick(strip.mute, LEFT)
    qtbot.mouseClick(strip.solo, LEFT)
    until(lambda: engine.get("solo", 0) == 0.0)


def test_inserts_lead_to_their_chain(window: Window, until: Until, qtbot: QtBot) -> None:
    window.show_page("mixer")
    mixer = window.pages["mixer"]
    assert isinstance(mixer, Page)
    until(lambda: len(mixer.strips) == 4)
    inserts = mixer.strips[2].inserts
    assert inserts is not None
    qtbot.mouseClick(inserts, LEFT)
    chains = window.pages["plugins"]
    assert window.stack.currentWidget() is chains
    assert isinstance(chains, Chains)
    assert chains.chain is not None
    assert (chains.chain.slot, chains.card.heading.text()) == ("part 3", "Viola")
    assert chains.list.currentRow() == 2
    window.show_chain("send b")
    assert chains.card.heading.text() == "Send B"


def test_meters_move_with_what_is_played(page: Page, engine: Session, until: Until) -> None:
    quiet = page.strips[0].meter
    assert quiet is not None
    page.context.bridge.act("/ripieno/part/4/key", 48, 110)
    until(lambda: page.strips[3].meter is not None and page.strips[3].meter._bar_db > -50.0)
    until(lambda: page.peak.text() != "-\u221e")
    until(lambda: quiet._bar_db <= -59.0)  # when what sounded before has rung out
    engine.panic()


def test_another_ensemble_has_other_strips(page: Page, engine: Session, until: Until) -> None:
    engine.set_ensemble("organ_pedal")
    until(lambda: len(page.strips) == 2)
    assert page.strips[0].label.name == "Manuals"
    assert page.strips[0].instrument.text() != ""
    page.strips[1].fader.move_to(-9.0)
    until(lambda: engine.get("gain_db", 1) == -9.0)
