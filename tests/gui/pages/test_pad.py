"""The pad's page on a real engine: sounds, the puck by mouse and keys, recording, what is shown."""

from collections.abc import Callable, Iterator

import pytest
from PyQt6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from engine.operations import set_value, value_of
from engine.session import Session
from gui.context import Context
from gui.mirror import pads
from gui.pages.pad import Page

Until = Callable[[Callable[[], bool]], None]
LEFT = Qt.MouseButton.LeftButton
PATH = "/ripieno/part/1/morph"


@pytest.fixture
def page(context: Context, engine: Session, qtbot: QtBot, until: Until) -> Iterator[Page]:
    set_value(engine, f"{PATH}/sound", "reeds_by_hand")
    page = Page(context)
    qtbot.addWidget(page)
    page.resize(1080, 620)
    page.show()
    until(lambda: page.plane.plane is not None and "sound" in page.controls)
    yield page
    engine.set_ensemble("string_quartet")


def place(page: Page, x: float, y: float) -> QPoint:
    return page.plane.place(x, y).toPoint()


def test_the_puck_is_dragged_by_the_mouse(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    qtbot.mousePress(page.plane, LEFT, pos=place(page, 0.5, 0.5))
    qtbot.mouseMove(page.plane, place(page, 0.8, 0.25))
    qtbot.mouseRelease(page.plane, LEFT, pos=place(page, 0.8, 0.25))
    until(lambda: engine.get("morph_x", 0) == pytest.approx(0.8, abs=0.01))
    until(lambda: engine.get("morph_y", 0) == pytest.approx(0.25, abs=0.01))
    until(lambda: page.plane.puck[0] == pytest.approx(0.8, abs=0.01))
    assert page.plane.weights()[1] == pytest.approx(0.6, abs=0.02), "saxophone, right below"


def test_keys_move_it_and_others_hands_are_seen(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    engine.set("morph_x", 0.25, 0)
    until(lambda: page.plane.put[0] == 0.25)
    qtbot.keyClick(page.plane, Qt.Key.Key_Right)
    until(lambda: engine.get("morph_x", 0) == pytest.approx(0.27))
    qtbot.keyClick(page.plane, Qt.Key.Key_Home)
    until(lambda: engine.get("morph_y", 0) == 0.5)
    assert "puck at 50 % across, 50 % up" in page.plane.accessibleDescription()


def test_a_sound_is_chosen_for_a_part(page: Page, engine: Session, until: Until) -> None:
    until(lambda: len(page.sounds) >= 8)
    combo = page.controls["sound"]
    until(lambda: combo.value == "reeds_by_hand")
    combo.changed.emit("wandering_orchestra")
    until(lambda: len(page.plane.pad.anchors) == 8)
    assert "chance" in page.moves.text().lower()
    combo.changed.emit("")
    until(lambda: page.plane.plane is None)
    assert not page.controls["record"].isEnabled()
    assert combo.isEnabled()


def test_another_part_has_a_pad_of_its_own(page: Page, engine: Session, until: Until) -> None:
    set_value(engine, "/ripieno/part/2/morph/sound", "carousel")
    page.chosen.changed.emit("2")
    until(lambda: page.plane.pad.name == "Carousel")
    until(lambda: page.controls["play"].isChecked())
    assert page.plane.pad.trajectory_of == "sound"
    assert len(page.plane.pad.trajectory) == 5
    assert page.address("x") == "/ripieno/part/2/morph/x"


def test_what_is_recorded_becomes_the_trajectory(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    qtbot.mouseClick(page.controls["record"], LEFT)
    until(lambda: value_of(engine, f"{PATH}/record") == 1)
    qtbot.mouseClick(page.plane, LEFT, pos=place(page, 0.9, 0.9))
    until(lambda: page.plane.puck[0] == pytest.approx(0.9, abs=0.02))
    qtbot.mouseClick(page.controls["record"], LEFT)
    until(lambda: page.plane.pad.trajectory_of == "puck")
    assert "recorded" in page.controls["told"].text()
    qtbot.mouseClick(page.controls["play"], LEFT)
    until(lambda: engine.get("morph_play", 0) == 1)


def test_mode_and_interpolation_are_buttons(
    page: Page, engine: Session, until: Until, qtbot: QtBot
) -> None:
    qtbot.mouseClick(page.controls["mode"].button("baseline"), LEFT)
    until(lambda: value_of(engine, f"{PATH}/mode") == "baseline")
    qtbot.mouseClick(page.controls["interpolation"].button("cubic"), LEFT)
    until(lambda: value_of(engine, f"{PATH}/interpolation") == "cubic")
    set_value(engine, f"{PATH}/interpolation", "none")
    until(page.controls["interpolation"].button("none").isChecked)


def test_an_empty_plane_takes_no_puck(page: Page, engine: Session, until: Until, qtbot) -> None:
    set_value(engine, f"{PATH}/sound", "")
    until(lambda: page.plane.plane is None)
    moved: list = []
    page.plane.changed.connect(lambda *at: moved.append(at))
    qtbot.mouseClick(page.plane, LEFT)
    qtbot.keyClick(page.plane, Qt.Key.Key_Left)
    assert moved == []
    page.grab()


def test_sources_are_said_in_words() -> None:
    source = {
        "axis": "x",
        "kind": "cc",
        "controller": 1,
        "shape": "sine",
        "period_s": 4.0,
        "period_beats": 0.0,
        "attack_s": 0.5,
        "decay_s": 1.0,
    }
    said = [
        pads.moved_by({**source, **change})
        for change in (
            {},
            {"controller": 16, "axis": "y"},
            {"kind": "lfo", "period_beats": 8.0},
            {"kind": "lfo", "shape": "random"},
            {"kind": "envelope"},
            {"kind": "aftertouch"},
        )
    ]
    assert said == [
        "The modulation wheel: left and right",
        "Controller 16: up and down",
        "A sine wave, 8 beats: left and right",
        "Chance, 4 s: left and right",
        "Each note's first 1.5 s: left and right",
        "Aftertouch: left and right",
    ]
    assert [pads.loudness(d) for d in (0, 0.5, 1)] == ["pp", "mf", "ff"]
