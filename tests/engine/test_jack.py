"""The JACK device with servers of our own: ports, callbacks, loss and return, orderly endings."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import jack
import pytest

from engine.errors import RipienoError
from engine.jack import OUTPUT_NAMES, JackDevice, jack_running, midi_sources
from engine.patchbay import LET_GO
from engine.rt.layout import OUT_CHANNELS
from tests.engine.tiny_engine import TinyEngine
from tests.servers import JackServer, PipeWire

pytestmark = pytest.mark.jack
TIMES = 20


def wait_until(true: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)
    return true()


@contextlib.contextmanager
def keyboard(name: str) -> Iterator[None]:
    """An independent client with a MIDI output, as a keyboard's bridge would be."""
    client = jack.Client(name, no_start_server=True)
    client.midi_outports.register("keys")
    client.set_process_callback(lambda frames: None)  # without one the server waits for it forever
    with client:
        yield
    client.close()


@pytest.fixture
def device(jack_server: JackServer) -> Iterator[JackDevice]:
    device = JackDevice("ripieno-test")
    yield device
    device.close()


@pytest.mark.parametrize(
    "jack_server", [{"block_frames": 64}, {"block_frames": 256, "rate_hz": 44100}], indirect=True
)
def test_rate_and_block_are_the_servers(jack_server: JackServer, device: JackDevice) -> None:
    assert device.rate_hz == jack_server.rate_hz
    assert device.block_frames == jack_server.block_frames
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    assert wait_until(lambda: engine.cycles >= 10)
    assert engine.frames == engine.cycles * jack_server.block_frames
    assert engine.begun == [(jack_server.block_frames, True)]
    assert str(jack_server.rate_hz) in device.description


def test_ports_have_stable_names_and_the_master_is_connected(
    jack_server: JackServer, device: JackDevice
) -> None:
    device.start(TinyEngine(device.rate_hz))
    ports = jack_server.ports()
    assert len(OUTPUT_NAMES) == OUT_CHANNELS
    for name in ("midi_in", "master_left", "master_right", "stem_01_left", "stem_16_right"):
        assert f"ripieno-test:{name}" in ports
    connections = "\n".join(jack_server.ports("-c", "ripieno-test:master_"))
    assert "system:playback_1" in connections
    assert "system:playback_2" in connections


@contextlib.contextmanager
def card(name: str) -> Iterator[None]:
    """A client that is a sound card, as far as its ports say."""
    client = jack.Client(name, no_start_server=True)
    client.inports.register("speaker", is_physical=True, is_terminal=True)
    client.set_process_callback(lambda frames: None)
    with client:
        yield
    client.close()


@pytest.mark.parametrize("jack_server", [{"playback_channels": 0}], indirect=True)
def test_speakers_that_come_late_or_are_others_get_the_master(
    jack_server: JackServer, device: JackDevice
) -> None:
    device.start(TinyEngine(device.rate_hz))
    for name in ("one", "two"):
        with card(name):
            assert device.tend() == []
            connections = "\n".join(jack_server.ports("-c", "ripieno-test:master_"))
            assert connections.count(f"{name}:speaker") == 2
        assert device.tend() == []


def test_outputs_stay_unconnected_when_asked(jack_server: JackServer, device: JackDevice) -> None:
    device.start(TinyEngine(device.rate_hz), connect_outputs=False)
    assert "system" not in "\n".join(jack_server.ports("-c", "ripieno-test:master_"))


def test_parts_names_are_aliases_and_change(jack_server: JackServer, device: JackDevice) -> None:
    device.start(TinyEngine(device.rate_hz))
    device.name_parts(["Soprano", "Alto"])
    aliases = "\n".join(jack_server.ports("-A", "ripieno-test:stem"))
    assert "ripieno-test:Soprano L" in aliases
    assert "ripieno-test:Alto R" in aliases
    device.name_parts(["Violin"])
    aliases = "\n".join(jack_server.ports("-A", "ripieno-test:stem"))
    assert "ripieno-test:Violin R" in aliases
    assert "Soprano" not in aliases


def test_the_audio_arrives(jack_server: JackServer, device: JackDevice) -> None:
    import numpy as np
    import soundfile

    device.start(TinyEngine(device.rate_hz, tone_hz=1000.0))
    path = f"/tmp/{jack_server.name}.wav"
    try:
        recorded = ["jack_rec", "-f", path, "-d", "1", "-b", "24"]
        ports = ["ripieno-test:master_left", "ripieno-test:stem_16_right"]
        subprocess.run(
            [*recorded, *ports], env=jack_server.env, check=True, timeout=20, capture_output=True
        )
        audio, rate_hz = soundfile.read(path)
    finally:
        if os.path.exists(path):
            os.unlink(path)
    steady = audio[-24000:]
    assert rate_hz == 48000
    spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady))[:, None], axis=0))
    assert (np.argmax(spectrum, axis=0) * rate_hz / len(steady) == 1000.0).all()
    assert np.abs(np.max(steady, axis=0) - 0.25).max() < 0.01


def test_midi_source_is_found_by_any_part_of_its_name(
    jack_server: JackServer, device: JackDevice
) -> None:
    with keyboard("Keystation-88"), keyboard("Organ"):
        assert {"Keystation-88:keys", "Organ:keys"} <= set(midi_sources())
        device.start(TinyEngine(device.rate_hz), midi_source="keystation")
        connected = "\n".join(jack_server.ports("-c", "ripieno-test:midi_in"))
    assert "Keystation-88:keys" in connected
    assert "Organ" not in connected


def test_midi_source_that_comes_later_or_again_is_connected_by_tend(
    jack_server: JackServer, device: JackDevice
) -> None:
    engine = TinyEngine(device.rate_hz)
    device.start(engine, midi_source="Keystation")
    assert device.tend() == []
    for _ in range(2):
        with keyboard("Keystation"):
            assert device.tend() == ["MIDI source Keystation:keys connected."]
            assert "Keystation:keys" in "\n".join(jack_server.ports("-c", "ripieno-test:midi_in"))
            assert device.tend() == []
            assert device.midi_source_names == ["Keystation:keys"]
        (said,) = device.tend()
        assert said.startswith("MIDI source Keystation:keys is gone; its notes are released")
        assert device.midi_source_names == []
        assert device.tend() == []
    assert engine.messages == 2 * list(LET_GO)


def test_another_source_may_be_listened_to_while_it_plays(
    jack_server: JackServer, device: JackDevice
) -> None:
    engine = TinyEngine(device.rate_hz)
    with keyboard("Keystation"), keyboard("Organ"):
        device.start(engine, midi_source="Keystation")
        device.listen_to("organ")
        assert device.midi_source_names == ["Organ:keys"]
        connected = "\n".join(jack_server.ports("-c", "ripieno-test:midi_in"))
        assert "Organ:keys" in connected
        assert "Keystation" not in connected
        assert engine.messages == list(LET_GO)
        assert device.tend() == []
        device.listen_to(None)  # neither is a physical one
        assert device.midi_source_names == []


def test_without_a_server_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", f"nobody-{os.getpid()}")
    assert not jack_running()
    assert midi_sources() == []
    with pytest.raises(RipienoError, match="no JACK server is running"):
        JackDevice()
    with pytest.raises(RipienoError, match="called 'no-such-server'"):
        JackDevice(server="no-such-server")


def test_server_is_found_by_name(jack_server: JackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "another")
    assert jack_running(jack_server.name)
    device = JackDevice(server=jack_server.name)
    assert device.rate_hz == 48000
    device.close()


def test_engine_of_another_rate_is_refused(device: JackDevice) -> None:
    with pytest.raises(RipienoError, match="48000 Hz and the engine at 44100 Hz"):
        device.start(TinyEngine(44100))


def test_close_asks_the_callback_first_and_may_be_repeated(
    jack_server: JackServer, device: JackDevice
) -> None:
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    assert wait_until(lambda: engine.cycles > 3)
    assert device.alive
    device.close()
    assert engine.ack == 1
    cycles = engine.cycles
    time.sleep(0.05)
    assert engine.cycles == cycles
    assert not device.alive
    device.close()
    assert "ripieno-test:midi_in" not in jack_server.ports()
    device.start(engine)  # and it can be used again
    assert wait_until(lambda: engine.cycles > cycles)


@pytest.mark.slow
def test_server_killed_and_back_many_times(jack_server: JackServer, device: JackDevice) -> None:
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    device.name_parts(["Soprano"])
    for _ in range(TIMES):
        jack_server.kill()
        assert wait_until(lambda: engine.server_down)
        assert not device.alive
        assert device.tend() == ["The JACK server has gone; waiting for it to come back."]
        assert device.tend() == []
        jack_server.start()
        cycles = engine.cycles
        assert device.tend() == ["The JACK server is back: playing as 'ripieno-test'."]
        assert wait_until(lambda before=cycles: engine.cycles > before + 3)
        assert device.alive
    assert "ripieno-test:Soprano L" in "\n".join(jack_server.ports("-A", "ripieno-test:stem_01"))


def test_server_back_at_another_rate_is_said_once(
    jack_server: JackServer, device: JackDevice
) -> None:
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    jack_server.kill()
    assert wait_until(lambda: engine.server_down)
    jack_server.rate_hz = 44100
    jack_server.start()
    said = device.tend() + device.tend()
    assert len(said) == 2
    assert "came back at 44100 Hz and the engine runs at 48000 Hz" in said[1]
    assert not device.alive
    jack_server.stop()
    jack_server.rate_hz = 48000
    jack_server.start()
    assert device.tend() == ["The JACK server is back: playing as 'ripieno-test'."]
    assert device.alive


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["exit", "SIGINT", "SIGTERM"])
def test_program_ends_in_order_with_the_stream_running(
    jack_server: JackServer, ending: str
) -> None:
    codes = run_children(jack_server, "jack", ending)
    expected = 0 if ending == "exit" else 128 + getattr(signal, ending)
    assert codes == [expected] * TIMES
    assert "tiny:midi_in" not in jack_server.ports()


@pytest.mark.slow
def test_program_survives_a_killed_server_and_then_ends_in_order(jack_server: JackServer) -> None:
    codes = []
    for _ in range(TIMES):
        codes.append(run_child(jack_server, "jack", "SIGTERM", before=jack_server.kill))
        jack_server.start()
    assert codes == [128 + signal.SIGTERM] * TIMES


def run_children(server: JackServer | PipeWire, kind: str, ending: str) -> list[int]:
    """The exit codes of many programs, a few at a time."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda _: run_child(server, kind, ending), range(TIMES)))


def run_child(
    server: JackServer | PipeWire,
    kind: str,
    ending: str,
    before: Callable[[], None] | None = None,
) -> int:
    """Let a program of its own play, end it, and return its exit code."""
    mode = "exit" if ending == "exit" else "run"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.engine.tiny_engine", kind, mode],
        env=server.env,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "playing\n"
        if before is not None:
            before()
        if ending != "exit":
            child.send_signal(getattr(signal, ending))
        try:
            return child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            return -1
