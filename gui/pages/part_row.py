"""One part on the ensemble's page: its instrument, destination, range, and hints. [main]"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PyQt6.QtCore import QEvent
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gui import theme
from gui.binding import bind
from gui.context import Context
from gui.mirror import sounds
from gui.mirror.ensemble import Part
from gui.pages.page import CLOSE, GAP, Panel, has_address, line
from gui.scale import Scale, choices_of, scale_of
from gui.widgets.combo import Combo
from gui.widgets.instrument_picker import InstrumentPicker
from gui.widgets.number import KeyNumber, Number
from gui.widgets.part_label import PartLabel
from gui.widgets.range_keys import PartKeys, RangeKeys
from gui.widgets.switch import Switch

OCTAVES = ((-2, "two octaves below"), (-1, "an octave below"), (0, "in unison"))
OCTAVES = (*OCTAVES, (1, "an octave above"), (2, "two octaves above"))
HINTS = ("home", "lock_low", "lock_high")


class PartRow(Panel):
    """One part; `parts` are those it may double."""

    def __init__(self, context: Context, part: Part, parts: Sequence[Part]) -> None:
        super().__init__(context)
        self.part = part
        self.hint: dict[str, Any] = {}  # the controls of the hints, by key
        self._morphs: dict[str, Any] = {}  # the morph sounds there are, once asked for
        frame = QFrame(self)
        frame.setProperty("card", True)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        column = QVBoxLayout(frame)
        column.setContentsMargins(GAP, 10, GAP, 10)
        column.setSpacing(CLOSE)
        column.addLayout(self._first_line())
        column.addLayout(self._second_line())
        self._hints = self._hint_line(parts)
        column.addWidget(self._hints)
        self._hints.hide()
        self.on("chains", self._show_plugin)
        self.on("notes", self._light)

    def show_hints(self, on: bool) -> None:
        """Show or hide the line of hints; without addresses there is none. [main]"""
        self._hints.setVisible(on and has_address(self.part.address("keyswitch")))

    def changeEvent(self, a0: QEvent | None) -> None:
        if a0 is not None and a0.type() == QEvent.Type.StyleChange and hasattr(self, "keys"):
            self.keys.set_colour(self._colour())
        super().changeEvent(a0)

    # ---- lines -----------------------------------------------------------------------------

    def _first_line(self) -> QHBoxLayout:
        part, row = self.part, QHBoxLayout()
        row.setSpacing(CLOSE)
        self.label = PartLabel(part.number - 1, part.name, 15)
        self.label.setFixedWidth(150)
        self.picker = InstrumentPicker(f"Instrument of {part.name}")
        self.bound(self.picker, part.address("program"))
        self.picker.setMinimumWidth(150)
        self.sound = Combo(f"Destination of {part.name}", sounds.kinds(self._kinds(), part.sound))
        self.sound.setToolTip("Where its notes go: sampled sound, our own voices, or out by MIDI")
        self.bound(self.sound, part.address("sound"))
        self.morph = Combo(f"Morph sound of {part.name}")
        self.morph.setMinimumWidth(150)
        self.morph.hide()
        if has_address(part.address("morph/sound")):
            bind(self.context, self.morph, part.address("morph/sound"))
            self.on(part.address("morph/sound"), self._show_morph)
        self.on(part.address("sound"), self._show_sound)
        self.plugin = line("", "muted")
        self.plugin.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        for widget in (self.label, self.picker, self.morph, self.sound, self.plugin):
            row.addWidget(widget)
        if has_address(part.address("playing")):
            self.plays = Switch(f"{part.name} plays", "Plays")
            self.plays.setToolTip("Whether it gets notes: let parts enter one after the other")
            self.bound(self.plays, part.address("playing"))
            row.addWidget(self.plays)
        for key, text in (("mute", "M"), ("solo", "S")):
            switch = Switch(f"{key.capitalize()} {part.name}", text)
            switch.setProperty("role", key)
            switch.setFixedWidth(34)
            self.bound(switch, part.address(key))
            row.addWidget(switch)
        return row

    def _second_line(self) -> QHBoxLayout:
        part, row = self.part, QHBoxLayout()
        row.setSpacing(CLOSE)
        self.keys = RangeKeys(f"Range of {part.name}", self._colour())
        self.keys.dragged.connect(lambda what, at: self.bridge.set(part.address(what), at))
        for key in ("low", "high", *HINTS):
            if has_address(part.address(key)):
                self.on(part.address(key), self._show_keys)
        row.addWidget(self.keys, 1)
        self.channel = Number(f"MIDI channel of {part.name}", Scale(1, 16, whole=True))
        self.polyphony = Number(f"Notes at once of {part.name}", Scale(1, 64, whole=True))
        for text, widget, key in (
            ("Channel", self.channel, "midi_channel"),
            ("Notes", self.polyphony, "polyphony"),
        ):
            widget.setFixedWidth(62)
            self.bound(widget, part.address(key))
            row.addWidget(_small(text, widget))
            row.addWidget(widget)
        return row

    def _hint_line(self, parts: Sequence[Part]) -> QWidget:
        part, holder = self.part, QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(CLOSE)
        upper, lower = QHBoxLayout(), QHBoxLayout()
        for row in (upper, lower):
            row.setSpacing(CLOSE)
            column.addLayout(row)
        for text, key, what in (
            ("Locked keys", "lock_low", "Lowest locked key of"),
            ("to", "lock_high", "Highest locked key of"),
            ("Key switch", "keyswitch", "Key switch of"),
        ):
            self._hint(upper, text, key, lambda s, w=what: KeyNumber(f"{w} {part.name}", s))
        self._hint(
            upper,
            "Keyboard's channel",
            "pin_channel",
            lambda s: Number(f"Keyboard's channel for {part.name}", s, "any"),
        )
        others = [(0, "nobody")] + [(p.number, p.name) for p in parts if p is not part]
        self._hint(lower, "Doubles", "doubles", lambda s: Combo(f"{part.name} doubles", others))
        name = f"{part.name} doubles at"
        self._hint(lower, "", "double_octaves", lambda s: Combo(name, OCTAVES))
        upper.addStretch(1)
        lower.addStretch(1)
        return holder

    def _hint(self, row: QHBoxLayout, text: str, key: str, make) -> None:
        address = self.part.address(key)
        if not has_address(address):
            return
        widget = self.hint[key] = make(scale_of(address))
        self.bound(widget, address)
        if isinstance(widget, Number):
            widget.setFixedWidth(72)
        if text:
            row.addWidget(_small(text, widget))
        row.addWidget(widget)

    # ---- what is shown ---------------------------------------------------------------------

    def _show_keys(self) -> None:
        def at(key: str, otherwise: int | None = None) -> int | None:
            value = self.mirror.value(self.part.address(key))
            return otherwise if value is None else int(value)

        low, high = at("low", self.part.low), at("high", self.part.high)
        assert low is not None
        assert high is not None
        self.keys.show_keys(PartKeys(low, high, *(at(key) for key in HINTS)))

    def _kinds(self) -> tuple[str, ...]:
        return choices_of(self.part.address("sound"))

    def _show_sound(self) -> None:
        """The kind of sound, also one this window does not know; a morph sound by its name."""
        kind = str(self.mirror.value(self.part.address("sound"), self.part.sound))
        self.sound.set_choices(sounds.kinds(self._kinds(), kind))
        self.sound.show_value(kind)
        morphs = kind == sounds.MORPH and has_address(self.part.address("morph/sound"))
        self.morph.setVisible(morphs)
        self.picker.setVisible(not morphs)
        if morphs and not self._morphs:
            self.bridge.ask("/ripieno/morph/sounds", then=self._take_morphs)

    def _take_morphs(self, answer: dict[str, Any]) -> None:
        self._morphs = answer
        self._show_morph()

    def _show_morph(self) -> None:
        played = str(self.mirror.value(self.part.address("morph/sound"), ""))
        self.morph.set_choices(sounds.morph_sounds(self._morphs, played))
        self.morph.show_value(played)

    def _show_plugin(self) -> None:
        chain = self.mirror.section("chains").get(f"part {self.part.number}") or {}
        instrument = bool(chain.get("instrument"))
        names = [plugin["name"] for plugin in chain.get("plugins", ())]
        self.plugin.setVisible(instrument)
        self.plugin.setText(f"Plugin: {names[0]}" if instrument and names else "")

    def _light(self) -> None:
        sounding = self.mirror.notes.sounding.values()
        mine = frozenset(bar.pitch for bar in sounding if bar.part == self.part.number - 1)
        self.keys.light(mine)
        self.label.show_activity(1.0 if mine else 0.0)

    def _colour(self) -> QColor:
        return theme.part_colour(self.part.number - 1)


def _small(text: str, buddy: QWidget) -> QLabel:
    shown = line(text, "muted")
    shown.setBuddy(buddy)
    return shown
