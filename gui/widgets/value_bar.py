"""A number as a bar: its name, its value, and how far it is along its range, in one line. [main]

For sends, pans and parameters, where a knob would be too small to read.
"""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QEnterEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.scale import Scale
from gui.widgets.control import Control
from gui.widgets.paint import words

HEIGHT, COMPACT_HEIGHT = 32, 24


class ValueBar(Control):
    """`label` is written on it, its name if not given; the bar begins at 0 if that is in range."""

    horizontal = True

    def __init__(
        self,
        name: str,
        scale: Scale,
        label: str | None = None,
        compact: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(name, scale, parent)
        self.label = name if label is None else label
        self.tint = "accent"  # of the palette, or #rrggbb
        self._px = 11 if compact else 13
        self._over = False
        self.setFixedHeight(COMPACT_HEIGHT if compact else HEIGHT)
        self.setMinimumWidth(72 if compact else 150)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.SizeHorCursor)

    def sizeHint(self) -> QSize:
        return QSize(max(self.minimumWidth(), 200), self.height())

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is not None and not self.hasFocus():  # what is scrolled past must not change
            event.ignore()
            return
        super().wheelEvent(event)

    def enterEvent(self, event: QEnterEvent | None) -> None:
        self._over = True
        self.update()

    def leaveEvent(self, a0: object) -> None:
        self._over = False
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        self.drag_pixels = max(1, int(box.width()))
        on = self.isEnabled()
        edge = "accent" if self.hasFocus() else "line" if self._over else "faint"
        painter.setPen(QPen(theme.colour(edge), 2 if self.hasFocus() else 1))
        painter.setBrush(theme.colour("raised"))
        painter.drawRoundedRect(box, 5, 5)
        at = self._x(self.value, box)
        first, last = sorted((self._x(self.scale.clamp(0.0), box), at))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(self.tint, 0.3 if on else 0.12))
        inner = box.adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(QRectF(first, inner.top(), last - first, inner.height()), 3, 3)
        painter.setPen(QPen(theme.colour(self.tint if on else "line"), 3))
        painter.drawLine(QPointF(at, box.bottom() - 7), QPointF(at, box.bottom() - 2))
        self._write(painter, box.adjusted(8, 0, -8, 0), on)

    def _write(self, painter: QPainter, line: QRectF, on: bool) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        right, left = Qt.AlignmentFlag.AlignRight | middle, Qt.AlignmentFlag.AlignLeft | middle
        words(painter, line, self.text(), self._px, theme.colour("text" if on else "line"), right)
        value = painter.fontMetrics().horizontalAdvance(self.text())
        line.setRight(line.right() - value - 6)
        words(painter, line, self.label, self._px, theme.colour("muted" if on else "line"), left)

    def _x(self, value: float, box: QRectF) -> float:
        return box.left() + 2.0 + self.scale.position(value) * (box.width() - 4.0)
