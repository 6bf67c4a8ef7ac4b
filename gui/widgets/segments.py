"""One of a few words, as a row of buttons of which one is down. [main]"""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget

SHAPE = """
QPushButton { border-radius: 0; border-right-width: 0; padding: 5px 8px; }
QPushButton:focus { padding: 4px 7px; }
QPushButton[segment="first"] { border-top-left-radius: 7px; border-bottom-left-radius: 7px; }
QPushButton[segment="last"] {
  border-top-right-radius: 7px; border-bottom-right-radius: 7px; border-right-width: 1px;
}
QPushButton[segment="only"] { border-radius: 7px; border-right-width: 1px; }
QPushButton:focus { border-right-width: 2px; }
"""


class Segments(QWidget):
    """`chosen(word)` when a hand chooses; `show_word` is the engine's. Words have labels."""

    chosen = pyqtSignal(str)

    def __init__(
        self, name: str, words: Sequence[tuple[str, str]], parent: QWidget | None = None
    ) -> None:
        """`words`: pairs of the word that is sent and the label that is shown."""
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setStyleSheet(SHAPE)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QPushButton] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for place, (word, label) in enumerate(words):
            button = QPushButton(label, self)
            button.setCheckable(True)
            button.setAccessibleName(f"{name}: {label}")
            end = "only" if len(words) == 1 else "first" if place == 0 else "middle"
            button.setProperty("segment", "last" if place and place == len(words) - 1 else end)
            button.setMinimumWidth(button.fontMetrics().horizontalAdvance(label) + 24)
            button.clicked.connect(lambda checked, word=word: self._by_hand(word))
            self._group.addButton(button)
            self._buttons[word] = button
            layout.addWidget(button)

    def button(self, word: str) -> QPushButton:
        """The button of a word."""
        return self._buttons[word]

    def set_label(self, word: str, label: str, tip: str = "") -> None:
        """Another label, and a tip, for a word."""
        self._buttons[word].setText(label)
        self._buttons[word].setToolTip(tip)

    @property
    def word(self) -> str:
        """The word it shows, "" for none."""
        return next((word for word, button in self._buttons.items() if button.isChecked()), "")

    def show_word(self, word: str) -> None:
        """Show what the engine has; an unknown word leaves no button down."""
        if word in self._buttons:
            self._buttons[word].setChecked(True)
        elif self.word:
            self._group.setExclusive(False)
            self._buttons[self.word].setChecked(False)
            self._group.setExclusive(True)

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        assert a0 is not None
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(a0.key()))
        if step is None:
            a0.ignore()
            return
        words = list(self._buttons)
        place = words.index(self.word) if self.word else 0
        word = words[min(max(place + step, 0), len(words) - 1)]
        self._buttons[word].setFocus()
        self._buttons[word].setChecked(True)
        self._by_hand(word)

    def _by_hand(self, word: str) -> None:
        self.chosen.emit(word)
