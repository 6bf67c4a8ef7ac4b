"""From an independent JACK client's key to the sound another client records, with real servers."""

import contextlib
import ctypes
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core import Engine
from engine.ensembles import Ensemble, Part
from engine.jack import JackDevice
from tests.engine.test_jack import wait_until
from tests.servers import JackServer

pytestmark = pytest.mark.jack
FLUTE = 73  # nearly a sine: its pitch is easy to read
NOTES = {"low": 45, "high": 76}  # either side of the zones' boundaries
ENSEMBLE = Ensemble(
    id="two",
    name="Two",
    parts=(
        Part("High", FLUTE, sound="bank", low=74, high=78, voices=("soprano", "alto")),
        Part("Low", FLUTE, sound="soundfont", voices=("tenor", "bass")),
    ),
    assigner="zones",
)


@pytest.fixture
def engine(jack_server: JackServer) -> Iterator[Engine]:
    engine = Engine(jack_server.rate_hz)
    engine.apply(ENSEMBLE)
    for part in (0, 1):
        engine.set("reverb_send", 0.0, part)
    yield engine
    engine.close()


@pytest.fixture
def device(engine: Engine) -> Iterator[JackDevice]:
    device = JackDevice("ripieno-test")
    device.start(engine, midi_source="keys:midi")
    yield device
    device.close()


def record(
    server: JackServer,
    folder: Path,
    events: list[tuple[int, list[int]]],
    outputs: list[str],
    seconds: float,
    program: str = "jack_rec",
) -> np.ndarray:
    """Play `events` from a client of its own; (frames, 1 + outputs): click, then the outputs."""
    path = folder / "capture.wav"
    ports = ["keys:click", *(f"ripieno-test:{output}" for output in outputs)]
    commands = {
        "jack_rec": ["jack_rec", "-f", str(path), "-d", f"{seconds:.0f}", "-b", "24", *ports],
        "jack_capture": [
            *("jack_capture", "-d", str(seconds), "--no-stdin", "-f", "wav"),
            *(word for port in ports for word in ("--port", port)),
            str(path),
        ],
    }
    with sender(server, events) as keys:
        server.connect("keys:midi", "ripieno-test:midi_in")
        recorder = subprocess.Popen(
            commands[program],
            env=server.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: ":input" in "\n".join(server.ports("-c", ports[-1])))
            assert keys.stdin is not None
            keys.stdin.write("go\n")
            keys.stdin.flush()
            recorder.wait(seconds + 10)
        finally:
            recorder.kill()
            recorder.wait()
    audio, rate_hz = soundfile.read(path, always_2d=True)
    assert rate_hz == server.rate_hz
    return audio


@contextlib.contextmanager
def sender(
    server: JackServer, events: list[tuple[int, list[int]]]
) -> Iterator[subprocess.Popen[str]]:
    """The independent client, ready to play."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.jack_sender", "keys", json.dumps(events)],
        env=server.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as keys:
        assert keys.stdin is not None
        assert keys.stdout is not None
        assert keys.stdout.readline() == "ready\n"
        try:
            yield keys
        finally:
            keys.stdin.close()
            keys.wait(10)


def onsets(audio: np.ndarray, clicks: np.ndarray) -> list[int]:
    """Frames from each click to the first sound, -1 for none; 24 bits round the softest away."""
    sounding = [np.flatnonzero(audio[click : click + 4800]) for click in clicks]
    return [int(frames[0]) if len(frames) else -1 for frames in sounding]


def pitch_hz(audio: np.ndarray, rate_hz: int) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 17))
    return float(np.argmax(spectrum) * rate_hz / (1 << 17))


def note_hz(note: int) -> float:
    return 440.0 * 2.0 ** ((note - 69) / 12.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("jack_server", "program"),
    [
        ({"block_frames": 64}, "jack_rec"),
        ({"block_frames": 256, "rate_hz": 44100}, "jack_capture"),
    ],
    indirect=["jack_server"],
)
def test_a_key_sounds_at_its_frame_pitch_part_and_stem(
    jack_server: JackServer, device: JackDevice, tmp_path: Path, program: str
) -> None:
    high, low = NOTES["high"], NOTES["low"]
    gap = 24001  # longer than a release; no multiple of any block, so that offsets differ
    notes = [high, low, high, low]
    events = [
        event
        for i, note in enumerate(notes)
        for event in ((i * gap, [0x90, note, 100]), (i * gap + 4800, [0x80, note, 0]))
    ]
    outputs = ["master_left", "stem_01_left", "stem_02_left", "stem_03_left"]
    audio = record(jack_server, tmp_path, events, outputs, 3, program)
    clicks, master, of_high, of_low, unused = audio.T
    struck = np.flatnonzero(clicks > 0.5)
    assert np.diff(struck).tolist() == [gap] * 3
    assert all(1 <= late <= 4 for late in onsets(of_high, struck[::2]))  # its attack is soft
    assert all(1 <= late <= 72 for late in onsets(of_low, struck[1::2]))  # FluidSynth's grid
    assert onsets(master, struck[:1]) == onsets(of_high, struck[:1])
    assert not unused.any()
    for at, stem, note in ((struck[0], of_high, high), (struck[1], of_low, low)):
        other = of_low if stem is of_high else of_high
        held = slice(at + 1000, at + 4800)
        heard = pitch_hz(stem[held], jack_server.rate_hz)
        assert abs(1200.0 * np.log2(heard / note_hz(note))) < 30.0  # cents
        assert np.abs(stem[held]).max() > 0.01
        if at == struck[0]:
            assert not other[: struck[1]].any()


@pytest.mark.slow
def test_server_killed_in_the_middle_of_a_note(
    jack_server: JackServer, engine: Engine, device: JackDevice, tmp_path: Path
) -> None:
    for note in NOTES.values():
        assert engine.midi(bytes([0x90, note, 100]))
    assert wait_until(lambda: engine.stats().held_notes == 2)
    frame = engine.frame
    jack_server.kill()
    assert wait_until(lambda: engine.server_down)
    assert not device.alive
    assert engine.stats().held_notes == 2  # nothing forgotten
    jack_server.start()
    assert len(device.tend()) == 2
    assert wait_until(lambda: engine.frame > frame + 4800)
    for note in NOTES.values():
        assert engine.midi(bytes([0x80, note, 0]))
    assert wait_until(lambda: engine.stats().voices == 0)
    audio = record(jack_server, tmp_path, [(4800, [0x90, NOTES["high"], 100])], ["stem_01_left"], 1)
    (onset,) = onsets(audio[:, 1], np.flatnonzero(audio[:, 0] > 0.5))
    assert 1 <= onset <= 4


@pytest.mark.slow
@pytest.mark.parametrize("jack_server", [{"block_frames": 128}], indirect=True)
def test_audio_runs_on_while_a_hostile_thread_holds_the_interpreter(
    jack_server: JackServer, engine: Engine, device: JackDevice, tmp_path: Path
) -> None:
    """The engine's own process is held for whole seconds; the recording shows no dropout."""
    for attempt in range(3):  # the machine itself may stand still for a moment
        engine.midi(bytes([0x90, NOTES["high"], 100]))
        assert wait_until(lambda: engine.stats().voices > 0)
        faults = _faults_while_held(jack_server, engine, tmp_path / f"held{attempt}.wav")
        if not faults:
            return
    pytest.fail(f"in each of three recordings: {faults}")


def _faults_while_held(server: JackServer, engine: Engine, path: Path) -> list[str]:
    """What was wrong in four seconds, two of which nothing of this process's Python ran."""
    with subprocess.Popen(
        ["jack_rec", "-f", str(path), "-d", "4", "-b", "24", "ripieno-test:stem_01_left"],
        env=server.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as recorder:
        wait_until(lambda: "jackrec" in "\n".join(server.ports("-c", "ripieno-test:stem_01_left")))
        engine.reset_stats()
        before = engine.frame
        held_s = hold_interpreter(2.0)
        frames_meanwhile = engine.frame - before
        recorder.wait(20)
    stats = engine.stats()
    audio, _ = soundfile.read(path)
    level = np.abs(audio[: len(audio) // 256 * 256].reshape(-1, 256)).max(axis=1)
    sounding = np.flatnonzero(level > 1e-4)
    checks = {
        "the interpreter was not held": held_s > 1.9,
        "the stream stood still": frames_meanwhile >= 0.95 * held_s * server.rate_hz,
        "cycles were missed": stats.missed_cycles <= 0.01 * stats.cycles,
        "too little sounded": len(sounding) > 3 * server.rate_hz // 256,
        "a dropout": bool((level[sounding[:1].sum() : sounding[-1:].sum() + 1] > 1e-4).all()),
    }
    return [fault for fault, passed in checks.items() if not passed]


def hold_interpreter(seconds: float) -> float:
    """Let a thread hold the interpreter's lock in one C call; for how long nothing else ran.

    A function of a PyDLL keeps the lock while it runs, so no other Python of the process does.
    """
    hostile = threading.Thread(target=ctypes.PyDLL(None).usleep, args=(int(seconds * 1e6),))
    ticks = [time.monotonic()]
    hostile.start()
    while hostile.is_alive():
        time.sleep(0.001)
        ticks.append(time.monotonic())
    return float(np.diff(ticks).max())
