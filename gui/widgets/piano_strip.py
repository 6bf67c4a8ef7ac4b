"""A keyboard over the whole width, whose keys light up in the colour of the part that plays. [main]

The mouse plays it: `pressed` and `released` carry the pitch.
"""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.pitch import is_black
from gui.widgets.paint import words

BLACK_H, BLACK_W = 0.62, 0.62
WHITE, BLACK = "#EDF0F4", "#1B1F26"


class PianoStrip(QWidget):
    """`show_keys` once a frame; `show_range` with an ensemble. [main]"""

    pressed = pyqtSignal(int, int)  # pitch, velocity
    released = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high = 36, 96
        self._lit: dict[int, int] = {}
        self._held = -1
        self._ground: QPixmap | None = None
        self.setAccessibleName("keyboard: the keys that sound, in the colours of their parts")
        self.setMinimumSize(300, 48)
        self.setMaximumHeight(110)

    def sizeHint(self) -> QSize:
        return QSize(1000, 84)

    def show_range(self, low: int, high: int) -> None:
        """From the C below `low` to the B above `high`. [main]"""
        low, high = max(0, low - low % 12), min(127, high + 11 - high % 12)
        if (low, high) != (self._low, self._high):
            self._low, self._high, self._ground = low, high, None
            self.update()

    def show_keys(self, lit: dict[int, int]) -> None:
        """The pitches that sound, each with its part. [main]"""
        if lit != self._lit:
            self._lit = lit
            self.update()

    def key_rect(self, pitch: int) -> QRectF:
        """Where a key lies. [main]"""
        white = self.width() / self._white_count()
        x = _whites_before(pitch, self._low) * white
        if is_black(pitch):
            width = white * BLACK_W
            return QRectF(x - width / 2, 0, width, self.height() * BLACK_H)
        return QRectF(x, 0, white, self.height())

    def pitch_at(self, x: float, y: float) -> int:
        """The key at a place, -1 for none. [main]"""
        keys = range(self._low, self._high + 1)
        for pitch in (*filter(is_black, keys), *(k for k in keys if not is_black(k))):
            if self.key_rect(pitch).contains(x, y):
                return pitch
        return -1

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._hold(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and self._held >= 0:
            self._hold(event)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        if self._held >= 0:
            self.released.emit(self._held)
            self._held = -1

    def _hold(self, event: QMouseEvent) -> None:
        place = event.position()
        pitch = self.pitch_at(place.x(), place.y())
        if pitch == self._held:
            return
        if self._held >= 0:
            self.released.emit(self._held)
        self._held = pitch
        if pitch >= 0:
            depth = place.y() / max(1, self.height())
            self.pressed.emit(pitch, min(127, max(30, round(40 + 80 * depth))))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._ground = None

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        if self._ground is None:
            self._ground = self._paint_ground()
        painter.drawPixmap(0, 0, self._ground)
        lit = {p: part for p, part in self._lit.items() if self._low <= p <= self._high}
        blacks_again: set[int] = set()
        for pitch, part in lit.items():
            if not is_black(pitch):
                key = self.key_rect(pitch).adjusted(1, 0, -1, -1)
                painter.fillRect(key, theme.part_colour(part))
                blacks_again.update(p for p in (pitch - 1, pitch + 1) if is_black(p))
        for pitch in blacks_again - set(lit):
            if self._low <= pitch <= self._high:
                painter.fillRect(self.key_rect(pitch), theme.colour(BLACK))
        for pitch, part in lit.items():
            if is_black(pitch):
                painter.fillRect(self.key_rect(pitch), theme.colour(BLACK))
                painter.fillRect(
                    self.key_rect(pitch).adjusted(1.5, 0, -1.5, -1.5), theme.part_colour(part)
                )

    def _paint_ground(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        ground = QPixmap(self.size() * ratio)
        ground.setDevicePixelRatio(ratio)
        ground.fill(theme.colour(BLACK))
        painter = QPainter(ground)
        for pitch in range(self._low, self._high + 1):
            if not is_black(pitch):
                key = self.key_rect(pitch)
                painter.fillRect(key.adjusted(0.5, 0, -0.5, 0), theme.colour(WHITE))
                if pitch % 12 == 0 and key.width() >= 14:
                    place = key.adjusted(0, key.height() - 18, 0, -3)
                    name = f"C{pitch // 12 - 1}"
                    words(painter, place, name, min(11, key.width() * 0.5), theme.colour("#5A6470"))
        for pitch in range(self._low, self._high + 1):
            if is_black(pitch):
                painter.fillRect(self.key_rect(pitch), theme.colour(BLACK))
        painter.end()
        return ground

    def _white_count(self) -> int:
        return max(1, _whites_before(self._high + 1, self._low))


def _whites_before(pitch: int, low: int) -> int:
    """How many white keys lie between `low` and `pitch`."""
    whites = (0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6)
    return (pitch // 12 - low // 12) * 7 + whites[pitch % 12] - whites[low % 12]
