"""The computer's keyboard: shortcuts from the player's map, and the keys that play notes. [main]

Shortcuts are Qt's own; Space and the piano's letters pass one event filter, since they belong to
buttons and text fields first.
"""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from gui.piano_keys import PianoKeys
from gui.shortcuts import ACTIONS, NAMES, keys_of

TYPING = (QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox, QKeySequenceEdit)
PRESSED_BY_SPACE = (QAbstractButton, QComboBox, *TYPING)


class Keys(QObject):
    """`act` does the action of a name; `play_note` gets pitch and velocity. [main]"""

    def __init__(
        self,
        window: QWidget,
        changed: dict[str, str],
        act: Callable[[str], None],
        play_note: Callable[[int, int], None],
    ) -> None:
        super().__init__(window)
        self.window, self.act = window, act
        self.piano = PianoKeys(play_note)
        self.piano_on = False
        self._shortcuts: list[QShortcut] = []
        self._plain: dict[str, str] = {}  # keys that go through the filter -> action
        self.use(changed)
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self)

    def close(self) -> None:
        """Hear nothing any more. [main]"""
        self.piano.release_all()
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)

    def use(self, changed: dict[str, str]) -> None:
        """The player's map from now on. [main]"""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts, self._plain = [], {}
        for action in ACTIONS:
            keys = keys_of(action, changed)
            if not keys:
                continue
            if len(keys) == 1 or keys == "Space":
                self._plain[keys.lower()] = action.name
                continue
            shortcut = QShortcut(QKeySequence(keys), self.window)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.setAutoRepeat(action.name in ("undo", "redo"))
            shortcut.activated.connect(lambda name=action.name: self.act(name))
            self._shortcuts.append(shortcut)

    def set_piano(self, on: bool) -> None:
        """Whether letters play notes. [main]"""
        self.piano_on = on
        if not on:
            self.piano.release_all()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is None:
            return False
        if event.type() == QEvent.Type.WindowDeactivate and watched is self.window:
            self.piano.release_all()
        if event.type() not in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            return False
        if not isinstance(event, QKeyEvent) or not isinstance(watched, QWidget):
            return False
        if watched is not self.window and not self.window.isAncestorOf(watched):
            return False
        return self._key(watched, event)

    def _key(self, watched: QWidget, event: QKeyEvent) -> bool:
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        shift = Qt.KeyboardModifier.ShiftModifier
        if held not in (Qt.KeyboardModifier.NoModifier, shift):
            return False
        down = event.type() == QEvent.Type.KeyPress
        text = _letter(event)
        if self.piano_on and not isinstance(watched, TYPING) and text:
            if event.isAutoRepeat():
                return text in self.piano.down
            if self.piano.press(text) if down else self.piano.release(text):
                return True
        elif not down and text:
            self.piano.release(text)
        name = self._plain.get("space" if event.key() == Qt.Key.Key_Space else text)
        if not down or event.isAutoRepeat() or name is None:
            return False
        if isinstance(watched, PRESSED_BY_SPACE if text == "" else TYPING):
            return False
        self.act(NAMES[name].name)
        return True


def _letter(event: QKeyEvent) -> str:
    """The key as one lower letter or digit, "" for others."""
    key = event.key()
    if Qt.Key.Key_A <= key <= Qt.Key.Key_Z:
        return chr(key).lower()
    return chr(key) if Qt.Key.Key_0 <= key <= Qt.Key.Key_9 else ""
