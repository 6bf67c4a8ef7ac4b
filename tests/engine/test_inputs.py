"""The sources of a session: every keyboard there is, also later; files; the computer's keys."""

import time
from collections.abc import Callable, Iterator

import pytest

from engine.errors import RipienoError
from engine.inputs import MOST_KEYBOARDS, VIRTUAL_NAME, Inputs
from engine.midi import ports
from engine.rt.layout import COMPUTER_SOURCE


class Engine:
    """Remembers who sent what."""

    rate_hz = 48000

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes]] = []

    def midi(self, message: bytes, frame: int | None = None, source: int = 0) -> bool:
        self.sent.append((source, message))
        return True


class System:
    """A MIDI system whose keyboards a test plugs in and out."""

    def __init__(self) -> None:
        self.plugged = ["Midi Through Port-0 14:0", "Small keys 20:0", "Ripieno in 128:0"]
        self.clients: list[Client] = []
        self.virtual_works = True

    def client(self, name: str = "") -> "Client":
        self.clients.append(Client(self))
        return self.clients[-1]


class Client:
    """What rtmidi gives, as far as it is used."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.port = ""
        self.callback: Callable | None = None

    def get_ports(self) -> list[str]:
        return list(self.system.plugged)

    def set_callback(self, callback) -> None:
        self.callback = callback

    def ignore_types(self, timing: bool) -> None:
        assert not timing

    def cancel_callback(self) -> None:
        self.callback = None

    def open_port(self, index: int, name: str) -> None:
        self.port = self.system.plugged[index]

    def open_virtual_port(self, name: str) -> None:
        if not self.system.virtual_works:
            raise NotImplementedError("none here")
        self.port = name

    def close_port(self) -> None:
        self.port = ""

    def delete(self) -> None:
        self.system.clients.remove(self)


@pytest.fixture
def system(monkeypatch) -> System:
    system = System()
    original = ports.MidiInput.__init__

    def with_system(self, *arguments, **named) -> None:
        original(self, *arguments, **named, client=system.client, scan_seconds=0.02)

    monkeypatch.setattr(ports, "open_client", system.client)
    monkeypatch.setattr(ports.MidiInput, "__init__", with_system)
    return system


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def inputs(system: System, said: list[str]) -> Iterator[Inputs]:
    inputs = Inputs(Engine(), said.append)
    yield inputs
    inputs.close()
    assert system.clients == []


def strike(system: System, port: str) -> None:
    (client,) = [client for client in system.clients if client.port == port]
    assert client.callback
    client.callback(([0x90, 60, 90], 0.0))


def test_every_keyboard_is_opened_and_nothing_else(system: System, inputs: Inputs) -> None:
    inputs.open_keyboards()
    assert inputs.names == ["Small keys 20:0", VIRTUAL_NAME]
    strike(system, "Small keys 20:0")
    strike(system, VIRTUAL_NAME)
    assert [source for source, _ in inputs._engine.sent] == [0, 4]


def test_a_keyboard_plugged_in_later_plays(system: System, inputs: Inputs, said: list) -> None:
    inputs.open_keyboards()
    system.plugged.append("Large keys 24:0")
    inputs.tend()
    inputs.tend()
    assert said == ["MIDI input Large keys 24:0 connected."]
    strike(system, "Large keys 24:0")
    assert inputs._engine.sent == [(1, bytes([0x90, 60, 90]))]


def test_a_keyboard_that_returns_is_not_a_new_one(system: System, inputs: Inputs, said) -> None:
    inputs.open_keyboards()
    system.plugged.remove("Small keys 20:0")
    wait_for(lambda: any("gone" in sentence for sentence in said))
    inputs.tend()
    system.plugged.append("Small keys 28:0")
    inputs.tend()
    wait_for(lambda: any("back" in sentence for sentence in said))
    assert inputs.names == ["Small keys 28:0", VIRTUAL_NAME]


def test_the_one_asked_for(system: System, inputs: Inputs) -> None:
    inputs.open_keyboards("small")
    assert inputs.names == ["Small keys 20:0"]
    system.plugged.append("Large keys 24:0")
    inputs.tend()
    assert inputs.names == ["Small keys 20:0"]


def test_the_one_asked_for_must_be_there(inputs: Inputs) -> None:
    with pytest.raises(RipienoError, match=r"grand.*Small keys"):
        inputs.open_keyboards("grand")


def test_many_keyboards_share_the_last_source(system: System, inputs: Inputs) -> None:
    system.plugged += [f"More keys {n} {30 + n}:0" for n in range(MOST_KEYBOARDS + 1)]
    inputs.open_keyboards()
    for name in inputs.names[:-1]:
        strike(system, name)
    assert [source for source, _ in inputs._engine.sent] == [0, 1, 2, 3, 3, 3]


def test_without_virtual_ports_or_a_system_it_plays_on(
    system: System, inputs: Inputs, said: list[str], monkeypatch
) -> None:
    system.virtual_works = False
    inputs.open_keyboards()
    assert inputs.names == ["Small keys 20:0"]

    def silent(name: str = "") -> None:
        raise ports.PortError("no MIDI system answers")

    monkeypatch.setattr(ports, "open_client", silent)
    other = Inputs(Engine(), said.append)
    other.open_keyboards()
    assert other.names == []
    assert "no MIDI system answers" in said[-1]
    other.close()


def test_the_computers_keys_are_a_source_and_are_let_go(inputs: Inputs) -> None:
    assert inputs.play_key(bytes([0x90, 60, 90]))
    inputs.close()
    inputs.close()
    assert inputs._engine.sent == [
        (COMPUTER_SOURCE, bytes([0x90, 60, 90])),
        (COMPUTER_SOURCE, bytes([0x80, 60, 64])),
    ]


def wait_for(true, timeout_s: float = 5.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.005)
