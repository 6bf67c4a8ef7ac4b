"""The record light: red while something is written, dim while it waits. [main]"""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QSize
from PyQt6.QtGui import QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from gui import theme

SIZE = 26


class RecordLight(QWidget):
    """`show_state(on, recording)`. [main]"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.on = self.recording = False
        self.setFixedSize(SIZE, SIZE)
        self.setAccessibleName("Record light")

    def sizeHint(self) -> QSize:
        return QSize(SIZE, SIZE)

    def show_state(self, on: bool, recording: bool) -> None:
        """`on`: takes are recorded; `recording`: one is now. [main]"""
        self.on, self.recording = on, recording
        said = "recording" if recording else "waits for a note" if on else "off"
        self.setAccessibleDescription(said)
        self.setToolTip(said.capitalize())
        self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = QPointF(SIZE / 2, SIZE / 2)
        painter.setPen(QPen(theme.colour("bad" if self.on else "line"), 2))
        painter.setBrush(theme.colour("bad", 1.0 if self.recording else 0.0))
        painter.drawEllipse(middle, SIZE / 2 - 3, SIZE / 2 - 3)
