"""A choice between a few words: buttons in a row, of which one is down."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget


class Choice(QWidget):
    """`options` are the values; `labels` say them to the player. [main]"""

    changed = pyqtSignal(str)

    def __init__(
        self,
        name: str,
        options: Sequence[str],
        labels: Sequence[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.options = tuple(options)
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self._group = QButtonGroup(self)
        names = labels or [option.replace("_", " ").capitalize() for option in options]
        for index, label in enumerate(names):
            button = QPushButton(label, self)
            button.setCheckable(True)
            button.setAccessibleName(f"{name}: {label}")
            self._group.addButton(button, index)
            row.addWidget(button)
        row.addStretch(1)
        self._group.idClicked.connect(lambda index: self.changed.emit(self.options[index]))

    def button(self, option: str) -> QPushButton:
        """The button of one option. [main]"""
        found = self._group.button(self.options.index(option))
        assert isinstance(found, QPushButton)
        return found

    def show_value(self, value: str) -> None:
        """Show a value that somebody else set. [main]"""
        if value in self.options:
            self.button(value).setChecked(True)
