"""A sound card's input by PortAudio, and a virtual MIDI port: listening without JACK. [main]"""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import Any

import numpy as np

from engine.errors import RipienoError
from engine.midi_outputs import open_client
from engine.portaudio import load_sounddevice

rtmidi: Any = importlib.import_module("rtmidi")  # compiled, without type information

NAME = "Ripieno ear"
BLOCK_FRAMES = 256
USUAL_RATES_HZ = (48000, 44100)


class CardListener:
    """The input whose number is, or whose name holds, `source`, "" for the system's own.

    Notes go to a virtual port others connect to, or to the MIDI output whose name holds `to`
    (Windows: loopMIDI's). RipienoError when there is no such input or port.
    """

    def __init__(self, source: str = "", to: str = "") -> None:
        self._sounddevice = load_sounddevice()
        self._device, self._device_name = self._find(source)
        self._midi: Any
        self._midi, self._midi_name = _open_midi(to)
        self._stream: Any = None
        self._gone = False
        self.block_frames = BLOCK_FRAMES
        self.lost = False  # whether sound came while nobody read
        try:
            self._stream = self._open()
        except BaseException:
            self.close()
            raise
        self.rate_hz = int(self._stream.samplerate)

    @property
    def description(self) -> str:
        """Return one phrase for the player."""
        return f"{self._device_name} ({self.rate_hz} Hz), notes at the MIDI port {self._midi_name}"

    @property
    def alive(self) -> bool:
        """Return whether the input still runs. [any]"""
        return self._stream is not None and not self._gone and self._stream.active

    @property
    def input_delay_s(self) -> float:
        """Return seconds from the input to `read`, as the driver tells them."""
        return float(self._stream.latency) + BLOCK_FRAMES / self.rate_hz

    def begin(self) -> None:
        """Forget what has come until now. [worker]"""
        self.read()

    def read(self) -> np.ndarray:
        """Return what has come since the last time, (n,) float32, maybe nothing. [worker]

        An input that fails has gone: then nothing more comes.
        """
        nothing = np.zeros(0, np.float32)
        if self._gone:
            return nothing
        try:
            ready = self._stream.read_available
            if not ready:
                return nothing
            audio, overflowed = self._stream.read(ready)
        except self._sounddevice.PortAudioError:
            self._gone = True
            return nothing
        self.lost |= bool(overflowed)
        return audio.mean(axis=1)

    def send(self, message: bytes) -> bool:
        """Send a message now. [worker]"""
        self._midi.send_message(message)
        return True

    def close(self) -> None:
        """Close both. Idempotent."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(self._sounddevice.PortAudioError):
                stream.close()
        midi, self._midi = self._midi, None
        if midi is not None:
            midi.close_port()
            midi.delete()

    def _find(self, source: str) -> tuple[int, str]:
        devices = self._sounddevice.query_devices()
        inputs = [device for device in devices if device["max_input_channels"] > 0]
        if not inputs:
            raise RipienoError("the system has no sound input; see: ripieno doctor")
        if not source:
            own = self._sounddevice.default.device[0]
            chosen = [device for device in inputs if device["index"] == own] or inputs
        else:
            chosen = [device for device in inputs if str(device["index"]) == source] or [
                device for device in inputs if source.casefold() in device["name"].casefold()
            ]
        if not chosen:
            there = ", ".join(f"{device['index']} {device['name']!r}" for device in inputs)
            raise RipienoError(f"no sound input is called {source!r}; there are {there}")
        return int(chosen[0]["index"]), str(chosen[0]["name"])

    def _open(self) -> Any:
        wrong: Exception | None = None
        for rate_hz in USUAL_RATES_HZ:
            try:
                stream = self._sounddevice.InputStream(
                    samplerate=rate_hz,
                    blocksize=BLOCK_FRAMES,
                    device=self._device,
                    channels=1,
                    dtype="float32",
                    latency="low",
                )
                stream.start()
            except self._sounddevice.PortAudioError as error:
                wrong = error
            else:
                return stream
        raise RipienoError(f"{self._device_name!r} cannot be listened to: {wrong}")


def _open_midi(to: str) -> tuple[Any, str]:
    """Return an open MIDI output and its name: one of the system's, or a virtual one of ours."""
    client = open_client(NAME)
    try:
        if to:
            names = client.get_ports()
            found = [i for i, name in enumerate(names) if to.casefold() in name.casefold()]
            if not found:
                there = ", ".join(map(repr, names)) or "none"
                raise RipienoError(f"no MIDI output is called {to!r}; there are {there}")
            client.open_port(found[0], name="notes")
            return client, names[found[0]]
        if sys.platform == "win32":
            raise RipienoError(
                "Windows has no virtual MIDI ports: install loopMIDI, add a port there and give "
                "its name with --to"
            )
        client.open_virtual_port(NAME)
        return client, NAME
    except (rtmidi.RtMidiError, NotImplementedError) as error:
        client.delete()
        raise RipienoError(f"the MIDI output cannot be opened: {error}") from error
    except RipienoError:
        client.delete()
        raise
