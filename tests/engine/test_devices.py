"""What is played through when the player does not say, or asks for what is not there."""

import logging

import pytest

from engine import jack, portaudio
from engine.connections import Connections
from engine.devices import open_device
from engine.errors import RipienoError
from engine.silence import SilentDevice


class Server:
    """A JACK device, as far as choosing goes."""

    rate_hz, block_frames = 44100, 256

    def __init__(self, connections: Connections) -> None:
        assert connections.trouble == ""


class Card:
    """A sound card, as far as choosing goes."""

    def __init__(
        self, name: str | None, rate_hz: int | None, block_frames: int, channels: int, inputs: int
    ) -> None:
        self.asked = (name, rate_hz, block_frames, channels, inputs)


def refuse(*_: object, **__: object) -> None:
    raise RipienoError("there is none")


def test_none_is_silence() -> None:
    device = open_device("none", 44100, 64)
    assert isinstance(device, SilentDevice)
    assert (device.rate_hz, device.block_frames) == (44100, 64)


def test_jack_comes_first_and_decides(monkeypatch, caplog) -> None:
    monkeypatch.setattr(jack, "JackDevice", Server)
    with caplog.at_level(logging.WARNING):
        assert isinstance(open_device("auto", 48000, 256, 8), Server)
    rate, channels = caplog.messages
    assert rate == "the JACK server decides the rate: it is 44100, not 48000"
    assert "stems and returns have ports" in channels


def test_without_jack_the_sound_card(monkeypatch) -> None:
    monkeypatch.setattr(jack, "JackDevice", refuse)
    monkeypatch.setattr(portaudio, "PortAudioDevice", Card)
    assert open_device("auto").asked == (None, None, 128, 2, 0)
    assert open_device("auto", 44100, 64, 0, 4).asked == (None, 44100, 64, 0, 4)
    assert open_device("USB").asked == ("USB", None, 128, 2, 0)
    with pytest.raises(RipienoError, match="there is none"):
        open_device("jack")


def test_with_nothing_it_says_what_to_do(monkeypatch) -> None:
    monkeypatch.setattr(jack, "JackDevice", refuse)
    monkeypatch.setattr(portaudio, "PortAudioDevice", refuse)
    with pytest.raises(RipienoError, match="no JACK server runs.*--out none"):
        open_device("auto")
    with pytest.raises(RipienoError, match="^there is none$"):
        open_device("USB")
