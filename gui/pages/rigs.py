"""Rigs and set lists: what plays now and next, big; browse, load, save, undo. [main]"""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
)

from gui import theme
from gui.binding import bind
from gui.context import Context
from gui.mirror import rigs
from gui.pages.page import CLOSE, EDGE, GAP, Card, Panel, line, push, set_role
from gui.widgets.combo import Combo
from gui.widgets.elided import Elided
from gui.widgets.search_list import ENTRY, Entry, EntryPainter, SearchList

LONGEST_NAME = 64


class Page(Panel):
    """The page."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.rigs: list[dict[str, Any]] = []
        self.playing = rigs.Playing()
        self._left = ""  # the rig that was left with unsaved changes
        outer = QHBoxLayout(self)
        outer.setContentsMargins(*EDGE)
        outer.setSpacing(GAP)
        outer.addWidget(self._browser(), 2)
        right = QVBoxLayout()
        right.setSpacing(GAP)
        right.addWidget(self._now())
        right.addWidget(self._setlist(), 1)
        outer.addLayout(right, 3)
        self.on("rig", self._show)
        self.ask()

    # ---- building --------------------------------------------------------------------------

    def _browser(self) -> Card:
        card = Card("Rigs")
        self.list = SearchList("Rigs")
        self.list.chosen.connect(self.load)
        card.body.addWidget(self.list, 1)
        self.load_button = push("Load", lambda: self.load(self.list.current), "primary")
        self.list.selected.connect(lambda rig: self.load_button.setEnabled(bool(rig)))
        self.load_button.setEnabled(False)
        card.body.addWidget(self.load_button)
        self.complaints = line("", "warn", wrap=True)
        self.complaints.hide()
        card.body.addWidget(self.complaints)
        return card

    def _now(self) -> Card:
        card = Card("Now")
        self.name = _big("Rig that plays", 32)
        card.body.addWidget(self.name)
        self.told = line("", "muted", wrap=True)
        card.body.addWidget(self.told)
        row = QHBoxLayout()
        row.setSpacing(CLOSE)
        self.undo, self.redo = push("Undo"), push("Redo")
        bind(self.context, self.undo, "/ripieno/rig/undo")
        bind(self.context, self.redo, "/ripieno/rig/redo")
        self.new_name = QLineEdit()
        self.new_name.setMaxLength(LONGEST_NAME)
        self.new_name.setPlaceholderText("Save as \u2026")
        self.new_name.setAccessibleName("Name to save the rig as")
        self.new_name.returnPressed.connect(self.save)
        self.save_button = push("Save", self.save, "primary")
        for widget in (self.undo, self.redo, self.new_name, self.save_button):
            row.addWidget(widget)
        card.body.addLayout(row)
        self.result = line("", "muted", wrap=True)
        self.result.hide()
        card.body.addWidget(self.result)
        return card

    def _setlist(self) -> Card:
        card = Card("Set list")
        self.setlists = Combo("Set list", [("", "None")])
        self.setlists.setMinimumWidth(180)
        self.setlists.show_value("")
        self.setlists.changed.connect(lambda name: self.bridge.act("/ripieno/setlist", name))
        card.top.addWidget(self.setlists)
        self.next_name = _big("Next rig", 22)
        card.body.addWidget(self.next_name)
        row = QHBoxLayout()
        row.setSpacing(CLOSE)
        self.previous, self.next = push("Previous"), push("Next", role="primary")
        for button, key in ((self.previous, "previous"), (self.next, "next")):
            bind(self.context, button, f"/ripieno/setlist/{key}")
            button.setMinimumHeight(44)
            row.addWidget(button, 1)
        card.body.addLayout(row)
        self.order = QListWidget()
        self.order.setAccessibleName("Rigs of the set list, in order")
        self.order.setItemDelegate(EntryPainter(self.order))
        self.order.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.order.itemActivated.connect(self._go)
        card.body.addWidget(self.order, 1)
        card.body.addStretch(0)  # without a set list nothing else takes the room
        return card

    # ---- what is shown ---------------------------------------------------------------------

    def ask(self) -> None:
        """Ask for the rigs and set lists there are. [main]"""
        self.bridge.ask("/ripieno/rigs", then=self._take_rigs)
        self.bridge.ask("/ripieno/setlists", then=self._take_setlists)

    def _take_rigs(self, answer: dict[str, Any]) -> None:
        self.rigs = list(answer["rigs"])
        complaints = answer.get("complaints") or []
        self.complaints.setText("\n".join(str(complaint) for complaint in complaints))
        self.complaints.setVisible(bool(complaints))
        self._show()

    def _take_setlists(self, answer: dict[str, Any]) -> None:
        known = [(row["id"], row["name"]) for row in answer["setlists"]]
        self.setlists.set_choices([("", "None"), *known])
        self._show()

    def _show(self) -> None:
        playing = self.playing = rigs.read(self.mirror.section("rig"))
        self.list.show_entries(
            [
                Entry(
                    rig["id"],
                    rig["name"],
                    rig["description"],
                    tuple(rig["tags"]),
                    "playing" if rig["id"] == playing.id else "",
                )
                for rig in self.rigs
            ]
        )
        self.name.setText(playing.name or "Unnamed")
        self.told.setText(playing.told)
        set_role(self.told, "warn" if playing.unsaved else "muted")
        self.undo.setEnabled(playing.undo > 0)
        self.undo.setToolTip(f"{rigs.steps(playing.undo)} back")
        self.redo.setEnabled(playing.redo > 0)
        self.redo.setToolTip(f"{rigs.steps(playing.redo)} forth")
        self._show_setlist(playing.setlist)

    def _show_setlist(self, setlist: rigs.SetList | None) -> None:
        self.setlists.show_value(setlist.id if setlist else "")
        for widget in (self.previous, self.next, self.order):
            widget.setVisible(setlist is not None)
        if setlist is None:
            self.next_name.setFont(theme.font(14))
            self.next_name.setText("Choose one to step through your rigs, by pedal if you like.")
            return
        coming = rigs.name_of(setlist.next_rig, self.rigs) if setlist.next_rig else ""
        self.next_name.setFont(theme.font(22, bold=True))
        self.next_name.setText(f"Next: {coming}" if coming else "The last of the evening")
        self.previous.setEnabled(setlist.place > 1)
        self.next.setEnabled(bool(setlist.next_rig))
        self.order.clear()
        for number, rig_id in enumerate(setlist.rigs, 1):
            item = QListWidgetItem(self.order)
            title = f"{number}   {rigs.name_of(rig_id, self.rigs)}"
            mark = "now" if number == setlist.place else ""
            item.setData(ENTRY, Entry(str(number), title, mark=mark))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{title} {mark}".strip())
            if mark:
                self.order.setCurrentItem(item)

    # ---- what is done ----------------------------------------------------------------------

    def load(self, rig_id: str) -> None:
        """Play with a rig from now on; what was unsaved can be had back by undo. [main]"""
        if not rig_id:
            return
        left = self.playing.name if self.playing.unsaved else ""

        def loaded(*_: Any) -> None:
            if left:
                self._say(f"The changes of {left or 'before'} were not saved: Undo has them.")
            else:
                self.result.hide()

        self.bridge.ask("/ripieno/rig", rig_id, failed=lambda sentence: self._say(sentence, "bad"))
        loaded()

    def save(self) -> None:
        """Save under the name that is typed, else under the rig's own. [main]"""
        name = self.new_name.text().strip() or self.playing.name
        self.bridge.ask(
            "/ripieno/rig/save",
            name,
            then=lambda path="": self._saved(name),
            failed=lambda sentence: self._say(sentence, "bad"),
        )

    def _saved(self, name: str) -> None:
        self.new_name.clear()
        self._say(f"Saved as {name}.")
        self.ask()

    def _go(self, item: QListWidgetItem) -> None:
        self.bridge.act("/ripieno/setlist/go", int(item.data(ENTRY).id))

    def _say(self, sentence: str, role: str = "muted") -> None:
        self.result.setText(sentence)
        set_role(self.result, role)
        self.result.show()


def _big(name: str, px: int) -> Elided:
    shown = Elided(name)
    shown.setFont(theme.font(px, bold=True))
    return shown
