"""The record light: every take is recorded as it happens; how long the present one is. [main]"""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.widgets.paint import words

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class TakeClock(QWidget):
    """`show_recorder` with the state's section, `tick` once a frame. [main]"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._on = self._recording = False
        self._seconds = self._heard_s = 0.0
        self._text = ""
        self.setAccessibleName("recording")
        self.setMinimumSize(92, 40)

    def sizeHint(self) -> QSize:
        return QSize(96, 44)

    def show_recorder(self, recorder: dict[str, Any], now_s: float) -> None:
        """What is recorded now. [main]"""
        self._on = bool(recorder.get("on"))
        self._recording = bool(recorder.get("recording"))
        self._seconds, self._heard_s = float(recorder.get("seconds") or 0.0), now_s
        self._text = ""
        self.tick(now_s)
        self.update()

    def tick(self, now_s: float) -> None:
        """Move the time on. [main]"""
        seconds = int(self._seconds + now_s - self._heard_s)
        text = f"{seconds // 60}:{seconds % 60:02d}" if self._recording else "ready"
        text = text if self._on else "rec off"
        if text != self._text:
            self._text = text
            self.setAccessibleDescription(f"recording {text}")
            self.setToolTip(
                "Everything you play is recorded as a take."
                if self._on
                else "Takes are not recorded; Keep still saves what you just played."
            )
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("bad" if self._recording else "line"))
        painter.drawEllipse(QPointF(11, self.height() / 2), 7, 7)
        name = "text" if self._recording else "muted"
        place = QRectF(25, 0, self.width() - 25, self.height())
        words(painter, place, self._text, 16, theme.colour(name), LEFT, self._recording)
