"""The ensemble's page on a real engine."""

from collections.abc import Callable

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.operations import set_value
from engine.session import Session
from gui.context import Context
from gui.pages.ensemble import Page
from gui.pages.page import has_address

Until = Callable[[Callable[[], bool]], None]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(context: Context, qtbot: QtBot) -> Page:
    page = Page(context)
    qtbot.addWidget(page)
    page.resize(1080, 560)
    page.show()
    return page


def test_every_part_has_its_row(page: Page) -> None:
    assert [row.label.name for row in page.rows] == ["Violin I", "Violin II", "Viola", "Cello"]
    assert [row.picker.text() for row in page.rows] == ["Violin", "Violin", "Viola", "Cello"]
    assert page.rows[3].keys.keys.low == 36
    assert page.rows[3].channel.value() == 4
    assert page.choose.text() == "String quartet"


def test_instrument_destination_and_polyphony_reach_the_engine(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    row = page.rows[1]
    shown = row.picker.open()
    qtbot.keyClicks(shown.search, "oboe")
    qtbot.keyClick(shown.search, Qt.Key.Key_Return)
    until(lambda: engine.ensemble.parts[1].program == 68)
    for _ in range(2):
        qtbot.keyClick(row.sound, Qt.Key.Key_Down)
    until(lambda: engine.ensemble.parts[1].sound == "midi")
    qtbot.keyClick(row.polyphony, Qt.Key.Key_Up)
    until(lambda: engine.ensemble.parts[1].polyphony == 5)


def test_a_range_is_dragged_and_the_engine_may_answer(
    page: Page, engine: Session, until: Until
) -> None:
    keys = page.rows[2].keys
    keys.dragged.emit("high", 80)
    until(lambda: engine.ensemble.parts[2].high == 80)
    set_value(engine, "/ripieno/part/3/high", 85)
    until(lambda: keys.keys.high == 85)


def test_the_chord_window_shows_what_it_costs_and_gives(
    page: Page, engine: Session, until: Until
) -> None:
    page.curve.changed.emit(30.0)
    until(lambda: engine.get("chord_window_ms") == 30.0)
    until(lambda: page.curve.accuracy() == dict(engine.model.live_accuracy)[30.0])
    page.mode.changed.emit("settle")
    until(lambda: engine.get("chord_mode") == 1.0)
    until(lambda: "at once" in page.mode_told.text())
    engine.set("chord_mode", 0.0)
    engine.set("chord_window_ms", 0.0)


def test_another_ensemble_is_chosen_by_tag(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    page.menu.open_at(page.choose)
    until(lambda: len(page.menu.list.shown()) >= 7)
    qtbot.mouseClick(page.menu.list.tag_button("choir"), LEFT)
    qtbot.keyClick(page.menu.list.search, Qt.Key.Key_Return)
    until(lambda: engine.ensemble.id == "satb_choir")
    until(lambda: page.rows[0].label.name == "Soprano")


def test_sounding_keys_light_up_in_their_part(page: Page, engine: Session, until: Until) -> None:
    page.context.bridge.act("/ripieno/part/3/key", 60, 90)
    until(lambda: page.rows[2].label.activity == 1.0)
    assert page.rows[0].label.activity == 0.0
    engine.panic()
    until(lambda: page.rows[2].label.activity == 0.0)


def test_hints_reach_the_engine(page: Page, engine: Session, until: Until, qtbot: QtBot) -> None:
    row = page.rows[1]
    qtbot.mouseClick(page.hints, LEFT)
    assert row._hints.isVisible()
    row.keys.dragged.emit("home", 67)
    until(lambda: engine.get("home", 1) == 67.0)
    until(lambda: row.keys.keys.home == 67)
    qtbot.mouseClick(row.plays, LEFT)
    until(lambda: engine.get("playing", 1) == 0.0)
    qtbot.mouseClick(row.plays, LEFT)
    row.hint["keyswitch"].setValue(24)
    row.hint["lock_low"].setValue(90)
    row.hint["lock_high"].setValue(96)
    until(lambda: engine.get("lock_high", 1) == 96.0)
    assert row.keys.keys.lock_high == 96
    assert engine.get("keyswitch", 1) == 24.0
    assert engine.get("lock_low", 1) == 90.0
    until(lambda: engine.get("playing", 1) == 1.0)
    row.hint["doubles"].changed.emit(1)
    row.hint["double_octaves"].changed.emit(-1)
    until(lambda: engine.get("double_octaves", 1) == -1.0)
    assert engine.get("doubles", 1) == 1.0


def test_what_happens_to_doubtful_notes_and_where_all_notes_go(
    page: Page, engine: Session, until: Until
) -> None:
    page.unsure.changed.emit("nearest")
    page.below.move_to(0.75)
    until(lambda: engine.get("confidence") == pytest.approx(0.75))
    assert engine.get("low_confidence") == 1.0
    page.solo_hold.changed.emit(3)
    until(lambda: engine.get("solo_hold") == 3.0)
    until(lambda: page.solo_hold.currentText() == "Viola")
    engine.set("solo_hold", 0.0)
    engine.set("low_confidence", 0.0)
    until(lambda: page.solo_hold.currentText() == "The part they belong to")


def test_what_the_engine_does_not_know_is_not_shown(page: Page) -> None:
    known = has_address("/ripieno/part/1/keyswitch")
    assert page.hints.isVisibleTo(page) == known
    page.hints.click()
    assert page.rows[0]._hints.isVisibleTo(page.rows[0]) == known
    assert (page.rows[0].keys.keys.home is not None) == has_address("/ripieno/part/1/home")


def test_kinds_of_sound_this_window_does_not_know_are_shown(page: Page, until: Until) -> None:
    row, address = page.rows[0], "/ripieno/part/1/sound"
    row.mirror.values[address] = "glass_harp"
    row._show_sound()
    assert row.sound.currentText() == "Glass harp"
    assert row.picker.isVisibleTo(row)
    row._take_morphs({"sounds": [{"id": "strings_swell", "name": "Strings swell"}]})
    assert row.morph.itemText(0) == "Strings swell"
    row.mirror.values[address] = "soundfont"
    row._show_sound()
    assert row.sound.currentText() == "SoundFont"
    assert not row.morph.isVisibleTo(row)
