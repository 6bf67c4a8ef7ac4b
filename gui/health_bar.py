"""The bar below all pages: how well it goes, in numbers, lamps and one sentence. [main]"""

from __future__ import annotations

import time
from collections.abc import Callable

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from gui import theme
from gui.binding import bind
from gui.context import Context
from gui.mirror import health
from gui.widgets.paint import words

SAID_S = 6.0  # how long a sentence of the engine's stays
COLOURS = ("good", "accent", "warn", "bad")
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
FINE_TEXT = "All is well."
ONE_LINE_PX, TWO_LINES_PX = 15, 12


class Reading(QWidget):
    """A number with its name above it. [main]"""

    def __init__(self, name: str, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.value, self.level = name, "–", health.FINE
        self.setFixedSize(width, 40)
        self.setAccessibleName(name)

    def show_reading(self, value: str, level: int = health.FINE) -> None:
        """Another value. [main]"""
        if (value, level) != (self.value, self.level):
            self.value, self.level = value, level
            self.setAccessibleDescription(value)
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        width = self.width()
        words(painter, QRectF(0, 1, width, 15), self.name, 11, theme.colour("muted"), LEFT)
        name = "text" if self.level <= health.HINT else COLOURS[self.level]
        words(painter, QRectF(0, 16, width, 23), self.value, 16, theme.colour(name), LEFT, True)


class Lamps(QWidget):
    """A lamp for each process, with its name. [main]"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lamps: list[tuple[str, int]] = []
        self.setAccessibleName("processes")
        self.setFixedHeight(40)

    def sizeHint(self) -> QSize:
        return QSize(sum(map(self._width, self.lamps)), 40)

    def _width(self, lamp: tuple[str, int]) -> int:
        return QFontMetrics(theme.font(12)).horizontalAdvance(lamp[0]) + 30

    def show_lamps(self, lamps: list[tuple[str, int]]) -> None:
        """Names and how they fare; -1: not in use. [main]"""
        if lamps != self.lamps:
            self.lamps = lamps
            words_of = {-1: "off", 0: "well", 1: "busy", 2: "in trouble", 3: "gone"}
            says = ", ".join(f"{name} {words_of[level]}" for name, level in lamps)
            self.setAccessibleDescription(says)
            self.setToolTip(says)
            self.setFixedWidth(self.sizeHint().width())
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = 0.0
        for name, level in self.lamps:
            width = self._width((name, level))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(COLOURS[level] if level >= 0 else "line"))
            painter.drawEllipse(QRectF(x, 15, 10, 10))
            place = QRectF(x + 14, 0, width - 14, 40)
            words(painter, place, name, 12, theme.colour("muted"), LEFT)
            x += width


class HealthBar(QFrame):
    """`acted` carries what a click on the sentence means: start, settings. [main]"""

    acted = pyqtSignal(str)

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.starting: Callable[[], bool] = lambda: False
        self.failed: Callable[[], str] = str
        self.finding = health.Finding(health.FINE, FINE_TEXT)
        self._shown = (0, "")
        self._growth = health.Growth()
        self._since: dict[str, int] = {}
        self._said, self._said_until_s = "", 0.0
        self.setProperty("card", True)
        self.setFixedHeight(52)
        self.sentence = QPushButton(FINE_TEXT)
        self.sentence.setProperty("role", "flat")
        self.sentence.setAccessibleName("health")
        self.sentence.setMinimumWidth(120)
        self.sentence.clicked.connect(self._act)
        self.delay = Reading("Key to sound, p50 / p99", 158)
        self.load = Reading("Load p99.9", 76)
        self.lamps = Lamps()
        self.xruns = QPushButton("0 xruns")
        self.xruns.setAccessibleName("xruns; press to count from zero")
        self.xruns.setMinimumWidth(96)
        bind(context, self.xruns, "/ripieno/statistics/reset")
        self.xruns.setToolTip("Gaps in the sound so far; click to count from zero")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 12, 4)
        row.setSpacing(16)
        self.dot = Dot()
        row.addWidget(self.dot)
        row.addWidget(self.sentence, 1)
        for widget in (self.lamps, self.delay, self.load, self.xruns):
            row.addWidget(widget)
        mirror = context.mirror
        mirror.on("statistics", self._take_statistics)
        mirror.on("said", self._take_said)
        for topic in ("connection", "device", "chains", "recorder", "continuation", "transport"):
            mirror.on(topic, self.judge)
        context.bridge.frame.connect(self._tick)
        self._judged_s = 0.0
        self.judge()

    def say(self, sentence: str) -> None:
        """Show a sentence for a while. [main]"""
        self._said, self._said_until_s = sentence, time.monotonic() + SAID_S
        self.judge()

    def signs(self) -> health.Signs:
        """What the rules look at, now. [main]"""
        mirror = self.context.mirror
        return health.Signs(
            connection=mirror.connection,
            statistics=mirror.statistics,
            since=self._since,
            device=mirror.section("device"),
            inputs=tuple(mirror.state.get("inputs", ("a keyboard",))),
            input_wanted=str(mirror.state.get("input_wanted") or ""),
            chains=mirror.section("chains"),
            recorder=mirror.section("recorder"),
            continuation=mirror.section("continuation"),
            transport=mirror.section("transport"),
            chord_window_ms=float(mirror.value("/ripieno/chord_window", 0.0)),
            starting=self.starting(),
            failed=self.failed(),
        )

    def judge(self) -> None:
        """Say what is the matter. [main]"""
        self._judged_s = time.monotonic()
        signs = self.signs()
        found = health.judge(signs)
        worst = found[0] if found else health.Finding(health.FINE, FINE_TEXT)
        if self._said and self._judged_s < self._said_until_s and worst.level < health.TROUBLE:
            worst = health.Finding(max(worst.level, health.HINT), self._said, worst.action)
        self.finding = worst
        self._show_sentence()
        self._show_lamps(signs)

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._show_sentence()

    def _show_sentence(self) -> None:
        text = self.finding.sentence
        room = max(40, self.sentence.width() - 24)
        px, shown = ONE_LINE_PX, text
        if QFontMetrics(theme.font(ONE_LINE_PX)).horizontalAdvance(text) > room:
            px, shown = TWO_LINES_PX, in_two_lines(text, room)
        if (px, shown) != self._shown:
            self._shown = (px, shown)
            self.sentence.setStyleSheet(
                f"text-align: left; font-size: {px}px; padding: 2px 8px; min-height: 34px;"
            )
            self.sentence.setText(shown)
        self.sentence.setToolTip(text)
        self.sentence.setAccessibleDescription(text)
        self.dot.show_level(self.finding.level)

    def _show_lamps(self, signs: health.Signs) -> None:
        lamps = [("Engine", {"connected": 0, "slow": 2, "gone": 3}.get(signs.connection, 1))]
        worker = (signs.continuation.get("worker") or {}).get("state", "off")
        if signs.continuation:
            level = {"off": -1, "ready": 0, "loading": 1, "restarting": 2}.get(worker, 3)
            lamps.append(("Continuation", level))
        if signs.chains:
            states = [chain.get("state", "") for chain in signs.chains.values()]
            bad = any(state not in ("running", "ready", "loading", "") for state in states)
            lamps.append(("Plugins", 2 if bad else 1 if "loading" in states else 0))
        recorder = signs.recorder
        lamps.append(("Recorder", 0 if recorder.get("on") else -1))
        self.lamps.show_lamps(lamps)

    def _take_statistics(self) -> None:
        statistics = self.context.mirror.statistics
        self._since = self._growth.feed(statistics, time.monotonic())
        signs = self.signs()
        path_ms = health.path_ms(signs)
        if statistics.notes:
            low, high = statistics.delay_p50_ms + path_ms, statistics.delay_p99_ms + path_ms
            late = high - signs.chord_window_ms > health.LONG_DELAY_MS
            level = health.WARNING if late else health.FINE
            self.delay.show_reading(f"{low:.1f} / {high:.1f} ms", level)
        else:
            self.delay.show_reading("no note yet")
        load = statistics.load_p999
        level = health.TROUBLE if load >= health.OVERLOAD else health.FINE
        self.load.show_reading(
            f"{load:.0f} %", health.WARNING if level == 0 and load >= 70 else level
        )
        count = statistics.xruns
        self.xruns.setText("1 xrun" if count == 1 else f"{count} xruns")

    def _take_said(self) -> None:
        if self.context.mirror.said:
            self.say(self.context.mirror.said[-1])

    def _tick(self, now_s: float) -> None:
        if now_s - self._judged_s > 0.5:
            self.judge()

    def _act(self) -> None:
        if self.finding.action:
            self.acted.emit(self.finding.action)


def in_two_lines(text: str, room: int) -> str:
    """A sentence broken between words; what two lines cannot hold is left out at its end. [main]"""
    metrics = QFontMetrics(theme.font(TWO_LINES_PX))
    words_left = text.split(" ")
    first = words_left.pop(0)
    while words_left and metrics.horizontalAdvance(f"{first} {words_left[0]}") <= room:
        first = f"{first} {words_left.pop(0)}"
    rest = metrics.elidedText(" ".join(words_left), Qt.TextElideMode.ElideRight, room)
    return f"{first}\n{rest}" if rest else first


class Dot(QWidget):
    """How bad it is, as a colour. [main]"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.level = health.FINE
        self.setFixedSize(18, 18)
        self.setAccessibleName("health lamp")

    def show_level(self, level: int) -> None:
        """FINE to TROUBLE. [main]"""
        if level != self.level:
            self.level = level
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(COLOURS[self.level]))
        painter.drawEllipse(QRectF(2, 2, 14, 14))
