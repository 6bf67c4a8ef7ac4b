"""A switch: a button that stays down, as a setting of 0 and 1."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QPushButton, QWidget


class Switch(QPushButton):
    """`changed` comes for the player's moves only. [main]"""

    changed = pyqtSignal(int)

    def __init__(self, name: str, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text or name, parent)
        self.setCheckable(True)
        self.setAccessibleName(name)
        self.clicked.connect(lambda checked: self.changed.emit(int(checked)))

    def show_value(self, value: float) -> None:
        """Show a value that somebody else set. [main]"""
        self.setChecked(bool(value))
