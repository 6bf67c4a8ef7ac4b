"""Listening to a sound card: which input, at which rate, and where the notes go."""

import threading
import time
import types
from typing import Any

import numpy as np
import pytest

from engine import portaudio
from engine.errors import RipienoError
from engine.transcription import card_listener
from engine.transcription.card_listener import CardListener
from tests.servers import SINK, PipeWire


class PortAudioError(Exception):
    """As sounddevice's."""


class Stream:
    """An input that has a block of a ramp ready, of a card that runs at 44.1 kHz alone."""

    def __init__(self, samplerate: int, device: int, channels: int, **_: Any) -> None:
        if samplerate != 44100:
            raise PortAudioError("invalid sample rate")
        self.samplerate, self.device, self.latency = samplerate, device, 0.01
        self.active, self.read_available = False, 256
        self._channels = channels

    def start(self) -> None:
        self.active = True

    def read(self, frames: int) -> tuple[np.ndarray, bool]:
        self.read_available = 0
        return np.ones((frames, self._channels), np.float32), True

    def close(self) -> None:
        self.active = False


class Midi:
    """A MIDI system of two ports."""

    def __init__(self) -> None:
        self.opened, self.sent, self.deleted = "", [], False

    def get_ports(self) -> list[str]:
        return ["Through 14:0", "Synth 20:0"]

    def open_port(self, index: int, name: str) -> None:
        self.opened = self.get_ports()[index]

    def open_virtual_port(self, name: str) -> None:
        self.opened = name

    def send_message(self, message: bytes) -> None:
        self.sent.append(message)

    def close_port(self) -> None:
        self.opened = ""

    def delete(self) -> None:
        self.deleted = True


DEVICES = [
    {"index": 0, "name": "Speakers", "max_input_channels": 0},
    {"index": 1, "name": "Webcam", "max_input_channels": 1},
    {"index": 2, "name": "Scarlett 2i2", "max_input_channels": 2},
]


@pytest.fixture
def midi(monkeypatch):
    """The MIDI system that is opened; sound cards stand in for the system's."""
    card = types.SimpleNamespace(
        query_devices=lambda: DEVICES,
        default=types.SimpleNamespace(device=(2, 0)),
        InputStream=Stream,
        PortAudioError=PortAudioError,
    )
    system = Midi()
    monkeypatch.setattr(card_listener, "load_sounddevice", lambda: card)
    monkeypatch.setattr(card_listener, "open_client", lambda name: system)
    monkeypatch.setattr(card_listener.sys, "platform", "linux")
    return system


def test_the_systems_own_input_is_heard_and_a_port_of_ours_speaks(midi):
    listener = CardListener()
    assert listener.rate_hz == 44100
    assert "Scarlett 2i2 (44100 Hz), notes at the MIDI port Ripieno ear" in listener.description
    assert listener.alive
    assert listener.read().tolist() == [1.0] * 256
    assert len(listener.read()) == 0
    assert listener.lost
    assert listener.input_delay_s == pytest.approx(0.01 + 256 / 44100)
    assert listener.send(bytes((0x90, 60, 80)))
    assert midi.sent == [bytes((0x90, 60, 80))]
    listener.close()
    listener.close()
    assert not listener.alive
    assert midi.deleted


@pytest.mark.parametrize("wanted", ["1", "webcam"])
def test_an_input_by_number_or_name_and_a_port_by_name(midi, wanted):
    listener = CardListener(wanted, "synth")
    assert listener.description.startswith("Webcam")
    assert midi.opened == "Synth 20:0"


def test_what_is_not_there_is_named(midi):
    with pytest.raises(RipienoError, match="no sound input is called 'moog'; there are 1 'Webcam'"):
        CardListener("moog")
    with pytest.raises(RipienoError, match="no MIDI output is called 'moog'; there are 'Through"):
        CardListener("", "moog")
    assert midi.deleted


def test_windows_has_no_ports_of_its_own(midi, monkeypatch):
    monkeypatch.setattr(card_listener.sys, "platform", "win32")
    with pytest.raises(RipienoError, match="install loopMIDI"):
        CardListener()


def test_a_system_without_inputs_is_told_of(midi, monkeypatch):
    monkeypatch.setattr("tests.engine.transcription.test_card_listener.DEVICES", DEVICES[:1])
    with pytest.raises(RipienoError, match="the system has no sound input"):
        CardListener()


def test_a_card_that_refuses_is_named(midi, monkeypatch):
    def refuse(self: Stream) -> None:
        raise PortAudioError("device unavailable")

    monkeypatch.setattr(Stream, "start", refuse)
    with pytest.raises(RipienoError, match="'Scarlett 2i2' cannot be listened to"):
        CardListener()
    assert midi.deleted


@pytest.mark.jack
@pytest.mark.slow
def test_what_plays_is_heard_until_its_server_goes(pipewire: PipeWire, monkeypatch):
    """A real input, of PipeWire's; there is no MIDI system to be asked for a port."""
    pipewire.listen_to(SINK)
    portaudio.list_again()
    monkeypatch.setattr(card_listener, "open_client", lambda name: Midi())
    listener = CardListener()
    try:
        noise = np.random.default_rng(1).uniform(-0.1, 0.1, (96000, 2)).astype(np.float32)
        playing = threading.Thread(target=pipewire.play, args=(noise, SINK))
        playing.start()
        heard = []
        while playing.is_alive():
            heard.append(listener.read())
        assert np.count_nonzero(np.concatenate(heard)) > 24000
        assert listener.alive
        pipewire.stop()
        until = time.monotonic() + 10
        while listener.alive and time.monotonic() < until:
            listener.read()
        assert not listener.alive
        assert len(listener.read()) == 0
    finally:
        listener.close()
