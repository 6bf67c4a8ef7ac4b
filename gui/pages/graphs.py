"""Graphs: delays, the callback's load, how sure the parts are, what the ensemble looks at."""

from __future__ import annotations

from typing import Any

from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.binding import bind
from gui.context import Context
from gui.mirror.attention import Attention
from gui.mirror.continuation import BASE
from gui.widgets.attention_roll import AttentionRoll
from gui.widgets.histogram import Histogram

ASK_S = 1.0
ATTENTION_S = 3.0  # a lease: it is reckoned for those who look, and only then
DELAY_MS, LOAD_PERCENT = 0.25, 0.5  # widths of the bins


class Page(QWidget):
    """Asks for the histograms once a second while it is seen. [main]"""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self._asked_s = 0.0
        self.delay = Histogram("From key to first sample", "ms", DELAY_MS)
        self.load = Histogram("The callback's time in a block", "%", LOAD_PERCENT, "good", 100.0)
        self.confidence = Histogram("How sure the part separation was", "%", 5.0, "warn")
        self.confidence.least_high = 100.0
        self.attention = AttentionRoll("What the ensemble looks back at")
        self.counts = QLabel("")
        self.counts.setProperty("role", "muted")
        self.counts.setWordWrap(True)
        reset = QPushButton("Count from zero")
        bind(context, reset, "/ripieno/statistics/reset")
        title = QLabel("Graphs")
        title.setProperty("role", "title")
        top = QHBoxLayout()
        top.addWidget(title)
        top.addStretch(1)
        top.addWidget(reset)
        grid = QGridLayout()
        grid.setSpacing(12)
        for place, histogram in enumerate((self.delay, self.load, self.confidence)):
            histogram.setMinimumWidth(220)
            grid.addWidget(histogram, 0, place)
            grid.setColumnStretch(place, 1)
        grid.addWidget(self.attention, 1, 0, 1, 3)
        grid.setRowStretch(0, 4)
        grid.setRowStretch(1, 5)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(top)
        column.addLayout(grid, 1)
        column.addWidget(self.counts)
        context.bridge.frame.connect(self.tick)
        context.mirror.on("statistics", self.show_counts)
        for topic in ("attention", "ensemble", f"{BASE}/mode"):
            context.mirror.on(topic, self.show_attention)
        self.show_attention()

    def tick(self, now_s: float) -> None:
        """Ask again when it is time, and only while somebody looks. [main]"""
        if self.isVisible() and now_s - self._asked_s >= ASK_S:
            self._asked_s = now_s
            bridge = self.context.bridge
            bridge.ask("/ripieno/histograms", then=self.show_histograms, failed=lambda _: None)
            bridge.act("/ripieno/subscribe", "attention", ATTENTION_S)
            self.confidence.show_bins(self.context.mirror.tallies.bins())

    def show_histograms(self, found: dict[str, Any]) -> None:
        """The engine's answer. [main]"""
        to_ms = 1000.0 / found["rate_hz"]
        self.delay.show_bins(_gathered(found["delay_frames"], to_ms, DELAY_MS))
        self.load.show_bins(_gathered(found["load_half_percent"], 0.5, LOAD_PERCENT))

    def show_attention(self) -> None:
        """What the network looked at when it drew the last note; nothing if it does not play on."""
        mirror = self.context.mirror
        works = mirror.value(f"{BASE}/mode", "off") != "off"
        names = [part.name for part in mirror.ensemble.parts]
        shown = mirror.attention if works else Attention()
        self.attention.show_attention(shown, names, mirror.transport.beats_per_bar)

    def show_counts(self) -> None:
        """Who decided, and what went wrong, in numbers. [main]"""
        if not self.isVisible():
            return
        s, unseen = self.context.mirror.statistics, self.context.mirror.notes.lost
        self.counts.setText(
            f"{s.cycles:,} blocks of {s.block_frames} frames at {s.rate_hz} Hz · "
            f"{s.notes_network:,} notes by the network, {s.notes_rule:,} by rule "
            f"({s.notes_late_rule} because it would have been late) · "
            f"{s.late_events} late events · {s.dropped_events} dropped · "
            f"{s.missed_cycles} missed blocks · "
            f"{s.voices} voices, {s.voices_stolen} taken over"
            + (f" · {unseen} notes came too fast to be shown" if unseen else "")
        )


def _gathered(pairs: list[list[int]], unit: float, width: float) -> tuple[tuple[float, int], ...]:
    """Fine bins as coarser ones of a width. [any]"""
    found: dict[int, int] = {}
    for place, count in pairs:
        bin_at = int(place * unit / width + 1e-9)
        found[bin_at] = found.get(bin_at, 0) + count
    return tuple((place * width, found[place]) for place in sorted(found))
