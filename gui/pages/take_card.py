"""The take: the record light, keeping what was just played, the takes there are, export. [main]"""

from __future__ import annotations

import time
from typing import Any

from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout

from gui import theme
from gui.binding import bind
from gui.context import Context
from gui.mirror import takes
from gui.mirror.takes import FORMS, Take
from gui.pages.page import CLOSE, Card, Panel, line, push, set_role
from gui.widgets.combo import Combo
from gui.widgets.search_list import ENTRY, Entry, EntryPainter
from gui.widgets.take_clock import TakeClock

LENGTHS = ((30.0, "30 seconds"), (60.0, "1 minute"), (120.0, "2 minutes"))
LENGTHS = (*LENGTHS, (300.0, "5 minutes"), (600.0, "10 minutes"))
KEEP = "/ripieno/take/keep"


class TakeCard(Panel):
    """Asks for the takes when the recorder's section changes."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.takes: list[Take] = []
        self._asking = self._changed = False  # the second: since it was asked for
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        self.card = Card("Take")
        outer.addWidget(self.card)
        self.card.body.addLayout(self._recording())
        self.list = QListWidget()
        self.list.setAccessibleName("Takes, newest first")
        self.list.setItemDelegate(EntryPainter(self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(lambda row: self._show_exports())
        self.empty = line("", "muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self.list)
        column.setContentsMargins(32, 0, 32, 0)
        column.addWidget(self.empty)
        self.card.body.addWidget(self.list, 1)
        self.card.body.addLayout(self._exporting())
        self.result = line("", "muted", wrap=True)
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.card.body.addWidget(self.result)
        self._show_exports()
        self.on("recorder", self._show_recorder)
        self.on("connection", self._show_empty)
        self.bridge.frame.connect(self._tick)

    def _recording(self) -> QVBoxLayout:
        column = QVBoxLayout()
        row = QHBoxLayout()
        row.setSpacing(CLOSE)
        self.light = TakeClock()
        self.told = line("", "")
        self.told.setFont(theme.font(15, bold=True))
        row.addWidget(self.light)
        row.addWidget(self.told, 1)
        column.addLayout(row)
        row = QHBoxLayout()
        row.setSpacing(CLOSE)
        self.keep = QPushButton("Keep that")
        self.keep.setProperty("role", "primary")
        self.keep.setMinimumHeight(40)
        bind(self.context, self.keep, KEEP)
        self.keep.clicked.disconnect()  # with the length that is chosen beside it
        self.keep.clicked.connect(self._keep)
        self.keep.setToolTip("Make a take of what was just played, even with recording off")
        self.length = Combo("How much is kept", LENGTHS)
        self.length.show_value(600.0)
        row.addWidget(self.keep, 1)
        row.addWidget(line("the last", "muted"))
        row.addWidget(self.length)
        column.addLayout(row)
        return column

    def _exporting(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(CLOSE)
        column.addWidget(line("Export the chosen take as", "muted"))
        row = QHBoxLayout()
        row.setSpacing(6)
        self.exports: dict[str, QPushButton] = {}
        for form, (name, tip) in FORMS.items():
            button = push(name, lambda form=form: self.export(form), name=f"Export as {name}")
            button.setToolTip(tip)
            self.exports[form] = button
            row.addWidget(button)
        row.addStretch(1)
        self.open = push("Open folder", self._open, "flat")
        row.addWidget(self.open)
        column.addLayout(row)
        return column

    # ---- what is shown ---------------------------------------------------------------------

    def _show_recorder(self) -> None:
        recorder = self.mirror.section("recorder")
        self.light.show_recorder(recorder, time.monotonic())
        self.told.setText(takes.recording_text(recorder))
        self.ask()

    def _tick(self, now_s: float) -> None:
        if self.isVisible():
            self.light.tick(now_s)

    def _show_empty(self) -> None:
        on = bool(self.mirror.section("recorder").get("on"))
        what = "It begins with your next note." if on else "Play, then press Keep that."
        self.empty.setText(f"No take yet. {what}")
        self.empty.setVisible(not self.takes)

    def ask(self) -> None:
        """Ask for the list anew; one question at a time. [main]"""
        self._changed = self._asking
        if not self._asking:
            self._asking = True
            self.bridge.ask("/ripieno/takes", then=self._came, failed=self._no_answer)

    def _no_answer(self, sentence: str) -> None:
        self._asking = False

    def _came(self, answer: dict[str, Any]) -> None:
        self._asking = False
        if self._changed:
            self.ask()
        chosen = self.chosen
        self.takes = takes.read(answer)
        self.list.blockSignals(True)
        self.list.clear()
        for take in self.takes:
            item = QListWidgetItem(self.list)
            mark = "" if take.complete else "recording"
            item.setData(ENTRY, Entry(take.name, take.title, take.detail, mark=mark))
            said = f"{take.title}, {take.detail}"
            item.setData(Qt.ItemDataRole.AccessibleTextRole, said)
            item.setToolTip(take.folder)
        self.list.blockSignals(False)
        names = [take.name for take in self.takes]
        row = names.index(chosen.name) if chosen and chosen.name in names else 0
        self.list.setCurrentRow(row if names else -1)
        self._show_empty()
        self._show_exports()

    @property
    def chosen(self) -> Take | None:
        """The take under the cursor. [main]"""
        item = self.list.currentItem()
        return takes.find(self.takes, item.data(ENTRY).id) if item is not None else None

    def _show_exports(self) -> None:
        for button in (*self.exports.values(), self.open):
            button.setEnabled(self.chosen is not None)

    # ---- what is done ----------------------------------------------------------------------

    def export(self, form: str) -> None:
        """Export the chosen take; the path or what was wrong is shown below. [main]"""
        take = self.chosen
        if take is None:
            return
        self._say(f"Exporting {take.title} as {FORMS[form][0]} \u2026")
        self.bridge.ask(
            "/ripieno/take/export",
            take.name,
            form,
            then=lambda path: self._say(f"Exported to {path}"),
            failed=lambda sentence: self._say(sentence, "bad"),
        )

    def _keep(self) -> None:
        self.bridge.ask(
            KEEP,
            float(self.length.value),
            then=lambda folder: self._say(f"Kept in {folder}"),
            failed=lambda sentence: self._say(sentence, "bad"),
        )

    def _open(self) -> None:
        if (take := self.chosen) is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(take.folder))

    def _say(self, sentence: str, role: str = "muted") -> None:
        self.result.setText(sentence)
        set_role(self.result, role)
