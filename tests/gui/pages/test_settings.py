"""Settings through the window."""

import socket
from collections.abc import Callable

import pytest
from PyQt6 import sip
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.session import Session
from gui.context import Context
from gui.pages.settings import Page

Until = Callable[[Callable[[], bool]], None]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(context: Context, qtbot: QtBot) -> Page:
    page = Page(context)
    qtbot.addWidget(page)
    page.resize(1080, 560)
    page.show()
    return page


def test_the_device_is_named_with_rate_and_block_in_samples_and_ms(page: Page) -> None:
    assert page.now.text().startswith("No sound")
    assert "48000 Hz" in page.figures.text()
    assert "128 samples \u00b7 2.67 ms" in page.figures.text()
    assert page.block.currentText() == "128 samples \u00b7 2.67 ms"


def test_another_block_is_used_at_once(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    until(page.again.isEnabled)
    page.output.show_value("none")
    page.block.show_value(256)
    qtbot.mouseClick(page.use, LEFT)
    until(lambda: engine.device.block_frames == 256)
    until(lambda: "256 samples \u00b7 5.33 ms" in page.figures.text())
    page.block.show_value(128)
    qtbot.mouseClick(page.use, LEFT)
    until(lambda: engine.device.block_frames == 128)


def test_a_device_that_is_not_there_is_said_and_the_old_one_stays(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    until(page.again.isEnabled)
    page.output.set_choices([("no such card", "No such card")])
    page.output.show_value("no such card")
    qtbot.mouseClick(page.use, LEFT)
    until(lambda: page.result.property("role") == "bad")
    assert page.result.text()
    assert engine.device.alive


def test_the_latency_table_has_every_path(page: Page, until: Until) -> None:
    until(lambda: page.table.rowCount() >= 5)
    first = page.table.item(0, 0)
    assert first is not None
    assert first.text() == "Violin I"
    assert page.table.columnCount() == 10


def test_input_ports_and_switches_reach_the_engine(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    page.input.changed.emit("")
    until(lambda: not engine.input_wanted)
    page.input.changed.emit("none")
    until(lambda: engine.input_wanted == "none")
    until(lambda: page.inputs.text() == "None connected")
    before = engine.get("send_programs")
    qtbot.mouseClick(page.programs, LEFT)
    until(lambda: engine.get("send_programs") == 1.0 - before)
    qtbot.mouseClick(page.programs, LEFT)
    until(lambda: engine.get("send_programs") == before)
    page.panic_cc.changed.emit(118)
    until(lambda: engine.get("panic_cc") == 118.0)
    page.panic_cc.changed.emit(119)
    until(lambda: engine.get("panic_cc") == 119.0)


def test_the_osc_port_is_moved_and_the_window_follows(
    page: Page, engine: Session, until: Until
) -> None:
    before = engine.osc_port
    assert page.osc_port.value() == before
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        page.osc_port.setValue(taken)
        until(page.port_told.isVisible)
        assert page.port_told.text().startswith(f"OSC port {taken} on 127.0.0.1 is taken")
        assert page.osc_port.value() == before
    page.osc_port.setValue(taken)  # it is free now
    until(lambda: engine.osc_port == taken and page.bridge.client.port == taken)
    until(lambda: f"port {taken}," in page.about.text())
    assert not page.port_told.isVisible()
    assert page.mirror.connection == "connected"
    page.bridge.set("/ripieno/master/gain", -3.0)
    until(lambda: engine.get("master_gain_db") == -3.0)
    engine.set("master_gain_db", -4.0)
    until(lambda: page.mirror.value("/ripieno/master/gain") == -4.0)


def test_an_answer_that_comes_after_the_page_has_gone_is_nobodys(
    context: Context, engine: Session, qtbot: QtBot, until: Until
) -> None:
    page, answered = Page(context), []
    label = page.result
    context.bridge.ask("/ripieno/version", then=lambda *_: label.setText("late"))
    context.bridge.ask("/ripieno/version", then=page._take_devices)
    sip.delete(page)
    context.bridge.ask("/ripieno/version", then=lambda *values: answered.append(values))
    with qtbot.captureExceptions() as faults:
        until(lambda: bool(answered))
    assert faults == []
