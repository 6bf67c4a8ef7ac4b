"""What the network looks at: the remembered notes as a small roll, brighter the more it looked.

Arcs lead from those it looked at most to the note it drew, at the right. Painted anew only when
another note was drawn, a few times a second. [main]
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.mirror.attention import Attention, Seen
from gui.widgets.histogram import nice_step
from gui.widgets.paint import words

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
AXIS_H, HEAD_H, SIDE, ABOVE = 22.0, 30.0, 16.0, 0.2  # the last: of the height, for the arcs
LEAST_KEYS, LEAST_BEATS = 20, 8.0
TAIL, NOTE_W = 0.05, 16.0  # of the width, behind the drawn note's beginning; pixels of it
ARCS, LEAST_SHARE = 14, 0.004  # a share that is less gets no arc
FAINTEST, BRIGHTENING = 0.2, 0.45  # the power that brings out small shares
EMPTY = "Let the ensemble play on (page Continuation), and see what it looks back at."


class AttentionRoll(QWidget):
    """Give it what the mirror has with `show_attention`. [main]"""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.attention = Attention()
        self.said = ""
        self._beats_per_bar = 4
        self.setAccessibleName(title)
        self.setAccessibleDescription(EMPTY)
        self.setMinimumSize(320, 170)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(860, 240)

    def show_attention(
        self, attention: Attention, part_names: Sequence[str], beats_per_bar: int
    ) -> None:
        """Show this; one without a note is said to be nothing. [main]"""
        said = attention.text(part_names, beats_per_bar)
        if (attention, said) == (self.attention, self.said):
            return
        self.attention, self.said, self._beats_per_bar = attention, said, beats_per_bar
        self.setAccessibleDescription(said or EMPTY)
        self.update()

    def arcs(self) -> list[Seen]:
        """The notes that get an arc, the most attended first. [main]"""
        return [each for each in self.attention.seen[:ARCS] if each.share >= LEAST_SHARE]

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("panel"))
        painter.drawRoundedRect(QRectF(self.rect()), 10, 10)
        line = QRectF(SIDE, 6, self.width() - 2 * SIDE, HEAD_H)
        words(painter, line, self.title, 15, theme.colour("text"), LEFT, bold=True)
        line = QRectF(SIDE, HEAD_H + 2, self.width() - 2 * SIDE, 20)
        words(painter, line, self.said or EMPTY, 13, theme.colour("muted"), LEFT)
        place = QRectF(SIDE, HEAD_H + 26, self.width() - 2 * SIDE, 0)
        place.setBottom(self.height() - AXIS_H - 6)
        note = self.attention.note
        if note is None or place.height() < 20:
            return
        view = _View(place, note, self.attention.seen)
        self._bars(painter, view, note)
        painter.setClipRect(place)
        seen = sorted(self.attention.seen, key=lambda each: each.share)
        most = max(seen[-1].share, 1e-6) if seen else 1.0
        for each in reversed(self.arcs()):
            self._arc(painter, view, each, note, each.share / most)
        painter.setPen(Qt.PenStyle.NoPen)
        for each in seen:
            painter.setBrush(_colour(each, _bright(each.share / most)))
            painter.drawRoundedRect(view.rect_of(each), 2, 2)
        painter.setBrush(_colour(note, 1.0))
        painter.setPen(QPen(theme.colour("text"), 1.6))
        painter.drawRoundedRect(view.rect_of_drawn(note), 3, 3)

    def _bars(self, painter: QPainter, view: _View, note: Seen) -> None:
        """Bar lines, and under them how many beats before the note."""
        place, bar = view.place, self._beats_per_bar
        beat = math.floor(view.last / bar) * bar
        while beat >= view.first:
            line = QRectF(view.x_of(beat), place.top(), 1, place.height())
            painter.fillRect(line, theme.colour("faint"))
            beat -= bar
        painter.fillRect(
            QRectF(place.left(), place.bottom(), place.width(), 1), theme.colour("line")
        )
        all_bars = (view.last - view.first) / bar
        bars = math.ceil(nice_step(all_bars / max(2.0, place.width() / 130.0)))
        before = 0
        while note.beat - before * bar >= view.first:
            x = view.x_of(note.beat - before * bar)
            painter.fillRect(QRectF(x, place.bottom(), 1, 4), theme.colour("line"))
            room = QRectF(x - 55, place.bottom() + 4, 110, AXIS_H - 4)
            room.moveLeft(min(max(2.0, room.left()), self.width() - room.width() - 2))
            counted = "1 bar" if before == 1 else f"{before} bars"
            text = f"{counted} before" if before else "the note"
            words(painter, room, text, 11, theme.colour("muted"))
            before += bars

    def _arc(self, painter: QPainter, view: _View, each: Seen, note: Seen, part: float) -> None:
        """From a remembered note to the drawn one, over everything between."""
        box, to = view.rect_of(each), view.rect_of_drawn(note)
        start, end = QPointF(box.center().x(), box.top()), QPointF(to.left(), to.center().y())
        rise = max(12.0, min(start.y(), end.y()) - view.place.top() - 4.0)
        rise *= 0.45 + 0.55 * (end.x() - start.x()) / max(view.place.width(), 1.0)
        top = min(start.y(), end.y()) - rise
        path = QPainterPath(start)
        third = (end.x() - start.x()) / 3.0
        path.cubicTo(QPointF(start.x() + third, top), QPointF(end.x() - third, top), end)
        shade = QLinearGradient(start, end)
        shade.setColorAt(0.0, _colour(each, 0.25 + 0.6 * part))
        shade.setColorAt(1.0, _colour(note, 0.15 + 0.5 * part))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(shade, 1.0 + 2.6 * part))
        painter.drawPath(path)


class _View:
    """Which beats and keys lie where."""

    def __init__(self, place: QRectF, note: Seen, seen: Sequence[Seen]) -> None:
        shown = (note, *seen)
        self.place = place
        self.first = min(min(each.beat for each in shown), note.beat - LEAST_BEATS)
        self.last = note.beat + TAIL * (note.beat - self.first)
        low = min(each.pitch for each in shown) - 1
        high = max(each.pitch for each in shown) + 1
        missing = max(LEAST_KEYS - (high - low), 0)
        self.low, self.high = low - missing // 2, high + missing - missing // 2
        self.tall = place.height() * (1.0 - ABOVE) / (self.high - self.low + 1)

    def x_of(self, beat: float) -> float:
        """Where a beat lies."""
        return self.place.left() + self.place.width() * (beat - self.first) / (
            self.last - self.first
        )

    def rect_of(self, each: Seen) -> QRectF:
        """Where a note lies."""
        left, right = self.x_of(each.beat), self.x_of(min(each.beat + each.beats, self.last))
        y = self.place.bottom() - (each.pitch - self.low + 1) * self.tall
        return QRectF(left, y + 0.5, max(right - left - 1.0, 3.0), max(self.tall - 1.0, 3.0))

    def rect_of_drawn(self, note: Seen) -> QRectF:
        """Where the drawn note lies: large enough to be found."""
        box = self.rect_of(note)
        return QRectF(box.left(), box.center().y() - 4.5, max(box.width(), NOTE_W), 9.0)


def _bright(part: float) -> float:
    return FAINTEST + (1.0 - FAINTEST) * part**BRIGHTENING


def _colour(each: Seen, alpha: float) -> QColor:
    if each.part < 0:
        return theme.colour("muted", alpha)
    return theme.part_colour(each.part, alpha)
