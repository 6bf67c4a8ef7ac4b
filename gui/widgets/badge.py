"""A small badge in a corner of a control: which of the player's controls moves it."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.widgets.paint import pill, words

HEIGHT = 14


class Badge(QWidget):
    """Lies on `host`, at its upper right; the mouse reaches through it. [main]"""

    def __init__(self, host: QWidget) -> None:
        super().__init__(host)
        self.text = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def say(self, text: str) -> None:
        """Show this text; nothing hides the badge. [main]"""
        if text == self.text:
            return
        self.text = text
        self.setAccessibleName(f"moved by {text}" if text else "")
        self.place()
        self.setVisible(bool(text))
        self.update()

    def place(self) -> None:
        """Go to the corner; to be called when the host's size changes. [main]"""
        host = self.parentWidget()
        if host is None:
            return
        self.setFont(theme.font(9, bold=True))
        width = min(host.width(), self.fontMetrics().horizontalAdvance(self.text) + 14)
        self.setGeometry(host.width() - width, 0, width, HEIGHT)
        self.raise_()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pill(painter, QRectF(self.rect()), theme.colour("accent"))
        words(painter, QRectF(self.rect()), self.text, 9, theme.colour("on_accent"), bold=True)
