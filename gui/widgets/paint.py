"""Small things several widgets paint alike. [main]"""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen

from gui import theme


def focus_ring(painter: QPainter, rect: QRectF, radius: float = 6.0) -> None:
    """The ring around what has the keyboard's focus. [main]"""
    painter.setPen(QPen(theme.colour("accent"), 2.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), radius, radius)


def pill(painter: QPainter, rect: QRectF, fill: QColor) -> None:
    """A filled rectangle with round ends. [main]"""
    radius = min(rect.width(), rect.height()) / 2.0
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawRoundedRect(rect, radius, radius)


def words(
    painter: QPainter,
    rect: QRectF,
    text: str,
    px: float,
    colour: QColor,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignCenter,
    bold: bool = False,
) -> None:
    """One line of text in a rectangle, shortened at its end if it is too long. [main]"""
    painter.setFont(theme.font(px, bold))
    painter.setPen(colour)
    shown = painter.fontMetrics().elidedText(
        text, Qt.TextElideMode.ElideRight, int(rect.width()) + 1
    )
    painter.drawText(rect, align, shown)
