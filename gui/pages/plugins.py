"""Sound and plugins: the chain of each part, send and the master; scanning, quarantine. [main]"""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from gui.context import Context
from gui.mirror import chains
from gui.mirror.chains import Chain, Offer
from gui.pages.chain_panel import Parameters, PluginRow
from gui.pages.page import CLOSE, EDGE, GAP, Card, Panel, clear, line, push, scrolled, set_role
from gui.widgets.search_list import ENTRY, Entry, EntryPainter, SearchMenu
from gui.widgets.switch import Switch

LIST_WIDTH = 260
ROLES = {"failed": "bad", "restarting": "warn", "loading": "warn"}


class Page(Panel):
    """The page."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.chains: list[Chain] = []
        self.offers: list[Offer] = []
        self.rows: list[PluginRow] = []
        self._slot, self._place = "part 1", 1
        self._built: tuple = ()
        self._refused = ""  # why the last wish could not be met; stays until the chain changes
        outer = QHBoxLayout(self)
        outer.setContentsMargins(*EDGE)
        outer.setSpacing(GAP)
        outer.addWidget(self._slots())
        outer.addWidget(self._chain(), 1)
        self.menu = SearchMenu("Plugins", self, height=460)
        self.menu.chosen.connect(self._add)
        self.on("chains", self._show)
        self.on("ensemble", self._show)
        self.bridge.ask("/ripieno/plugins", then=self._take_offers)

    # ---- building --------------------------------------------------------------------------

    def _slots(self) -> Card:
        card = Card("Chains")
        card.setFixedWidth(LIST_WIDTH)
        self.list = QListWidget()
        self.list.setAccessibleName("Chains of plugins")
        self.list.setItemDelegate(EntryPainter(self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(self._choose)
        card.body.addWidget(self.list, 1)
        self.compensation = Switch("All parts sound together", "All sound together")
        self.bound(self.compensation, "/ripieno/latency/compensation")
        card.body.addWidget(self.compensation)
        self.scan = push("Scan for plugins", self._scan)
        self.scan.setToolTip("Look for plugins that are new or changed, each in its own process")
        card.body.addWidget(self.scan)
        self.found = line("", "muted", wrap=True)
        card.body.addWidget(self.found)
        return card

    def _chain(self) -> Card:
        card = Card(" ")
        self.card = card
        self.state = line("", "muted")
        card.top.insertWidget(1, self.state)
        self.add = push("Add a plugin", lambda: self.menu.open_at(self.add), "primary")
        card.top.addWidget(self.add)
        self.figures = line("", "muted")
        self.message = line("", "bad", wrap=True)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(GAP)
        self._plugins = QVBoxLayout()
        self._plugins.setSpacing(CLOSE)
        column.addLayout(self._plugins)
        self.parameters = Parameters(self.context)
        column.addWidget(self.parameters, 1)
        card.body.addWidget(self.figures)
        card.body.addWidget(self.message)
        card.body.addWidget(scrolled(holder, on_card=True), 1)
        return card

    # ---- what is shown ---------------------------------------------------------------------

    @property
    def chain(self) -> Chain | None:
        """The chain that is shown."""
        return next((c for c in self.chains if c.slot == self._slot), None)

    def choose(self, slot: str) -> None:
        """Show this slot's chain, as soon as it is known. [main]"""
        self._slot, self._place = slot, 1
        self.list.setFocus()
        for row, chain in enumerate(self.chains):
            if chain.slot == slot:
                self.list.setCurrentRow(row)

    def _show(self) -> None:
        names = [part.name for part in self.mirror.ensemble.parts]
        self.chains = chains.read(self.mirror.section("chains"), names)
        self.list.blockSignals(True)
        while self.list.count() > len(self.chains):
            self.list.takeItem(self.list.count() - 1)
        for row, chain in enumerate(self.chains):
            item = self.list.item(row) or QListWidgetItem(self.list)
            mark = chain.status if chain.plugins and chain.state != "running" else ""
            entry = Entry(chain.slot, chain.title, chain.summary, mark=mark)
            item.setData(ENTRY, entry)
            said = f"{chain.title}: {chain.summary}, {chain.status}"
            item.setData(Qt.ItemDataRole.AccessibleTextRole, said)
            item.setToolTip(said)
            if chain.slot == self._slot:
                self.list.setCurrentRow(row)
        self.list.blockSignals(False)
        if self.chain is None and self.chains:
            self._slot = self.chains[0].slot
            self.list.setCurrentRow(0)
        self._show_chain()

    def _show_chain(self) -> None:
        chain = self.chain
        if chain is None:
            return
        self.card.heading.setText(chain.title)
        self.state.setText(chain.status)
        set_role(self.state, ROLES.get(chain.state, "muted"))
        self.figures.setText(chain.figures)
        self.figures.setVisible(bool(chain.figures))
        built = (chain.slot, *((p.place, p.path, p.name) for p in chain.plugins))
        if built != self._built:
            self._refused = ""
        message = chain.message or self._refused
        self.message.setText(message)
        self.message.setVisible(bool(message))
        if built != self._built:
            self._built = built
            clear(self._plugins)
            self.rows = [PluginRow(self.context, chain, plugin) for plugin in chain.plugins]
            for row in self.rows:
                row.chosen.connect(lambda at=row.plugin.place: self._choose_plugin(at))
                self._plugins.addWidget(row)
        self._choose_plugin(self._place)

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self.chains):
            self._slot, self._place = self.chains[row].slot, 1
            self._show_chain()

    def _choose_plugin(self, place: int) -> None:
        chain = self.chain
        count = len(chain.plugins) if chain else 0
        self._place = place = min(place, max(count, 1))  # a row that goes may pass its focus on
        for row in self.rows:
            row.show_chosen(row.plugin.place == place)
        if chain is None or not chain.plugins:
            self.parameters.show_nothing(
                "No plugins here. Add an effect, or for a part an instrument: it then makes the "
                "part's sound. Each chain runs in a process of its own; if one crashes, the music "
                "goes on without it."
            )
        else:
            self.parameters.show_plugin(chain, chain.plugins[place - 1])

    # ---- what there is to add --------------------------------------------------------------

    def _add(self, name: str) -> None:
        chain = self.chain
        offer = next((o for o in self.offers if o.name == name), None)
        if offer is not None and offer.quarantine:
            self.bridge.ask("/ripieno/plugins/forget", name, failed=self.context.say)
            self.context.say(f"{offer.title} leaves quarantine: scan again to try it.")
        elif chain is not None:
            self.bridge.ask(chain.address("add"), name, failed=self._failed)

    def _failed(self, sentence: str) -> None:
        self._refused = sentence
        self._show_chain()
        self.context.say(sentence)

    def _scan(self) -> None:
        self.scan.setEnabled(False)
        self.scan.setText("Scanning \u2026")
        self.bridge.ask("/ripieno/plugins/scan", then=self._scanned, failed=self._scan_failed)

    def _scanned(self, answer: dict[str, Any]) -> None:
        self._scan_ended()
        self._take_offers(answer)

    def _scan_failed(self, sentence: str) -> None:
        self._scan_ended()
        self._failed(sentence)

    def _scan_ended(self) -> None:
        self.scan.setEnabled(True)
        self.scan.setText("Scan for plugins")

    def _take_offers(self, answer: dict[str, Any]) -> None:
        self.offers = chains.offers(answer["files"])
        bad = sum(bool(offer.quarantine) for offer in self.offers)
        quarantined = f", {bad} in quarantine" if bad else ""
        self.found.setText(f"{len(self.offers) - bad} plugins known{quarantined}")
        self.menu.list.show_entries(
            [
                Entry(o.name, o.title, o.detail, o.tags, "quarantine" if o.quarantine else "")
                for o in self.offers
            ]
        )
