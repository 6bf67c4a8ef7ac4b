"""Plugins live: what is not ready in time while a thread of the engine hogs the interpreter.

An instrument and three effects in one chain, at blocks of 64, 128 and 256 frames, 48 kHz, on a
jackd of its own (dummy driver, -S), four notes struck four times a second:
- ours: the engine with the chain in its host process. Underruns: blocks in which the callback found
  too little processed sound and faded to what it has; the lead is how far behind it reads;
  Beside it, how long the machine itself stood still at most, and how many of the underruns fall
  into such moments: no program can keep time then;
- Python: the same plugins called by pedalboard in a JACK-Client callback of such a process.
  Underruns: cycles the server skipped, or that ended late.
Processor time is that of the host's process, or of the callback, in % of one core.
"""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.jack import JackDevice
from engine.libjack import load_libjack
from engine.plugins.chain import ChainSpec, PluginSpec
from tests.bench.processes import call, hog_interpreter
from tests.bench.report import arguments, report
from tests.bench.stopwatch import Stopwatch, watch_jack
from tests.bench.witness import Witness
from tests.plugins_fixture import plugins_folder
from tests.servers import jack_server

RATE_HZ = 48000
BLOCKS = (64, 128, 256)
SECONDS = 60.0
SETTLE_SECONDS = 4.0
REACHED_AT, MOST_LEAD_MS = 128, 8.0
EFFECTS = ("ZamCompX2", "ZaMaximX2", "ZaMultiCompX2")
LOOK_S = 0.01
STILL_NS = 2_000_000  # a machine that stands still for so long may make a chain late
CHORD = (48, 55, 64, 72)


def main() -> None:
    options = arguments(__doc__, seconds=SECONDS)
    rows = [row for block_frames in BLOCKS for row in measure(block_frames, options.seconds)]
    ours = next(r for r in rows if r["block"] == REACHED_AT and r["who"] == "ours, in a process")
    underruns, lead_ms = ours["underruns"], ours["lead_ms"]
    of_ours = underruns - ours["by_machine"]
    at = f"block {REACHED_AT}, {options.seconds:g} s"
    reach = {
        f"{at}: underruns": (underruns, "0", underruns == 0),
        f"{at}: underruns while the machine kept time": (of_ours, "0", of_ours == 0),
        f"{at}: lead in ms": (lead_ms, f"<= {MOST_LEAD_MS:g}", lead_ms <= MOST_LEAD_MS),
    }
    report("plugins", rows, reach, options.json)


def measure(block_frames: int, seconds: float) -> list[dict[str, Any]]:
    """Rows of one block size, on one server."""
    paths = [str(plugins_folder() / "TestSynth.vst3")]
    paths += [f"/usr/lib/vst3/{name}.vst3" for name in EFFECTS]
    with jack_server(block_frames, RATE_HZ) as server:
        settings = {"block_frames": block_frames, "seconds": seconds, "paths": paths}
        with Witness() as witness:
            ours = call(run_engine, server.env, **settings)
        ours |= _told_apart(ours.pop("dry"), witness.pauses(), block_frames)
        python = call(run_python, server.env, **{**settings, "seconds": min(seconds, 10.0)})
    return [
        {"block": block_frames, "who": "ours, in a process", **ours},
        {"block": block_frames, "who": "Python callback", **python},
    ]


def _told_apart(
    dry: list[tuple[int, int, int]], pauses: np.ndarray, block_frames: int
) -> dict[str, Any]:
    """Whose fault frames were that were dry between two moments: (from ns, to ns, frames)."""
    still = pauses[pauses[:, 1] > STILL_NS]
    frames = 0
    for from_ns, to_ns, dry_frames in dry:
        if np.any((still[:, 0] < to_ns) & (still.sum(axis=1) > from_ns)):
            frames += dry_frames
    longest_ns = pauses[:, 1].max(initial=0)
    return {"by_machine": -(-frames // block_frames), "machine_still_ms": longest_ns * 1e-6}


def run_engine(block_frames: int, seconds: float, paths: list[str]) -> dict[str, Any]:
    """The engine with its plugins in a host process, in this process, its interpreter hogged."""
    from engine.core import Engine
    from engine.ensembles import load_ensemble
    from engine.plugins.manager import Plugins

    device = JackDevice("bench-plugins")
    engine = Engine(device.rate_hz)
    engine.apply(load_ensemble("string_quartet"))
    plugins = Plugins(engine, lambda sentence: None)
    device.start(engine)
    plugins.set_chain("part 1", ChainSpec(tuple(PluginSpec(path) for path in paths)))
    while not plugins.state()["part 1"].get("heard"):
        plugins.tend()
        time.sleep(0.1)
    rest = hog_interpreter()
    _play(lambda message: engine.part_midi(0, message), plugins.tend, SETTLE_SECONDS)
    pid = plugins.state()["part 1"]["pid"]
    dry, looked = _watch_dry_frames(engine, rest)
    before, spent_ns, missed = engine.chain_stats(0), _spent_ns(pid), engine.stats().missed_cycles
    begun_s, leads = time.monotonic(), []

    def tend() -> None:
        plugins.tend()
        leads.append(plugins.state()["part 1"]["lead_ms"])

    _play(lambda message: engine.part_midi(0, message), tend, seconds)
    took_s = time.monotonic() - begun_s
    share = (_spent_ns(pid) - spent_ns) / took_s * 1e-7
    after, state = engine.chain_stats(0), plugins.state()["part 1"]
    missed = engine.stats().missed_cycles - missed
    rest.set()
    looked.join()
    plugins.close()
    device.close()
    engine.close()
    if state["restarts"] or state["state"] != "running":
        raise RuntimeError(f"the chain did not play to the end: {state}")
    return {
        "seconds": round(took_s, 1),
        "underruns": -(-(after.dry_frames - before.dry_frames) // block_frames),
        "lead_ms": max(leads),
        "latency_ms": state["latency_ms"],
        "cpu_%": share,
        "plugins_%": state["load_percent"],
        "engine_missed": missed,
        "dry": dry,
    }


def _watch_dry_frames(
    engine: Any, rest: threading.Event
) -> tuple[list[tuple[int, int, int]], threading.Thread]:
    """A list of (from ns, to ns, dry frames) that grows until `rest` is set, and who does it."""
    dry: list[tuple[int, int, int]] = []

    def watch() -> None:
        from_ns, before = time.monotonic_ns(), int(engine._rig.chains["dry_frames"][0])
        began_ns = from_ns
        while not rest.wait(LOOK_S):
            now_ns, now = time.monotonic_ns(), int(engine._rig.chains["dry_frames"][0])
            if now > before:
                dry.append((began_ns, now_ns, now - before))
            else:
                began_ns = from_ns
            from_ns, before = now_ns, now

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return dry, thread


def run_python(block_frames: int, seconds: float, paths: list[str]) -> dict[str, Any]:
    """The same plugins in a Python callback of JACK-Client's, its interpreter hogged."""
    import jack

    from engine.plugins.loading import LoadedPlugin

    loaded = [LoadedPlugin(path, "", RATE_HZ) for path in paths]
    plugins = [plugin._sides[0] for plugin in loaded]
    ffi: Any = vars(jack)["_ffi"]
    client: Any = jack.Client("bench-python", no_start_server=True)
    outputs: list[Any] = [client.outports.register(f"out_{side}") for side in "lr"]
    waiting: list[bytes] = []

    @client.set_process_callback
    def process(frames: int) -> None:
        messages = [(waiting.pop(0), 0.0) for _ in range(len(waiting))]
        duration_s = (frames + 0.25) / RATE_HZ
        sound = plugins[0].process(messages, duration_s, RATE_HZ, 2, frames, False)
        for plugin in plugins[1:]:
            sound = plugin.process(sound, RATE_HZ, frames, False)
        for output, side in zip(outputs, sound, strict=True):
            output.get_array()[:] = side[:frames]

    pointer = int(ffi.cast("uintptr_t", client._ptr))
    watch = Stopwatch(pointer)
    watch.record["inner"] = int(ffi.cast("uintptr_t", client._keepalive[-1]))
    load_libjack().jack_set_process_callback(pointer, watch_jack.address, watch.user_data)
    client.activate()
    rest = hog_interpreter()
    _play(waiting.append, lambda: None, SETTLE_SECONDS)
    begin = watch.cycles
    _play(waiting.append, lambda: None, seconds)
    rest.set()
    figures = watch.figures(block_frames, RATE_HZ, True, begin)
    client.deactivate()
    client.close()
    return {
        "seconds": round(seconds, 1),
        "underruns": figures["missed"],
        "lead_ms": 0.0,
        "latency_ms": 1000.0 * sum(plugin.latency_frames for plugin in loaded) / RATE_HZ,
        "cpu_%": figures["mean_ns"] * RATE_HZ / block_frames * 1e-7,
    }


def _play(send: Any, tend: Any, seconds: float) -> None:
    """Strike the chord four times a second, tend twice a second, for so long."""
    end_s = time.monotonic() + seconds
    turn = 0
    while time.monotonic() < end_s:
        for pitch in CHORD:
            send(bytes([0x90 if turn % 2 == 0 else 0x80, pitch, 90]))
        if turn % 4 == 0:
            tend()
        turn += 1
        time.sleep(0.125)


def _spent_ns(pid: int) -> int:
    """Processor time of a process."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


if __name__ == "__main__":
    main()
