"""Bar, beat and tempo at a glance: a lamp a beat, the first of a bar larger. [main]"""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.mirror.transport import Transport
from gui.widgets.paint import words

MOST_LAMPS = 8
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class BeatDisplay(QWidget):
    """`show_moment` once a frame; it repaints when what it shows is different. [main]"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple = ()
        self._transport = Transport()
        self._bar, self._beat, self._light = 1, 1, 0
        self.setAccessibleName("bar, beat and tempo")
        self.setMinimumSize(210, 52)

    def sizeHint(self) -> QSize:
        return QSize(230, 56)

    def show_moment(self, transport: Transport, frame: float) -> None:
        """Where the music is now. [main]"""
        bar, beat, inside = transport.bar_and_beat(frame)
        light = round(4 * (1.0 - inside)) if transport.rolling else 0
        shown = (bar, beat, light, round(transport.tempo_bpm, 1), transport.beats_per_bar)
        if shown != self._shown:
            self._shown, self._transport = shown, transport
            self._bar, self._beat, self._light = bar, beat, light
            tempo = f"{transport.tempo_bpm:.1f} beats a minute"
            self.setAccessibleDescription(f"bar {bar}, beat {beat}, {tempo}")
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height = self.height()
        place = f"{self._bar}.{self._beat}"
        if self._bar < 1:
            place = f"in {1 - self._bar}.{self._beat}"
        words(painter, QRectF(0, 2, 96, height - 22), place, 27, theme.colour("text"), LEFT, True)
        tempo = f"{self._transport.tempo_bpm:.1f} bpm".replace(".0 ", " ")
        right = QRectF(98, 2, self.width() - 98, height - 22)
        words(painter, right, tempo, 18, theme.colour("muted"), LEFT)
        lamps = min(MOST_LAMPS, self._transport.beats_per_bar)
        painter.setPen(Qt.PenStyle.NoPen)
        for number in range(lamps):
            on = self._transport.rolling and number == (self._beat - 1) % lamps
            painter.setBrush(theme.colour("line"))
            radius = 5.5 if number == 0 else 4.0
            centre = QPointF(7 + 20 * number, height - 11)
            painter.drawEllipse(centre, radius, radius)
            if on:
                name = "accent" if number == 0 else "text"
                painter.setBrush(theme.colour(name, 0.35 + 0.65 * self._light / 4.0))
                painter.drawEllipse(centre, radius, radius)
