"""The PortAudio device: choice by name, callbacks, loss and return, orderly endings.

Its device here is the null sink of a PipeWire of the test's own, reached through ALSA.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator

import pytest

from engine import portaudio
from engine.errors import RipienoError
from engine.portaudio import (
    ALL_CHANNELS,
    OutputDevice,
    PortAudioDevice,
    find_device,
    list_again,
    list_devices,
)
from engine.rt.layout import OUT_CHANNELS
from tests.engine.test_jack import TIMES, run_child, run_children, wait_until
from tests.engine.tiny_engine import TinyEngine
from tests.servers import JackServer, PipeWire

pytestmark = pytest.mark.jack


@pytest.fixture
def device(pipewire: PipeWire) -> Iterator[PortAudioDevice]:
    device = PortAudioDevice(block_frames=64)
    yield device
    device.close()


def test_devices_are_listed_and_found(pipewire: PipeWire) -> None:
    devices = list_devices()
    default = next(d for d in devices if d.default)
    assert all(d.channels > 0 and d.rate_hz > 0 for d in devices)
    for wanted in (None, "", default.index, str(default.index), default.name):
        assert find_device(wanted) == default
    assert find_device(default.name[1:].upper()).name == default.name
    with pytest.raises(RipienoError, match=f"'nothing'; there are: .*'{default.name}'"):
        find_device("nothing")


def test_jack_servers_are_left_to_the_jack_device(
    pipewire: PipeWire, jack_server: JackServer
) -> None:
    list_again()
    assert not [d for d in list_devices() if "JACK" in d.host_api]
    assert not [port for port in jack_server.ports() if "PortAudio" in port]
    assert os.environ["JACK_DEFAULT_SERVER"] == jack_server.name


def test_the_native_callback_runs(device: PortAudioDevice) -> None:
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    assert wait_until(lambda: engine.cycles >= 20)
    assert engine.begun == [(64, True)]
    assert engine.channels == 2
    assert device.alive
    assert device.tend() == []
    assert "48000 Hz, 64 frames, 2 channels" in device.description
    assert 0 <= device.latency_frames < 48000


@pytest.mark.parametrize("channels", [10, ALL_CHANNELS])
def test_master_and_stems_take_the_channels_asked_for(pipewire: PipeWire, channels: int) -> None:
    device = PortAudioDevice(channels=channels)
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    try:
        assert wait_until(lambda: engine.cycles >= 3)
        assert device.info.channels > OUT_CHANNELS
        assert engine.channels == (channels or OUT_CHANNELS)
        device.name_parts(["Soprano", "Alto", "Tenor", "Bass", "Organ"])
        words = device.description
        assert "channels: 1-2 master, 3-4 Soprano, 5-6 Alto, 7-8 Tenor, 9-10 Bass" in words
        assert ("11-12 Organ" in words) == (channels == ALL_CHANNELS)
    finally:
        device.close()


def test_inputs_are_opened_with_the_outputs(pipewire: PipeWire) -> None:
    device = PortAudioDevice(inputs=4)
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    try:
        assert wait_until(lambda: engine.cycles >= 3)
        assert engine.inputs == 4
        assert "2 channels, 4 back" in device.description
    finally:
        device.close()


def card(channels: int) -> OutputDevice:
    return OutputDevice(0, "telephone", "ALSA", channels, 8000, 10.0, True, inputs=1)


def test_more_channels_than_there_are_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portaudio, "list_devices", lambda: [card(8)])
    with pytest.raises(RipienoError, match="'telephone' has 8 output channels, 10 are asked for"):
        PortAudioDevice(channels=10)


def test_more_inputs_than_there_are_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portaudio, "list_devices", lambda: [card(8)])
    with pytest.raises(RipienoError, match="'telephone' has 1 input channels, 2 are asked for"):
        PortAudioDevice(inputs=2)
    with pytest.raises(RipienoError, match="even number from 0 to 4, got 6"):
        PortAudioDevice(inputs=6)


@pytest.mark.parametrize("channels", [1, 3, 36, -2])
def test_channels_come_in_pairs(channels: int) -> None:
    with pytest.raises(RipienoError, match=f"even number from 2 to 34, got {channels}"):
        PortAudioDevice(channels=channels)


def test_a_device_with_one_channel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portaudio, "list_devices", lambda: [card(1)])
    with pytest.raises(RipienoError, match="'telephone' has 1 output channel"):
        PortAudioDevice()


def test_without_any_device_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portaudio, "list_devices", list)
    with pytest.raises(RipienoError, match="no sound output device"):
        PortAudioDevice()


def test_a_rate_the_device_does_not_take_is_refused(pipewire: PipeWire) -> None:
    with pytest.raises(RipienoError, match=r"at 1 Hz .* its own rate is \d+ Hz"):
        PortAudioDevice(rate_hz=1)


def test_the_rate_asked_for_is_the_rate(pipewire: PipeWire) -> None:
    assert PortAudioDevice().rate_hz == portaudio.USUAL_RATE_HZ
    device = PortAudioDevice(rate_hz=44100)
    with pytest.raises(RipienoError, match="44100 Hz and the engine at 48000 Hz"):
        device.start(TinyEngine(48000))


@pytest.mark.parametrize("block_frames", [0, 8193])
def test_a_block_out_of_range_is_refused(block_frames: int) -> None:
    with pytest.raises(RipienoError, match=f"1 to 8192 frames, got {block_frames}"):
        PortAudioDevice(block_frames=block_frames)


def test_close_asks_the_callback_first_and_may_be_repeated(device: PortAudioDevice) -> None:
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    assert wait_until(lambda: engine.cycles > 3)
    device.close()
    assert engine.ack == 1
    assert not device.alive
    device.close()
    device.start(engine)
    cycles = engine.cycles
    assert wait_until(lambda: engine.cycles > cycles)


def test_a_lost_server_is_noticed_and_joined_again(
    pipewire: PipeWire, device: PortAudioDevice
) -> None:
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    assert wait_until(lambda: engine.cycles > 3)
    pipewire.stop()
    assert wait_until(lambda: not device.alive)
    name = device.info.name
    assert device.tend() == [f"{name} has stopped; waiting for it to come back."]
    assert device.tend() == []
    pipewire.start()
    cycles = engine.cycles
    assert device.tend() == [f"{name} is back."]
    assert wait_until(lambda: engine.cycles > cycles + 3)
    assert device.alive


@pytest.mark.slow
def test_a_server_that_hangs_counts_as_lost(pipewire: PipeWire, device: PortAudioDevice) -> None:
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    assert wait_until(lambda: engine.frame > 3 * device.rate_hz)
    assert device.alive
    pipewire.hang(True)
    try:
        assert wait_until(lambda: not device.alive)
        engine._state["frames"] += 1  # as when the session plays on in silence
        assert not device.alive
    finally:
        pipewire.hang(False)
    assert device.tend() == [
        f"{device.info.name} has stopped; waiting for it to come back.",
        f"{device.info.name} is back.",
    ]
    frame = engine.frame
    assert wait_until(lambda: engine.frame > frame)
    assert device.alive


@pytest.mark.slow
@pytest.mark.parametrize("pipewire", [{"block_frames": 1024}], indirect=True)
def test_a_server_of_large_blocks_gets_a_larger_buffer(
    pipewire: PipeWire, device: PortAudioDevice
) -> None:
    """As PipeWire in a virtual machine is; a buffer of less than its block stands still."""
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    small = device.latency_frames
    assert small < 1024
    said: list[str] = []
    assert wait_until(lambda: bool(said.extend(device.tend()) or said))
    large_ms = 1000 * device.latency_frames / device.rate_hz
    assert said == [
        f"{device.info.name} asks for more sound at once than its buffer held; "
        f"its latency is {large_ms:.0f} ms now."
    ]
    assert device.latency_frames > max(small, 1024)
    frame = engine.frame
    assert wait_until(lambda: engine.frame - frame > device.rate_hz)
    assert device.tend() == []
    assert device.alive


@pytest.mark.slow
@pytest.mark.timeout(90, method="thread")  # what hangs here hangs in C
@pytest.mark.parametrize("pipewire", [{"block_frames": 2048}], indirect=True)
def test_the_endless_loop_of_a_lost_card_is_left(pipewire: PipeWire) -> None:
    """PortAudio's thread spins, for ever, about every other time a server of such blocks goes."""
    device = PortAudioDevice(block_frames=256, latency=0.2)
    engine = TinyEngine(device.rate_hz)
    device.start(engine)
    spun = []
    try:
        for _ in range(8):
            assert wait_until(lambda: engine.frame > 0 and device.alive)
            with errors_unheard():
                pipewire.stop()
                spun.append(_still_active(device))
                assert wait_until(lambda: not device.alive)
                device.tend()
            pipewire.start()
            assert device.tend() == [f"{device.info.name} is back."]
            if any(spun):
                break
    finally:
        device.close()
    assert any(spun)
    frame = engine.frame
    time.sleep(0.1)
    assert engine.frame == frame  # nothing of the old streams runs


def _still_active(device: PortAudioDevice) -> bool:
    """Whether PortAudio, half a second later, calls a stream active whose server has gone."""
    time.sleep(0.5)
    return device._active(device._stream)


@contextlib.contextmanager
def errors_unheard() -> Iterator[None]:
    """What C libraries print, here a hundred megabytes a second, goes nowhere."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["exit", "SIGTERM"])
def test_program_ends_in_order_with_the_stream_running(pipewire: PipeWire, ending: str) -> None:
    codes = run_children(pipewire, "portaudio", ending)
    assert codes == [0 if ending == "exit" else 128 + signal.SIGTERM] * TIMES


@pytest.mark.slow
def test_program_survives_a_lost_server_and_then_ends_in_order(pipewire: PipeWire) -> None:
    codes = []
    for _ in range(TIMES):
        codes.append(run_child(pipewire, "portaudio", "SIGTERM", before=pipewire.stop))
        pipewire.start()
    assert codes == [128 + signal.SIGTERM] * TIMES
