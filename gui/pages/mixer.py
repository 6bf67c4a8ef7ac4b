"""Mixer: a strip a part, what comes back from the sends, the audio inputs, the master. [main]"""

from __future__ import annotations

import time

from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui import theme
from gui.context import Context
from gui.mirror.ensemble import Part
from gui.mirror.sounds import played_with
from gui.pages.page import CLOSE, EDGE, GAP, Panel, clear, line, scrolled
from gui.scale import scale_of
from gui.widgets.fader import Fader
from gui.widgets.meter import Meter
from gui.widgets.part_label import PartLabel
from gui.widgets.switch import Switch
from gui.widgets.value_bar import ValueBar

STRIP_WIDTH, NARROW_WIDTH, MASTER_WIDTH = 118, 88, 104
UPPER_HEIGHT, LOWER_HEIGHT = 204, 30  # alike in all strips, so that faders stand in a row
METER_MARGINS = (0, 14, 0, 36)  # from where the fader begins to where it ends
SENDS = (("send_a", "A"), ("send_b", "B"), ("reverb", "Reverb"), ("chorus", "Chorus"))
NARROW = (  # name, address of the level, slot of the inserts, what it is
    ("Return A", "/ripieno/return/a/gain", "send a", "What comes back from send A"),
    ("Return B", "/ripieno/return/b/gain", "send b", "What comes back from send B"),
    ("Input 1", "/ripieno/input/1/gain", "", "Audio from outside, first pair"),
    ("Input 2", "/ripieno/input/2/gain", "", "Audio from outside, second pair"),
)


class Strip(Panel):
    """One strip: a heading, its inserts, a fader, and a meter if the engine measures it. [main]"""

    def __init__(
        self, context: Context, heading: QWidget, gain: str, name: str, slot: str, width: int
    ) -> None:
        super().__init__(context)
        self.gain, self.slot = gain, slot
        self.setFixedWidth(width)
        self.frame = QFrame(self)
        self.frame.setProperty("card", True)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(*EDGE)
        outer.addWidget(self.frame)
        self.column = QVBoxLayout(self.frame)
        self.column.setContentsMargins(CLOSE, GAP, CLOSE, GAP)
        self.column.setSpacing(6)
        self.column.addWidget(heading)
        upper, self.below = QWidget(), QHBoxLayout()
        upper.setFixedHeight(UPPER_HEIGHT)
        self.above = QVBoxLayout(upper)
        self.above.setContentsMargins(0, 0, 0, 0)
        self.above.setSpacing(6)
        self.column.addWidget(upper)
        self.fader = Fader(f"Level of {name}", _scale(gain))
        self.bound(self.fader, gain)
        self.meter: Meter | None = None
        self.inserts: QPushButton | None = None
        if slot:
            self.inserts = QPushButton("Inserts")
            self.inserts.setProperty("role", "small")
            self.inserts.setAccessibleName(f"Inserts of {name}")
            self.inserts.clicked.connect(lambda: context.show_chain(slot))
            self.above.addWidget(self.inserts)
            self.on("chains", self._show_inserts)

    def add_fader(self, meter: Meter | None = None) -> None:
        """The fader takes the room that is left, with its meter beside it."""
        self.meter = meter
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addStretch(1)
        row.addWidget(self.fader)
        if meter is not None:
            beside = QVBoxLayout()
            beside.setContentsMargins(*METER_MARGINS)
            beside.addWidget(meter)
            row.addLayout(beside)
        row.addStretch(1)
        self.above.addStretch(1)
        self.column.addLayout(row, 1)
        lower = QWidget()
        lower.setFixedHeight(LOWER_HEIGHT)
        lower.setLayout(self.below)
        self.below.setContentsMargins(0, 0, 0, 0)
        self.column.addWidget(lower)

    def _show_inserts(self) -> None:
        assert self.inserts is not None
        chain = self.mirror.section("chains").get(self.slot) or {}
        names = [plugin["name"] for plugin in chain.get("plugins", ())]
        bypassed = [plugin["name"] for plugin in chain.get("plugins", ()) if plugin["bypass"]]
        state = chain.get("state", "")
        text = ", ".join(names) or "Inserts"
        room = self.width() - 2 * CLOSE - 16
        metrics = self.inserts.fontMetrics()
        self.inserts.setText(metrics.elidedText(text, Qt.TextElideMode.ElideRight, room))
        said = f"{state}: {text}" if names else "no inserts"
        if bypassed:
            said += f" (bypassed: {', '.join(bypassed)})"
        self.inserts.setToolTip(said)
        self.inserts.setAccessibleDescription(said)


class PartStrip(Strip):
    """The strip of a part."""

    def __init__(self, context: Context, part: Part) -> None:
        index = part.number - 1
        self.part = part
        self.label = PartLabel(index, part.name, 14)
        super().__init__(
            context, self.label, part.address("gain"), part.name, f"part {part.number}", STRIP_WIDTH
        )
        self.instrument = line("", "muted")
        self.instrument.setFont(theme.font(12))
        self.above.insertWidget(0, self.instrument)
        self.bars: dict[str, ValueBar] = {}
        for key, short in (*SENDS, ("pan", "Pan")):
            words = f"{'Pan' if key == 'pan' else short} of {part.name}"
            bar = ValueBar(words, _scale(part.address(key)), short, compact=True)
            self.bound(bar, part.address(key))
            self.bars[key] = bar
            self.above.addWidget(bar)
        self.add_fader(Meter(f"Level of {part.name}"))
        self.below.setSpacing(6)
        self.mute = _switch(f"Mute {part.name}", "M", "mute")
        self.solo = _switch(f"Solo {part.name}", "S", "solo")
        for switch, key in ((self.mute, "mute"), (self.solo, "solo")):
            self.bound(switch, part.address(key))
            self.below.addWidget(switch)
        for key in ("program", "sound", "morph/sound"):
            self.on(part.address(key), self._show_instrument)
        self._tint()

    def changeEvent(self, a0: QEvent | None) -> None:
        if a0 is not None and a0.type() == QEvent.Type.StyleChange:
            self._tint()
        super().changeEvent(a0)

    def _tint(self) -> None:
        colour = theme.current().part(self.part.number - 1)
        self.fader.tint = colour
        for bar in self.bars.values():
            bar.tint = colour

    def _show_instrument(self) -> None:
        program = self.mirror.value(self.part.address("program"), self.part.program)
        kind = str(self.mirror.value(self.part.address("sound"), self.part.sound))
        morph = str(self.mirror.value(self.part.address("morph/sound"), ""))
        name = played_with(kind, int(program), morph)
        room = STRIP_WIDTH - 2 * CLOSE - 4
        metrics = self.instrument.fontMetrics()
        self.instrument.setText(metrics.elidedText(name, Qt.TextElideMode.ElideRight, room))
        self.instrument.setToolTip(name)


class Page(Panel):
    """The page."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.strips: list[PartStrip] = []
        self._built: tuple = ()
        self._row = QWidget()
        self._parts = QHBoxLayout(self._row)
        self._parts.setContentsMargins(0, 0, 0, 0)
        self._parts.setSpacing(CLOSE)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(*EDGE)
        outer.setSpacing(CLOSE)
        area = scrolled(self._row, sideways=True)
        outer.addWidget(area, 1)
        self._fixed = QHBoxLayout()
        self._fixed.setSpacing(CLOSE)
        outer.addLayout(self._fixed)
        for name, gain, slot, does in NARROW:
            self._fixed.addWidget(self._narrow(name, gain, slot, does))
        self.master = Strip(
            context, _name("Master"), "/ripieno/master/gain", "Master", "master", MASTER_WIDTH
        )
        self.peak = line("-\u221e", "muted")
        self.peak.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.peak.setToolTip("Highest level of the last moments, dB below full scale")
        self.master.above.addWidget(self.peak)
        self.master.add_fader(Meter("Level of the master"))
        self._fixed.addWidget(self.master)
        self._bar = area.horizontalScrollBar()
        assert self._bar is not None
        self._bar.rangeChanged.connect(self._stand_in_a_row)
        self.on("ensemble", self._build)
        self.on("statistics", self._feed)
        self.bridge.frame.connect(self._tick)

    def _stand_in_a_row(self, low: int, high: int) -> None:
        """Where the parts' strips have a bar below them, the others end as high."""
        assert self._bar is not None
        self._fixed.setContentsMargins(0, 0, 0, self._bar.sizeHint().height() if high > low else 0)

    def _narrow(self, name: str, gain: str, slot: str, does: str) -> Strip:
        strip = Strip(self.context, _name(name), gain, name, slot, NARROW_WIDTH)
        told = line(does, "muted", wrap=True)
        told.setFont(theme.font(12))
        strip.above.addWidget(told)
        strip.add_fader()
        return strip

    def _build(self) -> None:
        parts = self.mirror.ensemble.parts
        built = (self.mirror.ensemble.id, *((part.number, part.name) for part in parts))
        if built == self._built:
            return
        self._built = built
        clear(self._parts)
        self.strips = [PartStrip(self.context, part) for part in parts]
        for strip in self.strips:
            self._parts.addWidget(strip)
        self._parts.addStretch(1)

    def _feed(self) -> None:
        if not self.isVisible():
            return
        peak, now_s = self.mirror.statistics.peak, time.monotonic()
        for strip in self.strips:
            if strip.meter is not None:
                strip.meter.feed(peak[strip.part.number], now_s)
        assert self.master.meter is not None
        self.master.meter.feed(peak[0], now_s)

    def _tick(self, now_s: float) -> None:
        if not self.isVisible():
            return
        for strip in (*self.strips, self.master):
            if strip.meter is not None:
                strip.meter.tick(now_s)
        assert self.master.meter is not None
        held = self.master.meter.held_text(now_s)
        if held != self.peak.text():
            self.peak.setText(held)


def _scale(address: str):
    found = scale_of(address)
    assert found is not None, address
    return found


def _name(text: str) -> QLabel:
    shown = line(text)
    shown.setFont(theme.font(14, bold=True))
    shown.setMinimumHeight(24)  # as a part's name
    return shown


def _switch(name: str, text: str, key: str) -> Switch:
    switch = Switch(name, text)
    switch.setProperty("role", key)
    return switch
