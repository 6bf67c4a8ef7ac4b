"""A JACK client that hears one audio port and speaks one MIDI port, its callback native. [main]"""

from __future__ import annotations

import atexit
import ctypes

import numpy as np

from engine.errors import RipienoError
from engine.libjack import (
    AUDIO_TYPE,
    IS_INPUT,
    IS_OUTPUT,
    IS_PHYSICAL,
    MIDI_TYPE,
    address_of,
    find_ports,
    load_libjack,
    open_client,
)
from engine.rt import listening

NAME = "ripieno-ear"
AUDIO_PORT, MIDI_PORT = "in", "midi_out"


class JackListener:
    """Ports `in` and `midi_out`, connected where asked; others connect them at any time.

    `source`: part of the name of the audio port to hear, "" for the first input of the sound card;
    `to`: part of the name of a MIDI input to play into, "" for none yet. RipienoError when there
    is no server or no such port.
    """

    def __init__(self, source: str = "", to: str = "", server: str | None = None) -> None:
        self._lib = load_libjack()
        self._client: int | None = open_client(NAME, server)
        atexit.register(self.close)
        self.rate_hz = int(self._lib.jack_get_sample_rate(self._client))
        self.block_frames = int(self._lib.jack_get_buffer_size(self._client))
        self._memory = listening.memory()
        self._piece = np.zeros(listening.AUDIO_FRAMES, np.float32)
        try:
            self._start()
            self._connect(source, to)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """Return its name among JACK's clients, which the server may have made unique."""
        return self._lib.jack_get_client_name(self._client).decode() if self._client else NAME

    @property
    def description(self) -> str:
        """Return one phrase for the player."""
        return (
            f"JACK port {self.name}:{AUDIO_PORT} ({self.rate_hz} Hz, {self.block_frames} frames), "
            f"notes at {self.name}:{MIDI_PORT}"
        )

    @property
    def alive(self) -> bool:
        """Return whether the server is there. [any]"""
        return self._client is not None and not self._memory["table"][listening.GONE]

    @property
    def input_delay_s(self) -> float:
        """Return seconds from the input to `read`, at most, and from `send` to the port."""
        return 2 * self.block_frames / self.rate_hz

    @property
    def lost(self) -> bool:
        """Return whether sound came while nobody read for seconds. [any]"""
        return bool(self._memory["table"][listening.LOST_FRAMES])

    def begin(self) -> None:
        """Forget what has come until now. [worker]"""
        self.read()

    def read(self) -> np.ndarray:
        """Return what has come since the last time, (n,) float32, maybe nothing. [worker]"""
        memory = self._memory
        count = listening.take_audio(memory["audio"], memory["audio_cursor"], self._piece)
        return self._piece[:count].copy()

    def send(self, message: bytes) -> bool:
        """Have three bytes sent in the next cycle; False if too many wait. [worker]"""
        memory = self._memory
        packed = message[0] | message[1] << 8 | message[2] << 16
        return listening.push_message(memory["messages"], memory["message_cursor"], packed)

    def close(self) -> None:
        """Leave the server. Idempotent; also called at interpreter exit."""
        client, self._client = self._client, None
        atexit.unregister(self.close)
        if client is not None:
            self._lib.jack_deactivate(client)
            self._lib.jack_client_close(client)

    def _start(self) -> None:
        lib, client, table = self._lib, self._client, self._memory["table"]
        ports = ((AUDIO_PORT, AUDIO_TYPE, IS_INPUT), (MIDI_PORT, MIDI_TYPE, IS_OUTPUT))
        places = (listening.IN_PORT, listening.OUT_PORT)
        for place, (name, kind, flags) in zip(places, ports, strict=True):
            port = lib.jack_port_register(client, name.encode(), kind, flags, 0)
            if not port:
                raise RipienoError(f"the JACK server refused the port {name!r}")
            table[place] = port
        functions = ("jack_port_get_buffer", "jack_midi_clear_buffer", "jack_midi_event_write")
        places = (listening.BUFFER, listening.CLEAR, listening.WRITE_EVENT)
        for place, name in zip(places, functions, strict=True):
            table[place] = address_of(getattr(lib, name))
        user = ctypes.c_void_p(table.ctypes.data)
        lib.jack_set_process_callback(client, listening.jack_listen.address, user)
        lib.jack_on_shutdown(client, listening.jack_gone.address, user)
        if lib.jack_activate(client) != 0:
            raise RipienoError("the JACK server refused to run this client")

    def _connect(self, source: str, to: str) -> None:
        ours = f"{self.name}:{AUDIO_PORT}"
        heard = self._found(AUDIO_TYPE, IS_OUTPUT | (0 if source else IS_PHYSICAL), source)
        if source and not heard:
            raise RipienoError(self._nothing("audio output", source, AUDIO_TYPE, IS_OUTPUT))
        if heard and self._lib.jack_connect(self._client, heard[0].encode(), ours.encode()):
            raise RipienoError(f"the JACK server refused to connect {heard[0]!r} to {ours!r}")
        if not to:
            return
        players = self._found(MIDI_TYPE, IS_INPUT, to)
        if not players:
            raise RipienoError(self._nothing("MIDI input", to, MIDI_TYPE, IS_INPUT))
        for port in players:
            speaks = f"{self.name}:{MIDI_PORT}".encode()
            self._lib.jack_connect(self._client, speaks, port.encode())

    def _found(self, kind: bytes, flags: int, wanted: str) -> list[str]:
        ports = find_ports(self._lib, self._client, kind, flags)
        own = f"{self.name}:"
        return [
            port
            for port in ports
            if wanted.casefold() in port.casefold() and not port.startswith(own)
        ]

    def _nothing(self, what: str, wanted: str, kind: bytes, flags: int) -> str:
        there = ", ".join(map(repr, self._found(kind, flags, ""))) or "none"
        return f"no JACK {what} is called {wanted!r}; there are {there}"
