"""Transport and take: tempo, who leads, click; what is recorded, kept and exported. [main]"""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui import theme
from gui.binding import bind
from gui.context import Context
from gui.pages.page import CLOSE, EDGE, GAP, Card, Panel, field, line, push, scrolled, set_role
from gui.pages.take_card import TakeCard
from gui.scale import Scale, choices_of, scale_of
from gui.widgets.choice import Choice
from gui.widgets.combo import Combo
from gui.widgets.number import Number
from gui.widgets.slider import Slider
from gui.widgets.switch import Switch

BASE = "/ripieno/transport"
SOURCES = {
    "internal": "Internal",
    "jack": "JACK",
    "midi_clock": "MIDI clock",
    "link": "Ableton Link",
    "playing": "My playing",
}
CLICKS = {"off": "Off", "count_in": "Count-in", "always": "Always"}
COUNT_INS = tuple((bars, "1 bar" if bars == 1 else f"{bars} bars") for bars in range(1, 9))
LABEL_WIDTH = 110


class Page(Panel):
    """The page."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(*EDGE)
        outer.setSpacing(GAP)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(self._clock())
        column.addWidget(self._leader())
        column.addStretch(1)
        outer.addWidget(scrolled(left), 1)
        self.take = TakeCard(context)
        outer.addWidget(self.take, 1)
        self.on("transport", self._show)
        self.on(f"{BASE}/source", self._show)
        self.bridge.frame.connect(self._tick)

    # ---- building --------------------------------------------------------------------------

    def _clock(self) -> Card:
        card = Card()
        top = QHBoxLayout()
        top.setSpacing(GAP)
        self.place = _big("1.1", "Bar and beat")
        self.tempo_text = _big("120.0", "Tempo")
        top.addWidget(self.place)
        top.addWidget(line("bar . beat", "muted"))
        top.addStretch(1)
        top.addWidget(self.tempo_text)
        top.addWidget(line("bpm", "muted"))
        card.body.addLayout(top)
        buttons = QHBoxLayout()
        buttons.setSpacing(CLOSE)
        self.start = push("Start", role="primary")
        self.stop = push("Stop")
        bind(self.context, self.start, f"{BASE}/start")
        bind(self.context, self.stop, f"{BASE}/stop")
        self.rewind = push("To the beginning", lambda: self.bridge.act(f"{BASE}/locate", 0.0))
        self.count_in = push("Count in", self._count_in)
        self.bars = Combo("Bars of count-in", COUNT_INS)
        self.bars.show_value(1)
        for widget in (self.start, self.stop, self.rewind):
            buttons.addWidget(widget)
        buttons.addStretch(1)
        buttons.addWidget(self.count_in)
        buttons.addWidget(self.bars)
        card.body.addLayout(buttons)
        tempo = QHBoxLayout()
        tempo.setSpacing(CLOSE)
        self.tempo = Slider("Tempo", _scale("/ripieno/tempo"), LABEL_WIDTH)
        bind(self.context, self.tempo, "/ripieno/tempo")
        self.tap = push("Tap")
        bind(self.context, self.tap, f"{BASE}/tap")
        tempo.addWidget(self.tempo, 1)
        tempo.addWidget(self.tap)
        card.body.addLayout(tempo)
        self.beats = Number("Beats in a bar", _scale(f"{BASE}/beats_per_bar"))
        self.beats.setFixedWidth(64)
        bind(self.context, self.beats, f"{BASE}/beats_per_bar")
        self.go_to = Number("Go to bar", Scale(1, 9999, whole=True))
        self.go_to.setFixedWidth(80)
        self.go = push("Go", self._locate, name="Go to this bar")
        row = field("Beats in a bar", self.beats, line("Go to bar", "muted"), self.go_to, self.go)
        layout = row.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.insertStretch(2, 1)
        card.body.addWidget(row)
        self.click = _choice("Click", f"{BASE}/click", CLICKS)
        bind(self.context, self.click, f"{BASE}/click")
        card.body.addWidget(field("Click", self.click))
        self.level = Slider("Click's level", _scale(f"{BASE}/click_gain"), LABEL_WIDTH)
        bind(self.context, self.level, f"{BASE}/click_gain")
        card.body.addWidget(self.level)
        return card

    def _leader(self) -> Card:
        card = Card("Who leads")
        self.lock = line("", "muted")
        card.top.addWidget(self.lock)
        self.source = _choice("Who leads the transport", f"{BASE}/source", SOURCES)
        for button in self.source.findChildren(type(self.start)):
            button.setStyleSheet("padding: 5px 9px;")
        bind(self.context, self.source, f"{BASE}/source")
        card.body.addWidget(self.source)
        row = QHBoxLayout()
        row.setSpacing(CLOSE)
        self.clock_out = Switch("Send MIDI clock")
        bind(self.context, self.clock_out, "/ripieno/midi_out/clock")
        self.master = Switch("Lead JACK")
        bind(self.context, self.master, f"{BASE}/jack_master")
        row.addWidget(self.clock_out)
        row.addWidget(self.master)
        row.addStretch(1)
        card.body.addLayout(row)
        return card

    # ---- what is shown ---------------------------------------------------------------------

    def _show(self) -> None:
        source = self.mirror.value(f"{BASE}/source", "internal")
        section = self.mirror.section("transport") | {"sync_source": source}
        text, colour = lock_text(section)
        self.lock.setText(text)
        set_role(self.lock, colour)
        self.tempo_text.setText(f"{self.mirror.transport.tempo_bpm:.1f}")
        leading = source in ("internal", "link")
        self.tempo.setEnabled(leading)
        self.tap.setEnabled(leading)

    def _tick(self, now_s: float) -> None:
        if self.isVisible():
            transport = self.mirror.transport
            bar, beat, _ = transport.bar_and_beat(self.mirror.notes.clock.frame(now_s))
            text = f"{bar}.{beat}"
            if text != self.place.text():
                self.place.setText(text)

    def _count_in(self) -> None:
        self.bridge.act(f"{BASE}/start", int(self.bars.value))

    def _locate(self) -> None:
        beats = self.mirror.transport.beats_per_bar
        self.bridge.act(f"{BASE}/locate", float((self.go_to.value() - 1) * beats))


def lock_text(section: dict[str, Any]) -> tuple[str, str]:
    """Whether the leader is there, in words and in a colour of the palette. [any]"""
    source = section.get("sync_source", "internal")
    if source == "internal":
        return "Ripieno leads", "muted"
    peers = int(section.get("link_peers") or 0)
    if source == "link":
        others = "1 other" if peers == 1 else f"{peers} others"
        return (f"Link with {others}", "good") if peers else ("Nobody else on Link", "warn")
    follow = section.get("follow") or {}
    sure = follow.get("confidence")
    if source == "playing" and sure is not None:
        return f"Follows you, {round(100 * sure)} % sure", "good" if sure > 0.5 else "warn"
    if section.get("locked"):
        return "Locked", "good"
    waiting = {"jack": "JACK's transport", "midi_clock": "a MIDI clock", "playing": "your beat"}
    return f"Waits for {waiting.get(str(source), 'its leader')}", "warn"


def _big(text: str, name: str):
    shown = line(text)
    shown.setFont(theme.font(34, bold=True))
    shown.setAccessibleName(name)
    shown.setAlignment(Qt.AlignmentFlag.AlignBottom)
    return shown


def _scale(address: str) -> Scale:
    found = scale_of(address)
    assert found is not None, address
    return found


def _choice(name: str, address: str, labels: dict[str, str]) -> Choice:
    words = choices_of(address)
    return Choice(name, words, [labels.get(word, word) for word in words])
