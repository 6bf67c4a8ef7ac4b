"""A histogram: bars over a scale, their height logarithmic, and a line at a limit. [main]"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.widgets.paint import words

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
AXIS_H, HEAD_H, SIDE = 22.0, 30.0, 16.0
EMPTY = "Nothing yet: it fills while you play."


class Histogram(QWidget):
    """`bins` are (value, how often). The height is logarithmic, so that one in 10,000 is seen."""

    def __init__(
        self,
        title: str,
        unit: str,
        bin_width: float,
        tint: str = "accent",
        limit: float | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.title, self.unit, self.bin_width = title, unit, bin_width
        self.tint, self.limit = tint, limit
        self.bins: tuple[tuple[float, int], ...] = ()
        self.least_high = limit or 10 * bin_width
        self.setAccessibleName(title)
        self.setMinimumSize(280, 150)

    def sizeHint(self) -> QSize:
        return QSize(420, 220)

    def show_bins(self, bins: Sequence[tuple[float, int]]) -> None:
        """Other bins: the low edge of each, and how often. [main]"""
        bins = tuple(bins)
        if bins != self.bins:
            self.bins = bins
            self.setAccessibleDescription(self.summary())
            self.update()

    def percentile(self, share: float) -> float:
        """The upper edge of the bin in which a share of all lies at or below. [main]"""
        total = sum(count for _, count in self.bins)
        seen = 0
        for value, count in self.bins:
            seen += count
            if seen >= share * total:
                return value + self.bin_width
        return 0.0

    def summary(self) -> str:
        """The middle and the tail in words. [main]"""
        if not self.bins:
            return EMPTY
        p50, p99, p999 = (self.percentile(share) for share in (0.5, 0.99, 0.999))
        decimals = 2 if self.bin_width < 0.5 else 1 if self.bin_width < 1 else 0
        shown = [f"{value:.{decimals}f}" for value in (p50, p99, p999)]
        return f"p50 {shown[0]}   p99 {shown[1]}   p99.9 {shown[2]} {self.unit}"

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("panel"))
        painter.drawRoundedRect(QRectF(self.rect()), 10, 10)
        head = QRectF(SIDE, 8, self.width() - 2 * SIDE, HEAD_H - 4)
        words(painter, head, self.title, 15, theme.colour("text"), LEFT, bold=True)
        place = QRectF(SIDE, HEAD_H + 26, self.width() - 2 * SIDE, 0)
        place.setBottom(self.height() - AXIS_H - 6)
        line = QRectF(SIDE, HEAD_H + 2, self.width() - 2 * SIDE, 20)
        words(painter, line, self.summary(), 13, theme.colour("muted"), LEFT)
        high = max([self.least_high, *(value + self.bin_width for value, _ in self.bins)])
        self._axis(painter, place, high)
        if self.bins:
            self._bars(painter, place, high)
        if self.limit is not None:
            x = place.left() + place.width() * self.limit / high
            painter.fillRect(QRectF(x - 1, place.top(), 2, place.height()), theme.colour("warn"))

    def _bars(self, painter: QPainter, place: QRectF, high: float) -> None:
        most = math.log1p(max(count for _, count in self.bins))
        width = max(2.0, place.width() * self.bin_width / high - 1.0)
        rects = []
        for value, count in self.bins:
            height = max(2.0, place.height() * math.log1p(count) / most)
            x = place.left() + place.width() * value / high
            rects.append(QRectF(x, place.bottom() - height, width, height))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(self.tint))
        painter.drawRects(*rects)

    def _axis(self, painter: QPainter, place: QRectF, high: float) -> None:
        painter.fillRect(
            QRectF(place.left(), place.bottom(), place.width(), 1), theme.colour("line")
        )
        step = nice_step(high / max(3.0, place.width() / 90.0))
        value = 0.0
        while value <= high * 1.0001:
            x = place.left() + place.width() * value / high
            painter.fillRect(QRectF(x, place.bottom(), 1, 4), theme.colour("line"))
            room = QRectF(x - 30, place.bottom() + 4, 60, AXIS_H - 4)
            room.moveLeft(min(max(2.0, room.left()), self.width() - room.width() - 2))
            words(painter, room, f"{value:g} {self.unit}", 11, theme.colour("muted"))
            value += step


def nice_step(rough: float) -> float:
    """The next of 1, 2, 5, 10, 20 ... that is not below `rough`. [any]"""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1.0, 2.0, 5.0, 10.0):
        if factor * power >= rough * 0.999:
            return factor * power
    return 10.0 * power
