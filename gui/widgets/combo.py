"""One of several values in a list that drops down. [main]"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PyQt6.QtCore import QPointF, QSize, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PyQt6.QtWidgets import QComboBox, QPushButton, QWidget

from gui import theme


def chevron(painter: QPainter, middle: QPointF) -> None:
    """The sign of a list that drops down. [main]"""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.colour("muted"), 1.8))
    x, y = middle.x(), middle.y()
    painter.drawPolyline(
        QPolygonF([QPointF(x - 4, y - 2), QPointF(x, y + 2), QPointF(x + 4, y - 2)])
    )


class DropButton(QPushButton):
    """A button with that sign, whose text stands at the left and is shortened. [main]"""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setStyleSheet("QPushButton { text-align: left; padding-right: 26px; }")
        self.setMinimumWidth(60)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, super().minimumSizeHint().height())

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        super().paintEvent(a0)
        painter = QPainter(self)
        chevron(painter, QPointF(self.width() - 15.0, self.height() / 2.0))


class Combo(QComboBox):
    """`choices`: pairs of a value and what is read. `changed` comes for the player's moves only."""

    changed = pyqtSignal(object)

    def __init__(
        self, name: str, choices: Sequence[tuple[Any, str]] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._choices: tuple[tuple[Any, str], ...] = ()
        self._value: Any = None
        self.activated.connect(self._by_hand)
        self.set_choices(choices)

    def set_choices(self, choices: Sequence[tuple[Any, str]]) -> None:
        """Other values; the one that is shown stays if it is among them. [main]"""
        if tuple(choices) != self._choices:
            self._choices = tuple(choices)
            self.clear()
            for value, text in choices:
                self.addItem(text, value)
            self.show_value(self._value)

    @property
    def value(self) -> Any:
        """The value it shows. [main]"""
        return self._value

    def show_value(self, value: Any) -> None:
        """Show a value that somebody else set; one it does not know leaves it empty. [main]"""
        self._value = value
        self.setCurrentIndex(
            next((i for i, row in enumerate(self._choices) if row[0] == value), -1)
        )

    def wheelEvent(self, e: QWheelEvent | None) -> None:
        """The wheel scrolls the page, it does not change what lies under it."""
        if e is not None:
            e.ignore()

    def paintEvent(self, e: QPaintEvent | None) -> None:
        super().paintEvent(e)
        painter = QPainter(self)
        chevron(painter, QPointF(self.width() - 15.0, self.height() / 2.0))

    def _by_hand(self, place: int) -> None:
        value = self._choices[place][0]
        if value != self._value:
            self._value = value
            self.changed.emit(value)
