"""The picture of attention: what was looked at more is brighter, and arcs lead from it."""

import pytest
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui import theme
from gui.mirror.attention import Attention, Seen
from gui.widgets.attention_roll import ARCS, EMPTY, AttentionRoll

NOTE = Seen(0, 67, 32.0, 1.0)


@pytest.fixture
def roll(themed: QApplication, qtbot: QtBot) -> AttentionRoll:
    roll = AttentionRoll("Attention")
    qtbot.addWidget(roll)
    roll.resize(900, 260)
    return roll


def test_nothing_is_said_to_be_nothing(roll: AttentionRoll) -> None:
    assert roll.accessibleDescription() == EMPTY
    roll.grab()


def test_what_was_looked_at_more_is_brighter(roll: AttentionRoll) -> None:
    much, little = Seen(1, 60, 4.0, 4.0, 0.6), Seen(1, 72, 4.0, 4.0, 0.001)
    roll.show_attention(Attention(NOTE, (much, little), 2), ["A", "B"], 4)
    assert roll.accessibleDescription().startswith("A is to play G4")
    assert roll.arcs() == [much]
    image, wanted = roll.grab().toImage(), QColor(theme.part_colour(1))

    def farness(seen: Seen) -> int:
        """How far the colour in a note's middle is from its part's."""
        from PyQt6.QtCore import QRectF

        from gui.widgets.attention_roll import AXIS_H, HEAD_H, SIDE, _View

        place = QRectF(SIDE, HEAD_H + 26, roll.width() - 2 * SIDE, 0)
        place.setBottom(roll.height() - AXIS_H - 6)
        middle = _View(place, NOTE, (much, little)).rect_of(seen).center()
        found = image.pixelColor(middle.toPoint())
        return sum(
            abs(a - b)
            for a, b in zip(found.getRgb()[:3], wanted.getRgb()[:3], strict=True)  # type: ignore
        )

    assert farness(much) < 30
    assert farness(little) > 150


def test_only_so_many_arcs_and_any_music_can_be_painted(roll: AttentionRoll) -> None:
    seen = tuple(Seen(n % 5 - 1, n % 128, -n * 0.5, 0.1, 1.0 / (n + 2)) for n in range(256))
    for note in (NOTE, Seen(-1, 0, -200.0, 0.0), Seen(3, 127, 0.0, 64.0)):
        roll.show_attention(Attention(note, seen, 900), [], 3)
        assert len(roll.arcs()) == ARCS
        roll.grab()
    roll.show_attention(Attention(NOTE), [], 4)
    roll.grab()
    roll.resize(10, 10)
    roll.grab()
