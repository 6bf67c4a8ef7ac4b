"""Chains of plugins through the window: real hosts, real plugins."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.session import Session
from gui.context import Context
from gui.pages.plugins import Page
from gui.window import Window

LEFT = Qt.MouseButton.LeftButton
LOAD_MS = 120000  # a host starts, beside whatever else the machine does


@pytest.fixture
def page(context: Context, engine: Session, qtbot: QtBot) -> Iterator[Page]:
    page = Page(context)
    qtbot.addWidget(page)
    page.resize(1080, 560)
    page.show()
    yield page
    for slot in engine.plugins.slots():
        engine.plugins.set_chain(slot, None)


@pytest.fixture
def until(qtbot: QtBot) -> Callable[[Callable[[], bool]], None]:
    return lambda true: qtbot.waitUntil(true, timeout=LOAD_MS)


@pytest.mark.slow
def test_a_chain_is_built_set_reordered_and_emptied(
    page: Page, engine: Session, until: Callable, qtbot: QtBot
) -> None:
    until(lambda: bool(page.offers))
    page.choose("send a")
    assert "No plugins here" in page.parameters.told.text()
    page.menu.chosen.emit("pedalboard:Reverb")
    until(lambda: len(page.rows) == 1)
    page.menu.chosen.emit("pedalboard:Gain")
    until(lambda: page.chain is not None and page.chain.summary == "Reverb, Gain")
    until(lambda: page.state.text() == "Running" and "CPU" in page.figures.text())
    until(lambda: bool(page.parameters.knobs))
    room = next(k for k in page.parameters.knobs if k.label == "room size")
    room.move_to(0.9)
    until(lambda: engine.plugins.value("send a", 0, "room_size") == pytest.approx(0.9))
    assert room.text() == "0.9"
    qtbot.mouseClick(page.rows[1].bypass, LEFT)
    until(lambda: engine.plugins.state()["send a"]["plugins"][1]["bypass"])
    _press(page, 1, "Move up Gain", qtbot)
    until(lambda: page.chain is not None and page.chain.summary == "Gain, Reverb")
    until(lambda: page.rows[0].bypass.isChecked())
    _press(page, 0, "Take out Gain", qtbot)
    until(lambda: page.chain is not None and page.chain.summary == "Reverb")
    _press(page, 0, "Take out Reverb", qtbot)
    until(lambda: page.chain is not None and not page.chain.plugins and not page.rows)


def test_a_plugin_that_is_not_there_is_said_and_nothing_changes(
    page: Page, engine: Session, until: Callable, tmp_path: Path
) -> None:
    missing = tmp_path / "Nothing.vst3"
    page.choose("master")
    page.menu.chosen.emit(str(missing))
    until(page.message.isVisible)
    assert page.message.text() == f"{missing} is not there"
    engine.changed("chains")  # what is told meanwhile of this or another chain does not hide it
    page._show()
    assert page.message.isVisible()
    assert "master" not in engine.plugins.state()


def test_a_rig_whose_plugin_is_missing_plays_without_it_says_so_and_keeps_it(
    window: Window, page: Page, engine: Session, until: Callable, tmp_path: Path
) -> None:
    missing, rig = tmp_path / "Gone.vst3", tmp_path / "mine.toml"
    rig.write_text(
        f"""format = 1
name = "Mine"
ensemble = "brass_quartet"

[chains.master]
plugins = [{{ path = "{missing}" }}]
"""
    )
    window.context.bridge.act("/ripieno/rig", str(rig))
    until(lambda: window.context.mirror.ensemble.id == "brass_quartet")
    sentence = f"Master plays without its plugins: {missing} is not there."
    until(lambda: sentence in window.context.mirror.said)
    until(lambda: window.context.mirror.section("rig").get("name") == "Mine")
    page.choose("master")
    until(lambda: page.state.text() == "Failed")
    assert page.message.text() == f"{missing} is not there"
    assert page.chain is not None
    assert page.chain.summary == "Gone"
    assert str(missing) in engine.repertoire.text(), "saving keeps it"


@pytest.mark.slow
def test_why_a_chain_failed_is_shown(page: Page, until: Callable, tmp_path: Path) -> None:
    """A file that is no plugin: its host says so, and nobody asks for it."""
    broken = tmp_path / "Broken.vst3"
    broken.write_bytes(b"no plugin at all")
    page.choose("master")
    page.menu.chosen.emit(str(broken))
    until(lambda: page.state.text() == "Failed")
    assert page.message.text().startswith(f"{broken} cannot be loaded: ")
    assert page.message.isVisible()


def _press(page: Page, row: int, name: str, qtbot: QtBot) -> None:
    from PyQt6.QtWidgets import QPushButton

    buttons = page.rows[row].findChildren(QPushButton)
    (button,) = (found for found in buttons if found.accessibleName() == name)
    qtbot.mouseClick(button, LEFT)
