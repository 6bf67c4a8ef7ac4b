"""Ardour 7 without a window: a real DAW that records what it is connected to, for tests.

It follows JACK's transport. `ardour_record.lua` is what it runs; here it is started, told when to
stop, and what it recorded is read. Ended by process id.
"""

import contextlib
import subprocess
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
import soundfile

from tests.servers import JackServer

SCRIPT = Path(__file__).with_name("ardour_record.lua")
SUPERCLOCK_HZ = 282_240_000  # the unit of Ardour's positions of audio
ATTEMPTS = 2  # jackd may drop it while it starts, and it says so, or never answer it
ARMED_S = 45.0  # it takes ten
# Its own default follows MIDI clock, and what follows the transport cannot be chosen by script.
FOLLOW_JACK = """\
<?xml version="1.0" encoding="UTF-8"?>
<Ardour>
  <TransportMasters current="JACK Transport">
    <TransportMaster type="Engine" name="JACK Transport" removeable="0" collect="1"
                     clock-synced="1"/>
  </TransportMasters>
</Ardour>
"""


class DidNotStartError(RuntimeError):
    """The server dropped it, again and again; another server may not."""


@dataclass(frozen=True)
class Recording:
    """One region: audio (frames, 2) float32, or MIDI messages with their frames in the region."""

    start_frame: int  # in the session
    audio: np.ndarray
    messages: list[tuple[float, Any]]  # of mido


class Ardour:
    """A running Ardour with armed tracks, until it is told to stop."""

    def __init__(self, server: JackServer, folder: Path, tracks: dict[str, list[str]]) -> None:
        """`tracks`: name -> the two ports of a stereo track or the one port of a MIDI track."""
        self._server = server
        self._folder = folder
        self._tracks = tracks
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until every track is armed."""
        said = ""
        for attempt in range(ATTEMPTS):
            self._start(self._folder / f"session{attempt}")
            assert self._process is not None
            assert self._process.stdout is not None
            overdue = threading.Timer(ARMED_S, self._process.kill)
            overdue.start()
            for line in self._process.stdout:
                said += line
                if line == "armed\n":
                    overdue.cancel()
                    return
            overdue.cancel()
            self.end()
        raise DidNotStartError(f"Ardour did not start: {said}")

    def stop(self) -> dict[str, Recording]:
        """Stop recording, save, end; what each track recorded."""
        assert self._process is not None
        said, _ = self._process.communicate("stop\n", timeout=30)
        if "saved\n" not in said:
            raise RuntimeError(f"Ardour did not save: {said}")
        return {name: self._read(name) for name in self._tracks}

    def end(self) -> None:
        """End it, in order if it can be; idempotent.

        A client that is killed holds up a synchronous server for many seconds.
        """
        if self._process is None or self._process.poll() is not None:
            return
        try:
            self._process.communicate("stop\n", timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _start(self, session: Path) -> None:
        config = self._folder / ".config" / "ardour7" / "config"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(FOLLOW_JACK)
        self._session = session
        rows = [f"{name}={','.join(ports)}" for name, ports in self._tracks.items()]
        rate_hz = str(self._server.rate_hz)
        self._process = subprocess.Popen(
            ["ardour7-lua", "-X", str(SCRIPT), str(session), rate_hz, *rows],
            env={**self._server.env, "HOME": str(self._folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _read(self, name: str) -> Recording:
        (document,) = self._session.glob("*.ardour")
        region = next(
            region
            for region in ElementTree.parse(document).getroot().iter("Region")
            if region.get("whole-file") == "1" and f"_{name}-" in region.get("name", "")
        )
        start_frame = round(_seconds(region.get("length", "")) * self._server.rate_hz)
        folder = self._session / "interchange" / self._session.name
        if len(self._tracks[name]) == 1:
            (path,) = (folder / "midifiles").glob(f"*_{name}-*.mid")
            return Recording(start_frame, np.zeros((0, 2), np.float32), self._messages(path))
        sides = []
        for side in "LR":
            (path,) = (folder / "audiofiles").glob(f"*_{name}-*%{side}.wav")
            samples, rate_hz = soundfile.read(path, dtype="float32")
            assert rate_hz == self._server.rate_hz
            sides.append(samples)
        return Recording(start_frame, np.stack(sides, axis=1), [])

    def _messages(self, path: Path) -> list[tuple[float, Any]]:
        file, now_frame, found = mido.MidiFile(path), 0.0, []
        frames_a_tick = 0.5 * self._server.rate_hz / file.ticks_per_beat  # a session's 120 bpm
        for message in file.tracks[0]:
            now_frame += message.time * frames_a_tick
            if not message.is_meta:
                found.append((now_frame, message))
        return found


def _seconds(text: str) -> float:
    """The position in 'a<length>@a<position>', in s."""
    return int(text.partition("@a")[2]) / SUPERCLOCK_HZ


@contextlib.contextmanager
def ardour(server: JackServer, folder: Path, tracks: dict[str, list[str]]) -> Iterator[Ardour]:
    """An Ardour that is armed, and gone afterwards."""
    daw = Ardour(server, folder, tracks)
    try:
        daw.start()
        yield daw
    finally:
        daw.end()
