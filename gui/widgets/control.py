"""What faders, knobs and sliders share: a number on a scale, moved by every kind of hand.

Mouse drag (Shift: finer), wheel, arrow keys, Page Up and Down, Home and End, double-click back to
the default; digits begin typing a value. Subclasses paint, and say which way they are dragged.
"""

from __future__ import annotations

from PyQt6.QtCore import QPoint, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PyQt6.QtWidgets import QWidget

from gui.scale import Scale

FINE = 0.1
PAGE_STEPS = 10


class Control(QWidget):
    """A number the player can move. `changed` comes for the player's moves only. [main]"""

    changed = pyqtSignal(float)
    drag_pixels = 200  # of the way from one end to the other
    horizontal = False

    def __init__(self, name: str, scale: Scale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scale = scale
        self._value = scale.default
        self._drag: tuple[QPoint, float] | None = None
        self._typed = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(name)
        self._describe()

    @property
    def value(self) -> float:
        return self._value

    @property
    def typed(self) -> str:
        """What the player is typing, until Enter. [main]"""
        return self._typed

    def show_value(self, value: float) -> None:
        """Show a value that somebody else set. [main]"""
        if value != self._value:
            self._value = value
            self._describe()
            self.update()

    def text(self) -> str:
        """The value in words, or what is being typed. [main]"""
        return f"{self._typed}_" if self._typed else self.scale.text(self._value)

    def move_to(self, value: float) -> None:
        """The player wants this value. [main]"""
        value = self.scale.clamp(value)
        if value != self._value:
            self.show_value(value)
            self.changed.emit(value)

    def _describe(self) -> None:
        self.setAccessibleDescription(self.scale.text(self._value))

    # ---- hands -----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._drag = (event.pos(), self.scale.position(self._value))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None or self._drag is None:
            return
        start, position = self._drag
        moved = event.pos().x() - start.x() if self.horizontal else start.y() - event.pos().y()
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        way = moved / max(1, self.drag_pixels) * (FINE if fine else 1.0)
        self.move_to(self.scale.value(position + way))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._drag = None
            self.move_to(self.scale.default)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is None:
            return
        turned = event.angleDelta().y() or event.angleDelta().x()
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._step(turned / 120.0 * (FINE if fine and not self.scale.whole else 1.0))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None:
            return
        steps = {
            Qt.Key.Key_Up: 1.0,
            Qt.Key.Key_Right: 1.0,
            Qt.Key.Key_Down: -1.0,
            Qt.Key.Key_Left: -1.0,
            Qt.Key.Key_PageUp: PAGE_STEPS,
            Qt.Key.Key_PageDown: -PAGE_STEPS,
        }.get(Qt.Key(event.key()))
        if steps is not None:
            self._step(steps)
        elif event.key() == Qt.Key.Key_Home:
            self.move_to(self.scale.low)
        elif event.key() == Qt.Key.Key_End:
            self.move_to(self.scale.high)
        elif event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            self._type(self._typed[:-1]) if self._typed else self.move_to(self.scale.default)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._typed:
            self._enter()
        elif event.text() and event.text() in "0123456789.,-":
            self._type(self._typed + event.text().replace(",", "."))
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event) -> None:
        self._type("")
        super().focusOutEvent(event)

    def _step(self, steps: float) -> None:
        self.move_to(self._value + steps * self.scale.step)

    def _type(self, text: str) -> None:
        self._typed = text
        self.update()

    def _enter(self) -> None:
        text, self._typed = self._typed, ""
        try:
            number = float(text)
        except ValueError:
            self.update()
            return
        self.move_to(number / 100.0 if self.scale.unit in ("%", "pan") else number)
        self.update()
