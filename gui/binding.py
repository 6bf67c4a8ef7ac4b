"""A widget and an OSC address made one: it shows the value, sets it, and can be learned. [main]

Any widget with `show_value` and a signal `changed` can be bound to a setting; any button to a
trigger. The property `address` makes `gui.learning` offer its menu and badge.
"""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QAbstractButton, QWidget

from gui import scale
from gui.context import Context
from gui.learning import mark


class Binding(QObject):
    """Lives as long as its widget. Made by `bind`. [main]"""

    def __init__(self, context: Context, widget: QWidget, address: str) -> None:
        super().__init__(widget)
        self.context, self.widget, self.address = context, widget, address
        mark(widget, address)
        if not widget.toolTip():
            sentence = scale.description_of(address)
            widget.setToolTip(sentence[:1].upper() + sentence[1:])
        changed = getattr(widget, "changed", None)
        if changed is not None and hasattr(widget, "show_value"):
            changed.connect(self._set)
            context.mirror.on(address, self._show)  # until the widget is gone
            self._show()
        elif isinstance(widget, QAbstractButton):
            widget.clicked.connect(lambda: context.bridge.act(address))

    def _show(self) -> None:
        value = self.context.mirror.value(self.address)
        if value is not None:
            self.widget.show_value(value)  # type: ignore[attr-defined]

    def _set(self, value: Any) -> None:
        self.context.bridge.set(self.address, value)


def bind(context: Context, widget: QWidget, address: str) -> Binding:
    """Make a widget show and set what an address holds, or do what it does. [main]"""
    return Binding(context, widget, address)
