"""Stage: what the player glances at: parts above, the roll, the keyboard below. [main]"""

from __future__ import annotations

from PyQt6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from gui.context import Context
from gui.widgets.part_tile import PartTile
from gui.widgets.piano_strip import PianoStrip
from gui.widgets.roll import Roll

GLOW_S = 0.6
TILES_A_ROW = 8


class Page(QWidget):
    """Moves with every frame while it is seen. [main]"""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.tiles: list[PartTile] = []
        self.roll, self.piano = Roll(), PianoStrip()
        self.roll.seconds = context.preferences.seconds_shown
        self._rows = QGridLayout()
        self._rows.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._rows)
        column.addWidget(self.roll, 1)
        column.addWidget(self.piano)
        self.piano.pressed.connect(lambda p, v: context.bridge.act("/ripieno/key", p, v))
        self.piano.released.connect(lambda p: context.bridge.act("/ripieno/key", p, 0))
        context.mirror.on("ensemble", self.show_parts)
        context.bridge.frame.connect(self.tick)
        self.show_parts()

    def show_parts(self) -> None:
        """A tile for every part; the roll and the keyboard as wide as they play. [main]"""
        parts = self.context.mirror.ensemble.parts
        if [tile.name for tile in self.tiles] != [part.name for part in parts]:
            for tile in self.tiles:
                self._rows.removeWidget(tile)
                tile.deleteLater()
            self.roll.begin_anew()
            self.tiles = [PartTile(part.number - 1, part.name) for part in parts]
            for place, tile in enumerate(self.tiles):
                self._rows.addWidget(tile, place // TILES_A_ROW, place % TILES_A_ROW)
        if parts:
            low, high = min(part.low for part in parts), max(part.high for part in parts)
            self.piano.show_range(max(24, low), min(108, high))

    def tick(self, now_s: float) -> None:
        """Move on to now. [main]"""
        if not self.isVisible():
            return
        mirror = self.context.mirror
        notes = mirror.notes
        notes.prune(now_s)
        self.roll.show_moment(notes, mirror.transport, notes.clock.frame(now_s))
        self.piano.show_keys(notes.pitches())
        held = [0] * len(self.tiles)
        for bar in notes.sounding.values():
            if 0 <= bar.part < len(held):
                held[bar.part] += 1
        for tile, count in zip(self.tiles, held, strict=True):
            since_s = now_s - notes.last_part_s.get(tile.index, -GLOW_S)
            glow = max(0.0, 1.0 - since_s / GLOW_S)
            muted = bool(mirror.value(f"/ripieno/part/{tile.index + 1}/mute", 0))
            tile.show_activity(glow, count, muted)
