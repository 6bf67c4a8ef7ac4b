"""The window as a program: `python -m gui`, or `ripieno` without arguments. [main]"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from types import TracebackType

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication

from engine.chosen_port import remembered_port
from engine.paths import state_folder
from gui import preferences, theme
from gui.bridge import Bridge
from gui.client import CONNECTED, GONE, LOOKING
from gui.collector import Collector
from gui.engine_process import EngineProcess
from gui.window import Window

LOG = "window.log"
LONGEST_LOG_BYTES = 1 << 20
LOOK_S = 0.4  # how long an engine that runs is given to answer


def main(argv: Sequence[str] | None = None) -> int:
    """Run the window; its exit code. [main]"""
    options = parse(argv)
    if not has_screen():
        print(
            "ripieno: there is no screen here for the window; `ripieno play` needs none",
            file=sys.stderr,
        )
        return 1
    app = QApplication(sys.argv[:1])
    app.setApplicationName("Ripieno")
    app.setStyle("Fusion")
    preferred = preferences.load()
    theme.apply(app, preferred.theme)
    bridge = Bridge(options.port)
    install_excepthook(bridge)
    engine = EngineProcess(options.port, tuple(options.engine))
    window = Window(bridge, preferred, engine)
    bridge.start()
    keeper = Keeper(window, start=not options.no_engine)
    collector = Collector(app)
    if options.say_ready:
        say_when_ready(window)
    window.showMaximized() if preferred.maximised else window.show()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.close())
    code = app.exec()
    keeper.stop()
    collector.stop()
    return code


def install_excepthook(bridge: Bridge) -> None:
    """A fault of the window is written down and said; Qt would end the program. [main]"""

    def caught(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        with contextlib.suppress(OSError):
            path = state_folder() / LOG
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = "a" if path.exists() and path.stat().st_size < LONGEST_LOG_BYTES else "w"
            with path.open(mode, encoding="utf-8") as log:
                log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n")
                log.writelines(traceback.format_exception(kind, error, trace))
        bridge.complained.emit("Something in this window failed; its log tells where.")

    sys.excepthook = caught


def has_screen() -> bool:
    """Whether Qt would find a screen: without one it would end the program. [any]"""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line of the window. [any]"""
    parser = argparse.ArgumentParser(prog="python -m gui", description=__doc__)
    parser.add_argument(
        "--port",
        type=int,
        default=remembered_port(),
        help="of the engine (as chosen in the window, else %(default)s)",
    )
    parser.add_argument(
        "--no-engine", action="store_true", help="start no engine if none runs; wait for one"
    )
    parser.add_argument(
        "--say-ready", action="store_true", help="print a line when the engine's state is shown"
    )
    parser.add_argument("engine", nargs="*", help="options for an engine that is started, after --")
    return parser.parse_args(argv)


def say_when_ready(window: Window) -> None:
    """Print `ready: ` and what is played once it is shown: for scripts and benchmarks. [main]"""
    bridge = window.context.bridge

    def look(_: float) -> None:
        if bridge.mirror.connection == CONNECTED and window.isVisible():
            bridge.frame.disconnect(look)
            title = window.top.title.text()
            QTimer.singleShot(0, lambda: print(f"ready: {title}", flush=True))

    bridge.frame.connect(look)


class Keeper:
    """Starts an engine if none runs, and again one of ours that died while it played. [main]"""

    def __init__(self, window: Window, start: bool) -> None:
        self.window, self._may_start = window, start
        self._timer = QTimer(window)
        self._timer.timeout.connect(self.look)
        self._timer.start(200)
        self._waited_s = 0.0
        self._failed = ""
        window.health.starting = self.starting
        window.health.failed = lambda: self._failed

    def stop(self) -> None:
        """Look no more. [main]"""
        self._timer.stop()

    def starting(self) -> bool:
        """Whether an engine of ours is on its way. [main]"""
        engine = self.window.engine
        return bool(engine and engine.ours) and self.window.context.mirror.connection != CONNECTED

    def look(self) -> None:
        """Five times a second: is an engine there? [main]"""
        engine, mirror = self.window.engine, self.window.context.mirror
        if engine is None:
            return
        if (code := engine.died()) is not None:
            self._died(code)
        self._waited_s += 0.2
        if mirror.connection == CONNECTED:
            self._may_start = False  # another's: it may have been ended on purpose
            self._failed = ""
        nobody = mirror.connection in (LOOKING, GONE) and self._waited_s > LOOK_S
        if nobody and self._may_start and engine.starts == 0 and not engine.ours:
            self._may_start = False
            self.window.start_engine(resume=engine.left_state())

    def _died(self, code: int) -> None:
        engine = self.window.engine
        assert engine is not None
        if code == 0:
            self.window.context.say("The engine has ended.")
        elif engine.resumed and engine.starts == 1 and not engine.may_restart():
            self.window.start_engine()
            self.window.context.say("What was left the last time could not be resumed.")
        elif engine.may_restart():
            self.window.start_engine(resume=engine.left_state())  # there is none if it never played
            self.window.context.say("The engine ended unexpectedly and is started again.")
        else:
            self._failed = engine.last_words() or f"exit code {code}"
            self.window.context.say(f"The engine did not start: {self._failed}")


if __name__ == "__main__":
    sys.exit(main())
