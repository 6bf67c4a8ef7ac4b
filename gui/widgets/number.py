"""A field for a whole number, or for a key of the keyboard by its name. [main]"""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QValidator, QWheelEvent
from PyQt6.QtWidgets import QSpinBox, QWidget

from gui.pitch import parse_pitch, pitch_name
from gui.scale import Scale

NONE = "none"


class Number(QSpinBox):
    """`changed` comes for the player's moves only. `special` is what its lowest value means."""

    changed = pyqtSignal(int)

    def __init__(
        self, name: str, scale: Scale, special: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setRange(round(scale.low), round(scale.high))
        self.setKeyboardTracking(False)
        self.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)  # arrow keys and the wheel do it
        if special:
            self.setSpecialValueText(special)
        if scale.unit:
            self.setSuffix(f" {scale.unit}")
        self.valueChanged.connect(self.changed)

    def show_value(self, value: float) -> None:
        """Show a value that somebody else set. [main]"""
        if round(value) != self.value():
            self.blockSignals(True)
            self.setValue(round(value))
            self.blockSignals(False)

    def wheelEvent(self, e: QWheelEvent | None) -> None:
        """The wheel scrolls the page unless the field has the focus."""
        if e is not None:
            super().wheelEvent(e) if self.hasFocus() else e.ignore()


class KeyNumber(Number):
    """The same for keys: C4, F\u266f3, or the number; -1 is none."""

    def __init__(self, name: str, scale: Scale, parent: QWidget | None = None) -> None:
        super().__init__(name, scale, NONE if scale.low < 0 else "", parent)

    def textFromValue(self, v: int) -> str:
        return NONE if v < 0 else pitch_name(v)

    def valueFromText(self, text: str | None) -> int:
        found = parse_pitch(text or "")
        return -1 if found is None else found

    def validate(self, input: str | None, pos: int) -> tuple[QValidator.State, str, int]:
        text = (input or "").strip()
        if parse_pitch(text) is not None or (self.minimum() < 0 and text == NONE):
            return QValidator.State.Acceptable, input or "", pos
        return QValidator.State.Intermediate, input or "", pos
