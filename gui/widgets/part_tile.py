"""A part on the stage: its name, large, in its colour; it lights up while the part plays. [main]"""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.widgets.paint import words

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class PartTile(QWidget):
    """`index` counts from 0. [main]"""

    def __init__(self, index: int, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index, self.name = index, name
        self._glow = 0.0
        self._notes = 0
        self._muted = False
        self._shown: tuple = ()
        self.setAccessibleName(f"part {index + 1}: {name}")
        self.setMinimumSize(56, 46)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(180, 58)

    def show_activity(self, glow: float, notes: int, muted: bool) -> None:
        """How lately it began a note (1: now), how many it holds, whether it is silenced. [main]"""
        shown = (round(glow * 12), notes, muted)
        if shown != self._shown:
            self._shown = shown
            self._glow, self._notes, self._muted = glow, notes, muted
            says = "muted" if muted else f"{notes} notes" if notes else "silent"
            self.setAccessibleDescription(says)
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        place = QRectF(self.rect())
        painter.setBrush(theme.colour("panel"))
        painter.drawRoundedRect(place, 9, 9)
        glow = max(self._glow, 0.45 if self._notes else 0.0)
        if glow > 0.0:
            painter.setBrush(theme.part_colour(self.index, 0.42 * glow))
            painter.drawRoundedRect(place, 9, 9)
        painter.setBrush(theme.part_colour(self.index, 0.3 if self._muted else 1.0))
        painter.drawRoundedRect(QRectF(8, 9, 7, place.height() - 18), 3.5, 3.5)
        px = min(26.0, max(13.0, place.width() / 8.5), place.height() * 0.45)
        colour = theme.colour("muted" if self._muted else "text")
        room = QRectF(24, 0, place.width() - 30, place.height())
        words(painter, room, self.name, px, colour, LEFT, bold=True)
        if self._muted and place.width() > 150:
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            muted = QRectF(0, 0, place.width() - 12, place.height())
            words(painter, muted, "muted", 12, theme.colour("warn"), right)
