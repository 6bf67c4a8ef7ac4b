"""MIDI out where JACK does not carry it: python-rtmidi over ALSA, CoreMIDI or WinMM.

A virtual port others connect to (Linux, macOS), one a part besides where that is asked, or a port
that is there, found by a part of its name (Windows: loopMIDI's). The callback leaves what it sends
in a ring, each message with its frame; one thread takes it from there and sends each when its frame
is due, a block after the callback, so that distances stay what they were. They are as exact as the
system wakes a thread: some tenths of a millisecond, where the native ports on JACK are exact to the
frame. `python -m tests.bench.sync` measures both.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.errors import RipienoError
from engine.frame_clock import FrameClock
from engine.midi.ports import advice, midi_systems, quiet_stderr
from engine.rt.layout import MAX_PARTS
from engine.stream_clock import clock_ns

rtmidi: Any = importlib.import_module("rtmidi")  # compiled, without type information

VIRTUAL = ("channels", "ports")
PORT_NAME = "Ripieno"
PERIOD_S = 0.001
SETTLE_S = 0.1  # what is sent before a connection is made is lost, and JACK makes it later
LATEST_S = 0.2  # a wait longer than this is a clock that jumped


def output_names() -> list[str]:
    """The MIDI outputs there are; none without a MIDI system. [main]"""
    try:
        client = open_client()
    except RipienoError:
        return []
    try:
        return client.get_ports()
    finally:
        client.delete()


class MidiOutputs:
    """The outputs of one engine, sent by a thread until they are closed.

    `wanted`: "channels" or "ports" for virtual ports, else a part of an existing port's name.
    RipienoError names what there is, if it cannot be opened. [main]
    """

    def __init__(
        self,
        engine: Any,
        wanted: str,
        say: Callable[[str], None] = lambda sentence: None,
        client: Callable[[], Any] | None = None,
    ) -> None:
        self._engine = engine
        self._wanted = wanted
        self._say = say
        self._new_client = client or open_client
        self._clients: dict[int, Any] = {}
        self._lock = threading.Lock()  # of the clients
        self._clock = FrameClock(engine)
        self._lost = False
        self.name = wanted
        self._open()
        engine.midi_out()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="midi out", daemon=True)
        self._thread.start()

    def tend(self) -> None:
        """Notice that a named port has gone, open it again when it is back. [main]"""
        if self._wanted in VIRTUAL:
            return
        with self._lock:
            try:
                there = self.name in self._clients[0].get_ports() if self._clients else False
                if there:
                    return
                self._close_ports()
                self._open()
            except (RipienoError, rtmidi.RtMidiError):
                if not self._lost:
                    self._lost = True
                    self._say(f"MIDI output {self.name} is gone; it is used again when it returns.")
                return
        if self._lost:
            self._lost = False
            self._engine.announce_programs()
            self._say(f"MIDI output {self.name} is back.")

    def open_part_ports(self) -> None:
        """Have a virtual port a part as well, from now on. RipienoError where there is none."""
        with self._lock:
            if self._wanted not in VIRTUAL:
                raise RipienoError(f"a port a part needs virtual ports, not {self.name!r}")
            for part in range(1, MAX_PARTS + 1):
                if part not in self._clients:
                    self._clients[part] = self._virtual(f"{PORT_NAME} part {part}")

    def close(self) -> None:
        """Send what is left and close the ports. Idempotent. [main]"""
        self._stop.set()
        self._thread.join(2.0)
        with self._lock:
            self._close_ports()

    def _open(self) -> None:
        if self._wanted in VIRTUAL:
            self._clients[0] = self._virtual(PORT_NAME)
            if self._wanted == "ports":
                for part in range(1, MAX_PARTS + 1):
                    self._clients[part] = self._virtual(f"{PORT_NAME} part {part}")
            self.name = PORT_NAME
            return
        client = self._new_client()
        try:
            names = client.get_ports()
            wanted = self._wanted.casefold()
            index = next((i for i, name in enumerate(names) if wanted in name.casefold()), -1)
            if index < 0:
                there = ", ".join(map(repr, names)) or "none"
                hint = _windows_hint()
                raise RipienoError(
                    f"no MIDI output is called {self._wanted!r}; there are {there}{hint}"
                )
            client.open_port(index, name="out")
        except BaseException:
            client.delete()
            raise
        time.sleep(SETTLE_S)
        self.name = names[index]
        self._clients[0] = client

    def _virtual(self, name: str) -> Any:
        if sys.platform == "win32":
            raise RipienoError(
                "Windows has no virtual MIDI ports: install loopMIDI, add a port there and give "
                "its name with --midi-out"
            )
        client = self._new_client()
        try:
            client.open_virtual_port(name)
        except (rtmidi.RtMidiError, NotImplementedError) as error:
            client.delete()
            raise RipienoError(f"the MIDI output {name!r} cannot be opened: {error}") from error
        return client

    def _close_ports(self) -> None:
        for client in self._clients.values():
            with contextlib.suppress(rtmidi.RtMidiError):
                client.close_port()
            client.delete()
        self._clients = {}

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            self._clock.look()
            self._send(self._engine.midi_out())
        self._send(self._engine.midi_out())

    def _send(self, records: np.ndarray) -> None:
        """Send each message when its frame is due, a block after the callback. [worker]"""
        block = self._engine.block_frames
        for record in records:
            wait_s = (self._clock.ns_of(int(record["frame"]) + block) - clock_ns()) * 1e-9
            if 0.0 < wait_s < LATEST_S and not self._stop.is_set():
                time.sleep(wait_s)
            with self._lock:
                client = self._clients.get(int(record["port"]))
                if client is not None:
                    with contextlib.suppress(rtmidi.RtMidiError, OSError):  # `tend` looks after it
                        client.send_message(record["data"][: record["size"]].tobytes())


def open_client(name: str = PORT_NAME) -> Any:
    """A client of the first MIDI system that answers, to be deleted by the caller. [any]"""
    for api in midi_systems():
        try:
            with quiet_stderr(api == rtmidi.API_UNIX_JACK):
                return rtmidi.MidiOut(api, name=name)
        except (rtmidi.RtMidiError, SystemError):
            continue
    raise RipienoError(f"no MIDI system answers: {advice()}")


def _windows_hint() -> str:
    if sys.platform != "win32":
        return ""
    return "; loopMIDI adds ports that lead to other programs"
