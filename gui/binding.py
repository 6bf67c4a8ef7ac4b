"""A widget and an OSC address made one: it shows the value, sets it, and can be learned. [main]

Any widget with `show_value` and a signal `changed` can be bound to a setting; any button to a
trigger. Both get the right-click menu of MIDI learn, a badge that says what moves them, and a
tooltip in the words of the address table.
"""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QContextMenuEvent
from PyQt6.QtWidgets import QAbstractButton, QMenu, QWidget

from gui import scale
from gui.context import Context
from gui.mirror import learned
from gui.widgets.badge import Badge

MODES = {"pickup": "Pick up", "jump": "Jump", "relative": "Endless knob"}


class Binding(QObject):
    """Lives as long as its widget. Made by `bind`. [main]"""

    def __init__(self, context: Context, widget: QWidget, address: str) -> None:
        super().__init__(widget)
        self.context, self.widget, self.address = context, widget, address
        self._leave: list[Any] = []
        if scale.learnable(address):
            self.badge: Badge | None = Badge(widget)
            self._listen("learn", self._show_badge)
            self._show_badge()
        else:
            self.badge = None
        widget.installEventFilter(self)
        if not widget.toolTip():
            sentence = scale.description_of(address)
            widget.setToolTip(sentence[:1].upper() + sentence[1:])
        changed = getattr(widget, "changed", None)
        if changed is not None and hasattr(widget, "show_value"):
            changed.connect(self._set)
            self._listen(address, self._show)
            self._show()
        elif isinstance(widget, QAbstractButton):
            widget.clicked.connect(lambda: context.bridge.act(address))
        widget.destroyed.connect(self._end)

    def menu(self) -> QMenu:
        """The menu of the right mouse button (or the menu key). [main]"""
        menu, bridge = QMenu(self.widget), self.context.bridge
        mirror, address = self.context.mirror, self.address
        if default := self._default():
            text, value = default
            menu.addAction(f"Back to {text}", lambda: self._set_and_show(value))
        if not scale.learnable(address):
            return menu
        known = learned.read(mirror.section("learn"))
        if known.waiting == address:
            menu.addAction(
                "Stop waiting for a control", lambda: bridge.act("/ripieno/learn/cancel")
            )
        else:
            menu.addAction("Learn a control", lambda: bridge.act("/ripieno/learn", address))
            if self._takes_keys():
                menu.addAction(
                    "Learn a key", lambda: bridge.act("/ripieno/learn", address, "notes")
                )
        bindings = known.bindings(address)
        if not bindings:
            return menu
        forget = f"Forget {known.badge(address)}"
        menu.addAction(forget, lambda: bridge.act("/ripieno/learn/forget", address))
        menu.addSeparator()
        for mode, text in MODES.items():
            action = menu.addAction(text, lambda m=mode: self._set_mode(m))
            if action is not None:
                action.setCheckable(True)
                action.setChecked(bindings[0].get("mode", "pickup") == mode)
        return menu

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is None or watched is not self.widget:
            return False
        if event.type() == QEvent.Type.ContextMenu and isinstance(event, QContextMenuEvent):
            menu = self.menu()
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(event.globalPos())
            return True
        if event.type() == QEvent.Type.Resize and self.badge:
            self.badge.place()
        return False

    def _listen(self, topic: str, listener: Any) -> None:
        self._leave.append(self.context.mirror.on(topic, listener))

    def _end(self) -> None:
        for leave in self._leave:
            leave()
        self._leave.clear()

    def _show(self) -> None:
        value = self.context.mirror.value(self.address)
        if value is not None:
            self.widget.show_value(value)  # type: ignore[attr-defined]

    def _show_badge(self) -> None:
        if self.badge:
            known = learned.read(self.context.mirror.section("learn"))
            self.badge.say(known.badge(self.address))

    def _set(self, value: Any) -> None:
        self.context.bridge.set(self.address, value)

    def _set_and_show(self, value: Any) -> None:
        self._set(value)
        self._show()

    def _set_mode(self, mode: str) -> None:
        self.context.bridge.act("/ripieno/learn/mode", self.address, mode)

    def _default(self) -> tuple[str, float] | None:
        known = scale.scale_of(self.address) if hasattr(self.widget, "show_value") else None
        return (known.text(known.default), known.default) if known else None

    def _takes_keys(self) -> bool:
        known = scale.scale_of(self.address)
        return known is None or (known.whole and known.high - known.low <= 1)


def bind(context: Context, widget: QWidget, address: str) -> Binding:
    """Make a widget show and set what an address holds, or do what it does. [main]"""
    return Binding(context, widget, address)
