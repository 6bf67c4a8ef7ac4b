"""The stage's piano roll: notes scroll leftwards past the now-line, planned ones wait to its right.

One plain painted widget. What stands still (rows, names of octaves) is a picture made once a size;
each frame draws it and then a few batches of rectangles, one for each part and confidence. [main]
"""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PyQt6.QtWidgets import QWidget

from gui import theme
from gui.mirror.notes import Bar, Notes, Planned
from gui.mirror.transport import Transport
from gui.pitch import is_black
from gui.widgets.paint import words

NOW_AT = 0.74  # of the width
USUAL = (43, 84)
SHADES = 4  # steps of confidence
FAINTEST = 0.38
PLANNED_ALPHA = 0.34
LEAST_W = 4.0
GUTTER = 34.0  # for the octaves' names


class Roll(QWidget):
    """Give it notes and transport once, then `show_moment` every frame. [main]"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seconds = 8.0  # left of the now-line
        self.notes = Notes()
        self.transport = Transport()
        self.frame_now = 0.0
        self.painted_notes = 0  # of the last frame, for benchmarks and tests
        self._low, self._high = USUAL
        self._ground: QPixmap | None = None
        self._ground_theme = ""
        self._still = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("piano roll: what was played, by whom, and what is planned")
        self.setMinimumSize(320, 160)

    def sizeHint(self) -> QSize:
        return QSize(1000, 420)

    def show_moment(self, notes: Notes, transport: Transport, frame_now: float) -> None:
        """Scroll to now; nothing is painted while nothing moves. [main]"""
        self.notes, self.transport, self.frame_now = notes, transport, frame_now
        oldest = frame_now - (self.seconds + 1.0) * notes.clock.rate_hz
        moving = bool(notes.sounding or notes.plan or transport.rolling)
        moving = moving or any(bar.end_frame > oldest for bar in reversed(notes.bars))
        if moving or not self._still:
            self._still = not moving
            self.update()

    def begin_anew(self) -> None:
        """Show the usual pitches, until others are played. [main]"""
        self._set_range(*USUAL)

    @property
    def range(self) -> tuple[int, int]:
        """Lowest and highest pitch shown. [main]"""
        return self._low, self._high

    def y_of(self, pitch: float) -> float:
        """The upper edge of a pitch's row. [main]"""
        return (self._high - pitch) * self.height() / (self._high - self._low + 1)

    def x_of(self, frame: float) -> float:
        """Where a frame lies. [main]"""
        return self._now_x() + (frame - self.frame_now) * self._pixels_a_frame()

    # ---- painting --------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        self._widen()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._background())
        self._beats(painter)
        self._planned(painter)
        self._bars(painter)
        now = round(self._now_x())
        painter.fillRect(QRectF(now - 1, 0, 2, self.height()), theme.colour("text", 0.85))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._ground = None

    def _bars(self, painter: QPainter) -> None:
        scale, now_x, now = self._pixels_a_frame(), self._now_x(), self.frame_now
        row = self.height() / (self._high - self._low + 1)
        height = max(3.0, row - 1.0)
        first = now - (now_x - GUTTER) / scale
        batches: dict[tuple[int, int], list[QRectF]] = {}
        heads: dict[int, list[QRectF]] = {}
        self.painted_notes = 0
        for bar in self.notes.bars:
            end = bar.end_frame if bar.end_frame >= 0 else now
            if end < first or bar.start_frame > now:
                continue
            left = max(GUTTER, now_x + (bar.start_frame - now) * scale)
            right = min(now_x, now_x + (end - now) * scale)
            y = (self._high - bar.pitch) * row
            width = max(LEAST_W, right - left)
            shade = round(min(1.0, max(0.0, bar.confidence)) * (SHADES - 1))
            batches.setdefault((bar.part, shade), []).append(QRectF(left, y, width, height))
            if shade < SHADES - 1:  # where an unsure note began is seen all the same
                heads.setdefault(bar.part, []).append(QRectF(left, y, 3.0, height))
            self.painted_notes += 1
        painter.setPen(Qt.PenStyle.NoPen)
        for (part, shade), rects in batches.items():
            alpha = FAINTEST + (1.0 - FAINTEST) * shade / (SHADES - 1)
            self._batch(painter, rects, theme.part_colour(part, alpha))
        for part, rects in heads.items():
            self._batch(painter, rects, theme.part_colour(part))

    def _planned(self, painter: QPainter) -> None:
        row = self.height() / (self._high - self._low + 1)
        height, now_x = max(3.0, row - 1.0), self._now_x()
        batches: dict[int, list[QRectF]] = {}
        for planned, left, width in self._ahead():
            if left + width > now_x and left < self.width():
                y = (self._high - planned.pitch) * row
                place = QRectF(max(left, now_x), y, max(LEAST_W, width), height)
                batches.setdefault(planned.part, []).append(place)
        for part, rects in batches.items():
            painter.setPen(QPen(theme.part_colour(part, 0.8), 1.0))
            painter.setBrush(theme.part_colour(part, PLANNED_ALPHA))
            painter.drawRects(*rects)
        painter.setPen(Qt.PenStyle.NoPen)

    def _ahead(self) -> Iterable[tuple[Planned, float, float]]:
        transport, scale = self.transport, self._pixels_a_frame()
        beat_now = self.notes.plan_beat(self.frame_now, transport)
        for planned in self.notes.plan:
            left = self._now_x() + transport.frames(planned.beat - beat_now) * scale
            yield planned, left, transport.frames(planned.beats) * scale - 1.0

    def _beats(self, painter: QPainter) -> None:
        transport = self.transport
        if not transport.rolling:
            return
        a_beat = transport.frames(1.0) * self._pixels_a_frame()
        if a_beat < 6.0:
            return
        beat_now = transport.beat_at(self.frame_now)
        first = int(beat_now - (self._now_x() - GUTTER) / a_beat)
        last = int(beat_now + (self.width() - self._now_x()) / a_beat) + 1
        for beat in range(first, last + 1):
            x = self._now_x() + (beat - beat_now) * a_beat
            if x < GUTTER:
                continue
            strong = beat % transport.beats_per_bar == 0
            painter.fillRect(
                QRectF(x, 0, 1, self.height()), theme.colour("line", 0.85 if strong else 0.32)
            )

    def _batch(self, painter: QPainter, rects: list[QRectF], colour: QColor) -> None:
        painter.setBrush(colour)
        painter.drawRects(*rects)

    def _now_x(self) -> float:
        return GUTTER + (self.width() - GUTTER) * NOW_AT

    def _pixels_a_frame(self) -> float:
        return (self._now_x() - GUTTER) / (self.seconds * self.notes.clock.rate_hz)

    def _widen(self) -> None:
        """Rows for what is played outside those shown."""
        low, high = self._low, self._high
        for note in (*_latest(self.notes.bars), *self.notes.plan):
            low, high = min(low, note.pitch), max(high, note.pitch)
        if (low, high) != (self._low, self._high):
            self._set_range(max(0, low - (low < self._low)), min(127, high + (high > self._high)))

    def _set_range(self, low: int, high: int) -> None:
        if (low, high) != (self._low, self._high):
            self._low, self._high, self._ground, self._still = low, high, None, False
            self.update()

    def _background(self) -> QPixmap:
        name = theme.current().name
        if self._ground is None or self._ground_theme != name:
            self._ground_theme = name
            ratio = self.devicePixelRatioF()
            self._ground = QPixmap(self.size() * ratio)
            self._ground.setDevicePixelRatio(ratio)
            self._paint_ground(self._ground)
        return self._ground

    def _paint_ground(self, ground: QPixmap) -> None:
        ground.fill(theme.colour("panel"))
        painter = QPainter(ground)
        row = self.height() / (self._high - self._low + 1)
        for pitch in range(self._low, self._high + 1):
            y = (self._high - pitch) * row
            if is_black(pitch):
                painter.fillRect(QRectF(0, y, self.width(), row), theme.colour("faint", 0.55))
            if pitch % 12 == 0:
                painter.fillRect(QRectF(0, y + row - 1, self.width(), 1), theme.colour("line", 0.6))
                place = QRectF(0, max(1.0, y + row - 15), GUTTER - 6, 14)
                right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom
                name = f"C{pitch // 12 - 1}"
                words(painter, place, name, 11, theme.colour("muted"), right)
        ahead = QRectF(self._now_x(), 0, self.width() - self._now_x(), self.height())
        painter.fillRect(ahead, theme.colour("window", 0.45))
        painter.end()


def _latest(bars: Iterable[Bar]) -> list[Bar]:
    """The last few notes: the others have been looked at before."""
    found = []
    for bar in reversed(bars):  # type: ignore[call-overload]
        found.append(bar)
        if len(found) == 16:
            break
    return found
