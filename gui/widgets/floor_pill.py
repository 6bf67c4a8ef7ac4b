"""Who has the floor: the player, the ensemble, or both. [main]"""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.widgets.paint import pill, words

NAMES = {"player": "You play", "ensemble": "Ensemble plays", "both": "You and ensemble"}
FILLS = {"player": "raised", "ensemble": "accent", "both": "good"}
INKS = {"player": "text", "ensemble": "on_accent", "both": "window"}


class FloorPill(QWidget):
    """One word in a pill whose colour says the same. [main]"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.floor = "player"
        self.setMinimumSize(150, 34)
        self.setAccessibleName("who has the floor")
        self.show_floor("player")

    def sizeHint(self) -> QSize:
        return QSize(164, 36)

    def show_floor(self, floor: str) -> None:
        """player, ensemble or both. [main]"""
        self.floor = floor if floor in NAMES else "player"
        self.setAccessibleDescription(NAMES[self.floor])
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = QRectF(1, (self.height() - 34) / 2, self.width() - 2, 34)
        pill(painter, place, theme.colour(FILLS[self.floor]))
        words(painter, place, NAMES[self.floor], 15, theme.colour(INKS[self.floor]), bold=True)
