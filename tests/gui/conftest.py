"""A real engine without sound, and the window's parts on it, offscreen."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before anything of Qt is imported

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.operations import set_value
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from gui import theme
from gui.bridge import Bridge
from gui.context import Context
from gui.preferences import Preferences
from gui.window import Window

PATIENCE_MS = 20000


@pytest.fixture(scope="package", autouse=True)
def collected_here() -> Iterator[None]:
    """The engine's threads run in this process: they must not collect what is Qt's."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


@pytest.fixture(autouse=True)
def swept(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test leaves of Qt is collected when it ends, on this thread."""
    yield
    if "qapp" in request.fixturenames:
        gc.collect()


@pytest.fixture(scope="session")
def playing(user_folders: None) -> Iterator[Session]:
    """One engine for all tests of the window; `engine` is as new for each."""
    settings = Settings(output="none", input_port="none", soundfont=bundled_soundfont(), osc_port=0)
    with Session(settings) as session:
        gc.collect()
        gc.freeze()  # the compiler's part of the heap would be looked through after every test
        yield session


@pytest.fixture
def engine(playing: Session) -> Session:
    """The engine as a string quartet with all settings as they come."""
    set_value(playing, "/ripieno/learn/forget_all")
    playing.set_ensemble("string_quartet")
    playing.set("control", 1.0)
    playing.set("master_gain_db", 0.0)
    playing.set("rolling", 0.0)
    playing.panic()
    return playing


@pytest.fixture
def themed(qapp: QApplication) -> Iterator[QApplication]:
    """The application in the dark theme."""
    qapp.setStyle("Fusion")
    theme.apply(qapp, "dark")
    yield qapp
    theme.apply(qapp, "dark")


@pytest.fixture
def bridge(themed: QApplication, engine: Session, qtbot: QtBot) -> Iterator[Bridge]:
    """A bridge that has heard all of the engine's state."""
    bridge = Bridge(engine.osc_port)
    bridge.start()
    qtbot.waitUntil(lambda: bridge.mirror.connection == "connected", timeout=PATIENCE_MS)
    yield bridge
    bridge.close()


@pytest.fixture
def context(bridge: Bridge) -> Context:
    """What a page is made from."""
    return Context(bridge, Preferences(first_run_done=True))


@pytest.fixture
def window(bridge: Bridge, qtbot: QtBot, tmp_path: Path) -> Iterator[Window]:
    """The whole window, shown."""
    window = Window(bridge, Preferences(first_run_done=True, path=tmp_path / "window.toml"))
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.close()


@pytest.fixture
def until(qtbot: QtBot) -> Callable[[Callable[[], bool]], None]:
    """Let the window run until something is true, for as long as a loaded machine may need."""

    def wait(true: Callable[[], bool]) -> None:
        qtbot.waitUntil(true, timeout=PATIENCE_MS)

    return wait
