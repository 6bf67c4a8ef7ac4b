"""MIDI learn from anywhere in the window: the right mouse button (or the menu key) on a control.

Whatever widget has the property `address` is a control of that address. One event filter of the
application opens the menu; a badge on each learned control says what moves it. [main]
"""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QContextMenuEvent
from PyQt6.QtWidgets import QApplication, QMenu, QWidget

from engine.errors import RipienoError
from gui import scale
from gui.context import Context
from gui.mirror import learned
from gui.widgets.badge import Badge

ADDRESS = "address"  # the property
MODES = {"pickup": "Pick the value up", "jump": "Jump to the control", "relative": "Endless knob"}


def address_of(widget: QObject | None) -> tuple[QWidget, str] | None:
    """The control a widget is or lies in, and its address. [main]"""
    while isinstance(widget, QWidget) and not widget.isWindow():
        if address := widget.property(ADDRESS):
            return widget, str(address)
        widget = widget.parentWidget()
    return None


def menu_for(context: Context, address: str, parent: QWidget | None = None) -> QMenu:
    """What can be done with the control of an address. [main]"""
    menu, act = QMenu(parent), context.bridge.act
    known = learned.read(context.mirror.section("learn"))
    number = scale.scale_of(address)
    if number is not None and not (number.whole and number.high - number.low <= 1):
        back = f"Back to {number.text(number.default)}"
        menu.addAction(back, lambda: context.bridge.set(address, number.default))
        menu.addSeparator()
    if not scale.learnable(address):
        return menu
    if known.waiting == address:
        menu.addAction("Stop waiting for a control", lambda: act("/ripieno/learn/cancel"))
    else:
        menu.addAction("Learn a control…", lambda: act("/ripieno/learn", address))
        if number is None or (number.whole and number.high - number.low <= 1):
            menu.addAction("Learn a key…", lambda: act("/ripieno/learn", address, "notes"))
    if bindings := known.bindings(address):
        forget = f"Forget {known.badge(address)}"
        menu.addAction(forget, lambda: act("/ripieno/learn/forget", address))
        menu.addSeparator()
        for mode, text in MODES.items():
            action = menu.addAction(text, lambda m=mode: act("/ripieno/learn/mode", address, m))
            if action is not None:
                action.setCheckable(True)
                action.setChecked(bindings[0].get("mode", "pickup") == mode)
    return menu


class Learning(QObject):
    """The menu and the badges of one window. [main]"""

    def __init__(self, context: Context, window: QWidget) -> None:
        super().__init__(window)
        self.context, self.window = context, window
        self._badges: dict[int, Badge] = {}
        self._leave = context.mirror.on("learn", self.show_badges)
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self)

    def close(self) -> None:
        """Hear nothing any more. [main]"""
        self._leave()
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)

    def show_badges(self) -> None:
        """Let each control say what moves it; again whenever controls are made. [main]"""
        known = learned.read(self.context.mirror.section("learn"))
        wanted = {*(known.by_address or ()), known.waiting} - {""}
        for widget in self.window.findChildren(QWidget):
            address = widget.property(ADDRESS)
            badge = widget.property("badge")
            if address and (badge or address in wanted):
                if badge is None:
                    badge = Badge(widget)
                    widget.setProperty("badge", badge)
                badge.say(known.badge(str(address)))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is None or event.type() != QEvent.Type.ContextMenu:
            return False
        found = address_of(watched)
        if found is None or not isinstance(event, QContextMenuEvent):
            return False
        widget, address = found
        if not self.window.isAncestorOf(widget):
            return False
        try:
            menu = menu_for(self.context, address, self.window)
        except RipienoError:
            return False
        if menu.isEmpty():
            return False
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())
        return True


def mark(widget: Any, address: str) -> None:
    """Make a widget the control of an address, for learning. [main]"""
    widget.setProperty(ADDRESS, address)
