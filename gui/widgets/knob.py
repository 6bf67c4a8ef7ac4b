"""A knob: an arc from the default (or the low end) to the value, which stands below in words."""

from __future__ import annotations

import math

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.scale import Scale
from gui.widgets.control import Control
from gui.widgets.paint import focus_ring, words

START_DEGREES, SPAN_DEGREES = 225.0, 270.0


class Knob(Control):
    """`label` stands above it. [main]"""

    def __init__(
        self,
        name: str,
        scale: Scale,
        label: str = "",
        tint: str = "accent",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(name, scale, parent)
        self.label, self.tint = label, tint
        self.setMinimumSize(58, 76 if label else 60)

    def sizeHint(self) -> QSize:
        return QSize(64, 80 if self.label else 64)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        above = 17.0 if self.label else 0.0
        size = min(self.width() - 12.0, self.height() - above - 20.0)
        ring = QRectF((self.width() - size) / 2 + 3, above + 4, size - 6, size - 6)
        if self.label:
            line = QRectF(0, 0, self.width(), above)
            words(painter, line, self.label, 11, theme.colour("muted"))
        self._arc(painter, ring, 0.0, 1.0, "raised")
        origin = self.scale.position(self.scale.default) if self.scale.low < 0 else 0.0
        at = self.scale.position(self.value)
        self._arc(painter, ring, min(origin, at), max(origin, at), self.tint)
        angle = math.radians(START_DEGREES - at * SPAN_DEGREES)
        reach = ring.width() / 2
        tip = QPointF(math.cos(angle), -math.sin(angle))
        pen = QPen(theme.colour("text"), 3)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLine(ring.center() + tip * reach * 0.35, ring.center() + tip * reach * 0.85)
        below = QRectF(0, self.height() - 18, self.width(), 17)
        words(painter, below, self.text(), 11, theme.colour("text"))
        if self.hasFocus():
            focus_ring(painter, QRectF(self.rect()))

    def _arc(self, painter: QPainter, ring: QRectF, low: float, high: float, colour: str) -> None:
        pen = QPen(theme.colour(colour), 5)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        start = START_DEGREES - low * SPAN_DEGREES
        painter.drawArc(ring, int(start * 16), int(-(high - low) * SPAN_DEGREES * 16))
