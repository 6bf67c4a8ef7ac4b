"""The small keyboard, the curve of chord windows and the plan's roll, with hands on them."""

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui import theme
from gui.mirror.notes import Planned
from gui.widgets.accuracy_curve import AccuracyCurve
from gui.widgets.plan_roll import PlanRoll
from gui.widgets.range_keys import NONE, PartKeys, RangeKeys

LEFT = Qt.MouseButton.LeftButton
RED = QColor("#ff0000")
POINTS = ((0.0, 90.0), (20.0, 94.0), (45.0, 95.0))


@pytest.fixture
def keys(themed: QApplication, qtbot: QtBot) -> RangeKeys:
    keys = RangeKeys("Range of the viola", RED)
    qtbot.addWidget(keys)
    keys.resize(520, 40)  # 10 pixels a white key
    keys.show()
    keys.show_keys(PartKeys(48, 84, home=60))
    return keys


def _drag(qtbot: QtBot, keys: RangeKeys, start: QPoint, end: QPoint) -> list[tuple[str, int]]:
    heard: list[tuple[str, int]] = []
    keys.dragged.connect(lambda what, at: heard.append((what, at)))
    qtbot.mousePress(keys, LEFT, pos=start)
    qtbot.mouseMove(keys, end)
    qtbot.mouseRelease(keys, LEFT)
    return heard


# On a keyboard of 52 white keys from A0, key 48 (C3) begins at 16 white keys, middle C at 23.
def test_the_lower_end_of_a_range_is_dragged(keys: RangeKeys, qtbot: QtBot) -> None:
    assert _drag(qtbot, keys, QPoint(161, 30), QPoint(205, 30))[-1] == ("low", 55)
    assert keys.keys.low == 55


def test_an_end_never_passes_the_other(keys: RangeKeys, qtbot: QtBot) -> None:
    assert _drag(qtbot, keys, QPoint(161, 30), QPoint(519, 30))[-1] == ("low", 84)


def test_the_home_pitch_is_dragged_by_its_mark(keys: RangeKeys, qtbot: QtBot) -> None:
    assert _drag(qtbot, keys, QPoint(235, 4), QPoint(265, 4))[-1] == ("home", 65)


def test_the_engine_waits_while_a_hand_is_on_it(keys: RangeKeys, qtbot: QtBot) -> None:
    qtbot.mousePress(keys, LEFT, pos=QPoint(161, 30))
    keys.show_keys(PartKeys(40, 84, home=60))
    assert keys.keys.low == 48
    qtbot.mouseRelease(keys, LEFT)
    keys.show_keys(PartKeys(40, 84, home=60))
    assert keys.keys.low == 40
    assert "E2 to C6" in keys.accessibleDescription()


def test_without_a_home_there_is_nothing_to_drag(keys: RangeKeys, qtbot: QtBot) -> None:
    keys.show_keys(PartKeys(48, 84))
    assert _drag(qtbot, keys, QPoint(235, 4), QPoint(265, 4)) == []


def test_keys_move_it_too_and_a_double_click_sets_the_home(keys: RangeKeys, qtbot: QtBot) -> None:
    heard: list[tuple[str, int]] = []
    keys.dragged.connect(lambda what, at: heard.append((what, at)))
    qtbot.keyClick(keys, Qt.Key.Key_Right)
    qtbot.keyClick(keys, Qt.Key.Key_Up)
    assert heard == [("home", 61), ("home", 73)]
    keys.show_keys(PartKeys(48, 84, home=NONE))
    qtbot.mouseDClick(keys, LEFT, pos=QPoint(235, 30))
    assert heard[-1] == ("home", 60)


def test_locked_keys_and_sounding_keys_look_different(keys: RangeKeys) -> None:
    plain = keys.grab().toImage()
    keys.show_keys(PartKeys(48, 84, home=60, lock_low=72, lock_high=84))
    locked = keys.grab().toImage()
    keys.light(frozenset({62}))
    assert plain != locked
    assert keys.grab().toImage() != locked


def test_the_curve_reads_between_the_models_points(themed: QApplication, qtbot: QtBot) -> None:
    curve = AccuracyCurve()
    qtbot.addWidget(curve)
    assert curve.accuracy() is None
    curve.show_curve(POINTS)
    curve.show_value(10.0)
    assert curve.accuracy() == pytest.approx(92.0)
    assert curve.accessibleDescription() == "10 ms, 92.0 % of the notes right"


def test_the_chord_window_is_chosen_on_the_curve(themed: QApplication, qtbot: QtBot) -> None:
    curve = AccuracyCurve()
    qtbot.addWidget(curve)
    curve.resize(300, 150)
    curve.show()
    curve.show_curve(POINTS)
    heard: list[float] = []
    curve.changed.connect(heard.append)
    qtbot.mouseClick(curve, LEFT, pos=QPoint(299, 80))
    assert heard == [45.0]
    curve.show_value(10.0)
    qtbot.keyClick(curve, Qt.Key.Key_Right)
    assert heard == [45.0, 11.0]
    assert not curve.grab().isNull()


def test_the_plan_is_drawn_from_now_on(themed: QApplication, qtbot: QtBot) -> None:
    roll = PlanRoll(theme.part_colour)
    qtbot.addWidget(roll)
    roll.resize(320, 120)
    empty = roll.grab().toImage()
    plan = (Planned(0, 60, 80, 4.0, 1.0), Planned(1, 64, 80, 6.0, 2.0))
    roll.show_plan(plan, 8.0, 5.5)
    assert roll.notes == plan[1:]
    assert roll.accessibleDescription() == "1 note over the next 2 beats"
    assert roll.grab().toImage() != empty
    roll.show_plan((), 0.0, 9.0)
    assert roll.accessibleDescription() == "no plan"
