"""A part's name in its colour, which lights up with every note."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.widgets.paint import words


class PartLabel(QWidget):
    """A bar of the part's colour, then its name. `index` counts from 0. [main]"""

    def __init__(
        self, index: int, name: str, px: float = 16.0, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.index, self.name, self.px = index, name, px
        self.activity = 0.0
        self.setAccessibleName(f"part {index + 1}: {name}")
        self.setMinimumSize(60, round(px * 1.7))

    def sizeHint(self) -> QSize:
        self.setFont(theme.font(self.px, bold=True))
        return QSize(self.fontMetrics().horizontalAdvance(self.name) + 26, round(self.px * 1.7))

    def show_activity(self, activity: float) -> None:
        """0: silent, 1: it has just begun a note. [main]"""
        if abs(activity - self.activity) > 0.02 or (activity == 0.0 and self.activity):
            self.activity = activity
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.activity:
            painter.setBrush(theme.part_colour(self.index, 0.35 * self.activity))
            painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        painter.setBrush(theme.part_colour(self.index))
        painter.drawRoundedRect(QRectF(2, 4, 6, self.height() - 8), 3, 3)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        place = QRectF(16, 0, self.width() - 18, self.height())
        words(painter, place, self.name, self.px, theme.colour("text"), left, bold=True)
