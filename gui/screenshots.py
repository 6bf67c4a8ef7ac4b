"""Pictures of every page for README and eyes: `python -m gui.screenshots FOLDER`. [main]

Starts an engine without sound that plays the demo's chorale and plans how it could go on, opens the
window offscreen and grabs it page by page. `--scale 2 --size 3840x2160` pictures a screen of 4K at
200 %.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

SETTLE_MS, LOOK_MS, LONGEST_MS = 7000, 900, 180_000
OPTIONS = ("--out", "none", "--in", "none", "--no-record")


def main(argv: Sequence[str] | None = None) -> int:
    """Write PAGE-THEME.png for the pages wanted. [main]"""
    options = parse(argv)
    os.environ["QT_SCALE_FACTOR"] = str(options.scale)  # read when Qt is loaded
    from PyQt6.QtWidgets import QApplication

    from gui import theme
    from gui.bridge import Bridge
    from gui.engine_process import EngineProcess
    from gui.preferences import Preferences
    from gui.window import Window

    app = QApplication(sys.argv[:1])
    app.setStyle("Fusion")
    theme.apply(app, options.themes[0])
    port = options.port or _free_port()
    engine = EngineProcess(port, OPTIONS)
    if not options.port:
        engine.start()
    width, height = (int(side) // options.scale for side in options.size.split("x"))
    window = Window(Bridge(port), Preferences(first_run_done=True, after_closing="play"))
    window.resize(width, height)
    window.context.bridge.start()
    window.show()
    try:
        _picture_all(window, options)
    finally:
        if not options.port:
            window.context.bridge.act("/ripieno/quit")
        window.close()
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line. [any]"""
    from gui.pages import PAGES

    parser = argparse.ArgumentParser(prog="python -m gui.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--pages", nargs="*", default=[page.name for page in PAGES])
    parser.add_argument("--themes", nargs="*", default=["dark"], choices=["dark", "light"])
    parser.add_argument("--size", default="1280x720", help="in pixels (%(default)s)")
    parser.add_argument("--scale", type=int, default=1, help="pixels a point (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="of an engine that runs already")
    parser.add_argument("--ensemble", default="string_quartet", help="to show (%(default)s)")
    return parser.parse_args(argv)


def _picture_all(window, options: argparse.Namespace) -> None:
    bridge = window.context.bridge
    _run(LONGEST_MS, lambda: bridge.mirror.connection == "connected")
    bridge.act("/ripieno/ensemble", options.ensemble)
    _run(LONGEST_MS, lambda: bridge.mirror.ensemble.id == options.ensemble)
    bridge.set("/ripieno/continuation/silence", 16.0)  # it plans, and leaves the floor to the file
    bridge.set("/ripieno/continuation/mode", "takeover")
    _run(LONGEST_MS, lambda: _worker_is_ready(window))
    options.folder.mkdir(parents=True, exist_ok=True)
    for theme in options.themes:
        window.use_theme(theme)
        for name in options.pages:
            if not bridge.mirror.notes.sounding:
                bridge.act("/ripieno/file", "")
                bridge.act("/ripieno/transport/locate", 0.0)
                bridge.act("/ripieno/transport/start")
            window.show_page(name)
            _run(SETTLE_MS if name in ("stage", "graphs") else LOOK_MS)
            window.grab().save(str(options.folder / f"{name}-{theme}.png"))


def _worker_is_ready(window) -> bool:
    worker = window.context.mirror.section("continuation").get("worker") or {}
    return worker.get("state") in ("ready", "failed")


def _run(longest_ms: int, until=lambda: False) -> None:
    """Let the window live until something is true, or so long."""
    from PyQt6.QtCore import QElapsedTimer, QEventLoop, QTimer

    loop, timer, clock = QEventLoop(), QTimer(), QElapsedTimer()
    clock.start()

    def look() -> None:
        if until() or clock.elapsed() >= longest_ms:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(20)
    loop.exec()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
