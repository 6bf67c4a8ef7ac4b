"""MIDI input from keyboards outside JACK's callback: python-rtmidi over ALSA, CoreMIDI or WinMM.

`play` opens the one port that was chosen; `devices` and `doctor` list names. A port that is lost
releases its notes and comes back by itself under its name. Where neither the ALSA sequencer nor the
chosen system answers, JACK is tried through the same library; an engine on JACK takes MIDI in its
callback instead and needs none of this.

Two threads serve an open port: the library's, which delivers messages [midi], and a watcher, which
alone opens, looks and closes [worker].
"""

import contextlib
import importlib
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.errors import RipienoError
from engine.midi.messages import MessageParser
from engine.midi.outlet import MidiEngine, Outlet

rtmidi: Any = importlib.import_module("rtmidi")  # compiled, without type information
Client = Any  # rtmidi.MidiIn

CLIENT_NAME = "Ripieno"
SCAN_SECONDS = 1.0
RETRY_SECONDS = 0.005  # while the engine had no room for a release
CLOSE_SECONDS = 2.0
ALSA_SEQUENCER = Path("/dev/snd/seq")
# What a system puts behind a port's name, new each time: ALSA client and port, WinMM a count.
PORT_NUMBERS = re.compile(r" \d+$" if sys.platform == "win32" else r" \d+:\d+$")


class PortError(RipienoError):
    """A MIDI port that is not there or cannot be opened."""


def input_names() -> list[str]:
    """The MIDI inputs there are, by their numbers from 0; none without a MIDI system. [main]"""
    try:
        client = open_client()
    except PortError:
        return []
    try:
        return client.get_ports()
    finally:
        client.delete()


def find_port(names: Sequence[str], wanted: str | int) -> int:
    """Index of the port meant by a name, a part of it, or a number from 0. [any]

    Raises PortError when none or more than one is meant; the whole name goes before parts of names,
    and a name without its port numbers is as good as the whole.
    """
    wanted = str(wanted).strip()
    exact = [i for i, name in enumerate(names) if wanted in (name, lasting_name(name))]
    if exact:
        return exact[0]
    if wanted.isdigit():
        if int(wanted) < len(names):
            return int(wanted)
        raise PortError(f"MIDI input {wanted} does not exist; {_choice(names)}")
    partly = [i for i, name in enumerate(names) if wanted.casefold() in name.casefold()]
    if len(partly) == 1:
        return partly[0]
    if not partly:
        raise PortError(f"no MIDI input is called {wanted!r}; {_choice(names)}")
    several = ", ".join(repr(names[i]) for i in partly)
    raise PortError(f"MIDI input {wanted!r} could be any of {several}; give more of the name")


def lasting_name(name: str) -> str:
    """A port's name without the numbers that change when it is plugged in again. [any]"""
    return PORT_NUMBERS.sub("", name)


def open_client(name: str = CLIENT_NAME) -> Client:
    """A client of the first MIDI system that answers, to be deleted by the caller. [any]"""
    for api in midi_systems():
        try:
            with quiet_stderr(api == rtmidi.API_UNIX_JACK):
                return rtmidi.MidiIn(api, name=name)
        except (rtmidi.RtMidiError, SystemError):  # SystemError: what some versions raise
            continue
    raise PortError(f"no MIDI system answers: {advice()}")


class MidiInput:
    """One chosen input port, or a virtual one, feeding the engine until it is closed."""

    def __init__(
        self,
        engine: MidiEngine,
        wanted: str | int = "",
        *,
        virtual: bool = False,
        source: int = 0,
        on_message: Callable[[str], None] = lambda sentence: None,
        scan_seconds: float = SCAN_SECONDS,
        client: Callable[[], Client] = open_client,
    ) -> None:
        """Choose; `open` opens. A `virtual` port called `wanted` is one others connect to.

        `on_message` gets one sentence when the port is lost and one when it is back.
        """
        self.name = str(wanted)  # the port's own name once it is open
        self.received = 0
        self.parser = MessageParser(on_clock=getattr(engine, "clock", None))
        self.outlet = Outlet(engine, source)
        self._virtual = virtual
        self._say = on_message
        self._scan_seconds = scan_seconds
        self._new_client = client
        self._client: Client = None
        self._connected = False
        self._error: PortError | None = None
        self._opened = threading.Event()
        self._wake = threading.Event()
        self._closing = False
        self._renew = False
        self._thread = threading.Thread(target=self._watch, name="midi input", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the port is there."""
        return self._connected

    def open(self) -> None:
        """Open the port; raises PortError, naming what there is, if it cannot be. Once. [main]"""
        self._thread.start()
        self._opened.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def close(self) -> None:
        """Release what is held and close the port. Idempotent. [main]"""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

    def reopen(self) -> None:
        """Leave the MIDI system and join it anew, as after its server was restarted. [any]"""
        self._renew = True
        self._wake.set()

    def _receive(self, event: tuple[list[int], float], _data: object = None) -> None:
        """Messages from the library's thread. [midi]"""
        for message in self.parser.feed(bytes(event[0])):
            self.received += 1
            self.outlet.send(message)
        if self.outlet.waiting:
            self._wake.set()

    def _watch(self) -> None:
        try:
            self._first_connection()
        except PortError as error:
            self._error = error
            self._leave()
            return
        finally:
            self._opened.set()
        while not self._closing:
            self._wake.wait(RETRY_SECONDS if self.outlet.waiting else self._scan_seconds)
            self._wake.clear()
            if not self._closing:
                self._tend()
        self._leave()
        self.outlet.release()

    def _first_connection(self) -> None:
        self._client = self._new_client()
        try:
            if self._virtual:
                self._open_virtual()
            else:
                names = self._client.get_ports()
                index = find_port(names, self.name)
                self._connect(index, names[index])
        except (rtmidi.RtMidiError, OSError, NotImplementedError) as error:
            raise PortError(f"MIDI input {self.name!r} cannot be opened: {error}") from error

    def _open_virtual(self) -> None:
        if sys.platform == "win32":
            raise PortError(
                "Windows has no virtual MIDI ports; a program such as loopMIDI adds them"
            )
        self._client.set_callback(self._receive)
        self._client.ignore_types(timing=False)
        self._client.open_virtual_port(self.name)
        self._connected = True

    def _connect(self, index: int, name: str) -> None:
        self._client.set_callback(self._receive)  # closing a port has taken it away
        self._client.ignore_types(timing=False)  # a clock may lead us
        self._client.open_port(index, name="in")
        self.name = name
        self._connected = True

    def _tend(self) -> None:
        """Retry releases, look whether the port is still or again there. [worker]"""
        self.outlet.flush()
        try:
            if self._renew:
                self._renew = False
                self._lose()
                self._leave()
            if self._client is None:
                self._client = self._new_client()
                if self._virtual:
                    self._open_virtual()
                    self._say(f"MIDI input {self.name} is back.")
            if not self._virtual:
                self._look(self._client.get_ports())
        except (rtmidi.RtMidiError, OSError, PortError):
            self._lose()  # the system itself is gone; the next look tries a new client
            self._leave()

    def _look(self, names: list[str]) -> None:
        lasting = [lasting_name(name) for name in names]
        if self._connected and self.name not in names:
            self._lose()
        if not self._connected and lasting_name(self.name) in lasting:
            index = (
                names.index(self.name)
                if self.name in names
                else lasting.index(lasting_name(self.name))
            )
            self._connect(index, names[index])
            self._say(f"MIDI input {self.name} is back.")

    def _lose(self) -> None:
        if not self._connected:
            return
        self._connected = False
        if self._client is not None:
            with contextlib.suppress(rtmidi.RtMidiError):  # it is gone; that is why we close it
                self._client.close_port()
        self.parser.reset()
        self.outlet.release()
        self._say(
            f"MIDI input {self.name} is gone; its notes are released and it is used again when it "
            "returns."
        )

    def _leave(self) -> None:
        client, self._client = self._client, None
        self._connected = False
        if client is not None:
            client.cancel_callback()
            with contextlib.suppress(rtmidi.RtMidiError):
                client.close_port()
            client.delete()


def midi_systems() -> list[int]:
    """MIDI systems to try, best first; the ALSA sequencer only where it is, for it complains.

    [any]
    """
    systems = rtmidi.get_compiled_api()
    last = [rtmidi.API_UNIX_JACK, rtmidi.API_RTMIDI_DUMMY]
    usable = [api for api in systems if api not in last]
    if sys.platform.startswith("linux") and not ALSA_SEQUENCER.exists():
        usable = [api for api in usable if api != rtmidi.API_LINUX_ALSA]
    return usable + [api for api in systems if api == rtmidi.API_UNIX_JACK]


def advice() -> str:
    """What to do where no MIDI system answers. [any]"""
    if sys.platform.startswith("linux") and not ALSA_SEQUENCER.exists():
        return f"{ALSA_SEQUENCER} is missing (sudo modprobe snd-seq) and no JACK server runs"
    return "the system offers no MIDI service"


def _choice(names: Sequence[str]) -> str:
    if not names:
        return "there are no MIDI inputs"
    return "there are " + ", ".join(f"{i}: {name!r}" for i, name in enumerate(names))


@contextlib.contextmanager
def quiet_stderr(quiet: bool) -> Iterator[None]:
    """Keep a C library's complaints to itself; only while the program asks whether it works."""
    if not quiet:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
