"""OSC control: every row does what it says, and no packet whatever stops it from answering."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from engine import addresses, control, operations, subscribers
from engine.control import Control
from engine.errors import RipienoError
from engine.osc import Assembler, Event, encode, encode_all
from engine.subscribers import MAX_SUBSCRIBERS
from tests.engine.fake_session import FakeSession

PATIENCE_S = 10.0  # an answer takes a millisecond, on a busy machine now and then a second


class Client:
    """A socket that says OSC messages and hears the answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE_S)

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
            self.socket.settimeout(PATIENCE_S)
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
    client.send("/ripieno/key", ("i", 60), ("i", 90))
    client.send("/ripieno/part/4/key", ("i", 60), ("i", 0))
    client.send("/ripieno/learn", ("s", "/ripieno/tempo"), ("s", "notes"))
    client.ask("/ripieno/version")
    assert session.done == [
        ("panic",),
        ("reset",),
        ("quit",),
        ("inputs.remote_key", 60, 90),
        ("inputs.remote_key", 60, 0, 3),
        ("learn.learn", "/ripieno/tempo", "notes"),
    ]


def test_what_takes_its_time_is_answered_when_it_is_done(
    session: FakeSession, client: Client
) -> None:
    assert client.ask("/ripieno/takes") == ("/ripieno/takes", ['{"takes": []}'])
    assert client.ask("/ripieno/file", ("s", "a.mid")) == (
        "/ripieno/done",
        ["/ripieno/file", ""],
    )
    assert session.done == [("list takes",), ("file", "a.mid")]


def test_only_so_much_may_wait(client: Client, session: FakeSession) -> None:
    going_on, begun = threading.Event(), threading.Event()

    def slowly(path: str) -> None:
        begun.set()
        going_on.wait(5.0)

    session.play_file = slowly
    client.send("/ripieno/file", ("s", ""))
    assert begun.wait(2.0)
    for _ in range(control.MAX_ERRANDS):
        client.send("/ripieno/file", ("s", ""))
    address, (sentence,) = client.ask("/ripieno/file", ("s", ""))
    assert (address, "ask later" in sentence) == ("/ripieno/error", True)
    assert client.ask("/ripieno/version")[0] == "/ripieno/version"  # the rest goes on
    going_on.set()
    for _ in range(control.MAX_ERRANDS + 1):
        assert client.hear()[0] == "/ripieno/done"


def test_a_long_answer_comes_in_pieces(client: Client, session: FakeSession) -> None:
    session.content = {"names": ["Flöte " * 20] * 300}
    client.send("/ripieno/state")
    assembler, whole = Assembler(), None
    while whole is None:
        address, values = client.hear()
        assert address == "/ripieno/chunk"
        assert len(encode(address, list(zip("siiis", values, strict=True)))) < 9216
        whole = assembler.take(values)
    path, text = whole
    assert path == "/ripieno/state"
    assert json.loads(text) == session.state()


def test_pieces_of_an_older_answer_are_not_mixed_with_a_newer(session: FakeSession) -> None:
    old = encode_all("/ripieno/state", [("s", "x" * 20000)], 1)
    new = encode_all("/ripieno/state", [("s", "é" * 10000)], 2)
    values = [list(OscMessage(dgram).params) for dgram in (old[0], new[0], old[1], new[1], new[2])]
    assembler = Assembler()
    taken = [assembler.take(v) for v in (values[0], values[1], values[3], values[4])]
    assert taken == [None, None, None, ("/ripieno/state", "é" * 10000)]


def test_changes_are_told_by_their_own_address(client: Client, server: Control) -> None:
    client.ask("/ripieno/subscribe", ("s", "changes"))
    for db in (-3.0, -6.0):
        server.value_changed("/ripieno/part/1/gain", [("f", db)])
    server.section_changed("learn")
    server.publish([])
    assert client.hear() == ("/ripieno/part/1/gain", [-6.0])  # the newest alone
    assert client.hear() == ("/ripieno/changed", ["learn", 3])
    server.publish([])
    assert client.silent()


def test_the_state_follows_a_change_but_not_every_one(client: Client, server: Control) -> None:
    client.ask("/ripieno/subscribe", ("s", "state"))
    for _ in range(50):
        server.value_changed("/ripieno/tempo", [("f", 90.0)])
        server.publish([])
    assert client.hear()[0] == "/ripieno/state"
    assert client.silent()
    time.sleep(control.STATE_PERIOD_S)
    server.publish([])
    assert client.hear()[0] == "/ripieno/state"


def test_only_this_machine_may_name_files(session: FakeSession) -> None:
    with contextlib.closing(Control(session, 0, "0.0.0.0")) as server:
        assert server.exposed
        stranger = ("192.0.2.7", 9)
        for path, value in (
            ("/ripieno/quit", None),
            ("/ripieno/file", "x.mid"),
            ("/ripieno/ensemble", "/tmp/mine.toml"),
            ("/ripieno/ensemble", "mine.toml"),
        ):
            server.handle(encode(path, [("s", value)] if value else []), stranger)
        assert (session.done, server.counts.refused) == ([], 4)
        server.handle(encode("/ripieno/ensemble", [("s", "satb_choir")]), stranger)
        server.handle(encode("/ripieno/learn", [("s", "/ripieno/tempo")]), stranger)
        assert session.ensemble == "satb_choir"
        assert session.done == [("learn.learn", "/ripieno/tempo", "controls")]
        client = Client(server.port)
        client.send("/ripieno/quit")  # from here it is obeyed
        client.ask("/ripieno/version")
        assert session.done[-1] == ("quit",)
        client.socket.close()


def test_a_host_that_is_none_is_one_sentence(session: FakeSession) -> None:
    for host in ("192.0.2.1", "no.such.host.invalid", "a" * 300):
        with pytest.raises(RipienoError, match=r"OSC (port|host)"):
            Control(session, 0, host)


def test_every_row_has_code(server: Control) -> None:
    leases = {"/ripieno/subscribe", "/ripieno/unsubscribe"}
    rows = [row for row in addresses.RECEIVED if not row.parameter]
    assert {row.path for row in rows if row.setting} == set(operations.SETTINGS)
    assert {row.path for row in rows if not row.setting} - leases == set(operations.ACTS)


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
    monkeypatch.setattr(subscribers.time, "monotonic", lambda: now_s)
    client.ask("/ripieno/subscribe", ("s", "events"), ("f", 2.0))
    now_s += 1.5
    client.ask("/ripieno/subscribe", ("s", "events"), ("f", 2.0))
    now_s += 1.5
    assert len(server.subscribers("events")) == 1
    now_s += 1.0
    assert server.subscribers("events") == []


def test_subscribers_have_a_limit(server: Control, client: Client) -> None:
    packet = encode("/ripieno/subscribe", [("s", "events")])
    for port in range(20000, 20000 + MAX_SUBSCRIBERS):
        server.handle(packet, ("127.0.0.1", port))
    address, (sentence,) = client.ask("/ripieno/subscribe", ("s", "events"))
    assert address == "/ripieno/error"
    assert str(MAX_SUBSCRIBERS) in sentence


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


PLACES = {"part": 1, "slot": "part_1", "plugin": 1, "parameter": "ratio"}
LEGAL_PATHS = [row.path.format(**PLACES) for row in addresses.RECEIVED]
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
