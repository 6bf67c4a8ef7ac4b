"""The continuation's page on a real engine with its worker."""

from collections.abc import Callable, Iterator

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.session import Session
from gui.context import Context
from gui.pages.continuation import Page

Until = Callable[[Callable[[], bool]], None]
LEFT = Qt.MouseButton.LeftButton
LOAD_MS = 120000  # a worker starts and reads its weights, beside whatever the machine does


@pytest.fixture
def page(context: Context, engine: Session, qtbot: QtBot) -> Iterator[Page]:
    page = Page(context)
    qtbot.addWidget(page)
    page.resize(1080, 560)
    page.show()
    yield page
    engine.set("continuation_mode", 0.0)
    engine.panic()


def test_settings_reach_the_engine_and_come_from_it(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    page.sliders["temperature"].move_to(0.8)
    page.sliders["memory"].move_to(32)
    until(lambda: engine.get("continuation_memory_beats") == 32.0)
    assert engine.get("continuation_temperature") == pytest.approx(0.8)
    engine.set("continuation_density", -0.5)
    until(lambda: page.sliders["density"].value == -0.5)
    qtbot.mouseClick(page.dice, LEFT)
    until(lambda: engine.get("continuation_seed") == page.seed.value() > 0)
    engine.set("continuation_density", 0.0)
    engine.set("continuation_temperature", 1.0)


def test_what_matters_in_a_mode_is_shown(page: Page, engine: Session, until: Until) -> None:
    until(lambda: not page.sliders["silence"].isVisible())
    page.mirror.values["/ripieno/continuation/mode"] = "takeover"
    page._show_mode()
    assert page.sliders["silence"].isVisible()
    assert not page.sliders["bars"].isVisible()
    assert "your next note" in page.mode_told.text()
    assert page.sliders["length"].text() == "no end"


def test_a_part_may_be_left_to_the_player(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    (first, *_) = page.switches
    until(first.isChecked)
    qtbot.mouseClick(first, LEFT)
    until(lambda: engine.get("continues", 0) == 0.0)
    engine.set("continues", 1.0, 0)
    until(first.isChecked)


@pytest.mark.slow
def test_the_ensemble_plays_on_shows_its_plan_and_yields(
    page: Page, engine: Session, qtbot: QtBot
) -> None:
    def until(true: Callable[[], bool]) -> None:
        qtbot.waitUntil(true, timeout=LOAD_MS)

    qtbot.mouseClick(page.mode.button("takeover"), LEFT)
    until(lambda: engine.get("continuation_mode") == 1.0)
    until(lambda: page.worker.text().startswith("Ready"))
    for pitch in (48, 55, 64, 72):
        page.context.bridge.act("/ripieno/key", pitch, 80)
        page.context.bridge.act("/ripieno/key", pitch, 0)
    until(lambda: bool(page.mirror.notes.plan))
    qtbot.mouseClick(page.start, LEFT)
    until(lambda: page.floor.floor == "ensemble")
    until(lambda: bool(page.roll.notes) and "beats:" in page.next.text())
    qtbot.mouseClick(page.stop, LEFT)
    until(lambda: page.floor.floor == "player")
