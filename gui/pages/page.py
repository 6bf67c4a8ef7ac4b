"""What all pages are made of: controls bound to addresses, and listening that ends with the page.

A control shows the value of its address in the mirror, sends what a hand makes of it, and can be
learned by MIDI where the table says so. One whose address this engine does not have is hidden or
disabled, never dead. Everything on the window's thread. [main]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine import addresses
from gui.bridge import Bridge
from gui.context import Context
from gui.widgets.fader import Fader
from gui.widgets.segments import Segments
from gui.widgets.value_bar import ValueBar

MARGIN, GAP = 16, 12


def has_address(path: str) -> bool:
    """Whether the table has a row for an address. [any]"""
    try:
        addresses.find(path)
    except (addresses.WrongMessageError, addresses.OutOfRangeError):
        return False
    return True


class Listening:
    """Listeners that leave together. One for what is rebuilt, as strips are. [main]"""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge, self.mirror = bridge, bridge.mirror
        self._leave: list[Callable[[], None]] = []

    def on(self, topic: str, listener: Callable[[], None]) -> None:
        """Call `listener` now and after each change of `topic`."""
        self._leave.append(self.mirror.on(topic, listener))
        listener()

    def leave(self) -> None:
        """Hear nothing any more; idempotent."""
        for leave in self._leave:
            leave()
        self._leave.clear()

    # ---- controls --------------------------------------------------------------------------

    def bind(
        self,
        widget: QWidget,
        address: str,
        show: Callable[[Any], None],
        optional: bool = False,
    ) -> None:
        """`show` gets the address's value now and whenever it changes.

        Before the engine told a value the widget is disabled; `optional` ones are hidden.
        """
        widget.setProperty("address", address)

        def update() -> None:
            value = self.mirror.value(address)
            if optional:
                widget.setVisible(value is not None)
            widget.setEnabled(value is not None)
            if value is not None:
                show(value)

        self.on(address, update)

    def bind_fader(self, fader: Fader, address: str) -> None:
        """A fader and a level in dB."""
        self.bind(fader, address, fader.show_db)
        fader.moved.connect(lambda db: self.bridge.set(address, db))

    def bind_bar(self, bar: ValueBar, address: str, optional: bool = False) -> None:
        """A bar and a number; whole where the row says so."""
        whole = has_address(address) and addresses.find(address)[0].arguments[0].tag == "i"
        self.bind(bar, address, lambda value: bar.show_value(float(value)), optional)
        bar.moved.connect(lambda value: self.bridge.set(address, round(value) if whole else value))

    def bind_switch(self, button: QAbstractButton, address: str, optional: bool = False) -> None:
        """A button that stays down, and a switch."""
        button.setCheckable(True)
        self.bind(button, address, lambda value: button.setChecked(bool(value)), optional)
        button.clicked.connect(lambda down: self.bridge.set(address, int(down)))

    def bind_segments(self, segments: Segments, address: str, optional: bool = False) -> None:
        """A row of buttons and a word."""
        self.bind(segments, address, lambda word: segments.show_word(str(word)), optional)
        segments.chosen.connect(lambda word: self.bridge.set(address, word))

    def bind_spin(self, spin: QSpinBox, address: str, optional: bool = False) -> None:
        """A field for whole numbers; what is being typed there is left alone."""

        def show(value: Any) -> None:
            if not (spin.hasFocus() and spin.property("typing")):
                spin.blockSignals(True)
                spin.setValue(int(value))
                spin.blockSignals(False)

        self.bind(spin, address, show, optional)
        spin.valueChanged.connect(lambda value: self.bridge.set(address, value))

    def bind_combo(
        self,
        combo: QComboBox,
        address: str,
        choices: Sequence[tuple[Any, str]],
        optional: bool = False,
    ) -> None:
        """A list that drops down; `choices` are pairs of a value and its label."""
        for value, label in choices:
            combo.addItem(label, value)

        def show(value: Any) -> None:
            combo.setCurrentIndex(combo.findData(value))

        self.bind(combo, address, show, optional)
        combo.activated.connect(lambda place: self.bridge.set(address, combo.itemData(place)))


class Page(QWidget):
    """A page of the window: its name, and what it listens to."""

    title = ""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.bridge, self.mirror = context.bridge, context.mirror
        self.listening = Listening(context.bridge)
        self.setAccessibleName(self.title)

    def close_page(self) -> None:
        """Listen no more; the window is about to go."""
        self.listening.leave()


class Card(QFrame):
    """A panel with a heading; `body` is the layout of what is on it."""

    def __init__(self, heading: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self.setObjectName("card")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(14, 12, 14, 14)
        outer.setSpacing(10)
        self.top = QHBoxLayout()
        self.top.setSpacing(8)
        self.heading = QLabel(heading, self)
        self.heading.setProperty("role", "heading")
        self.top.addWidget(self.heading)
        self.top.addStretch(1)
        if heading:
            outer.addLayout(self.top)
        else:
            self.heading.hide()
        self.body = QVBoxLayout()
        self.body.setSpacing(10)
        outer.addLayout(self.body, 1)


def label(text: str, kind: str = "", buddy: QWidget | None = None) -> QLabel:
    """A line of text; `kind` is a role of the theme: title, heading, muted, warn, bad. [main]"""
    shown = QLabel(text)
    if kind:
        shown.setProperty("role", kind)
    if buddy is not None:
        shown.setBuddy(buddy)
    return shown


def field(name: str, *widgets: QWidget, width: int = 112) -> QHBoxLayout:
    """A line: a name, and the controls it names. [main]"""
    line = QHBoxLayout()
    line.setSpacing(10)
    shown = label(name, "muted", widgets[0] if widgets else None)
    shown.setFixedWidth(width)
    line.addWidget(shown)
    for widget in widgets:
        line.addWidget(widget)
    return line


def clear_layout(layout: Any) -> None:
    """Take everything out of a layout, and let it go. [main]"""
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()
        elif item.layout() is not None:
            clear_layout(item.layout())


def stretch(layout: Any, *widgets: QWidget) -> None:
    """Add widgets, and room after them. [main]"""
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(1)


ALIGN_TOP = Qt.AlignmentFlag.AlignTop
