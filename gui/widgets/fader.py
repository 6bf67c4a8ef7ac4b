"""A vertical fader: a long slot with marks at its dB, a cap, and the value in words below."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.scale import Scale
from gui.widgets.control import Control
from gui.widgets.paint import focus_ring, words

MARKS_DB = (12, 6, 0, -6, -12, -20, -40)
CAP_H, CAP_W, TEXT_H = 22.0, 34.0, 22.0


class Fader(Control):
    """A level. `tint` colours the part of the slot below the cap. [main]"""

    def __init__(
        self, name: str, scale: Scale, tint: str = "accent", parent: QWidget | None = None
    ) -> None:
        super().__init__(name, scale, parent)
        self.tint = tint
        self.setMinimumSize(64, 140)

    def sizeHint(self) -> QSize:
        return QSize(68, 240)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top, bottom = CAP_H / 2 + 3, self.height() - TEXT_H - CAP_H / 2 - 3
        self.drag_pixels = max(1, int(bottom - top))
        x = self.width() / 2 + (8 if self.scale.fader else 0)
        y = bottom - self.scale.position(self.value) * (bottom - top)
        if self.scale.fader:
            self._marks(painter, x, top, bottom)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("raised"))
        painter.drawRoundedRect(QRectF(x - 3, top, 6, bottom - top), 3, 3)
        painter.setBrush(theme.colour(self.tint))
        painter.drawRoundedRect(QRectF(x - 3, y, 6, bottom - y), 3, 3)
        cap = QRectF(x - CAP_W / 2, y - CAP_H / 2, CAP_W, CAP_H)
        painter.setBrush(theme.colour("text"))
        painter.drawRoundedRect(cap, 5, 5)
        painter.setPen(QPen(theme.colour("window"), 2))
        painter.drawLine(int(cap.left() + 6), int(y), int(cap.right() - 6), int(y))
        below = QRectF(0, self.height() - TEXT_H, self.width(), TEXT_H)
        words(painter, below, self.text(), 12, theme.colour("text"))
        if self.hasFocus():
            focus_ring(painter, QRectF(self.rect()))

    def _marks(self, painter: QPainter, x: float, top: float, bottom: float) -> None:
        for mark_db in MARKS_DB:
            y = bottom - self.scale.position(mark_db) * (bottom - top)
            painter.setPen(QPen(theme.colour("line"), 1))
            painter.drawLine(int(x - 15), round(y), int(x - 6), round(y))
            if bottom - top > 150 or mark_db in (12, 0, -20):
                place = QRectF(0, y - 8, x - 19, 16)
                right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                words(painter, place, str(mark_db), 10, theme.colour("muted"), right)
