"""OSC control: every row does what it says, and no packet whatever stops it from answering."""

import json
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from engine import addresses, control
from engine.control import Control, Event, encode
from engine.errors import RipienoError
from tests.engine.fake_session import FakeSession


class Client:
    """A socket that says OSC messages and hears the answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(2.0)

    def send(self, path: str, *values: tuple[str, Any]) -> None:
        self.raw(encode(path, values))

    def raw(self, packet: bytes) -> None:
        self.socket.sendto(packet, ("127.0.0.1", self.port))

    def hear(self) -> tuple[str, list]:
        message = OscMessage(self.socket.recv(65536))
        return message.address, list(message.params)

    def ask(self, path: str, *values: tuple[str, Any]) -> tuple[str, list]:
        self.send(path, *values)
        return self.hear()

    def silent(self) -> bool:
        self.socket.settimeout(0.05)
        try:
            self.socket.recv(65536)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(2.0)
        return False


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def server(session: FakeSession) -> Iterator[Control]:
    server = Control(session, port=0)
    yield server
    server.close()


@pytest.fixture
def client(server: Control) -> Iterator[Client]:
    client = Client(server.port)
    yield client
    client.socket.close()


def settings_rows() -> list[addresses.Address]:
    return [row for row in addresses.RECEIVED if row.parameter]


@pytest.mark.parametrize("row", settings_rows(), ids=lambda row: row.path)
def test_every_setting_can_be_set_and_asked(
    row: addresses.Address, session: FakeSession, client: Client
) -> None:
    argument = row.arguments[0]
    value = argument.choices[-1] if argument.choices else argument.high
    sent = int(value) if argument.tag == "i" else value
    path = row.path.format(part=3)
    client.send(path, (argument.tag, sent))
    assert client.ask(path) == (path, [sent])
    expected = float(len(argument.choices) - 1 if argument.choices else argument.high)
    assert session.done == [("set", row.parameter, expected, 2 if row.per_part else None)]


def test_every_other_row_is_obeyed(session: FakeSession, client: Client) -> None:
    assert client.ask("/ripieno/version") == (
        "/ripieno/version",
        ["1.2.3", addresses.PROTOCOL],
    )
    assert client.ask("/ripieno/ensembles")[1] == ["satb_choir", "string_quartet"]
    client.send("/ripieno/ensemble", ("s", "satb_choir"))
    assert client.ask("/ripieno/ensemble")[1] == ["satb_choir"]
    assert json.loads(client.ask("/ripieno/state")[1][0]) == {"ensemble": "satb_choir"}
    assert json.loads(client.ask("/ripieno/statistics")[1][0]) == {"xruns": 0}
    assert json.loads(client.ask("/ripieno/recorder")[1][0]) == {"recording": False}
    for name in ("panic", "statistics/reset", "quit"):
        client.send(f"/ripieno/{name}")
    client.ask("/ripieno/version")
    assert session.done == [("panic",), ("reset",), ("quit",)]


def test_every_row_has_code(server: Control) -> None:
    named = {**server._acts, **server._answers, **server._leases}
    assert {row.path for row in addresses.RECEIVED if not row.parameter} == set(named)


def test_a_bundle_is_obeyed_in_order(session: FakeSession, client: Client) -> None:
    bundle = OscBundleBuilder(IMMEDIATELY)
    for path in ("/ripieno/panic", "/ripieno/statistics/reset"):
        bundle.add_content(OscMessageBuilder(path).build())
    client.raw(bundle.build().dgram)
    client.ask("/ripieno/version")
    assert session.done == [("panic",), ("reset",)]


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("/ripieno/chord_window", ("f", 99.0), "99 is outside 0 .. 45"),
        ("/ripieno/part/9/gain", ("f", 0.0), "part 9 is outside 1 .. 4"),
        ("/ripieno/ensemble", ("s", "kazoos"), "'kazoos'"),
        ("/ripieno/chord_window", ("s", "wide"), "must be a number"),
        ("/ripieno/nothing", ("i", 1), "no address of this table"),
    ],
)
def test_a_refusal_is_one_sentence_to_its_sender(
    path: str, value: tuple, says: str, client: Client, server: Control, session: FakeSession
) -> None:
    address, (sentence,) = client.ask(path, value)
    assert address == "/ripieno/error"
    assert says in sentence
    assert "\n" not in sentence
    assert session.done == []
    assert server.counts.malformed + server.counts.refused == 1


def test_an_error_is_never_answered(client: Client) -> None:
    client.send("/ripieno/error", ("s", "not again"))
    assert client.silent()


def test_a_failing_session_is_answered_and_survived(client: Client, session: FakeSession) -> None:
    session.values["tempo_bpm", None] = None  # type: ignore[assignment]
    assert client.ask("/ripieno/tempo")[0] == "/ripieno/error"
    assert client.ask("/ripieno/version")[0] == "/ripieno/version"


def test_events_and_statistics_go_to_subscribers_only(client: Client, server: Control) -> None:
    event = Event("/ripieno/panicked", (("h", 2**40),))
    server.publish([event])
    assert client.silent()
    assert client.ask("/ripieno/subscribe", ("s", "events")) == (
        "/ripieno/subscribed",
        ["events", addresses.LEASE_S],
    )
    server.publish([event])
    assert client.hear() == ("/ripieno/panicked", [2**40])
    assert client.ask("/ripieno/subscribe", ("s", "statistics"), ("f", 5.0))[1][1] == 5.0
    time.sleep(control.STATISTICS_PERIOD_S)
    server.publish([])
    assert client.hear() == ("/ripieno/statistics", ['{"xruns": 0}'])
    client.ask("/ripieno/unsubscribe", ("s", "events"))
    server.publish([event])
    assert client.silent()


def test_a_flood_of_events_is_thinned_and_counted(client: Client, server: Control) -> None:
    client.ask("/ripieno/subscribe", ("s", "events"))
    server.publish([Event("/ripieno/panicked", (("h", i),)) for i in range(1000)])
    for i in range(control.EVENTS_A_PUBLISH):
        assert client.hear()[1] == [i]
    assert client.hear() == ("/ripieno/events_lost", [1000 - control.EVENTS_A_PUBLISH])


def test_state_and_sentences_reach_those_who_asked(client: Client, server: Control) -> None:
    client.ask("/ripieno/subscribe", ("s", "state"))
    server.publish_state()
    assert client.hear() == ("/ripieno/state", ['{"ensemble": "string_quartet"}'])
    server.say("The keyboard is gone.")
    assert client.hear() == ("/ripieno/said", ["The keyboard is gone."])


def test_a_lease_ends_unless_it_is_renewed(client: Client, server: Control, monkeypatch) -> None:
    now_s = time.monotonic()
    monkeypatch.setattr(control.time, "monotonic", lambda: now_s)
    client.ask("/ripieno/subscribe", ("s", "events"), ("f", 2.0))
    now_s += 1.5
    client.ask("/ripieno/subscribe", ("s", "events"), ("f", 2.0))
    now_s += 1.5
    assert len(server.subscribers("events")) == 1
    now_s += 1.0
    assert server.subscribers("events") == []


def test_subscribers_have_a_limit(server: Control, client: Client) -> None:
    packet = encode("/ripieno/subscribe", [("s", "events")])
    for port in range(20000, 20000 + control.MAX_SUBSCRIBERS):
        server.handle(packet, ("127.0.0.1", port))
    address, (sentence,) = client.ask("/ripieno/subscribe", ("s", "events"))
    assert address == "/ripieno/error"
    assert str(control.MAX_SUBSCRIBERS) in sentence


def test_a_taken_port_is_one_sentence(server: Control, session: FakeSession) -> None:
    with pytest.raises(RipienoError, match=str(server.port)):
        Control(session, server.port)
    with pytest.raises(RipienoError, match=r"0 \.\. 65535"):
        Control(session, 70000)


def test_closing_frees_the_port_and_may_be_repeated(session: FakeSession) -> None:
    server = Control(session, 0)
    server.close()
    server.close()
    Control(session, server.port).close()


def padded(text: bytes) -> bytes:
    return text + b"\0" * (4 - len(text) % 4)


LEGAL_PATHS = [row.path.format(part=1) for row in addresses.RECEIVED]
HOSTILE = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda path, tags, body: padded(path) + padded(b"," + tags) + body,
        st.one_of(st.sampled_from([p.encode() for p in LEGAL_PATHS]), st.binary(max_size=30)),
        st.text("ifsbhtdTFN[]Ircm", max_size=6).map(str.encode),
        st.binary(max_size=60),
    ),
    st.builds(
        lambda time_tag, size, body: b"#bundle\0" + time_tag + struct.pack(">i", size) + body,
        st.binary(min_size=8, max_size=8),
        st.integers(-(2**31), 2**31 - 1),
        st.binary(max_size=80),
    ),
)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[tuple[Control, Client]]:
    server = Control(FakeSession(), 0)
    client = Client(server.port)
    yield server, client
    client.socket.close()
    server.close()


@settings(max_examples=1000, deadline=None)
@given(packet=HOSTILE)
def test_hostile_packets_never_raise(fuzzed: tuple[Control, Client], packet: bytes) -> None:
    server, _ = fuzzed
    before = server.counts.received
    server.handle(packet, ("127.0.0.1", 9))
    assert server.counts.received == before + 1


def test_after_thousands_of_hostile_packets_it_still_answers(
    fuzzed: tuple[Control, Client],
) -> None:
    import random

    server, client = fuzzed
    source = random.Random(20)
    before = server.counts.received
    for i in range(5000):
        packet = source.randbytes(source.randrange(1, 120))
        if i % 3 == 0:
            packet = b"/ripieno/part/1/gain\0\0\0\0," + packet
        client.raw(packet)
        if i % 50 == 0:  # loopback drops what a socket's buffer cannot hold
            time.sleep(0.002)
    nested = b"#bundle\0" + bytes(8)
    for _ in range(2000):
        nested = b"#bundle\0" + bytes(7) + b"\1" + struct.pack(">i", len(nested)) + nested
    client.raw(nested[:60000])
    while not client.silent():  # what the refused ones were answered
        pass
    assert client.ask("/ripieno/version")[0] == "/ripieno/version"
    assert server.counts.received - before > 4000
