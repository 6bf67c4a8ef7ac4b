"""A horizontal slider with its name on the left and its value on the right."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.scale import Scale
from gui.widgets.control import Control
from gui.widgets.paint import focus_ring, words

VALUE_W, CAP_R = 98.0, 9.0


class Slider(Control):
    """`label_width` 0 leaves the name out (it is read to those who listen all the same). [main]"""

    horizontal = True

    def __init__(
        self,
        name: str,
        scale: Scale,
        label_width: int = 150,
        tint: str = "accent",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(name, scale, parent)
        self.label, self.label_width, self.tint = name, label_width, tint
        self.setMinimumSize(label_width + 180, 36)

    def sizeHint(self) -> QSize:
        return QSize(self.label_width + 300, 36)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        left = self.label_width + CAP_R + 8
        right = self.width() - VALUE_W - CAP_R
        self.drag_pixels = max(1, int(right - left))
        flush_left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if self.label_width:
            place = QRectF(8, 0, self.label_width - 8, self.height())
            words(painter, place, self.label, 14, theme.colour("text"), flush_left)
        origin = self.scale.position(self.scale.default) if self.scale.low < 0 else 0.0
        at = self.scale.position(self.value)
        self._groove(painter, left, right, middle, "raised")
        first, last = sorted((left + origin * (right - left), left + at * (right - left)))
        self._groove(painter, first, last, middle, self.tint)
        painter.setBrush(theme.colour("text"))
        painter.drawEllipse(QPointF(left + at * (right - left), middle), CAP_R, CAP_R)
        place = QRectF(self.width() - VALUE_W + 4, 0, VALUE_W - 8, self.height())
        flush_right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        words(painter, place, self.text(), 13, theme.colour("text"), flush_right)
        if self.hasFocus():
            focus_ring(painter, QRectF(self.rect()))

    def _groove(self, painter: QPainter, left: float, right: float, y: float, colour: str) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(colour))
        painter.drawRoundedRect(QRectF(left, y - 3, right - left, 6), 3, 3)
