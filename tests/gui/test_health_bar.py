"""The health bar: numbers, lamps, and a sentence that can be read whole."""

from collections.abc import Callable
from dataclasses import replace

from pytestqt.qtbot import QtBot

from engine.session import Session
from gui.context import Context
from gui.health_bar import HealthBar, in_two_lines
from gui.mirror import health
from gui.mirror.health import TROUBLE, WARNING, Finding
from gui.window import Window

Until = Callable[[Callable[[], bool]], None]


def test_every_rules_sentence_is_read_whole_in_a_small_window(
    window: Window, qtbot: QtBot, until: Until
) -> None:
    window.resize(1280, 720)
    qtbot.wait(50)
    bar = window.health
    room = bar.sentence.width() - 24
    for text in (
        "The sound had 12 gaps just now: another program disturbs it; close some, or choose a "
        "larger block.",
        "The sound needs 97 % of its time: choose a block above 128 frames, or fewer plugins.",
        "No MIDI keyboard is connected. Plug one in, or play on the computer's keys (F9).",
    ):
        assert in_two_lines(text, room).replace("\n", " ") == text
        bar.finding = Finding(WARNING, text)
        bar._show_sentence()
        assert bar.sentence.text().replace("\n", " ") == text
    assert in_two_lines("word " * 200, room).endswith("…")


def test_numbers_and_a_reset_by_click(window: Window, engine: Session, until: Until) -> None:
    bar = window.health
    until(lambda: not window.context.mirror.notes.sounding)
    window.context.bridge.act("/ripieno/key", 60, 90)
    until(lambda: 60 in window.context.mirror.notes.pitches())  # else it may come after the reset
    until(lambda: " ms" in bar.delay.value)
    until(lambda: bar.load.value.endswith(" %"))
    assert ("Engine", 0) in bar.lamps.lamps
    cycles = window.context.mirror.statistics.cycles
    bar.xruns.click()
    until(lambda: window.context.mirror.statistics.cycles < cycles)
    until(lambda: bar.delay.value == "no note yet")


def test_what_the_engine_says_is_shown_a_while_but_hides_no_trouble(
    context: Context, qtbot: QtBot
) -> None:
    bar = HealthBar(context)
    qtbot.addWidget(bar)
    calm = replace(context.mirror.statistics, load_p999=5.0, xruns=0)  # whatever else runs here
    context.mirror.statistics = calm
    bar.say("A take was kept.")
    assert bar.finding.sentence == "A take was kept."
    context.mirror.state["device"] = {**context.mirror.section("device"), "alive": False}
    bar.judge()
    assert bar.finding.level == TROUBLE
    assert "sound device is gone" in bar.finding.sentence
    assert bar.dot.level == TROUBLE


def test_xruns_are_a_warning_for_a_while(context: Context, qtbot: QtBot) -> None:
    bar = HealthBar(context)
    qtbot.addWidget(bar)
    statistics = context.mirror.statistics
    for xruns in (3, 5):
        context.mirror.statistics = replace(statistics, xruns=xruns, load_p999=5.0)
        bar._take_statistics()
    bar.judge()
    assert "2 gaps" in bar.finding.sentence
    assert bar.finding.action == "settings"
    assert bar.xruns.text() == "5 xruns"
    assert bar.dot.level > health.FINE
