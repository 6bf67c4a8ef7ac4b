"""The plane of a morph sound: anchors with their names, the puck and its trail, painted. [main]

Drag the puck, or click where it shall be; arrow keys move it a little, Shift finer, Home to the
middle. Where the player put it is a ring, where it is now, moved by what moves it, a disc.
"""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget

from engine.morph_plane import Plane, plane_of, weights_at
from gui import theme
from gui.mirror.pads import Pad, Trail
from gui.widgets.paint import focus_ring, words

EDGE, PUCK_R, ANCHOR_R = 52.0, 11.0, 7.0
STEP, FINE_STEP = 0.02, 0.002


class PadPlane(QWidget):
    """`changed(x, y)` when a hand puts the puck elsewhere."""

    changed = pyqtSignal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pad = Pad()
        self.plane: Plane | None = None
        self.put = (0.5, 0.5)  # by the player
        self.puck = (0.5, 0.5)  # with all that moves it
        self.trail = Trail()
        self.tint = "accent"
        self._held = False
        self.setAccessibleName("Pad")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def sizeHint(self) -> QSize:
        return QSize(480, 480)

    def minimumSizeHint(self) -> QSize:
        return QSize(260, 240)

    # ---- what is shown ---------------------------------------------------------------------

    def show_pad(self, pad: Pad) -> None:
        """Another plane, or another trajectory on it. [main]"""
        if pad != self.pad:
            if pad.anchors != self.pad.anchors:
                self.trail = Trail()
            self.pad = pad
            places = [(anchor.x, anchor.y) for anchor in pad.anchors]
            self.plane = plane_of(places) if places else None
            self._say()
            self.update()

    def show_put(self, x: float, y: float) -> None:
        """Where somebody else put the puck; waits while a hand is on it. [main]"""
        if not self._held and (x, y) != self.put:
            self.put = (x, y)
            self._say()
            self.update()

    def show_puck(self, x: float, y: float) -> None:
        """Where the puck is now; leaves a trail. [main]"""
        self.puck = (x, y)
        if self.trail.add(x, y):
            self.update()

    def weights(self) -> list[float]:
        """How much of each anchor is heard where the puck is. [main]"""
        return weights_at(self.plane, *self.puck).tolist() if self.plane else []

    def _say(self) -> None:
        names = ", ".join(self.pad.texts)
        x, y = (round(100 * v) for v in self.put)
        self.setAccessibleDescription(f"{names}; puck at {x} % across, {y} % up")

    # ---- hands -----------------------------------------------------------------------------

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        assert a0 is not None
        if a0.button() != Qt.MouseButton.LeftButton or not self.pad.anchors:
            a0.ignore()
            return
        self._held = True
        self._put_at(a0.position())

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        assert a0 is not None
        if self._held:
            self._put_at(a0.position())

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        self._held = False

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        assert a0 is not None
        shift = bool(a0.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        step = FINE_STEP if shift else STEP
        moves = {
            Qt.Key.Key_Left: (-step, 0.0),
            Qt.Key.Key_Right: (step, 0.0),
            Qt.Key.Key_Down: (0.0, -step),
            Qt.Key.Key_Up: (0.0, step),
        }
        key = Qt.Key(a0.key())
        if key in moves and self.pad.anchors:
            self._put(self.put[0] + moves[key][0], self.put[1] + moves[key][1])
        elif key == Qt.Key.Key_Home and self.pad.anchors:
            self._put(0.5, 0.5)
        else:
            a0.ignore()

    def _put_at(self, place: QPointF) -> None:
        area = self.area()
        self._put(
            (place.x() - area.left()) / area.width(), (area.bottom() - place.y()) / area.height()
        )

    def _put(self, x: float, y: float) -> None:
        put = (min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))
        if put != self.put:
            self.put = put
            self._say()
            self.update()
            self.changed.emit(*put)

    # ---- painting --------------------------------------------------------------------------

    def area(self) -> QRectF:
        """The plane within the widget: a square in its middle. [main]"""
        side = max(min(self.width(), self.height()) - 2 * EDGE, 40.0)
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def place(self, x: float, y: float) -> QPointF:
        """A place of the plane on the widget. [main]"""
        area = self.area()
        return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = self.area()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("window"))
        painter.drawRoundedRect(area.adjusted(-12, -12, 12, 12), 8, 8)
        if self.plane is None:
            words(painter, area, "This part plays no morph sound", 14, theme.colour("muted"))
            return
        self._paint_cells(painter)
        self._paint_trajectory(painter)
        self._paint_trail(painter)
        self._paint_anchors(painter)
        self._paint_puck(painter)
        if self.hasFocus():
            focus_ring(painter, area.adjusted(-12, -12, 12, 12), 8)

    def _paint_cells(self, painter: QPainter) -> None:
        assert self.plane is not None
        painter.setPen(QPen(theme.colour("faint"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for cell in self.plane.cells:
            painter.drawPolygon(QPolygonF([self._anchor_place(k) for k in cell]))
        for one, other in self.plane.edges:
            painter.drawLine(self._anchor_place(one), self._anchor_place(other))

    def _paint_trajectory(self, painter: QPainter) -> None:
        if len(self.pad.trajectory) > 1:
            painter.setPen(QPen(theme.colour("muted"), 1.5, Qt.PenStyle.DashLine))
            painter.drawPolyline(QPolygonF([self.place(*p) for p in self.pad.trajectory]))

    def _paint_trail(self, painter: QPainter) -> None:
        places = [self.place(*p) for p in self.trail.places]
        colour = QColor(theme.colour(self.tint))
        for k in range(1, len(places)):
            colour.setAlphaF(0.7 * k / len(places))
            painter.setPen(QPen(colour, 3, cap=Qt.PenCapStyle.RoundCap))
            painter.drawLine(places[k - 1], places[k])

    def _paint_anchors(self, painter: QPainter) -> None:
        shown = zip(self.pad.anchors, self.pad.texts, self.weights(), strict=True)
        for anchor, text, weight in shown:
            at = self.place(anchor.x, anchor.y)
            glow = QColor(theme.colour(self.tint))
            glow.setAlphaF(0.35)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(glow)
            radius = ANCHOR_R + 20 * max(weight, 0.0) ** 0.5
            painter.drawEllipse(at, radius, radius)
            painter.setBrush(theme.colour("text"))
            painter.drawEllipse(at, ANCHOR_R, ANCHOR_R)
            top = at.y() + radius + 4 if anchor.y < 0.5 else at.y() - radius - 22
            box = QRectF(at.x() - 70, top, 140, 18)
            box.moveLeft(min(max(box.left(), 2.0), self.width() - 142.0))
            words(painter, box, text, 12, theme.colour("text"), bold=weight > 0.5)

    def _paint_puck(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("text"), 2))
        painter.drawEllipse(self.place(*self.put), PUCK_R + 3, PUCK_R + 3)
        painter.setBrush(theme.colour(self.tint))
        painter.setPen(QPen(theme.colour("window"), 2))
        painter.drawEllipse(self.place(*self.puck), PUCK_R, PUCK_R)

    def _anchor_place(self, k: int) -> QPointF:
        return self.place(self.pad.anchors[k].x, self.pad.anchors[k].y)
