"""Ensemble: who plays, with what sound, in which range; how chords reach the parts. [main]"""

from __future__ import annotations

from typing import Any

from PyQt6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from engine import addresses
from gui import theme
from gui.context import Context
from gui.pages.page import CLOSE, EDGE, GAP, Card, Panel, clear, has_address, line, push, scrolled
from gui.pages.part_row import PartRow
from gui.scale import choices_of, scale_of
from gui.widgets.accuracy_curve import AccuracyCurve
from gui.widgets.choice import Choice
from gui.widgets.combo import Combo, DropButton
from gui.widgets.search_list import Entry, SearchMenu
from gui.widgets.value_bar import ValueBar

SIDE_WIDTH = 330
DETAILS = "/ripieno/ensembles/details"
ASSIGNERS = {"network": "Network", "zones": "Zones", "closest": "Closest"}
CHORD_MODES = {"wait": "Wait", "settle": "Settle"}
MODE_HELP = {
    "wait": "A note waits for its chord and sounds in the right part at once.",
    "settle": "A note sounds at once and may move to another part when its chord is complete.",
}
LOW_CONFIDENCE = {
    "off": "Play it all the same",
    "nearest": "Nearest part",
    "last": "Part that played last",
    "tutti": "All parts",
}


class Page(Panel):
    """The page."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.rows: list[PartRow] = []
        self._built: tuple = ()
        self._ensembles: list[dict[str, Any]] = []
        outer = QHBoxLayout(self)
        outer.setContentsMargins(*EDGE)
        outer.setSpacing(GAP)
        left = QVBoxLayout()
        left.setSpacing(CLOSE)
        left.addWidget(self._who())
        holder = QWidget()
        self._parts = QVBoxLayout(holder)
        self._parts.setContentsMargins(0, 0, 0, 0)
        self._parts.setSpacing(CLOSE)
        left.addWidget(scrolled(holder), 1)
        outer.addLayout(left, 1)
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(self._chords())
        column.addWidget(self._player())
        column.addStretch(1)
        area = scrolled(side)
        area.setFixedWidth(SIDE_WIDTH)
        outer.addWidget(area)
        self.on("ensemble", self._show)

    # ---- cards -------------------------------------------------------------

    def _who(self) -> Card:
        card = Card()
        row = QHBoxLayout()
        row.setSpacing(GAP)
        self.choose = DropButton()
        self.choose.setAccessibleName("Choose an ensemble")
        self.choose.setFixedWidth(220)
        self.choose.setFont(theme.font(15, bold=True))
        self.choose.clicked.connect(self._open_menu)
        self.menu = SearchMenu("Ensembles", self)
        self.menu.chosen.connect(lambda name: self.bridge.ask("/ripieno/ensemble", name))
        self.told = line("", "muted", wrap=True)
        self.told.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.hints = push("Hints", self._show_hints, name="Show hints for every part")
        self.hints.setCheckable(True)
        self.hints.setToolTip("Locked keys, key switches, doublings: what steers notes to parts")
        self.hints.setVisible(has_address("/ripieno/part/1/keyswitch"))
        row.addWidget(self.choose)
        row.addWidget(self.told, 1)
        row.addWidget(self.hints)
        card.body.addLayout(row)
        self.bridge.ask(DETAILS, then=self._take_details)
        return card

    def _chords(self) -> Card:
        card = Card("Chords")
        self.curve = AccuracyCurve()
        self.bound(self.curve, "/ripieno/chord_window")
        self.curve.setMinimumHeight(140)
        card.body.addWidget(self.curve)
        self.mode = _choice("Chord mode", "/ripieno/chord_mode", CHORD_MODES)
        self.bound(self.mode, "/ripieno/chord_mode")
        card.body.addWidget(self.mode)
        self.mode_told = line("", "muted", wrap=True)
        card.body.addWidget(self.mode_told)
        self.on("/ripieno/chord_mode", self._show_mode)
        card.body.addWidget(line("Notes are given to parts by", "muted"))
        self.assigner = _choice("Notes are given to parts by", "/ripieno/assigner", ASSIGNERS)
        self.bound(self.assigner, "/ripieno/assigner")
        card.body.addWidget(self.assigner)
        return card

    def _player(self) -> Card:
        """What is left to the player's hands; hidden where the engine has none of it."""
        card = Card("When the model is unsure")
        rule, below = "/ripieno/low_confidence", "/ripieno/confidence"
        if has_address(rule):
            words = [(w, LOW_CONFIDENCE.get(w, w)) for w in choices_of(rule)]
            self.unsure = Combo("What happens to a note the model is unsure of", words)
            self.bound(self.unsure, rule)
            card.body.addWidget(self.unsure)
        if has_address(below) and (scale := scale_of(below)):
            self.below = ValueBar("Unsure below", scale)
            self.bound(self.below, below)
            card.body.addWidget(self.below)
        keyswitch = "/ripieno/keyswitch_mode"
        if has_address(keyswitch):
            card.body.addWidget(line("Key switches", "muted"))
            switch_mode = _choice("Key switches", keyswitch, {"hold": "Hold", "latch": "Latch"})
            self.bound(switch_mode, keyswitch)
            card.body.addWidget(switch_mode)
        self.solo_hold = Combo("All notes go to", [(0, "The part they belong to")])
        if has_address("/ripieno/solo_hold"):
            card.body.addWidget(line("All notes go to", "muted"))
            self.bound(self.solo_hold, "/ripieno/solo_hold")
            card.body.addWidget(self.solo_hold)
        card.setVisible(card.body.count() > 0)
        return card

    # ---- what is shown ---------------------------------------------------------------------

    def _show(self) -> None:
        playing = self.mirror.ensemble
        self.choose.setText(playing.name or "\u2026")
        known = next((row for row in self._ensembles if row["id"] == playing.id), None)
        about = known["description"] if known else ""
        self.told.setText(" ".join(text for text in (about, _model(playing.model)) if text))
        self.curve.show_curve(playing.live_accuracy)
        built = (playing.id, *((part.number, part.name) for part in playing.parts))
        if built != self._built:
            self._built = built
            names = [(part.number, part.name) for part in playing.parts]
            self.solo_hold.set_choices([(0, "The part they belong to"), *names])
            clear(self._parts)
            self.rows = [PartRow(self.context, part, playing.parts) for part in playing.parts]
            for row in self.rows:
                row.show_hints(self.hints.isChecked())
                self._parts.addWidget(row)
            self._parts.addStretch(1)

    def _show_mode(self) -> None:
        mode = str(self.mirror.value("/ripieno/chord_mode", "wait"))
        self.mode_told.setText(MODE_HELP.get(mode, ""))

    def _show_hints(self) -> None:
        for row in self.rows:
            row.show_hints(self.hints.isChecked())

    def _open_menu(self) -> None:
        self.bridge.ask(DETAILS, then=self._take_details)
        self.menu.open_at(self.choose)

    def _take_details(self, answer: dict[str, Any]) -> None:
        self._ensembles = list(answer["ensembles"])
        playing = self.mirror.ensemble.id
        self.menu.list.show_entries(
            [
                Entry(
                    row["id"],
                    row["name"],
                    ", ".join(row["parts"]),
                    tuple(row["tags"]),
                    "playing" if row["id"] == playing else "",
                )
                for row in self._ensembles
            ]
        )
        self._show()


def _model(name: str) -> str:
    return f"Parts are found by the model \u201c{name}\u201d." if name else ""


def _choice(name: str, address: str, labels: dict[str, str]) -> Choice:
    words = addresses.find(address)[0].arguments[0].choices
    return Choice(name, words, [labels.get(word, word) for word in words])
