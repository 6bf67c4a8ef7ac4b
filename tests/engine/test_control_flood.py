"""100,000 hostile packets over loopback at a session that plays: nothing is felt, all are counted.

None of them is a legal command (those that would be are left out; questions stay in), so the music
must be what it is without them, sample by sample.
"""

import random
import struct
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import addresses
from engine.errors import RipienoError
from engine.midi.files import read_midi
from engine.midi.performance import merged_to_keyboard
from engine.midi.player import Feeder
from engine.osc import OscError, decode, encode
from engine.paths import presets_folder
from engine.rt.layout import FILE_SOURCE
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from tests.engine.test_control import LEGAL_PATHS, Client

PACKETS, WARM_UP = 100_000, 20_000
IN_FLIGHT = 16
START_FRAME = 24_000
HARMLESS = {
    "/ripieno/version",
    "/ripieno/state",
    "/ripieno/statistics",
    "/ripieno/histograms",
    "/ripieno/ensembles",
    "/ripieno/subscribe",
    "/ripieno/unsubscribe",
    "/ripieno/chains",
    "/ripieno/inputs",
    "/ripieno/recorder",
    "/ripieno/learn/cancel",
}
SETTINGS = Settings(
    output="none",
    block_frames=128,
    rate_hz=48000,
    input_port="none",
    soundfont=bundled_soundfont(),
    osc_port=0,
)
PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"


def would_change_something(packet: bytes) -> bool:
    """Whether a packet holds a message that is obeyed and is no mere question."""
    try:
        messages = decode(packet)
    except OscError:
        return False
    for path, values in messages:
        try:
            row, _ = addresses.find(path)
            if (row.setting and not values) or row.path in HARMLESS:
                continue
            addresses.check(row, values)
        except RipienoError:
            continue
        return True
    return False


def padded(data: bytes) -> bytes:
    return data + b"\0" * (4 - len(data) % 4)


class Hostile:
    """Makes packets of every hostile kind, the same ones each time."""

    def __init__(self) -> None:
        self.random = random.Random(57140)
        self.paths = [path.encode() for path in LEGAL_PATHS]
        self.valid = [self._valid(path) for path in LEGAL_PATHS]
        self.kinds: list[tuple[Any, int]] = [
            (self.noise, 30),
            (self.mutated, 40),
            (self.wrong_types, 20),
            (self.bundle, 7),
            (self.question, 2),
            (self.nested, 1),
        ]
        self.made = 0

    def next(self) -> bytes:
        self.made += 1
        if self.made % 1000 == 0:
            return self.huge()
        make = self.random.choices(*zip(*self.kinds, strict=True))[0]
        packet = make()
        while would_change_something(packet):
            packet = make()
        return packet

    def _valid(self, path: str) -> bytes:
        row, _ = addresses.find(path)
        values = []
        for argument in row.arguments:
            if argument.tag == "s":
                values.append(("s", argument.choices[0] if argument.choices else "x"))
            else:
                values.append((argument.tag, argument.high))
        return encode(path, [(t, int(v) if t == "i" else v) for t, v in values])

    def noise(self) -> bytes:
        return self.random.randbytes(self.random.randrange(200))

    def mutated(self) -> bytes:
        packet = bytearray(self.random.choice(self.valid))
        for _ in range(self.random.randrange(1, 5)):
            kind, place = self.random.randrange(4), self.random.randrange(len(packet))
            if kind == 0:
                packet[place] = self.random.randrange(256)
            elif kind == 1:
                packet = packet[: place + 1]
            elif kind == 2:
                packet[place:place] = self.random.randbytes(self.random.randrange(1, 9))
            else:
                packet += self.random.randbytes(self.random.randrange(1, 9))
        return bytes(packet)

    def wrong_types(self) -> bytes:
        tags = "".join(self.random.choices("ifsbhtdTFN[]Ircm?", k=self.random.randrange(8)))
        body = self.random.randbytes(self.random.randrange(64))
        return padded(self.random.choice(self.paths)) + padded(b"," + tags.encode()) + body

    def bundle(self) -> bytes:
        inner = [self.random.choice((self.noise, self.mutated, self.wrong_types))() for _ in "123"]
        size = self.random.choice((0, 0, 0, 1, -8, 2**30))
        sized = (struct.pack(">i", len(packet) + size) + packet for packet in inner)
        return b"#bundle\0" + self.random.randbytes(8) + b"".join(sized)

    def nested(self) -> bytes:
        packet = self.question()
        for _ in range(self.random.randrange(1, 300)):
            packet = b"#bundle\0" + bytes(7) + b"\1" + struct.pack(">i", len(packet)) + packet
        return packet

    def question(self) -> bytes:
        return encode(self.random.choice(sorted(HARMLESS - {"/ripieno/subscribe"})))

    def huge(self) -> bytes:
        kind = self.made // 1000 % 4
        if kind == 0:
            return self.random.randbytes(65000)
        if kind == 1:
            return encode("/ripieno/ensemble", [("s", "x" * 60000)])
        if kind == 2:  # deeper than anybody would
            packet = b""
            for _ in range(3000):
                packet = b"#bundle\0" + bytes(8) + struct.pack(">i", len(packet)) + packet
            return packet
        many = encode("/ripieno/state")
        return b"#bundle\0" + bytes(8) + (struct.pack(">i", len(many)) + many) * 2500


class Ear:
    """Keeps the master as it was rendered, in memory that is there from the start."""

    def __init__(self, seconds: float) -> None:
        self.audio = np.ones((int(seconds * 48000), 2), np.float32)
        self.frames = 0

    def __call__(self, block: np.ndarray) -> None:
        end = min(self.frames + len(block), len(self.audio))
        self.audio[self.frames : end] = block[: end - self.frames, :2]
        self.frames = end


def resident_bytes() -> int:
    """Memory this process holds now; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 0


def undisturbed(frames: int) -> np.ndarray:
    """What the master is when nobody sends anything."""
    session = Session(SETTINGS, lambda sentence: None, on_audio=lambda block: None)
    engine = session.engine
    engine.begin(128, False)
    feeder = Feeder(
        engine,
        merged_to_keyboard(read_midi(PIECE)),
        rate_hz=48000,
        start_frame=START_FRAME,
        source=FILE_SOURCE,
    )
    pieces = []
    for first in range(0, frames, 4800):
        feeder.feed(first + 9600)
        pieces.append(engine.render(4800, 128))
        engine.results()
        engine.tap()
    session.close()
    return np.concatenate(pieces)[:frames]


@pytest.mark.slow
def test_100000_hostile_packets_are_counted_and_not_felt() -> None:
    ear, said = Ear(120.0), []
    with Session(SETTINGS, said.append, on_audio=ear) as session:
        session.inputs.play_file(read_midi(PIECE), START_FRAME)
        control, client, hostile = session.control, Client(session.osc_port), Hostile()
        assert control is not None
        replies = threading.Thread(target=_swallow, args=(client,), daemon=True)
        replies.start()
        before_bytes = 0
        for sent in range(1, PACKETS + 1):
            packet = hostile.next()
            client.raw(packet)
            ahead = IN_FLIGHT if len(packet) < 10_000 else 0  # what the system's buffer holds
            while sent - control.counts.received > ahead:
                time.sleep(0.0002)
            if sent == WARM_UP:
                before_bytes = resident_bytes()
        end_s = time.monotonic() + 10.0
        while control.counts.received < PACKETS and time.monotonic() < end_s:
            time.sleep(0.01)
        grown_bytes = resident_bytes() - before_bytes
        counts = control.counts
        other = Client(session.osc_port)
        assert other.ask("/ripieno/version")[0] == "/ripieno/version"
        stats = session.engine.stats()
        assert session.state()["ensemble"] == "string_quartet"
        heard = ear.frames // 4800 * 4800  # before the session fades out as it ends
    assert counts.received >= PACKETS
    assert counts.malformed > PACKETS / 2
    assert counts.refused > 100
    assert counts.obeyed > 100
    assert grown_bytes < 16 << 20
    assert (stats.late_events, stats.dropped_events, stats.results_dropped) == (0, 0, 0)
    assert not [sentence for sentence in said if "fault" in sentence]
    assert heard > 5 * 48000
    apart = np.abs(ear.audio[:heard] - undisturbed(heard)).max(1)
    others = np.flatnonzero(apart)
    assert not len(others), (len(others), others[[0, -1]], apart[others].max(), said)
    assert np.abs(ear.audio[:heard]).max() > 0.01


def _swallow(client: Client) -> None:
    client.socket.settimeout(5.0)
    while True:
        try:
            client.socket.recv(65536)
        except OSError:
            return
