"""What the pages are made of: bound controls, cards, lines of text; listening that ends. [main]"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from engine import addresses
from gui.binding import bind
from gui.context import Context

MARGIN, GAP, CLOSE = 16, 12, 8
EDGE = (0, 0, 0, 0)  # the window keeps its distance from a page


def has_address(path: str) -> bool:
    """Whether the table has a row for an address. [any]"""
    try:
        addresses.find(path)
    except (addresses.WrongMessageError, addresses.OutOfRangeError):
        return False
    return True


class Hearing:
    """A listener that ends with the widget it belongs to. [main]"""

    def __init__(self, owner: QWidget, listener: Callable[[], None]) -> None:
        self.owner, self._listener = owner, listener

    def __call__(self) -> None:
        self._listener()


class Panel(QWidget):
    """A widget that listens to the mirror, until `leave`. Pages are panels, and so is what they
    build anew when the ensemble changes. [main]"""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context, self.bridge, self.mirror = context, context.bridge, context.mirror
        self._leave: list[Callable[[], None]] = []

    def on(self, topic: str, listener: Callable[[], None]) -> None:
        """Call `listener` now and after each change of `topic`. [main]"""
        self._leave.append(self.mirror.on(topic, Hearing(self, listener)))
        listener()

    def leave(self) -> None:
        """Hear nothing any more. [main]"""
        _call_all(self._leave)

    def bound(self, widget: QWidget, address: str) -> QWidget:
        """Bind a widget; hide it while this engine has no such address. [main]"""
        if not has_address(address):
            widget.hide()
            widget.setProperty("absent", True)
            return widget
        bind(self.context, widget, address)
        if addresses.find(address)[0].setting:
            self.on(address, lambda: widget.setVisible(self.mirror.value(address) is not None))
        return widget


def _call_all(leave: list[Callable[[], None]]) -> None:
    while leave:
        leave.pop()()


class Card(QFrame):
    """A panel with a heading; `top` is its line, `body` the layout of what is on it. [main]"""

    def __init__(self, heading: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(MARGIN, GAP, MARGIN, MARGIN)
        outer.setSpacing(GAP)
        self.heading = line(heading, "heading")
        self.top = QHBoxLayout()
        self.top.setSpacing(CLOSE)
        if heading:
            self.top.addWidget(self.heading)
            self.top.addStretch(1)
            outer.addLayout(self.top)
        self.body = QVBoxLayout()
        self.body.setSpacing(CLOSE)
        outer.addLayout(self.body, 1)


def line(text: str = "", role: str = "", wrap: bool = False) -> QLabel:
    """A line of text in a role of the theme: title, heading, muted, warn, bad. [main]"""
    shown = QLabel(text)
    if role:
        shown.setProperty("role", role)
    shown.setWordWrap(wrap)
    shown.setTextFormat(Qt.TextFormat.PlainText)
    return shown


def set_role(widget: QWidget, role: str) -> None:
    """Another role for a widget that is shown already. [main]"""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        style = widget.style()
        if style is not None:
            style.unpolish(widget)
            style.polish(widget)


def field(name: str, *widgets: QWidget, width: int = 115) -> QWidget:
    """A line of its own: a name, and the controls it names. [main]"""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(GAP)
    shown = line(name, "muted")
    shown.setFixedWidth(width)
    shown.setIndent(CLOSE)  # as the names of sliders stand
    if widgets:
        shown.setBuddy(widgets[0])
    layout.addWidget(shown)
    for widget in widgets:
        layout.addWidget(widget)
    return row


def push(text: str, does: Callable[[], Any] | None = None, role: str = "", name: str = "") -> Any:
    """A button; `does` is called without arguments when it is pressed. [main]"""
    button = QPushButton(text)
    if role:
        button.setProperty("role", role)
    button.setAccessibleName(name or text)
    if does is not None:
        button.clicked.connect(lambda: does())
    return button


def scrolled(content: QWidget, sideways: bool = False, on_card: bool = False) -> QScrollArea:
    """What may be larger than the window, with bars to scroll it. [main]"""
    area = QScrollArea()
    if on_card:
        area.setStyleSheet(
            "QScrollArea, QScrollArea > QWidget > QWidget { background: transparent }"
        )
    area.setWidgetResizable(True)
    area.setWidget(content)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    off, needed = Qt.ScrollBarPolicy.ScrollBarAlwaysOff, Qt.ScrollBarPolicy.ScrollBarAsNeeded
    area.setHorizontalScrollBarPolicy(needed if sideways else off)
    return area


def clear(layout: QLayout) -> None:
    """Take everything out of a layout, and let it go; panels listen no more. [main]"""
    while (item := layout.takeAt(0)) is not None:
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            for panel in [widget, *widget.findChildren(Panel)]:
                if isinstance(panel, Panel):
                    panel.leave()
            widget.hide()
            widget.deleteLater()  # by Qt, on this thread, not by whichever collects garbage
        elif inner is not None:
            clear(inner)
