"""A level meter in dB with peak hold; it falls by itself, so that it can be read. [main]"""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.levels import Level
from gui.readings import METER_LOW_DB, meter_place, peak_text

HIGH_DB, ZERO_AT = 6.0, 0.94
ZONES = ((METER_LOW_DB, -6.0, "good"), (-6.0, 0.0, "warn"), (0.0, HIGH_DB, "bad"))


class Meter(QWidget):
    """Feed it with `feed` and move it with `tick` once a frame; it repaints only if it moved.

    A click puts the clip light out. [main]
    """

    def __init__(self, name: str, vertical: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.vertical, self.level = vertical, Level()
        self._bar_db = self._held_db = METER_LOW_DB
        self._shown = (-1, -1, False)
        self.setAccessibleName(name)
        self.setMinimumSize(*((10, 40) if vertical else (40, 8)))

    def sizeHint(self) -> QSize:
        return QSize(12, 200) if self.vertical else QSize(120, 10)

    def feed(self, linear: float, now_s: float) -> None:
        """A new reading, linear. [main]"""
        self.level.feed(linear, now_s)

    def tick(self, now_s: float) -> None:
        """Move on to now. [main]"""
        self._bar_db, self._held_db = self.level.bar_db(now_s), self.level.held_db(now_s)
        length = self._length()
        shown = (
            round(_way(self._bar_db) * length),
            round(_way(self._held_db) * length),
            self.level.clipped,
        )
        if shown != self._shown:
            self._shown = shown
            self.update()

    def held_text(self, now_s: float) -> str:
        """The peak's mark in words. [main]"""
        return peak_text(self.level.held_db(now_s))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        self.level.clear()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("raised"))
        length = self._length()
        lit = round(_way(self._bar_db) * length)
        for low_db, high_db, name in ZONES:
            first = round(_way(low_db) * length)
            last = min(lit, round(_way(high_db) * length))
            if last > first:
                painter.fillRect(self._piece(first, last), theme.colour(name))
        hold = round(_way(self._held_db) * length)
        if hold > 1:
            name = "bad" if self._held_db > 0.0 else "text"
            painter.fillRect(self._piece(hold - 2, hold), theme.colour(name))
        zero = round(_way(0.0) * length)
        painter.fillRect(self._piece(zero, zero + 1), theme.colour("window"))
        if self.level.clipped:
            painter.fillRect(self._piece(length - 4, length), theme.colour("bad"))

    def _length(self) -> int:
        return self.height() if self.vertical else self.width()

    def _piece(self, first: int, last: int) -> QRectF:
        if self.vertical:
            return QRectF(0, self.height() - last, self.width(), last - first)
        return QRectF(first, 0, last - first, self.height())


def _way(level_db: float) -> float:
    """0 dB lies near the top; what is above it overloads."""
    if level_db <= 0.0:
        return ZERO_AT * meter_place(level_db)
    return min(1.0, ZERO_AT + (1.0 - ZERO_AT) * level_db / HIGH_DB)
