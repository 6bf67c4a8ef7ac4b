"""How many notes the model gets right for how long a chord may wait: a small curve, painted. [main]

A click or a drag along it chooses the chord window; arrow keys move it by a millisecond.
"""

from __future__ import annotations

from itertools import pairwise

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui import theme

LONGEST_MS = 45.0
LEFT, RIGHT, TOP, BOTTOM = 44, 24, 26, 24


class AccuracyCurve(QWidget):
    """`changed(ms)` when a hand chooses another chord window."""

    changed = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._points: tuple[tuple[float, float], ...] = ()  # ms, % of notes right
        self._window_ms = 0.0
        self._held = False
        self.setAccessibleName("Chord window: delay and accuracy")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_curve(self, points: tuple[tuple[float, float], ...]) -> None:
        """What the model's card says: pairs of a window in ms and % of notes right."""
        if points != self._points:
            self._points = tuple(sorted(points))
            self._say()
            self.update()

    def show_value(self, window_ms: float) -> None:
        """The chord window the engine has; waits while a hand is on it."""
        if not self._held and window_ms != self._window_ms:
            self._window_ms = window_ms
            self._say()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, 150)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 120)

    # ---- hands -----------------------------------------------------------------------------

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        assert a0 is not None
        if a0.button() != Qt.MouseButton.LeftButton:
            a0.ignore()
            return
        self._held = True
        self._choose_at(a0.position().x())

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        assert a0 is not None
        if self._held:
            self._choose_at(a0.position().x())

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        self._held = False

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        assert a0 is not None
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: -5, Qt.Key.Key_Up: 5}
        if Qt.Key(a0.key()) in steps:
            self._choose(self._window_ms + steps[Qt.Key(a0.key())])
        else:
            a0.ignore()

    def _choose_at(self, x: float) -> None:
        along = (x - LEFT) / max(self.width() - LEFT - RIGHT, 1)
        self._choose(along * LONGEST_MS)

    def _choose(self, window_ms: float) -> None:
        window_ms = float(round(min(max(window_ms, 0.0), LONGEST_MS)))
        if window_ms != self._window_ms:
            self._window_ms = window_ms
            self._say()
            self.update()
            self.changed.emit(window_ms)

    # ---- painting --------------------------------------------------------------------------

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(11))
        dim = theme.colour("muted")
        plot = QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - BOTTOM)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("window"))
        painter.drawRoundedRect(plot.adjusted(-2, -4, 6, 2), 4, 4)
        low, high = self._span()
        for percent in _ticks(low, high):
            y = self._y(percent, plot)
            painter.setPen(QPen(theme.colour("faint"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(dim)
            box = QRectF(0, y - 8, LEFT - 8, 16)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, right, f"{percent:.0f} %")
        painter.setPen(dim)
        for ms in (0, 15, 30, 45):
            box = QRectF(self._x(ms, plot) - 24, plot.bottom() + 4, 48, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{ms} ms")
        accent = theme.colour("accent")
        if self._points:
            self._paint_curve(painter, plot, accent)
        if self.hasFocus():
            painter.setPen(QPen(accent, 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(plot.adjusted(-2, -4, 6, 2), 4, 4)

    def _paint_curve(self, painter: QPainter, plot: QRectF, accent: QColor) -> None:
        path = QPainterPath()
        for number, (ms, percent) in enumerate(self._points):
            point = QPointF(self._x(ms, plot), self._y(percent, plot))
            path.lineTo(point) if number else path.moveTo(point)
        under = QPainterPath(path)
        under.lineTo(self._x(self._points[-1][0], plot), plot.bottom())
        under.lineTo(self._x(self._points[0][0], plot), plot.bottom())
        shade = QColor(accent)
        shade.setAlphaF(0.16)
        painter.fillPath(under, shade)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(accent, 2))
        painter.drawPath(path)
        here = self.accuracy()
        assert here is not None
        at = QPointF(self._x(self._window_ms, plot), self._y(here, plot))
        painter.setPen(QPen(accent, 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(at.x(), plot.bottom()), at)
        painter.setPen(QPen(theme.colour("window"), 2))
        painter.setBrush(accent)
        painter.drawEllipse(at, 6, 6)
        text = f"{self._window_ms:.0f} ms wait \u00b7 {here:.1f} % right"
        wide = painter.fontMetrics().horizontalAdvance(text) + 8
        x = min(max(at.x() - wide / 2, 2.0), self.width() - wide - 2.0)
        painter.setPen(theme.colour("text"))
        painter.drawText(QRectF(x, 2, wide, 18), Qt.AlignmentFlag.AlignCenter, text)

    # ---- helpers ---------------------------------------------------------------------------

    def accuracy(self) -> float | None:
        """What the model gets right at the chord window shown, in %."""
        points = self._points
        if not points:
            return None
        if self._window_ms <= points[0][0]:
            return points[0][1]
        for (low_ms, low), (high_ms, high) in pairwise(points):
            if self._window_ms <= high_ms:
                return low + (high - low) * (self._window_ms - low_ms) / (high_ms - low_ms)
        return points[-1][1]

    def _span(self) -> tuple[float, float]:
        known = [percent for _, percent in self._points] or [90.0, 100.0]
        low = 5.0 * int((min(known) - 1.0) // 5.0)
        return max(low, 0.0), min(5.0 * (int(max(known) // 5.0) + 1), 100.0)

    def _x(self, ms: float, plot: QRectF) -> float:
        return plot.left() + plot.width() * ms / LONGEST_MS

    def _y(self, percent: float, plot: QRectF) -> float:
        low, high = self._span()
        return plot.bottom() - plot.height() * (percent - low) / (high - low)

    def _say(self) -> None:
        here = self.accuracy()
        right = "" if here is None else f", {here:.1f} % of the notes right"
        self.setAccessibleDescription(f"{self._window_ms:.0f} ms{right}")


def _ticks(low: float, high: float) -> list[float]:
    return [low, (low + high) / 2, high] if high - low <= 10 else [low, low + 10, high]
