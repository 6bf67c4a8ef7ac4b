"""First run: a keyboard, an output, a chord that proves both, and how long it took. [main]"""

from __future__ import annotations

import time

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gui.context import Context
from gui.mirror import health

CHORD = (48, 55, 64, 72)
VELOCITY, CHORD_S = 84, 1.6
STEPS = ("1", "2", "3")


class Page(QWidget):
    """Shown until the player begins; `Set up again` in Settings shows it once more. [main]"""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self._chord_ends_s = 0.0
        self._notes_before = 0
        title = QLabel("Welcome. Let us hear your ensemble.")
        title.setProperty("role", "title")
        card = QFrame()
        card.setProperty("card", True)
        card.setMaximumWidth(860)
        grid = QGridLayout(card)
        grid.setContentsMargins(28, 24, 28, 24)
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(24)
        grid.setColumnStretch(1, 1)
        self.keyboard, self.output, self.proof = QLabel(), QLabel(), QLabel()
        self.computer = QPushButton("Use the computer's keys")
        self.settings = QPushButton("Choose another")
        self.chord = QPushButton("Play a chord")
        self.chord.setProperty("role", "primary")
        rows = (
            ("Your keyboard", self.keyboard, self.computer),
            ("Your sound", self.output, self.settings),
            ("The proof", self.proof, self.chord),
        )
        for place, (heading, says, button) in enumerate(rows):
            number = QLabel(STEPS[place])
            number.setProperty("role", "title")
            number.setFixedWidth(28)
            grid.addWidget(number, place, 0, Qt.AlignmentFlag.AlignTop)
            name = QLabel(heading)
            name.setProperty("role", "heading")
            says.setWordWrap(True)
            text = QVBoxLayout()
            text.setSpacing(4)
            text.addWidget(name)
            text.addWidget(says)
            grid.addLayout(text, place, 1)
            button.setMinimumWidth(210)
            grid.addWidget(button, place, 2, Qt.AlignmentFlag.AlignVCenter)
        self.demo = QPushButton("Let it play a chorale")
        self.begin = QPushButton("Begin")
        self.begin.setProperty("role", "primary")
        self.begin.setMinimumWidth(140)
        last = QHBoxLayout()
        last.setSpacing(12)
        last.addStretch(1)
        last.addWidget(self.demo)
        last.addWidget(self.begin)
        grid.addLayout(last, len(rows), 0, 1, 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(40, 24, 40, 24)
        column.setSpacing(20)
        column.addStretch(1)
        column.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(card, 10)
        middle.addStretch(1)
        column.addLayout(middle)
        column.addStretch(2)
        self.computer.clicked.connect(self._use_computer)
        self.settings.clicked.connect(lambda: context.show_page("settings"))
        self.chord.clicked.connect(self.play_chord)
        self.demo.clicked.connect(self.play_demo)
        self.begin.clicked.connect(self.finish)
        for topic in ("device", "statistics", "connection"):
            context.mirror.on(topic, self.show_state)
        context.bridge.frame.connect(self.tick)
        self.show_state()

    def show_state(self) -> None:
        """What is there, and what is still missing. [main]"""
        mirror = self.context.mirror
        there = mirror.connection in ("connected", "slow")
        for button in (self.chord, self.demo):
            button.setEnabled(there)
        if not there:
            self.keyboard.setText("…")
            self.output.setText("It is chosen when the engine has started (see below).")
            self.proof.setText("")
            return
        inputs = mirror.state.get("inputs") or []
        self.keyboard.setText(
            f"{', '.join(inputs)}: strike a key."
            if inputs
            else "None is plugged in. As soon as one is, it appears here by itself."
        )
        device = mirror.section("device")
        ms = 1000.0 * device["block_frames"] / device["rate_hz"]
        description = str(device["description"]).split(" (")[0]
        self.output.setText(
            f"{description[:1].upper()}{description[1:]}: {device['rate_hz']} Hz, blocks of "
            f"{device['block_frames']} frames ({ms:.1f} ms)."
        )
        self._show_proof()

    def play_chord(self) -> None:
        """Four keys go down, and soon up again. [main]"""
        statistics = self.context.mirror.statistics
        self._notes_before = statistics.notes
        self._chord_ends_s = time.monotonic() + CHORD_S
        for pitch in CHORD:
            self.context.bridge.act("/ripieno/key", pitch, VELOCITY)

    def play_demo(self) -> None:
        """The ensemble plays a chorale, as if at the keyboard; the stage shows it. [main]"""
        self.context.bridge.ask("/ripieno/file", "")
        self.finish()

    def finish(self) -> None:
        """To the stage; this page has done its work. [main]"""
        self._end_chord()
        self.context.preferences.first_run_done = True
        self.context.show_page("stage")
        self.context.preferences.save()

    def tick(self, now_s: float) -> None:
        """The chord ends by itself. [main]"""
        if self._chord_ends_s and now_s >= self._chord_ends_s:
            self._end_chord()

    def _end_chord(self) -> None:
        if self._chord_ends_s:
            self._chord_ends_s = 0.0
            for pitch in CHORD:
                self.context.bridge.act("/ripieno/key", pitch, 0)

    def _use_computer(self) -> None:
        self.context.do("piano")

    def _show_proof(self) -> None:
        mirror = self.context.mirror
        statistics = mirror.statistics
        if not statistics.notes:
            self.proof.setText("Strike a key, or let the ensemble play a chord.")
            return
        signs = health.Signs(device=mirror.section("device"))
        delay_ms = statistics.delay_p50_ms + health.path_ms(signs)
        window_ms = float(mirror.value("/ripieno/chord_window", 0.0))
        waited = f", of which {window_ms:.0f} ms wait for the chord" if window_ms else ""
        self.proof.setText(f"It sounds {delay_ms:.1f} ms after the key{waited}.")
