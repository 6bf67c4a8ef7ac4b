"""A small keyboard with a part's range on it: drag its ends, and the place where it feels at home.

The range is coloured, what is locked to the part more strongly, the home pitch is a dot above the
keys. What the engine does not know of (home, lock) is not shown and cannot be dragged. [main]
"""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui import theme
from gui.pitch import HIGHEST_PIANO, LOWEST_PIANO, is_black, pitch_at, pitch_name, white_place
from gui.widgets.paint import words

NONE = -1
HEAD = 12  # above the keys, for the home's mark
GRAB = 7.0  # pixels around an end
LOW, HIGH, HOME = "low", "high", "home"
WHITE_KEY, BLACK_KEY = QColor("#d9dce2"), QColor("#23262d")


@dataclass(frozen=True)
class PartKeys:
    """Keys of one part; None: the engine knows no such thing, NONE: it is not set."""

    low: int = 0
    high: int = 127
    home: int | None = None
    lock_low: int | None = None
    lock_high: int | None = None


class RangeKeys(QWidget):
    """`dragged(what, pitch)`: low, high or home, as a hand moves it. Arrows move the chosen one."""

    dragged = pyqtSignal(str, int)

    def __init__(self, name: str, colour: QColor, parent: QWidget | None = None):
        super().__init__(parent)
        self._colour = colour
        self._keys = PartKeys()
        self._held = ""
        self._chosen = HOME
        self._lit: frozenset[int] = frozenset()
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_keys(self, keys: PartKeys) -> None:
        """Show what the engine has; waits while a hand is on it."""
        if not self._held and keys != self._keys:
            self._keys = keys
            self._say()
            self.update()

    @property
    def keys(self) -> PartKeys:
        """What it shows."""
        return self._keys

    def set_colour(self, colour: QColor) -> None:
        """The part's colour."""
        self._colour = colour
        self.update()

    def light(self, pitches: frozenset[int]) -> None:
        """Keys that sound now."""
        if pitches != self._lit:
            self._lit = pitches
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, HEAD + 26)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, HEAD + 24)

    # ---- hands -----------------------------------------------------------------------------

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        assert a0 is not None
        if a0.button() != Qt.MouseButton.LeftButton:
            a0.ignore()
            return
        what = self._under(a0.position())
        if what:
            self._held = self._chosen = what
            self.update()

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        assert a0 is not None
        if not self._held:
            shape = Qt.CursorShape.SizeHorCursor if self._under(a0.position()) else None
            self.setCursor(shape) if shape else self.unsetCursor()
            return
        self._move(self._held, pitch_at(self._place(a0.position().x())))
        pitch = getattr(self._keys, self._held)
        QToolTip.showText(a0.globalPosition().toPoint(), f"{self._held}: {pitch_name(pitch)}", self)

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        self._held = ""
        self.update()

    def mouseDoubleClickEvent(self, a0: QMouseEvent | None) -> None:
        """Put the home where one double-clicks, or take it away where it is."""
        assert a0 is not None
        if self._keys.home is None:
            return
        pitch = pitch_at(self._place(a0.position().x()))
        self._move(HOME, NONE if abs(pitch - self._keys.home) <= 1 else pitch)

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        assert a0 is not None
        key = a0.key()
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: -12, Qt.Key.Key_Up: 12}
        if Qt.Key(key) in steps:
            what = self._chosen if self._keys.home is not None or self._chosen != HOME else LOW
            at = getattr(self._keys, what)
            middle = (self._keys.low + self._keys.high) // 2
            self._move(what, (middle if at == NONE else at) + steps[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            choices = (LOW, HIGH) if self._keys.home is None else (LOW, HOME, HIGH)
            place = choices.index(self._chosen) if self._chosen in choices else 0
            self._chosen = choices[(place + 1) % len(choices)]
            self._say()
            self.update()
        else:
            a0.ignore()

    def _move(self, what: str, pitch: int) -> None:
        keys = self._keys
        if what == LOW:
            pitch = min(max(pitch, 0), keys.high)
            moved = PartKeys(pitch, keys.high, keys.home, keys.lock_low, keys.lock_high)
        elif what == HIGH:
            pitch = max(min(pitch, 127), keys.low)
            moved = PartKeys(keys.low, pitch, keys.home, keys.lock_low, keys.lock_high)
        else:
            pitch = NONE if pitch == NONE else min(max(pitch, 0), 127)
            moved = PartKeys(keys.low, keys.high, pitch, keys.lock_low, keys.lock_high)
        if moved != keys:
            self._keys = moved
            self._say()
            self.update()
            self.dragged.emit(what, pitch)

    def _under(self, point: QPointF) -> str:
        """What could be taken hold of here."""
        keys = self._keys
        places = [(LOW, self._left(keys.low)), (HIGH, self._right(keys.high))]
        if keys.home is not None and keys.home != NONE and point.y() <= HEAD + 8:
            places.insert(0, (HOME, self._x(white_place(keys.home))))
        for what, x in places:
            if abs(point.x() - x) <= GRAB:
                return what
        return ""

    # ---- painting --------------------------------------------------------------------------

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        keys, height = self._keys, self.height() - HEAD
        for pitch in range(LOWEST_PIANO, HIGHEST_PIANO + 1):
            if not is_black(pitch):
                box = QRectF(self._left(pitch), HEAD, self._width(), height)
                painter.fillRect(box.adjusted(0, 0, -0.7, 0), self._shade(pitch, WHITE_KEY))
        for pitch in range(LOWEST_PIANO, HIGHEST_PIANO + 1):
            if is_black(pitch):
                wide = 0.64 * self._width()
                x = self._x(white_place(pitch)) - wide / 2
                painter.fillRect(QRectF(x, HEAD, wide, height * 0.6), self._shade(pitch, BLACK_KEY))
        for what, x in ((LOW, self._left(keys.low)), (HIGH, self._right(keys.high))):
            strong = what == self._held or (self.hasFocus() and what == self._chosen)
            painter.setPen(QPen(self._colour, 4.0 if strong else 2.4))
            painter.drawLine(QPointF(x, HEAD - 4), QPointF(x, self.height()))
        self._paint_names(painter)
        self._paint_home(painter)
        if self.hasFocus():
            painter.setPen(QPen(self._colour, 1.2, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, HEAD - 0.5, -0.5, -0.5))

    def _paint_names(self, painter: QPainter) -> None:
        muted, middle = theme.colour("muted"), Qt.AlignmentFlag.AlignVCenter
        low = QRectF(self._left(self._keys.low) - 44, 0, 40, HEAD)
        if low.left() < 0:
            low.moveLeft(self._left(self._keys.low) + 4)
            left = Qt.AlignmentFlag.AlignLeft | middle
            words(painter, low, pitch_name(self._keys.low), 10, muted, left)
        else:
            right = Qt.AlignmentFlag.AlignRight | middle
            words(painter, low, pitch_name(self._keys.low), 10, muted, right)
        high = QRectF(self._right(self._keys.high) + 4, 0, 40, HEAD)
        side = Qt.AlignmentFlag.AlignLeft
        if high.right() > self.width():
            high.moveRight(self._right(self._keys.high) - 4)
            side = Qt.AlignmentFlag.AlignRight
        words(painter, high, pitch_name(self._keys.high), 10, muted, side | middle)

    def _paint_home(self, painter: QPainter) -> None:
        home = self._keys.home
        if home is None or home == NONE:
            return
        x = self._x(white_place(home))
        strong = self._held == HOME or (self.hasFocus() and self._chosen == HOME)
        size = 6.0 if strong else 5.0
        mark = [QPointF(x - size, 0), QPointF(x + size, 0), QPointF(x, HEAD - 1)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colour)
        painter.drawPolygon(QPolygonF(mark))

    def _shade(self, pitch: int, plain: QColor) -> QColor:
        keys = self._keys
        if pitch in self._lit:
            return self._colour.lighter(125)
        if not keys.low <= pitch <= keys.high:
            ground = theme.colour("panel")
            return _mix(plain, ground, 0.72)
        lock_low, lock_high = keys.lock_low, keys.lock_high
        locked = (
            lock_low is not None
            and lock_high is not None
            and NONE not in (lock_low, lock_high)
            and lock_low <= pitch <= lock_high
        )
        return _mix(plain, self._colour, 0.8 if locked else 0.35)

    # ---- helpers ---------------------------------------------------------------------------

    def _say(self) -> None:
        keys = self._keys
        said = f"{pitch_name(keys.low)} to {pitch_name(keys.high)}"
        if keys.home is not None:
            said += ", no home" if keys.home == NONE else f", at home at {pitch_name(keys.home)}"
        self.setAccessibleDescription(f"{said}; arrows move {self._chosen}, Enter takes the next")
        self.setToolTip(said)

    def _width(self) -> float:
        return self.width() / (_RIGHT - _LEFT)

    def _x(self, place: float) -> float:
        return (place - _LEFT) * self._width()

    def _place(self, x: float) -> float:
        return x / self._width() + _LEFT

    def _left(self, pitch: int) -> float:
        pitch = max(pitch, LOWEST_PIANO)
        return self._x(white_place(pitch) - (0.32 if is_black(pitch) else 0.5))

    def _right(self, pitch: int) -> float:
        pitch = min(pitch, HIGHEST_PIANO)
        return self._x(white_place(pitch) + (0.32 if is_black(pitch) else 0.5))


_LEFT = white_place(LOWEST_PIANO) - 0.5
_RIGHT = white_place(HIGHEST_PIANO) + 0.5


def _mix(one: QColor, other: QColor, part: float) -> QColor:
    return QColor.fromRgbF(
        one.redF() + (other.redF() - one.redF()) * part,
        one.greenF() + (other.greenF() - one.greenF()) * part,
        one.blueF() + (other.blueF() - one.blueF()) * part,
    )
