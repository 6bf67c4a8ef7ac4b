"""Settings: sound device, MIDI in and out, connections, what every path costs in time. [main]"""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QListWidgetItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.chosen_port import HIGHEST, LOWEST
from gui import theme
from gui.binding import bind
from gui.context import Context
from gui.mirror import devices
from gui.mirror.devices import PATH_COLUMNS
from gui.pages.page import (
    CLOSE,
    EDGE,
    GAP,
    Card,
    Panel,
    field,
    line,
    push,
    scrolled,
    set_role,
)
from gui.preferences import THEMES
from gui.readings import frames_text
from gui.scale import Scale, choices_of
from gui.widgets.choice import Choice
from gui.widgets.combo import Combo
from gui.widgets.number import Number
from gui.widgets.search_list import ENTRY, Entry, EntryPainter
from gui.widgets.switch import Switch

ROW_PX, HEADER_PX, MOST_ROWS = 28, 30, 9


class Page(Panel):
    """The page."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.found: dict[str, Any] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(*EDGE)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(*EDGE)
        column.setSpacing(GAP)
        top = QHBoxLayout()
        top.setSpacing(GAP)
        left, right = QVBoxLayout(), QVBoxLayout()
        for side in (left, right):
            side.setSpacing(GAP)
            top.addLayout(side, 1)
        left.addWidget(self._sound())
        left.addWidget(self._window())
        left.addStretch(1)
        right.addWidget(self._midi())
        right.addWidget(self._connections(), 1)
        column.addLayout(top)
        column.addWidget(self._latency())
        column.addStretch(1)
        outer.addWidget(scrolled(holder))
        self.on("device", self._show_device)
        self.on("transport", self._show_port)
        self.on("latency", self._show_latency)
        self.on("about", self._show_about)
        self.look()

    # ---- building --------------------------------------------------------------------------

    def _sound(self) -> Card:
        card = Card("Sound device")
        self.again = push("Look again", self.look, "flat", "Look for devices again")
        card.top.addWidget(self.again)
        self.now = line("", wrap=True)
        self.now.setFont(theme.font(15, bold=True))
        self.figures = line("", "muted", wrap=True)
        card.body.addWidget(self.now)
        card.body.addWidget(self.figures)
        self.output = Combo("Sound device", [("auto", "Whatever there is")])
        self.output.show_value("auto")
        self.output.setMinimumWidth(120)
        self.block = Combo("Block", devices.blocks(48000))
        card.body.addWidget(field("Play through", self.output))
        card.body.addWidget(field("Block", self.block))
        self.use = push("Use this device", self._use, "primary")
        card.body.addWidget(self.use)
        self.result = line("", "muted", wrap=True)
        self.result.hide()
        card.body.addWidget(self.result)
        return card

    def _window(self) -> Card:
        card = Card("Window and remote control")
        self.theme = Choice("Theme", THEMES)
        self.theme.show_value(theme.current().name)
        self.theme.changed.connect(self._use_theme)
        card.body.addWidget(field("Theme", self.theme))
        self.panic_cc = Number("Controller that means panic", Scale(-1, 127, whole=True), "none")
        self.panic_cc.setFixedWidth(80)
        bind(self.context, self.panic_cc, "/ripieno/panic_cc")
        row = field("Panic controller", self.panic_cc)
        layout = row.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.addStretch(1)
        card.body.addWidget(row)
        self.osc_port = Number("UDP port of the remote control", Scale(LOWEST, HIGHEST, whole=True))
        self.osc_port.setFixedWidth(80)
        self.osc_port.changed.connect(self._move_port)
        self.osc_port.setToolTip("Where remotes and this window reach the engine by OSC")
        row = field("OSC port", self.osc_port)
        layout = row.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.addStretch(1)
        card.body.addWidget(row)
        self.port_told = line("", "bad", wrap=True)
        self.port_told.hide()
        card.body.addWidget(self.port_told)
        self.about = line("", "muted", wrap=True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        card.body.addWidget(self.about)
        return card

    def _midi(self) -> Card:
        card = Card("MIDI")
        self.input = Combo("MIDI input", devices.inputs({}, ""))
        self.input.setMinimumWidth(120)
        self.input.changed.connect(self._use_input)
        card.body.addWidget(field("Listen to", self.input))
        self.inputs = line("", "muted", wrap=True)
        self.inputs.setIndent(CLOSE)
        card.body.addWidget(self.inputs)
        self.port = Combo("MIDI output", devices.midi_outputs({}))
        self.port.setMinimumWidth(120)
        self.port.changed.connect(self._use_port)
        card.body.addWidget(field("Send to", self.port))
        modes = choices_of("/ripieno/midi_out/mode")
        self.mode = Choice("MIDI out", modes, ["A channel a part", "A port a part"][: len(modes)])
        bind(self.context, self.mode, "/ripieno/midi_out/mode")
        card.body.addWidget(field("Parts as", self.mode))
        self.programs = Switch("Send programs")
        bind(self.context, self.programs, "/ripieno/midi_out/programs")
        self.announce = push("Send them now", name="Send every part's program now")
        bind(self.context, self.announce, "/ripieno/midi_out/announce")
        card.body.addWidget(field("Instruments", self.programs, self.announce))
        return card

    def _connections(self) -> Card:
        card = Card("Remembered connections")
        self.forget_all = push("Forget all", lambda: self._forget(""), "flat")
        card.top.addWidget(self.forget_all)
        self.links = QListWidget()
        self.links.setAccessibleName("Remembered connections; Delete forgets one")
        self.links.setItemDelegate(EntryPainter(self.links))
        self.links.setMinimumHeight(64)
        self.links.itemActivated.connect(lambda item: self._forget(item.data(ENTRY).id))
        card.body.addWidget(self.links)
        self.no_links = line("None: what you connect by hand is made again the next time.", "muted")
        self.no_links.setWordWrap(True)
        card.body.addWidget(self.no_links)
        card.body.addStretch(1)
        return card

    def _latency(self) -> Card:
        card = Card("From the key to the speaker, in samples")
        self.table = QTableWidget(0, len(PATH_COLUMNS))
        self.table.setHorizontalHeaderLabels([title for _, title in PATH_COLUMNS])
        self.table.setAccessibleName("Latency of every path, by cause, in samples")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        down, across = self.table.verticalHeader(), self.table.horizontalHeader()
        assert down is not None
        assert across is not None
        down.hide()
        down.setDefaultSectionSize(ROW_PX)
        across.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        across.setFixedHeight(HEADER_PX)
        for place in range(len(PATH_COLUMNS)):
            title = self.table.horizontalHeaderItem(place)
            assert title is not None
            title.setTextAlignment(_side(place))
        card.body.addWidget(self.table)
        return card

    # ---- what is shown ---------------------------------------------------------------------

    def look(self) -> None:
        """Look for devices and ports anew. [main]"""
        self.again.setEnabled(False)
        self.bridge.ask("/ripieno/devices", then=self._take_devices, failed=self._looked)
        self.bridge.ask("/ripieno/connections", then=self._take_links)

    def _looked(self, sentence: str) -> None:
        self.again.setEnabled(True)
        self._say(sentence, "bad")

    def _take_devices(self, found: dict[str, Any]) -> None:
        self.again.setEnabled(True)
        self.found = found
        chosen = self.output.value
        choices = devices.outputs(found)
        self.output.set_choices(choices)
        self.output.show_value(chosen if chosen in dict(choices) else "auto")
        self.port.set_choices(devices.midi_outputs(found))
        remarks = [str(remark) for remark in found.get("remarks", ())]
        self._say("\n".join(f"{_capital(remark)}." for remark in remarks))
        self._show_device()

    def _show_device(self) -> None:
        device = self.mirror.section("device")
        if device:
            alive, description = device["alive"], _capital(device["description"])
            self.now.setText(description if alive else "The device is gone")
            set_role(self.now, "" if alive else "bad")
            rate_hz, block = device["rate_hz"], device["block_frames"]
            self.figures.setText(
                f"{rate_hz} Hz \u00b7 block {frames_text(block, rate_hz)} \u00b7 "
                f"{device['latency_ms']:.1f} ms from there to the speaker"
            )
            self.block.set_choices(devices.blocks(rate_hz))
            if not self.block.hasFocus():
                self.block.show_value(block)
        wanted = str(self.mirror.state.get("input_wanted") or "")
        self.input.set_choices(devices.inputs(self.found, wanted))
        self.input.show_value(wanted)
        connected = [str(name) for name in self.mirror.state.get("inputs", ())]
        self.inputs.setText("Connected: " + ", ".join(connected) if connected else "None connected")

    def _show_port(self) -> None:
        section = self.mirror.section("transport")
        port = str(section.get("midi_out_port", ""))
        known = [value for value, _ in devices.midi_outputs(self.found)]
        mode = str(section.get("midi_out_mode", ""))
        self.port.show_value(port if port in known else mode)
        self.port.setToolTip(port)

    def _show_latency(self) -> None:
        names = [part.name for part in self.mirror.ensemble.parts]
        rows = devices.path_rows(self.mirror.state.get("latency", ()), names)
        self.table.setRowCount(len(rows))
        for row, cells in enumerate(rows):
            for place, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setTextAlignment(_side(place))
                self.table.setItem(row, place, item)
        self.table.setFixedHeight(HEADER_PX + ROW_PX * min(len(rows), MOST_ROWS) + 6)

    def _show_about(self) -> None:
        about = self.mirror.state
        if "osc_port" in about:
            self.osc_port.show_value(int(about["osc_port"]))
            self.about.setText(
                f"Ripieno {about['version']}. OSC on {about['osc_host']}, port "
                f"{about['osc_port']}, table {about['protocol']}."
            )

    def _take_links(self, answer: dict[str, Any]) -> None:
        rows = devices.links(answer)
        self.links.clear()
        for words, text in rows:
            item = QListWidgetItem(self.links)
            item.setData(ENTRY, Entry(words, text, mark="forget"))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, text)
        self.links.setVisible(bool(rows))
        self.forget_all.setVisible(bool(rows))
        self.no_links.setVisible(not rows)

    # ---- what is done ----------------------------------------------------------------------

    def _use(self) -> None:
        values: tuple[Any, ...] = (self.output.value,)
        if self.block.value is not None:
            values = (*values, int(self.block.value))
        self._say("The device is changed \u2026")
        self.bridge.ask(
            "/ripieno/device",
            *values,
            then=lambda *_: self._say("Changed."),
            failed=lambda sentence: self._say(sentence, "bad"),
        )

    def _use_input(self, name: str) -> None:
        self.bridge.ask("/ripieno/input", name, failed=lambda text: self._say(text, "bad"))

    def _use_port(self, name: str) -> None:
        self.bridge.ask("/ripieno/midi_out/port", name, failed=self._port_failed)

    def _port_failed(self, sentence: str) -> None:
        self._show_port()
        self._say(sentence, "bad")

    def _forget(self, words: str) -> None:
        self.bridge.act("/ripieno/connections/forget", words)
        self.bridge.ask("/ripieno/connections", then=self._take_links)

    def _move_port(self, port: int) -> None:
        self.port_told.hide()
        path = "/ripieno/osc_port"
        self.bridge.ask(path, port, failed=lambda text: self._port_refused(text, path))

    def _port_refused(self, sentence: str, path: str) -> None:
        self.port_told.setText(_capital(sentence.removeprefix(f"{path}: ")) + ".")
        self.port_told.show()
        self._show_about()

    def _use_theme(self, name: str) -> None:
        if name != theme.current().name:
            self.context.do("theme")

    def _say(self, sentence: str, role: str = "muted") -> None:
        self.result.setText(sentence)
        set_role(self.result, role)
        self.result.setVisible(bool(sentence))


def _side(column: int) -> Qt.AlignmentFlag:
    """The names at the left, numbers under each other at the right."""
    side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
