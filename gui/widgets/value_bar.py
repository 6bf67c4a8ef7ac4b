"""A number as a bar one drags: its name, its value, and how far it is along its range. [main]

For sends, pans, temperatures and parameters: more legible than a small knob. Drag sideways (shift:
finely), wheel, arrow keys, double click for the value it comes with.
"""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QSlider, QWidget

from gui import theme
from gui.scale import Scale

STEPS = 1000  # of the slider underneath
FINE = 0.1


class ValueBar(QSlider):
    """`moved(value)` when a hand moves it, and only then; `show_value` is the engine's word."""

    moved = pyqtSignal(float)

    def __init__(
        self,
        name: str,
        scale: Scale,
        label: str | None = None,
        origin: float | None = None,
        compact: bool = False,
        parent: QWidget | None = None,
    ):
        """`label`: what is written on it, its name if not given; `origin`: where the bar begins,
        0 if that lies in its range."""
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.scale = scale
        self._origin = scale.clamp(0.0) if origin is None else origin
        self._label = name if label is None else label
        self._value = scale.default
        self._waiting: float | None = None  # what the engine said while a hand was on it
        self._raw = scale.default  # where the hand is, between the steps
        self._hand_x: float | None = None
        self._over = False
        self._compact = compact
        self._colour: QColor | None = None
        self.setRange(0, STEPS)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self._take(scale.default)

    @property
    def shown(self) -> float:
        """The value it shows."""
        return self._value

    def show_value(self, value: float) -> None:
        """Show what the engine has; kept for later while a hand is on it."""
        if self.isSliderDown():
            self._waiting = value
        elif value != self._value:
            self._take(value)

    def set_colour(self, colour: QColor | None) -> None:
        """What the bar is painted in; None for the window's accent."""
        self._colour = colour
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(96 if self._compact else 180, 22 if self._compact else 30)

    def minimumSizeHint(self) -> QSize:
        return QSize(64 if self._compact else 120, 22 if self._compact else 30)

    # ---- hands -----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self.setSliderDown(True)
        self._hand_x, self._raw = event.position().x(), self._value

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if self._hand_x is None:
            return
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        x = event.position().x()
        way = (x - self._hand_x) / max(self.width(), 1) * (FINE if fine else 1.0)
        self._hand_x = x
        here = self.scale.position(self._raw) + way
        self._raw = self.scale.value(here) if not self.scale.whole else self._raw + way * self._span
        self._by_hand(self._raw)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        if self._hand_x is None:
            return
        self._hand_x = None
        self.setSliderDown(False)
        waiting, self._waiting = self._waiting, None
        if waiting is not None and abs(waiting - self._value) < 1e-3 * self._span:
            self._take(waiting)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() == Qt.MouseButton.LeftButton:
            self._by_hand(self.scale.default)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        assert event is not None
        if not self.hasFocus():  # a page that is scrolled must not change what passes under it
            event.ignore()
            return
        turned = (event.angleDelta().y() or event.angleDelta().x()) / 120.0
        self._by_hand(self._value + turned * self._stride(event.modifiers()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        stride = self._stride(event.modifiers())
        moves = {
            Qt.Key.Key_Right: stride,
            Qt.Key.Key_Up: stride,
            Qt.Key.Key_Left: -stride,
            Qt.Key.Key_Down: -stride,
            Qt.Key.Key_PageUp: 5 * stride,
            Qt.Key.Key_PageDown: -5 * stride,
        }
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Home:
            self._by_hand(self.scale.low)
        elif key == Qt.Key.Key_End:
            self._by_hand(self.scale.high)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._by_hand(self.scale.default)
        elif key in moves:
            self._by_hand(self._value + moves[key])
        else:
            event.ignore()

    def enterEvent(self, event: object) -> None:
        self._over = True
        self.update()

    def leaveEvent(self, a0: object) -> None:
        self._over = False
        self.update()

    # ---- painting --------------------------------------------------------------------------

    def paintEvent(self, ev: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        accent = self._colour or theme.colour("accent")
        focused = self.hasFocus()
        edge = accent if focused else theme.colour("line" if self._over else "faint")
        painter.setPen(QPen(edge, 1.6 if focused else 1.0))
        painter.setBrush(theme.colour("raised"))
        painter.drawRoundedRect(box, 4, 4)
        from_x, to_x = sorted((self._x(self._origin, box), self._x(self._value, box)))
        fill = QColor(accent)
        fill.setAlphaF(0.42 if self.isEnabled() else 0.15)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawRoundedRect(
            QRectF(from_x, box.top() + 1, to_x - from_x, box.height() - 2), 3, 3
        )
        x = self._x(self._value, box)
        painter.setPen(QPen(accent if self.isEnabled() else theme.colour("line"), 2))
        painter.drawLine(QPointF(x, box.top() + 2), QPointF(x, box.bottom() - 2))
        self._paint_text(painter, box)

    def _paint_text(self, painter: QPainter, box: QRectF) -> None:
        font = theme.font(11 if self._compact else 13)
        painter.setFont(font)
        inside = box.adjusted(7, 0, -7, 0)
        value = self.scale.text(self._value)
        metrics = QFontMetricsF(font)
        room = inside.width() - metrics.horizontalAdvance(value) - 6
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.colour("text" if self.isEnabled() else "line"))
        painter.drawText(inside, Qt.AlignmentFlag.AlignRight | middle, value)
        painter.setPen(theme.colour("muted" if self.isEnabled() else "line"))
        label = metrics.elidedText(self._label, Qt.TextElideMode.ElideRight, max(room, 0))
        painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | middle, label)

    # ---- helpers ---------------------------------------------------------------------------

    @property
    def _span(self) -> float:
        return self.scale.high - self.scale.low

    def _stride(self, modifiers: Qt.KeyboardModifier) -> float:
        fine = modifiers & Qt.KeyboardModifier.ShiftModifier and not self.scale.whole
        return self.scale.step * (FINE if fine else 1.0)

    def _by_hand(self, value: float) -> None:
        value = self.scale.clamp(value)
        if abs(value - self._value) > 1e-9:
            self._take(value)
            self.moved.emit(value)

    def _take(self, value: float) -> None:
        self._value = value
        self.setValue(round(self.scale.position(value) * STEPS))
        self.setAccessibleDescription(self.scale.text(value))
        self.update()

    def _x(self, value: float, box: QRectF) -> float:
        return box.left() + 1.5 + self.scale.position(value) * (box.width() - 3.0)
