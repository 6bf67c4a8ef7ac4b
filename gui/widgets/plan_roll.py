"""What the ensemble means to play next, as a small piano roll from now on; painted. [main]"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.mirror.notes import Planned

BEATS = 16.0  # shown
LEAST_KEYS = 24


class PlanRoll(QWidget):
    """`colour_of(part)` gives a part's colour, parts from 0. The owner says where now is."""

    def __init__(self, colour_of: Callable[[int], QColor], parent: QWidget | None = None):
        super().__init__(parent)
        self._colour_of = colour_of
        self._notes: tuple[Planned, ...] = ()
        self._until_beat = 0.0
        self._now_beat = 0.0
        self._beats_per_bar = 4
        self.setAccessibleName("Notes the ensemble has planned")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_plan(
        self, notes: Sequence[Planned], until_beat: float, now_beat: float, beats_per_bar: int = 4
    ) -> None:
        """Show notes that have not ended at `now_beat`; the plan is whole up to `until_beat`."""
        coming = tuple(note for note in notes if note.beat + note.beats > now_beat)
        shown = (coming, until_beat, round(now_beat, 2), beats_per_bar)
        if shown != (self._notes, self._until_beat, round(self._now_beat, 2), self._beats_per_bar):
            self._notes, self._until_beat = coming, until_beat
            self._now_beat, self._beats_per_bar = now_beat, beats_per_bar
            ahead = max(until_beat - now_beat, 0.0)
            count = "1 note" if len(coming) == 1 else f"{len(coming)} notes"
            said = f"{count} over the next {ahead:.0f} beats" if coming else "no plan"
            self.setAccessibleDescription(said)
            self.update()

    @property
    def notes(self) -> tuple[Planned, ...]:
        """What it shows."""
        return self._notes

    def sizeHint(self) -> QSize:
        return QSize(420, 120)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 100)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("window"))
        painter.drawRoundedRect(box, 6, 6)
        painter.setClipRect(box.adjusted(2, 2, -2, -2))
        per_beat = box.width() / BEATS
        first = math.ceil(self._now_beat)
        for beat in range(first, first + int(BEATS) + 1):
            bar = beat % self._beats_per_bar == 0
            line = theme.colour("line" if bar else "faint")
            x = (beat - self._now_beat) * per_beat
            painter.setPen(QPen(line, 1))
            painter.drawLine(QPointF(x, 0), QPointF(x, box.height()))
        end_x = (self._until_beat - self._now_beat) * per_beat
        if 0 < end_x < box.width():
            painter.setPen(QPen(theme.colour("accent"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(end_x, 0), QPointF(end_x, box.height()))
        if not self._notes:
            painter.setPen(theme.colour("muted"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "Nothing is planned")
            return
        self._paint_notes(painter, box, per_beat)

    def _paint_notes(self, painter: QPainter, box: QRectF, per_beat: float) -> None:
        low = min(note.pitch for note in self._notes) - 2
        high = max(note.pitch for note in self._notes) + 2
        missing = max(LEAST_KEYS - (high - low), 0)
        low, high = low - missing // 2, high + missing - missing // 2
        tall = (box.height() - 8) / (high - low + 1)
        painter.setPen(Qt.PenStyle.NoPen)
        for note in self._notes:
            x = (note.beat - self._now_beat) * per_beat
            wide = max(note.beats * per_beat - 1.5, 3.0)
            y = 4 + (high - note.pitch) * tall
            colour = QColor(self._colour_of(note.part))
            colour.setAlphaF(0.45 + 0.5 * min(note.velocity, 127) / 127)
            painter.setBrush(colour)
            painter.drawRoundedRect(QRectF(x, y + 0.5, wide, max(tall - 1.0, 2.5)), 2, 2)
