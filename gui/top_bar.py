"""The bar above all pages: what is played, where the music is, who has the floor, panic. [main]"""

from __future__ import annotations

import time

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.binding import bind
from gui.context import Context
from gui.widgets.beat_display import BeatDisplay
from gui.widgets.elided import Elided
from gui.widgets.floor_pill import FloorPill
from gui.widgets.take_clock import TakeClock


class TopBar(QFrame):
    """Listens to the mirror while it lives. [main]"""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.setProperty("card", True)
        self.setFixedHeight(68)
        self.title = Elided("what is played with", "Ripieno")
        self.title.setProperty("role", "title")
        self.subtitle = Elided("parts, or place in the set list")
        self.subtitle.setProperty("role", "muted")
        self.beat = BeatDisplay()
        self.floor = FloorPill()
        self.record = TakeClock()
        self.play = QPushButton("Play")
        self.play.setCheckable(True)
        self.play.setAccessibleName("transport: play or stop")
        self.play.setMinimumWidth(78)
        self.keep = QPushButton("Keep that")
        self.keep.setAccessibleName("keep what was just played as a take")
        bind(context, self.keep, "/ripieno/take/keep")
        self.panic = QPushButton("Panic")
        self.panic.setProperty("role", "panic")
        self.panic.setMinimumSize(104, 46)
        self.panic.setAccessibleName("panic: silence every note")
        bind(context, self.panic, "/ripieno/panic")
        self.panic.setToolTip("Silence every note on every part and port, now (Esc)")
        self._lay_out()
        self.play.clicked.connect(self.play_or_stop)
        mirror = context.mirror
        for topic, listener in (
            ("ensemble", self._show_names),
            ("rig", self._show_names),
            ("transport", self._show_transport),
            ("/ripieno/transport/rolling", self._show_transport),
            ("floor", self._show_floor),
            ("recorder", self._show_recorder),
            ("connection", self._show_names),
        ):
            mirror.on(topic, listener)
            listener()
        context.bridge.frame.connect(self.tick)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 4, 12, 4)
        row.setSpacing(14)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addStretch(1)
        names.addWidget(self.title)
        names.addWidget(self.subtitle)
        names.addStretch(1)
        row.addLayout(names, 1)
        for widget in (self.beat, self.floor, self.play, self.record, self.keep, self.panic):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)

    def play_or_stop(self) -> None:
        """Start the transport, or stop it. [main]"""
        rolling = self.context.mirror.transport.rolling
        verb = "stop" if rolling else "start"
        self.context.bridge.act(f"/ripieno/transport/{verb}")

    def tick(self, now_s: float) -> None:
        """Move on to now. [main]"""
        mirror = self.context.mirror
        self.beat.show_moment(mirror.transport, mirror.notes.clock.frame(now_s))
        self.record.tick(now_s)

    def _show_names(self) -> None:
        mirror = self.context.mirror
        rig, ensemble = mirror.section("rig"), mirror.ensemble
        if not ensemble.name:
            self.title.setText("Ripieno")
            self.subtitle.setText("")
            return
        named = bool(rig.get("id"))
        title = rig.get("name", "") if named else ensemble.name
        self.title.setText(title + (" •" if named and rig.get("unsaved") else ""))
        self.title.setToolTip("Changed since it was saved" if rig.get("unsaved") else "")
        parts = ", ".join(part.name for part in ensemble.parts)
        setlist = rig.get("setlist")
        if setlist:
            place = f"{setlist['name']}, {setlist['place']} of {len(setlist['rigs'])}"
            self.subtitle.setText(place)
        else:
            self.subtitle.setText(ensemble.name if named else parts)
        self.subtitle.setToolTip(parts)

    def _show_transport(self) -> None:
        rolling = self.context.mirror.transport.rolling
        self.play.setChecked(rolling)
        self.play.setText("Stop" if rolling else "Play")

    def _show_floor(self) -> None:
        self.floor.show_floor(self.context.mirror.floor)

    def _show_recorder(self) -> None:
        self.record.show_recorder(self.context.mirror.section("recorder"), time.monotonic())
