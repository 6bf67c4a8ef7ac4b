"""The window: pages in a stack, chosen at the left; the bars above and below never go. [main]"""

from __future__ import annotations

import importlib

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QCloseEvent, QShowEvent
from PyQt6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QMessageBox,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.errors import RipienoError
from gui import theme
from gui.bridge import Bridge
from gui.context import Context
from gui.engine_process import EngineProcess
from gui.health_bar import HealthBar
from gui.keys import Keys
from gui.learning import Learning
from gui.pages import PAGES
from gui.preferences import Preferences
from gui.shortcuts import NAMES, keys_of
from gui.top_bar import TopBar

NAV_W = 172


class Window(QMainWindow):
    """One window on one engine. [main]"""

    def __init__(
        self, bridge: Bridge, preferences: Preferences, engine: EngineProcess | None = None
    ) -> None:
        super().__init__()
        self.engine = engine
        self.context = Context(bridge, preferences)
        self.setWindowTitle("Ripieno")
        self.resize(*preferences.size)
        self.setMinimumSize(1000, 600)
        self.health = HealthBar(self.context)
        self.context.say = self.health.say
        self.context.show_page = self.show_page
        self.context.show_chain = self.show_chain
        self.top = TopBar(self.context)
        self.stack = QStackedWidget()
        self.pages: dict[str, QWidget] = {}
        self.buttons: dict[str, QPushButton] = {}
        self._lay_out()
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # where the keyboard is when it is nowhere
        self.learning = Learning(self.context, self)
        self.keys = Keys(self, preferences.shortcuts, self.do, self._play_note)
        self.keys.set_piano(preferences.piano_keys)
        self.context.do = self.do
        self.context.keys_changed = lambda: self.keys.use(preferences.shortcuts)
        self.health.acted.connect(self.act_on_health)
        bridge.complained.connect(self.health.say)
        bridge.moved.connect(self._engine_moved)
        page = preferences.page if preferences.page in self.buttons else PAGES[0].name
        self.show_page(page if preferences.first_run_done else "first_run")

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self.setFocus()

    def _lay_out(self) -> None:
        nav = QFrame()
        nav.setFixedWidth(NAV_W)
        column = QVBoxLayout(nav)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self._group = QButtonGroup(self)
        for page in (page for page in PAGES if page.listed):
            button = QPushButton(page.title)
            button.setProperty("role", "nav")
            button.setCheckable(True)
            button.setAccessibleName(f"page {page.title}")
            keys = keys_of(NAMES[f"page {page.name}"], self.context.preferences.shortcuts)
            button.setToolTip(f"{page.title}: {page.does}" + (f" ({keys})" if keys else ""))
            button.clicked.connect(lambda _, name=page.name: self.show_page(name))
            self._group.addButton(button)
            column.addWidget(button)
            self.buttons[page.name] = button
        column.addStretch(1)
        middle = QHBoxLayout()
        middle.setSpacing(10)
        middle.addWidget(nav)
        middle.addWidget(self.stack, 1)
        centre = QWidget()
        outer = QVBoxLayout(centre)
        outer.setContentsMargins(10, 10, 10, 10)
        outer.setSpacing(10)
        outer.addWidget(self.top)
        outer.addLayout(middle, 1)
        outer.addWidget(self.health)
        self.setCentralWidget(centre)

    def _engine_moved(self, port: int) -> None:
        if self.engine is not None:
            self.engine.port = port
        self.context.say(f"The engine answers at port {port} from now on.")

    # ---- pages -----------------------------------------------------------------------------

    def show_page(self, name: str) -> None:
        """Show a page; it is made when it is first shown. [main]"""
        if name not in {page.name for page in PAGES}:
            return
        if name not in self.pages:
            module = importlib.import_module(f"gui.pages.{name}")
            page = module.Page(self.context)
            self.pages[name] = page
            self.stack.addWidget(page)
            self.learning.show_badges()
        self.stack.setCurrentWidget(self.pages[name])
        if name in self.buttons:
            self.buttons[name].setChecked(True)
            self.context.preferences.page = name
        else:
            self._group.setExclusive(False)
            for button in self.buttons.values():
                button.setChecked(False)
            self._group.setExclusive(True)

    def show_chain(self, slot: str) -> None:
        """Show the chain of plugins in a slot, "part 2" or "master". [main]"""
        self.show_page("plugins")
        choose = getattr(self.pages["plugins"], "choose", None)
        if choose is not None:
            choose(slot)

    # ---- what keys and buttons do ----------------------------------------------------------

    def do(self, name: str) -> None:
        """The action of a shortcut. [main]"""
        action = NAMES[name]
        if action.address:
            try:
                self.context.bridge.act(action.address)
            except RipienoError as error:
                self.context.say(f"{error}.")
        elif name.startswith("page "):
            self.show_page(name.removeprefix("page "))
        elif name == "play":
            self.top.play_or_stop()
        elif name == "theme":
            self.use_theme("light" if theme.current().name == "dark" else "dark")
        elif name == "piano":
            self.set_piano(not self.keys.piano_on)
        elif name == "fullscreen":
            self.showNormal() if self.isFullScreen() else self.showFullScreen()
        elif name == "quit":
            self.close()

    def use_theme(self, name: str) -> None:
        """Dark or light, remembered. [main]"""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, name)
        self.context.preferences.theme = name
        self.context.preferences.save()

    def set_piano(self, on: bool) -> None:
        """Whether the computer's letters play notes, remembered. [main]"""
        self.keys.set_piano(on)
        self.context.preferences.piano_keys = on
        if on:
            self.context.say("The keys A to P play, Z and X move an octave; F9 ends it.")
        else:
            self.context.say("The computer's keys are keys again.")

    def act_on_health(self, action: str) -> None:
        """What a click on the health sentence means. [main]"""
        if action == "start":
            self.start_engine(resume=self.context.mirror.connection == "gone")
        else:
            self.show_page(action)

    def start_engine(self, resume: bool = False) -> None:
        """Start an engine; the health bar says how it goes. [main]"""
        if self.engine is None:
            return
        try:
            self.engine.start(resume)
        except OSError as error:
            self.context.say(f"The engine could not be started: {error.strerror}.")

    def _play_note(self, pitch: int, velocity: int) -> None:
        self.context.bridge.act("/ripieno/key", pitch, velocity)

    # ---- the end ---------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent | None) -> None:
        preferences = self.context.preferences
        wish = preferences.after_closing if self.engine and self.engine.ours else "play"
        if wish == "ask":
            wish = self._ask_what_becomes_of_the_music()
        if wish == "stay":
            if event is not None:
                event.ignore()
            return
        if wish == "stop":
            self.context.bridge.act("/ripieno/quit")
        if not (self.isMaximized() or self.isFullScreen()):
            preferences.size = [self.width(), self.height()]
        preferences.maximised = self.isMaximized()
        preferences.save()
        self.keys.close()
        self.learning.close()
        self.context.bridge.close()
        super().closeEvent(event)

    def _ask_what_becomes_of_the_music(self) -> str:
        box = QMessageBox(self)
        box.setWindowTitle("Ripieno")
        box.setText("The music goes on without the window.")
        box.setInformativeText(
            "Your keyboard keeps playing the ensemble; open Ripieno again to see it. Or stop the "
            "engine with the window."
        )
        keep = box.addButton("Keep playing", QMessageBox.ButtonRole.AcceptRole)
        stop = box.addButton("Stop the engine", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        always = QCheckBox("Do this always")
        box.setCheckBox(always)
        box.setWindowModality(Qt.WindowModality.WindowModal)
        box.exec()
        clicked = box.clickedButton()
        wish = "play" if clicked is keep else "stop" if clicked is stop else "stay"
        if always.isChecked() and wish != "stay":
            self.context.preferences.after_closing = wish
        return wish
