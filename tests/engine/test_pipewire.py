"""The engine into a PipeWire null sink, recorded by a client of PipeWire's.

Through PortAudio and ALSA, and through PipeWire's own JACK library, which only a program of its own
can load beside the JACK server's.
"""

import contextlib
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.core import Engine
from engine.ensembles import Ensemble, Part, load_ensemble
from engine.portaudio import PortAudioDevice, list_again
from tests.engine.matching import exact_runs
from tests.engine.test_jack import wait_until
from tests.engine.test_jack_end_to_end import FLUTE, note_hz, pitch_hz
from tests.servers import PipeWire

BLOCK_FRAMES = 1024  # of a server from which a busy machine takes no block
pytestmark = [pytest.mark.jack, pytest.mark.slow]
large_blocks = pytest.mark.parametrize("pipewire", [{"block_frames": BLOCK_FRAMES}], indirect=True)
NOTE = 76
ALL = ("soprano", "alto", "tenor", "bass")
ENSEMBLE = Ensemble(
    id="one",
    name="One",
    parts=(Part("Flute", FLUTE, sound="bank", low=74, high=78, voices=ALL, pan=-1.0),),
    assigner="zones",
)


@pytest.fixture
def engine(pipewire: PipeWire) -> Iterator[Engine]:
    engine = Engine(48000)
    engine.apply(ENSEMBLE)
    engine.set("reverb_send", 0.0, 0)
    yield engine
    engine.close()


def test_a_note_is_heard_at_its_pitch_side_and_without_gaps(
    pipewire: PipeWire, engine: Engine
) -> None:
    device = PortAudioDevice(block_frames=256, latency="high")
    device.start(engine)
    try:
        engine.midi(bytes([0x90, NOTE, 100]))
        assert wait_until(lambda: engine.stats().voices == 1)
        audio = pipewire.record(2.0)
        engine.midi(bytes([0x80, NOTE, 0]))
        assert wait_until(lambda: engine.stats().voices == 0)
        after = pipewire.record(1.0)
    finally:
        device.close()
    left, right = audio.T
    assert len(left) > 48000
    heard = pitch_hz(left[-48000:], 48000)
    assert abs(1200.0 * np.log2(heard / note_hz(NOTE))) < 30.0  # cents
    assert np.abs(right).max() < 0.001 * np.abs(left).max()  # panned to the left
    steady = left[-48000:]
    level = np.abs(steady[: len(steady) // 480 * 480].reshape(-1, 480)).max(axis=1)
    sounding = level > 0.2 * level.max()
    assert sounding.mean() > 0.95  # PipeWire itself may be late once on a busy machine
    assert not after[-24000:].any()


def test_the_sink_going_away_in_a_note_is_survived(pipewire: PipeWire, engine: Engine) -> None:
    device = PortAudioDevice(block_frames=256, latency="high")
    device.start(engine)
    try:
        engine.midi(bytes([0x90, NOTE, 100]))
        assert wait_until(lambda: engine.stats().held_notes == 1)
        pipewire.stop()
        assert wait_until(lambda: not device.alive)
        assert len(device.tend()) == 1
        pipewire.start()
        assert device.tend() == [f"{device.info.name} is back."]
        audio = pipewire.record(1.0)
        assert np.abs(audio[-24000:]).max() > 0.001  # the note is still held
    finally:
        device.close()


@contextlib.contextmanager
def listening(engine: Engine, device: PortAudioDevice) -> Iterator[list[np.ndarray]]:
    """The device plays the engine; all it rendered is in the list, in order, afterwards."""
    heard: list[np.ndarray] = []
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(0.05):
            heard.append(engine.tap())

    keeper = threading.Thread(target=keep)
    device.start(engine)
    keeper.start()
    try:
        yield heard
    finally:
        ended.set()
        keeper.join()
        device.close()
        heard.append(engine.tap())
        engine.close()


@large_blocks
def test_what_is_captured_is_what_was_played(pipewire: PipeWire) -> None:
    """Every sample that arrives is ours; a busy machine may lose a block on the way."""
    engine = Engine(48000, tap=True)
    engine.apply(ENSEMBLE)
    with listening(engine, PortAudioDevice(block_frames=256, latency=0.2)) as heard:
        engine.midi(bytes([0x90, NOTE, 100]))
        assert wait_until(lambda: engine.stats().voices == 1)
        captured = pipewire.record(2.5)
    assert_exact(captured, np.concatenate(heard)[:, :2])


@large_blocks
def test_master_and_stems_arrive_on_channels_of_their_own(pipewire: PipeWire) -> None:
    """A device of ten channels, as BlackHole or VB-Cable are, gets ten different ones."""
    pipewire.add_sink("many", 10)
    list_again()
    engine = Engine(48000, tap=True)
    engine.apply(load_ensemble("string_quartet"))
    device = PortAudioDevice(block_frames=256, latency=0.2, channels=10)
    with listening(engine, device) as heard:
        for part in range(4):
            engine.part_midi(part, bytes([0x90, 50 + 7 * part, 100]))
        captured = pipewire.record(2.5, "many", 10)
    rendered = np.concatenate(heard)
    for pair in range(5):
        side = slice(2 * pair, 2 * pair + 2)
        assert_exact(captured[:, side], rendered[:, side])


@large_blocks
def test_what_a_device_hears_is_mixed_in(pipewire: PipeWire) -> None:
    pipewire.add_sink("back", 2)
    pipewire.listen_to("back")
    pipewire.add_sink("many", 10)
    list_again()
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, (72000, 2)).astype(np.float32)
    engine = Engine(48000, tap=True)
    device = PortAudioDevice(block_frames=256, latency=0.2, channels=10, inputs=2)
    with listening(engine, device) as heard:
        pipewire.play(noise, "back")
    assert max(exact_runs(np.concatenate(heard)[:, :2], noise)) >= 8 * BLOCK_FRAMES


def assert_exact(captured: np.ndarray, played: np.ndarray) -> None:
    """What was captured is what was played, eight of the server's blocks of it in one piece.

    Where a busy machine lost a block there is silence, and up to PROBE_FRAMES of the next are not
    looked at.
    """
    runs = exact_runs(captured, played)
    print(f"{len(captured)} frames captured, exact runs {runs}")
    assert sum(runs) > 0.9 * np.count_nonzero(np.abs(captured).max(axis=1))
    assert max(runs) >= 8 * BLOCK_FRAMES


# ---- PipeWire as a JACK server ---------------------------------------------------------------


class Player:
    """A session in a program of its own, with PipeWire's JACK library."""

    def __init__(self, pipewire: PipeWire, out: Path) -> None:
        self.out = out
        self._said: queue.Queue[tuple[float, str]] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.session_player", str(out)],
            env=pipewire.jack_env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._said.put((time.monotonic(), line.strip()))

    def wait_for(self, words: str, timeout_s: float = 20.0) -> float:
        """The time at which a sentence with these words was said."""
        while True:
            at_s, sentence = self._said.get(timeout=timeout_s)
            if words in sentence:
                return at_s

    def end(self) -> np.ndarray:
        """Let it end; what it rendered."""
        self._process.communicate("end\n", timeout=30)
        assert self._process.returncode == 0
        return np.load(self.out)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def player(pipewire: PipeWire, folder: Path) -> Iterator[Player]:
    playing = Player(pipewire, folder / "rendered.npy")
    try:
        playing.wait_for("playing", 60)
        yield playing
    finally:
        playing.kill()


@large_blocks
def test_through_pipewires_jack_the_capture_is_exact_too(
    pipewire: PipeWire, tmp_path: Path
) -> None:
    with player(pipewire, tmp_path) as playing:
        time.sleep(1.0)
        captured = pipewire.record(2.5)
        assert_exact(captured, playing.end())


def test_pipewire_restarted_under_the_music(pipewire: PipeWire, tmp_path: Path) -> None:
    with player(pipewire, tmp_path) as playing:
        pipewire.stop()
        playing.wait_for("The JACK server has gone; waiting for it to come back.")
        pipewire.start()
        started_s = time.monotonic()
        back_s = playing.wait_for("The JACK server is back")
        assert back_s - started_s < 2.0
        time.sleep(max(0.0, started_s + 1.0 - time.monotonic()))  # its sink may come after it
        assert np.abs(pipewire.record(2.0)).max() > 0.01
        playing.end()
