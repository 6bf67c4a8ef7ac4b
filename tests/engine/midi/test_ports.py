"""Input ports: choosing by name, real ports over JACK, a port lost and found."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.midi import ports
from engine.midi.ports import (
    MidiInput,
    PortError,
    find_port,
    input_names,
    lasting_name,
    rtmidi,
)
from tests.engine.midi.fake_engine import FakeEngine, stuck_notes
from tests.servers import JackServer

NAMES = [
    "Midi Through:Midi Through Port-0 14:0",
    "Keystation 49:Keystation 49 MIDI 1 20:0",
    "K2 port 1",
]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("Keystation 49:Keystation 49 MIDI 1 20:0", 1),
        ("Keystation 49:Keystation 49 MIDI 1", 1),
        ("keystation", 1),
        ("THROUGH", 0),
        (2, 2),
        ("2", 2),
        (" 0 ", 0),
        ("port 1", 2),
    ],
)
def test_a_port_is_found_by_name_part_or_number(wanted: str | int, index: int) -> None:
    assert find_port(NAMES, wanted) == index


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("piano", "no MIDI input is called 'piano'; there are 0: 'Midi Through"),
        ("midi", "could be any of 'Midi Through"),
        (3, "MIDI input 3 does not exist; there are 0:"),
    ],
)
def test_a_port_that_is_not_meant_clearly_is_refused(wanted: str | int, why: str) -> None:
    with pytest.raises(PortError, match=why):
        find_port(NAMES, wanted)


def test_without_ports_the_error_says_so() -> None:
    with pytest.raises(PortError, match="there are no MIDI inputs"):
        find_port([], "piano")


def test_a_lasting_name_has_no_port_numbers() -> None:
    assert [lasting_name(name) for name in NAMES] == [
        "Midi Through:Midi Through Port-0",
        "Keystation 49:Keystation 49 MIDI 1",
        "K2 port 1",
    ]


class FakeClient:
    """What MidiInput uses of the library, with ports plugged and pulled by the test."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.opened: str | None = None
        self.callback: Callable | None = None
        self.broken = False
        self.deleted = False

    def get_ports(self) -> list[str]:
        if self.broken:
            raise rtmidi.RtMidiError("the server is gone")
        return list(self.names)

    def set_callback(self, callback: Callable) -> None:
        self.callback = callback

    def ignore_types(self, timing: bool) -> None:
        assert not timing  # a clock is heard

    def cancel_callback(self) -> None:
        self.callback = None

    def open_port(self, index: int, name: str) -> None:
        self.opened = self.names[index]

    def open_virtual_port(self, name: str) -> None:
        self.opened = f"virtual {name}"

    def close_port(self) -> None:
        self.opened = self.callback = None

    def delete(self) -> None:
        self.deleted = True

    def play(self, *data: int) -> None:
        assert self.callback is not None
        self.callback((list(data), 0.0), None)


class Rig:
    """An input over fake clients, scanning fast."""

    def __init__(self, wanted: str | int, virtual: bool = False) -> None:
        self.engine = FakeEngine()
        self.names = list(NAMES)
        self.clients: list[FakeClient] = []
        self.said: list[str] = []
        self.system_works = True
        self.input = MidiInput(
            self.engine,
            wanted,
            virtual=virtual,
            source=1,
            on_message=self.said.append,
            scan_seconds=0.01,
            client=self._client,
        )

    def _client(self) -> FakeClient:
        if not self.system_works:
            raise PortError("no MIDI system answers")
        self.clients.append(FakeClient(self.names))
        return self.clients[-1]

    @property
    def client(self) -> FakeClient:
        return self.clients[-1]


def eventually(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig("keystation")
    rig.input.open()
    yield rig
    rig.input.close()


def test_messages_reach_the_engine_parsed_and_normalised(rig: Rig) -> None:
    assert rig.input.name == NAMES[1]
    assert rig.client.opened == NAMES[1]
    rig.client.play(0x90, 60, 100)
    rig.client.play(0xF8)
    rig.client.play(0x90, 60, 0)
    rig.client.play(0xB0, 7, 90, 11, 80)
    rig.client.play(1, 2, 3)
    assert rig.engine.messages == [
        b"\x90\x3c\x64",
        b"\x80\x3c\x40",
        b"\xb0\x07\x5a",
        b"\xb0\x0b\x50",
        b"\xb0\x01\x02",  # running status; the 3 still waits
    ]
    assert {(frame, source) for _, frame, source in rig.engine.got} == {(None, 1)}
    assert rig.input.received == len(rig.engine.got)


def test_a_lost_port_releases_its_notes_says_so_once_and_comes_back(rig: Rig) -> None:
    rig.client.play(0x90, 60, 100)
    rig.client.play(0xB0, 64, 127)
    rig.client.play(0x93, 64)  # cut short by the unplugging
    rig.names.remove(NAMES[1])
    eventually(lambda: not rig.input.connected)
    eventually(lambda: len(rig.said) == 1)
    assert not stuck_notes(rig.engine.messages)
    assert rig.engine.messages[-1] == b"\xb0\x40\x00"
    assert "Keystation 49 MIDI 1 20:0 is gone" in rig.said[0]
    time.sleep(0.05)
    assert len(rig.said) == 1
    rig.names.append("Keystation 49:Keystation 49 MIDI 1 24:0")  # the same, under another number
    eventually(lambda: len(rig.said) == 2)
    assert rig.input.connected
    assert rig.said[1].endswith("24:0 is back.")
    assert len(rig.clients) == 1
    rig.client.play(100)  # not the rest of what was cut short
    rig.client.play(0x90, 62, 100)
    assert rig.engine.messages[-1] == b"\x90\x3e\x64"


def test_a_port_replaced_between_two_looks_is_opened_again(rig: Rig) -> None:
    rig.names[1] = "Keystation 49:Keystation 49 MIDI 1 28:0"
    eventually(lambda: len(rig.said) == 2)
    assert rig.client.opened == rig.names[1]


def test_a_dead_midi_system_is_left_and_joined_again(rig: Rig) -> None:
    rig.client.play(0x90, 60, 100)
    rig.system_works = False
    rig.client.broken = True
    eventually(lambda: rig.client.deleted)
    assert not stuck_notes(rig.engine.messages)
    rig.system_works = True
    eventually(lambda: rig.input.connected)
    assert len(rig.clients) == 2
    assert [sentence.split()[-1] for sentence in rig.said] == ["returns.", "back."]


def test_reopening_joins_anew(rig: Rig) -> None:
    rig.client.play(0x90, 60, 100)
    rig.input.reopen()
    eventually(lambda: len(rig.said) == 2)
    assert len(rig.clients) == 2
    assert rig.clients[0].deleted
    assert not stuck_notes(rig.engine.messages)


def test_a_release_the_engine_has_no_room_for_is_tried_again(rig: Rig) -> None:
    rig.client.play(0x90, 60, 100)
    rig.engine.refuse_next = 3
    rig.client.play(0x80, 60, 64)
    rig.engine.wait_for(b"\x80\x3c\x40")


def test_closing_releases_and_is_idempotent() -> None:
    rig = Rig(1)
    rig.input.open()
    rig.client.play(0x90, 60, 100)
    rig.input.close()
    rig.input.close()
    assert not stuck_notes(rig.engine.messages)
    assert rig.client.deleted
    assert not rig.input.connected


def test_an_unknown_port_is_refused_and_leaves_no_thread() -> None:
    rig = Rig("piano")
    before = threading.active_count()
    with pytest.raises(PortError, match="no MIDI input is called 'piano'"):
        rig.input.open()
    assert rig.client.deleted
    assert threading.active_count() == before
    rig.input.close()


def test_a_virtual_port_needs_no_other() -> None:
    rig = Rig("play me", virtual=True)
    rig.names.clear()
    rig.input.open()
    assert rig.client.opened == "virtual play me"
    time.sleep(0.05)
    assert rig.input.connected
    rig.input.close()


def test_no_midi_system_is_one_sentence_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "midi_systems", list)
    with pytest.raises(PortError, match="no MIDI system answers: "):
        ports.open_client()
    assert input_names() == []


def test_asking_for_jack_without_a_server_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "ripieno-test-nobody")
    monkeypatch.setattr(ports, "midi_systems", lambda: [rtmidi.API_UNIX_JACK])
    assert input_names() == []
    assert capfd.readouterr().err == ""


@pytest.fixture
def over_jack(monkeypatch: pytest.MonkeyPatch, jack_server: JackServer) -> JackServer:
    monkeypatch.setattr(ports, "midi_systems", lambda: [rtmidi.API_UNIX_JACK])
    return jack_server


def jack_keyboard() -> Any:
    keyboard = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="test keys")
    keyboard.open_virtual_port("out")
    return keyboard


@pytest.mark.jack
@pytest.mark.slow
def test_a_real_port_lost_and_found_over_jack(over_jack: JackServer) -> None:
    keyboard = jack_keyboard()
    engine, said = FakeEngine(), []
    assert input_names() == ["test keys:out"]
    keys = MidiInput(engine, "keys", on_message=said.append, scan_seconds=0.05)
    keys.open()
    try:
        keyboard.send_message([0x90, 60, 100])
        engine.wait_for(b"\x90\x3c\x64")
        keyboard.close_port()
        keyboard.delete()
        engine.wait_for(b"\x80\x3c\x40")
        eventually(lambda: len(said) == 1)
        keyboard = jack_keyboard()
        eventually(lambda: len(said) == 2)
        keyboard.send_message([0x90, 62, 100])
        engine.wait_for(b"\x90\x3e\x64")
    finally:
        keys.close()
        keyboard.close_port()
        keyboard.delete()
    assert not stuck_notes(engine.messages)


@pytest.mark.jack
@pytest.mark.slow
def test_a_virtual_port_others_can_play_over_jack(over_jack: JackServer) -> None:
    engine = FakeEngine()
    keys = MidiInput(engine, "play me", virtual=True)
    keys.open()
    keyboard = jack_keyboard()
    try:
        over_jack.connect("test keys:out", "Ripieno:play me")
        for byte in range(256):
            keyboard.send_message([byte] if byte >= 0xF8 else [0x90, byte % 128, 1 + byte % 127])
        keyboard.send_message([0xF0, *range(100), 0xF7])
        keyboard.send_message([0x80, 3, 3])
        engine.wait_for(b"\x80\x03\x03")
    finally:
        keyboard.close_port()
        keyboard.delete()
        keys.close()
    assert len(engine.messages) > 248
    assert not stuck_notes(engine.messages)


@pytest.mark.jack
@pytest.mark.slow
def test_a_restarted_server_is_joined_again(over_jack: JackServer) -> None:
    keyboard = jack_keyboard()
    engine = FakeEngine()
    keys = MidiInput(engine, "keys", scan_seconds=0.05)
    keys.open()
    try:
        keyboard.send_message([0x90, 60, 100])
        engine.wait_for(b"\x90\x3c\x64")
        over_jack.kill()
        keyboard.delete()
        over_jack.start()
        keys.reopen()
        engine.wait_for(b"\x80\x3c\x40")
        keyboard = jack_keyboard()
        eventually(lambda: keys.connected)
        keyboard.send_message([0x90, 62, 100])
        engine.wait_for(b"\x90\x3e\x64")
    finally:
        keys.close()
        keyboard.delete()
