"""Continuation: when the ensemble plays on, how, in which parts, and what it has planned. [main]"""

from __future__ import annotations

import random

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from gui import theme
from gui.binding import bind
from gui.context import Context
from gui.mirror import continuation
from gui.mirror.continuation import BASE, MODES
from gui.pages.page import (
    CLOSE,
    EDGE,
    GAP,
    Card,
    Panel,
    clear,
    has_address,
    line,
    push,
    scrolled,
    set_role,
)
from gui.scale import choices_of, scale_of
from gui.widgets.choice import Choice
from gui.widgets.floor_pill import FloorPill
from gui.widgets.number import Number
from gui.widgets.plan_roll import PlanRoll
from gui.widgets.slider import Slider
from gui.widgets.switch import Switch

LABEL_WIDTH = 130
PARTS_A_ROW = 4
WHEN = (("silence", "After a pause of"), ("bars", "Bars each"), ("length", "At most"))
HOW = (
    ("temperature", "Temperature", "0.1 plays what is likeliest, 2 what surprises"),
    ("density", "Density", "fewer or more notes than the model likes"),
    ("variation", "Variation", "how much of your bars is drawn anew"),
    ("memory", "Memory", "how many beats of the past the model hears"),
)
MOST_SEED = 2**31 - 1


class UntilSlider(Slider):
    """Bars; none means: as long as the player is silent."""

    def text(self) -> str:
        return super().text() if self.value or self.typed else "no end"


class Page(Panel):
    """The page; an engine without continuation is said so."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.sliders: dict[str, Slider] = {}
        self.switches: list[Switch] = []
        self._built: tuple = ()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(*EDGE)
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(*EDGE)
        grid.setSpacing(GAP)
        outer.addWidget(scrolled(holder))
        self.works = has_address(f"{BASE}/mode")
        if not self.works:
            grid.addWidget(line("This engine cannot play on by itself.", "muted"), 0, 0)
            grid.setRowStretch(1, 1)
            return
        grid.addWidget(self._when(), 0, 0)
        grid.addWidget(self._how(), 0, 1)
        grid.addWidget(self._plan(), 1, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(1, 1)
        self.on(f"{BASE}/mode", self._show_mode)
        self.on("continuation", self._show_state)
        self.on("floor", lambda: self.floor.show_floor(self.mirror.floor))
        self.on("ensemble", self._build_parts)
        self.bridge.frame.connect(self._tick)

    # ---- building --------------------------------------------------------------------------

    def _when(self) -> Card:
        card = Card("When the ensemble plays")
        modes = choices_of(f"{BASE}/mode")
        labels = [MODES.get(mode, (mode.capitalize(), ""))[0] for mode in modes]
        self.mode = Choice("Continuation mode", modes, labels)
        self.bound(self.mode, f"{BASE}/mode")
        card.body.addWidget(self.mode)
        self.mode_told = line("", "muted", wrap=True)
        self.mode_told.setAlignment(Qt.AlignmentFlag.AlignTop)
        card.body.addWidget(self.mode_told)
        for key, name in WHEN:
            self._slider(card, key, name)
        row = QHBoxLayout()
        row.setSpacing(CLOSE)
        self.start = push("Play on now", role="primary", name="Let the ensemble play on now")
        self.stop = push("Stop", name="Take the floor back")
        for button, key in ((self.start, "start"), (self.stop, "stop")):
            if has_address(f"{BASE}/{key}"):
                bind(self.context, button, f"{BASE}/{key}")
            button.setMinimumHeight(40)
            row.addWidget(button)
        if has_address(f"{BASE}/start"):
            self.start.clicked.disconnect()  # it chooses a mode if there is none
            self.start.clicked.connect(self._play_on)
        self.floor = FloorPill()
        row.addWidget(self.floor)
        row.addStretch(1)
        card.body.addLayout(row)
        if has_address(f"{BASE}/pedal"):
            pedal = QHBoxLayout()
            self.pedal = Number("Controller that starts and stops it", _scale("pedal"), "none")
            self.pedal.setFixedWidth(72)
            self.bound(self.pedal, f"{BASE}/pedal")
            pedal.addWidget(line("Pedal that starts and stops it (controller)", "muted"))
            pedal.addWidget(self.pedal)
            pedal.addStretch(1)
            card.body.addLayout(pedal)
        card.body.addStretch(1)
        return card

    def _how(self) -> Card:
        card = Card("How it plays")
        for key, name, tip in HOW:
            self._slider(card, key, name, tip)
        row = QHBoxLayout()
        row.setSpacing(CLOSE)
        row.addWidget(line("Seed", "muted"))
        self.seed = Number("Seed", _scale("seed"))
        self.seed.setFixedWidth(130)
        self.bound(self.seed, f"{BASE}/seed")
        row.addWidget(self.seed)
        self.dice = push("Another", self._throw, name="Another seed")
        self.dice.setToolTip("The same seed after the same notes plays the same")
        row.addWidget(self.dice)
        row.addStretch(1)
        card.body.addLayout(row)
        card.body.addWidget(line("Parts the ensemble may play", "muted"))
        self._parts = QGridLayout()
        self._parts.setSpacing(6)
        card.body.addLayout(self._parts)
        card.body.addStretch(1)
        return card

    def _plan(self) -> Card:
        card = Card("What it has planned")
        self.worker = line("", "muted")
        card.top.addWidget(self.worker)
        self.message = line("", "bad", wrap=True)
        self.message.hide()
        card.body.addWidget(self.message)
        row = QHBoxLayout()
        row.setSpacing(GAP)
        self.roll = PlanRoll(theme.part_colour)
        self.roll.setMinimumHeight(110)
        row.addWidget(self.roll, 1)
        self.next = line("", "muted")
        self.next.setFont(theme.font(12))
        self.next.setFixedWidth(200)
        self.next.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.next.setAccessibleName("The next planned notes")
        self.next.hide()
        row.addWidget(self.next)
        card.body.addLayout(row, 1)
        return card

    def _slider(self, card: Card, key: str, name: str, tip: str = "") -> None:
        if not has_address(f"{BASE}/{key}"):
            return
        make = UntilSlider if key == "length" else Slider
        slider = make(name, _scale(key), LABEL_WIDTH)
        slider.setMinimumWidth(260)
        slider.setToolTip(tip)
        bind(self.context, slider, f"{BASE}/{key}")
        self.sliders[key] = slider
        card.body.addWidget(slider)

    def _build_parts(self) -> None:
        parts = self.mirror.ensemble.parts
        built = tuple((part.number, part.name) for part in parts)
        if built == self._built:
            return
        self._built = built
        clear(self._parts)
        self.switches = []
        for place, part in enumerate(parts):
            switch = Switch(f"The ensemble may play {part.name}", part.name)
            switch.setStyleSheet("padding: 5px 9px;")
            if has_address(part.address("continues")):
                bind(self.context, switch, part.address("continues"))
            self._parts.addWidget(switch, place // PARTS_A_ROW, place % PARTS_A_ROW)
            self.switches.append(switch)
        self._parts.setColumnStretch(PARTS_A_ROW, 1)

    # ---- what is shown ---------------------------------------------------------------------

    def _show_mode(self) -> None:
        mode = str(self.mirror.value(f"{BASE}/mode", "off"))
        self.mode_told.setText(MODES.get(mode, ("", ""))[1])
        for key, slider in self.sliders.items():
            slider.setVisible(continuation.matters(key, mode))

    def _show_state(self) -> None:
        worker = continuation.worker(self.mirror.section("continuation"))
        self.worker.setText(worker.text)
        set_role(self.worker, worker.colour)
        self.message.setText(worker.message)
        self.message.setVisible(bool(worker.message) and worker.state in ("failed", "restarting"))

    def _tick(self, now_s: float) -> None:
        if not self.isVisible():
            return
        notes, transport = self.mirror.notes, self.mirror.transport
        now_beat = notes.plan_beat(notes.clock.frame(now_s), transport)
        self.roll.show_plan(notes.plan, notes.plan_until_beat, now_beat, transport.beats_per_bar)
        names = [part.name for part in self.mirror.ensemble.parts]
        text = "\n".join(continuation.next_notes(self.roll.notes, now_beat, names))
        if text != self.next.text():
            self.next.setText(text)
            self.next.setVisible(bool(text))

    def _play_on(self) -> None:
        if self.mirror.value(f"{BASE}/mode") == "off":
            self.bridge.set(f"{BASE}/mode", "takeover")
        self.bridge.act(f"{BASE}/start")

    def _throw(self) -> None:
        self.bridge.set(f"{BASE}/seed", random.randint(0, MOST_SEED))
        self.seed.show_value(self.mirror.value(f"{BASE}/seed"))


def _scale(key: str):
    found = scale_of(f"{BASE}/{key}")
    assert found is not None, key
    return found
