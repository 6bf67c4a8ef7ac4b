"""The window: what a frame costs, whether the engine feels it, how soon it is there, its memory.

- Frames: the stage with 500 notes in sight, the parts' names and the keyboard, and 16 meters that
  all move, painted offscreen at 1280 x 720; then the roll alone, and beside it pyqtgraph with 500
  bars and axes of the same size.
- The engine's callback on a jackd of its own (dummy driver, -S), playing the demo's chorale: with
  the window painting, and in turns with it stopped (SIGSTOP). Loads of all turns of a kind are
  joined; the noise is how far the turns without the window lie apart.
- From launch to the engine's state on the screen, warm, an engine running.
- Memory: an hour of playing (eight notes a second, ten statistics) put through mirror and stage.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from engine.osc import Assembler, decode, encode
from tests.bench.processes import call
from tests.bench.report import arguments, report
from tests.servers import JackServer, jack_server

WIDTH, HEIGHT = 1280, 720
NOTES, PARTS, METERS = 500, 16, 16
FRAMES = 600
FRAME_BAR_MS, LAUNCH_BAR_S, MEMORY_BAR_MB = 16.0, 2.0, 8.0
TURNS, TURN_S = 6, 5.0
LAUNCHES = 5
HOUR_S, WARM_UP_S = 3600, 600
RATE_HZ = 48000


def main() -> None:
    options = arguments(__doc__)
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    frames = call(time_frames, env)
    alone = call(time_roll, env)
    peer = call(time_pyqtgraph, env)
    memory = call(measure_memory, env)
    with (
        jack_server(128, RATE_HZ) as server,
        tempfile.TemporaryDirectory() as folder,
        engine(server, folder) as port,
    ):
        launches_s = [launch(port, folder) for _ in range(1 + LAUNCHES)][1:]
        loads = measure_loads(port, folder)
    rows: list[dict[str, Any]] = [
        {"what": "a frame of the stage, ms", **frames},
        {"what": "the roll alone, ms", **alone},
        {"what": "pyqtgraph, bars and axes, ms", **peer},
        {"what": "launch to usable, warm, s", **spread(launches_s)},
        *({"what": f"callback, % of the block, {name}", **load} for name, load in loads.items()),
        {"what": "memory, MB", **memory},
    ]
    difference = loads["window painting"]["p99.9"] - loads["window stopped"]["p99.9"]
    noise = loads["window stopped"]["apart"]
    launch_s = float(np.median(launches_s))
    grown_mb = memory["end"] - memory["begin"]
    reach = {
        "a frame with 500 notes and 16 meters, p99, ms": (
            frames["p99"],
            f"<= {FRAME_BAR_MS:g}",
            frames["p99"] <= FRAME_BAR_MS,
        ),
        "callback p99.9 with the window minus without, points of %": (
            difference,
            f"<= {noise:.3g}, the noise",
            difference <= noise,
        ),
        "launch to usable, median, s": (
            launch_s,
            f"<= {LAUNCH_BAR_S:g}",
            launch_s <= LAUNCH_BAR_S,
        ),
        "memory grown in an hour, MB": (
            grown_mb,
            f"<= {MEMORY_BAR_MB:g}",
            grown_mb <= MEMORY_BAR_MB,
        ),
    }
    report("window", rows, reach, options.json)


def spread(values: list[float]) -> dict[str, float]:
    """Middle and tail."""
    return {name: float(np.percentile(values, q)) for name, q in (("p50", 50), ("p99", 99))}


# ---- processes of their own -------------------------------------------------------------------


def time_frames() -> dict[str, float]:
    """ms a frame; `cpu_p99` is the thread's own time, without what other programs took."""
    from PyQt6.QtWidgets import QHBoxLayout

    app, page, bridge = stage()
    meters = add_meters(page, QHBoxLayout())
    fill(bridge.mirror)
    now_s = 100.0
    took: list[tuple[float, float]] = []
    for frame in range(FRAMES + 60):
        now_s += 1 / 60
        levels = np.random.default_rng(frame).uniform(0.01, 1.0, METERS)
        begun_s, begun_cpu_s = time.perf_counter(), time.thread_time()
        page.tick(now_s)
        for meter, level in zip(meters, levels, strict=True):
            meter.feed(float(level), now_s)
            meter.tick(now_s)
        app.processEvents()  # paints what was asked to be
        if frame >= 60:
            took.append((time.perf_counter() - begun_s, time.thread_time() - begun_cpu_s))
    if page.roll.painted_notes < NOTES:
        raise RuntimeError(f"{NOTES} notes were to be seen, {page.roll.painted_notes} were")
    wall_ms, cpu_ms = (1000 * np.array(column) for column in zip(*took, strict=True))
    return {**spread(list(wall_ms)), "cpu_p99": float(np.percentile(cpu_ms, 99))}


def time_roll() -> dict[str, float]:
    """ms a frame of the roll by itself."""
    app, page, bridge = stage()
    fill(bridge.mirror)
    roll, notes = page.roll, bridge.mirror.notes
    page.layout().removeWidget(roll)
    roll.setParent(None)
    roll.resize(WIDTH, HEIGHT - 240)
    roll.show()
    took = []
    for frame in range(FRAMES + 60):
        begun_s, begun_cpu_s = time.perf_counter(), time.thread_time()
        roll.show_moment(notes, bridge.mirror.transport, notes.clock.frame(100 + frame / 60))
        app.processEvents()
        took.append((time.perf_counter() - begun_s, time.thread_time() - begun_cpu_s))
    wall_ms, cpu_ms = (1000 * np.array(column) for column in zip(*took[60:], strict=True))
    return {**spread(list(wall_ms)), "cpu_p99": float(np.percentile(cpu_ms, 99))}


def time_pyqtgraph() -> dict[str, float]:
    """The same 500 bars as one item of pyqtgraph with axes, moved each frame."""
    import pyqtgraph
    from PyQt6.QtWidgets import QApplication

    app = QApplication([])
    plot = pyqtgraph.PlotWidget()
    plot.resize(WIDTH, HEIGHT - 240)
    rng = np.random.default_rng(0)
    left = np.sort(rng.uniform(0, 8, NOTES))
    bars = pyqtgraph.BarGraphItem(
        x0=left, y0=rng.integers(40, 90, NOTES), width=0.3, height=0.9, brush="r"
    )
    plot.addItem(bars)
    plot.setYRange(36, 96)
    plot.show()
    took = []
    for frame in range(FRAMES + 60):
        begun_s, begun_cpu_s = time.perf_counter(), time.thread_time()
        plot.setXRange(frame / 60 - 8, frame / 60)
        app.processEvents()
        took.append((time.perf_counter() - begun_s, time.thread_time() - begun_cpu_s))
    wall_ms, cpu_ms = (1000 * np.array(column) for column in zip(*took[60:], strict=True))
    return {**spread(list(wall_ms)), "cpu_p99": float(np.percentile(cpu_ms, 99))}


def measure_memory() -> dict[str, float]:
    """MB of this process after ten minutes and after an hour of playing, reckoned fast."""
    app, page, bridge = stage()
    mirror = bridge.mirror
    begin_mb = 0.0
    for second in range(HOUR_S):
        for tenth in range(10):
            now_s = second + tenth / 10
            mirror.take("/ripieno/statistics", (reading(now_s),), now_s)
            if tenth % 5 == 0:
                for voice in range(4):
                    play(mirror, now_s, second * 8 + tenth // 5 * 4 + voice, voice)
            mirror.notify(now_s)
            page.tick(now_s)
        if second % 10 == 0:
            app.processEvents()
        if second == WARM_UP_S:
            begin_mb = resident_mb()
    return {"begin": begin_mb, "end": resident_mb()}


def stage() -> tuple[Any, Any, Any]:
    """The application, the stage with 16 parts, and its bridge without an engine."""
    from PyQt6.QtWidgets import QApplication

    from gui import theme
    from gui.bridge import Bridge
    from gui.context import Context
    from gui.mirror.ensemble import Ensemble, Part
    from gui.pages.stage import Page
    from gui.preferences import Preferences

    app = QApplication([])
    app.setStyle("Fusion")
    theme.apply(app, "dark")
    bridge = Bridge(9)
    parts = tuple(Part(n, f"Part {n}", 40, "soundfont", 36, 96) for n in range(1, PARTS + 1))
    bridge.mirror.ensemble = Ensemble("bench", "Bench", "chorales", (), parts)
    page = Page(Context(bridge, Preferences()))
    page.resize(WIDTH, HEIGHT)
    page.show()
    app.processEvents()
    return app, page, bridge


def add_meters(page: Any, row: Any) -> list[Any]:
    """16 meters below the stage."""
    from gui.widgets.meter import Meter

    meters = [Meter(f"meter {n}") for n in range(METERS)]
    for meter in meters:
        meter.setFixedHeight(120)
        row.addWidget(meter)
    page.layout().addLayout(row)
    return meters


def fill(mirror: Any) -> None:
    """500 notes within the last seconds, of every part and confidence, and some that sound."""
    from gui.mirror.notes import Bar

    rng = np.random.default_rng(1)
    mirror.notes.clock.hear(100 * RATE_HZ, 100.0)
    for number in range(NOTES):
        start = int((94.0 + 6.0 * number / NOTES) * RATE_HZ)
        sure, pitch = float(rng.uniform(0, 1)), 40 + number * 7 % 50
        end = start + 20 * RATE_HZ
        bar = Bar(number, number % PARTS, pitch, 80, start, end, sure, "network")
        mirror.notes.bars.append(bar)


def play(mirror: Any, at_s: float, number: int, part: int) -> None:
    """A note begins, and the one before it in this part ends."""
    frame, pitch = int(at_s * RATE_HZ), 40 + number * 7 % 50
    values = (number, part + 1, pitch, 80, 0.9, "network", 0.5, frame)
    mirror.take("/ripieno/note_on", values, at_s)
    if number >= 4:
        mirror.take("/ripieno/note_off", (number - 4, part + 1, 0, 0, frame), at_s)


def reading(now_s: float) -> dict[str, Any]:
    """Statistics of a moment."""
    from gui.mirror.statistics import Statistics

    usual = {name: 0 for name, kind in Statistics.__annotations__.items() if kind in ("int", int)}
    return {
        **usual,
        "frame": int(now_s * RATE_HZ),
        "rate_hz": RATE_HZ,
        "block_frames": 128,
        "load_percent": {"p50": 1.0, "p99": 2.0, "p999": 5.0, "max": 9.0},
        "delay_ms": {"p50": 0.5, "p99": 1.0},
        "peak": [abs(np.sin(now_s))] * 17,
        "rms": [0.1] * 17,
        "part_notes": [0] * 16,
        "puck_x": [0.5] * 16,
        "puck_y": [0.5] * 16,
    }


def resident_mb() -> float:
    """What this process holds of the memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


# ---- with an engine ---------------------------------------------------------------------------


@contextmanager
def engine(server: JackServer, folder: str) -> Iterator[int]:
    """`ripieno play` on the server, playing the chorale; its port."""
    env = {**server.env, "RIPIENO_HOME": folder}
    command = [sys.executable, "-m", "engine.cli", "play", "--out", "jack", "--in", "none"]
    port = 57150 + os.getpid() % 800
    with subprocess.Popen(
        [*command, "--no-record", "--osc-port", str(port)],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            ask(port, "/ripieno/version", patience_s=120.0)
            yield port
        finally:
            process.terminate()


@contextmanager
def window(port: int, folder: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m gui` offscreen, ready."""
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "RIPIENO_HOME": folder}
    (Path(folder) / "config").mkdir(exist_ok=True)
    (Path(folder) / "config" / "window.toml").write_text("first_run_done = true\n")
    command = [sys.executable, "-m", "gui", "--port", str(port), "--no-engine", "--say-ready"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or not process.stdout.readline().startswith("ready: "):
                raise RuntimeError("the window did not open")
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def launch(port: int, folder: str) -> float:
    """Seconds from starting the window to the engine's state on the screen."""
    begun_s = time.monotonic()
    with window(port, folder):
        return time.monotonic() - begun_s


def measure_loads(port: int, folder: str) -> dict[str, dict[str, float]]:
    """The callback's load in turns with the window painting and stopped, joined by kind."""
    found: dict[str, list[dict[int, int]]] = {"window painting": [], "window stopped": []}
    with window(port, folder) as process:
        for turn in range(2 * TURNS):
            kind = "window stopped" if turn % 2 else "window painting"
            process.send_signal(signal.SIGSTOP if turn % 2 else signal.SIGCONT)
            tell(port, "/ripieno/file", "")
            time.sleep(1.0)
            tell(port, "/ripieno/statistics/reset")
            time.sleep(TURN_S)
            bins = ask(port, "/ripieno/histograms")["load_half_percent"]
            found[kind].append(dict(bins))
    return {kind: load_row(turns) for kind, turns in found.items()}


def load_row(turns: list[dict[int, int]]) -> dict[str, float]:
    """Percentiles of all turns together, and how far the turns' p99.9 lie apart."""
    whole: dict[int, int] = {}
    for turn in turns:
        for place, count in turn.items():
            whole[place] = whole.get(place, 0) + count
    tails = [percentile(turn, 0.999) for turn in turns]
    shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    return {
        **{name: percentile(whole, share) for name, share in shares.items()},
        "apart": max(tails) - min(tails),
    }


def percentile(bins: dict[int, int], share: float) -> float:
    """% of the block at or below which a share of all blocks stayed."""
    total, seen = sum(bins.values()), 0
    for place in sorted(bins):
        seen += bins[place]
        if seen >= share * total:
            return (place + 1) / 2
    return 0.0


def tell(port: int, path: str, *texts: str) -> None:
    """Send a message and hear nothing."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(encode(path, [("s", text) for text in texts]), ("127.0.0.1", port))


def ask(port: int, path: str, patience_s: float = 20.0) -> Any:
    """The first value of an answer, JSON read; asked again until it comes."""
    import json
    import socket

    deadline = time.monotonic() + patience_s
    assembler = Assembler()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.5)
        while time.monotonic() < deadline:
            asker.sendto(encode(path), ("127.0.0.1", port))
            try:
                while True:
                    (answer, values), *_ = decode(asker.recv(65507))
                    if answer == "/ripieno/chunk":
                        whole = assembler.take(values)
                        if whole is None:
                            continue
                        values = [whole[1]]
                    text = str(values[0])
                    return json.loads(text) if text.startswith("{") else text
            except TimeoutError:
                continue
    raise RuntimeError(f"the engine did not answer {path}")


if __name__ == "__main__":
    main()
