"""The boundary of real time, proved: no allocation, no interpreter, no lock held by Python."""

import ast
import ctypes
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import cfunc, types

from engine.rt import callback
from engine.rt.callback import CARD_DRIVES, JACK_DRIVES, LOOP_DRIVES
from engine.rt.layout import IN_CHANNELS, OUT_CHANNELS, PLAY_BLOCK
from engine.rt.rig import rig_at
from tests.engine.rig_helpers import new_engine, note_on, play

ROOT = Path(__file__).parents[3]
rig_of: Any = rig_at
COMPILING_S = 900  # unless they are compiled: less than a minute of a quiet machine
pytestmark = pytest.mark.timeout(COMPILING_S + 60)
CALLBACKS = (
    *("play_block", "jack_process", "jack_timebase", "jack_latency"),
    *("portaudio_process", "count_xrun", "server_gone", "freewheel"),
    *("jack_listen", "jack_gone"),
)


@pytest.fixture(scope="module")
def report():
    """What the checker says of the code that runs; any warning is an error."""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.engine.rt.machine_code"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=COMPILING_S,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_callback_neither_allocates_nor_enters_the_interpreter(report, name):
    assert report[name]["complaints"] == []


@pytest.mark.parametrize(
    "part",
    [
        *("process", "handle_midi", "step", "render_voices", "apply_fluid", "add_reverb", "panic"),
        *("run_strip", "tend_chains", "align", "tend_floor", "begin_floor", "heard_on"),
        *("advance_pad", "begin_morphs", "decode_frame", "render_morphs", "aim_noise"),
        *("_decide_by_hand", "play_note", "press_doubles", "take_network", "strike_switch"),
    ],
)
def test_the_checker_has_seen_the_whole_callback(report, part):
    functions = report["play_block"]["functions"]
    assert any(f"{len(part)}{part}B" in function for function in functions)


@cfunc(types.void(types.int64, types.int64, types.int64))
def _count_blocks(table, frames, driver):
    rig_of(table).scratch[8 + driver] += frames


def test_whoever_drives_the_stream_plays_the_block_that_was_checked():
    """The callbacks have no stream in them: with another block there is no other sound."""
    engine = new_engine()
    engine._rig.native[PLAY_BLOCK] = _count_blocks.address
    begin = engine.frame
    engine.render(640, block=64)
    nowhere = np.zeros(OUT_CHANNELS, np.int64)
    number, pointer = ctypes.c_uint64, ctypes.c_void_p
    jack = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, pointer)(engine.jack_callback_address)
    card = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, number, pointer, number, pointer)(
        engine.portaudio_callback_address
    )

    def devices() -> None:
        jack(128, engine.user_data)
        card(nowhere.ctypes.data, nowhere.ctypes.data, 256, None, 0, engine.user_data)

    thread = threading.Thread(target=devices)  # whose arithmetic they change
    thread.start()
    thread.join()
    blocks = {
        driver: engine._rig.scratch[8 + driver]
        for driver in (JACK_DRIVES, CARD_DRIVES, LOOP_DRIVES)
    }
    assert blocks == {JACK_DRIVES: 128, CARD_DRIVES: 256, LOOP_DRIVES: 640}
    assert engine.frame == begin
    engine.close()


@pytest.mark.parametrize(
    ("control", "symptom"),
    [
        ("allocating", "NRT_"),
        ("growing", "NRT_"),
        ("asking", "numba_gil_ensure"),
        ("raising", "may return status"),
        ("printing", "numba_gil_ensure"),
    ],
)
def test_the_checker_catches_controls_that_misbehave(report, control, symptom):
    assert any(symptom in complaint for complaint in report[control]["complaints"])


def test_the_checker_lets_plain_arithmetic_pass(report):
    assert report["harmless"]["complaints"] == []


def test_the_core_imports_the_compiler_numpy_and_the_standard_library_alone():
    allowed = {"numba", "llvmlite", "numpy", *sys.stdlib_module_names}
    for path in (ROOT / "engine" / "rt").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name} imports relatively"
                names = [str(node.module)]
            else:
                continue
            for name in names:
                assert name.startswith("engine.rt") or name.split(".")[0] in allowed, (
                    f"{path.name} imports {name}"
                )


def test_the_stream_runs_on_while_a_thread_holds_the_interpreter():
    """One long call inside the interpreter that lets no other thread in; the music goes on."""
    engine = new_engine()
    play(engine, [(0, note_on(60))], 64)
    nowhere = np.zeros(OUT_CHANNELS, np.int64)
    unheard = np.zeros(IN_CHANNELS, np.int64)
    arguments = (engine._memory.table, nowhere, 48000 * 300, 64, unheard)
    thread = threading.Thread(target=callback.render, args=arguments)
    thread.start()
    while engine.frame < 10_000:
        time.sleep(0.001)
    numbers = range(40_000_000)
    before, start_s = engine.frame, time.monotonic()
    sum(numbers)  # does not let go of the interpreter
    held_s, during = time.monotonic() - start_s, engine.frame - before
    still_running = thread.is_alive()
    thread.join()
    engine.close()
    assert held_s > 0.05
    assert during > held_s * 48000 or not still_running


def test_the_offline_loop_leaves_a_threads_arithmetic_as_it_was():
    """Denormal numbers, which the stream does without, are the caller's again afterwards."""
    engine = new_engine()
    engine.render(64)
    assert np.float32(1e-39) * np.float32(0.5) > 0
    engine.close()
