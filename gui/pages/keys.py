"""Keys: what each key of the computer does, and a field to change it. [main]"""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeySequence
from PyQt6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.context import Context
from gui.shortcuts import ACTIONS, NAMES, keys_of, with_keys

PIANO = (
    "The keys A to P are a piano from C: A S D F G H J K L the white keys, W E T Y U O P the black "
    "ones. Z and X move it by an octave, C and V make it softer and louder."
)


class Page(QWidget):
    """Each change is in force at once, and remembered. [main]"""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.fields: dict[str, QKeySequenceEdit] = {}
        self.complaint = QLabel("")
        self.complaint.setProperty("role", "warn")
        title = QLabel("Keys")
        title.setProperty("role", "title")
        usual = QPushButton("All as usual")
        usual.clicked.connect(self.reset)
        top = QHBoxLayout()
        top.addWidget(title)
        top.addWidget(self.complaint, 1)
        top.addWidget(usual)
        card = QFrame()
        card.setProperty("card", True)
        grid = QGridLayout(card)
        grid.setContentsMargins(18, 10, 18, 10)
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(4)
        half = (len(ACTIONS) + 1) // 2
        for place, action in enumerate(ACTIONS):
            field = QKeySequenceEdit()
            field.setMaximumSequenceLength(1)
            field.setAccessibleName(f"keys for: {action.text}")
            field.setFixedWidth(150)
            field.editingFinished.connect(lambda name=action.name: self._edited(name))
            name = QLabel(action.text)
            name.setBuddy(field)
            column = 0 if place < half else 3
            grid.addWidget(name, place % half, column)
            grid.addWidget(field, place % half, column + 1)
            self.fields[action.name] = field
        grid.setColumnStretch(0, 1)
        grid.setColumnMinimumWidth(2, 24)
        grid.setColumnStretch(3, 1)
        grid.setRowStretch(half, 1)
        piano = QLabel(PIANO)
        piano.setWordWrap(True)
        piano.setProperty("role", "muted")
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(card)
        column_of_all = QVBoxLayout(self)
        column_of_all.setContentsMargins(0, 0, 0, 0)
        column_of_all.setSpacing(12)
        column_of_all.addLayout(top)
        column_of_all.addWidget(scroll, 1)
        column_of_all.addWidget(piano)
        self.show_keys()

    def show_keys(self) -> None:
        """The keys in force. [main]"""
        changed = self.context.preferences.shortcuts
        for name, field in self.fields.items():
            field.setKeySequence(QKeySequence(keys_of(NAMES[name], changed)))

    def reset(self) -> None:
        """The usual keys for everything. [main]"""
        self._use({})

    def _edited(self, name: str) -> None:
        keys = self.fields[name].keySequence().toString()
        changed = self.context.preferences.shortcuts
        if keys == keys_of(NAMES[name], changed):
            return
        try:
            self._use(with_keys(name, keys, changed))
            self.complaint.setText("")
        except ValueError as error:
            self.complaint.setText(f"{error}.")
            self.show_keys()

    def _use(self, changed: dict[str, str]) -> None:
        self.context.preferences.shortcuts = changed
        self.context.preferences.save()
        self.context.keys_changed()
        self.show_keys()
