"""One chain on the plugins' page: its plugins in order, and what can be set in the chosen one.

Rows are kept while the chain keeps its plugins; only what changed is shown anew. [main]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QSizePolicy

from gui import theme
from gui.binding import bind
from gui.context import Context
from gui.mirror.chains import Chain, Plugin, value_text
from gui.pages.page import CLOSE, Panel, clear, has_address, line, push
from gui.scale import Scale
from gui.widgets.knob import Knob
from gui.widgets.switch import Switch

KNOB_WIDTH, MOST_KNOBS, SEARCH_FROM = 92, 48, 13


class PluginRow(Panel):
    """One plugin: number, name, bypass, editor, place, out. `chosen()` when it is clicked."""

    chosen = pyqtSignal()

    def __init__(self, context: Context, chain: Chain, plugin: Plugin) -> None:
        super().__init__(context)
        self.plugin, self.on_top = plugin, False
        self.setAccessibleName(f"Plugin {plugin.place} of {chain.title}: {plugin.name}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(6)
        name = line(f"{plugin.place}   {plugin.name}")
        name.setFont(theme.font(14, bold=True))
        name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        name.setToolTip(plugin.path)
        row.addWidget(name, 1)
        at = f"{plugin.place}/"
        self.bypass = Switch(f"Bypass {plugin.name}", "Bypass")
        address = chain.address(f"{at}bypass")
        bind(context, self.bypass, address)
        row.addWidget(self.bypass)
        acts: list[tuple[str, str, Callable[[], Any]]] = [
            ("Editor", "Open the window of", lambda: self._ask(chain.address(f"{at}editor"))),
            ("\u2191", "Move up", lambda: self._move(chain, plugin.place - 1)),
            ("\u2193", "Move down", lambda: self._move(chain, plugin.place + 1)),
            ("\u00d7", "Take out", lambda: self._ask(chain.address(f"{at}remove"))),
        ]
        for text, does, act in acts:
            button = push(text, act, "flat", f"{does} {plugin.name}")
            button.setToolTip(f"{does} {plugin.name}")
            if len(text) == 1:
                button.setFixedWidth(34)
                button.setStyleSheet("padding: 4px;")
            row.addWidget(button)
            if text == "\u2191":
                button.setEnabled(plugin.place > 1)
            if text == "\u2193":
                button.setEnabled(plugin.place < len(chain.plugins))

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        self.chosen.emit()

    def focusInEvent(self, a0: object) -> None:
        self.chosen.emit()

    def show_chosen(self, on_top: bool) -> None:
        """Whether it is the one whose parameters are shown. [main]"""
        if on_top != self.on_top:
            self.on_top = on_top
            self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(QPen(theme.colour("accent" if self.on_top else "faint"), 1.6))
        painter.setBrush(theme.colour("raised" if self.on_top else "panel"))
        painter.drawRoundedRect(box, 8, 8)

    def _move(self, chain: Chain, place: int) -> None:
        self._ask(chain.address(f"{self.plugin.place}/move"), place)

    def _ask(self, path: str, *values: Any) -> None:
        if path.endswith("/editor"):
            self.bridge.act(path, *values)
        else:
            self.bridge.ask(path, *values, failed=self.context.say)


class PluginKnob(Knob):
    """A parameter of a plugin: its value is read in the parameter's own unit."""

    def __init__(self, plugin: Plugin, parameter: Mapping[str, Any]) -> None:
        steps = int(parameter.get("steps") or 0)
        step = 1.0 / (steps - 1) if 2 <= steps <= 64 else 0.01
        scale = Scale(0.0, 1.0, default=float(parameter["default"]), step=step, unit="%")
        name = str(parameter["name"])
        self._say = lambda value: value_text(plugin.path, parameter, value)
        super().__init__(f"{name} of {plugin.name}", scale, name.replace("_", " "))
        self.setFixedSize(KNOB_WIDTH, 88)
        self.show_value(float(parameter["value"]))
        self.setToolTip(name)

    def text(self) -> str:
        return f"{self.typed}_" if self.typed else self._say(self.value)

    def _describe(self) -> None:
        self.setAccessibleDescription(self._say(self.value))


class Parameters(Panel):
    """The parameters of one plugin as knobs, in as many columns as there is room for."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.knobs: list[PluginKnob] = []
        self._plugin: Plugin | None = None
        self._chain: Chain | None = None
        self._shown: tuple = ()
        self._found: list[dict[str, Any]] = []
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search the parameters")
        self.search.setAccessibleName("Search the plugin's parameters")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._fill)
        self.told = line("", "muted", wrap=True)
        self._grid = QGridLayout()
        self._grid.setSpacing(CLOSE)
        self._columns = 0
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(CLOSE)
        layout.addWidget(self.search, 0, 0)
        layout.addWidget(self.told, 1, 0)
        layout.addLayout(self._grid, 2, 0)
        layout.setRowStretch(3, 1)

    def show_plugin(self, chain: Chain, plugin: Plugin) -> None:
        """Ask for the parameters of a plugin, and show them when they come. [main]"""
        before, now = self._shown, _identity(chain, plugin)
        self._chain, self._plugin, self._shown = chain, plugin, now
        if before == now:
            return
        self.search.clear()
        address = chain.address(f"{plugin.place}/parameters")
        self.bridge.ask(
            address,
            then=lambda answer: self._came(now, answer["parameters"]),
            failed=lambda sentence: None,  # it was taken out meanwhile
        )

    def show_nothing(self, why: str) -> None:
        """No plugin is chosen. [main]"""
        self._chain = self._plugin = None
        self._shown, self._found = (), []
        self._fill()
        self.told.setText(why)
        self.told.show()

    def resizeEvent(self, a0: object) -> None:
        if self._columns_now() != self._columns:
            self._fill()

    def _came(self, asked: tuple, found: list[dict[str, Any]]) -> None:
        if self._shown == asked:
            self._found = found
            self._fill()

    def _fill(self) -> None:
        clear(self._grid)
        self.knobs = []
        self._columns = self._columns_now()
        self.search.setVisible(len(self._found) >= SEARCH_FROM)
        words = self.search.text().lower().split()
        wanted = [p for p in self._found if all(w in str(p["name"]).lower() for w in words)]
        assert self._columns > 0
        for place, parameter in enumerate(wanted[:MOST_KNOBS]):
            knob = self._knob(parameter)
            self.knobs.append(knob)
            self._grid.addWidget(knob, place // self._columns, place % self._columns)
        self._grid.setColumnStretch(self._columns, 1)
        more = len(wanted) - MOST_KNOBS
        loading = self._plugin is not None and not self._found
        self.told.setText(
            f"{more} more: search for them by name."
            if more > 0
            else "Nothing can be set here yet."
            if loading
            else ""
        )
        self.told.setVisible(bool(self.told.text()))

    def _knob(self, parameter: dict[str, Any]) -> PluginKnob:
        assert self._plugin is not None
        assert self._chain is not None
        knob = PluginKnob(self._plugin, parameter)
        address = self._chain.address(f"{self._plugin.place}/parameter/{parameter['name']}")
        if has_address(address):
            bind(self.context, knob, address)
        return knob

    def _columns_now(self) -> int:
        return max(self.width() // (KNOB_WIDTH + CLOSE), 1)


def _identity(chain: Chain, plugin: Plugin) -> tuple:
    """What another plugin, or the same one when it has loaded, would not have. [any]"""
    return chain.slot, plugin.place, plugin.path, plugin.parameters
