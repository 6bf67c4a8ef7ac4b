"""The socket and its thread, against a real control server; questions and their answers."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from engine.addresses import OutOfRangeError, WrongMessageError
from engine.errors import RipienoError
from engine.osc import encode, encode_all
from engine.session import Session
from gui.client import CONNECTED, GONE, SLOW, Arrival, Client
from gui.questions import TRIES, Questions


def eventually(true: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    end_s = time.monotonic() + timeout_s
    while not true() and time.monotonic() < end_s:
        time.sleep(0.01)
    return true()


class Hearing:
    """A client and all it has heard."""

    def __init__(self, port: int) -> None:
        self.client = Client(port)
        self.client.start()
        self.heard: list[Arrival] = []

    def values(self, path: str) -> list[tuple]:
        self.heard += self.client.drain()
        return [arrival.values for arrival in self.heard if arrival.path == path]


@pytest.fixture
def hearing(engine: Session) -> Iterator[Hearing]:
    hearing = Hearing(engine.osc_port)
    yield hearing
    hearing.client.close()


def test_it_asks_for_all_of_the_state_and_hears_what_happens(
    hearing: Hearing, engine: Session
) -> None:
    assert eventually(lambda: hearing.client.state() == CONNECTED)
    (state,) = hearing.values("/ripieno/state")[0]
    assert state["ensemble"] == "string_quartet"
    assert eventually(lambda: len(hearing.values("/ripieno/statistics")) > 1)
    hearing.client.send("/ripieno/key", 60, 90)
    assert eventually(lambda: bool(hearing.values("/ripieno/note_on")))
    engine.set("gain_db", -9.0, 0)
    assert eventually(lambda: (-9.0,) in hearing.values("/ripieno/part/1/gain"))


def test_what_cannot_be_sent_is_said(hearing: Hearing) -> None:
    with pytest.raises(WrongMessageError, match="is no address"):
        hearing.client.send("/ripieno/nothing")
    with pytest.raises(OutOfRangeError, match="db 99 is outside -60 .. 12"):
        hearing.client.send("/ripieno/part/1/gain", 99.0)
    with pytest.raises(RipienoError, match="port 0 is outside 1 .. 65535"):
        Client(0)


class Server:
    """A socket in the engine's place, which answers what it is told to."""

    def __init__(self, port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.state = [("s", '{"parts": [], "revision": 1, "long": "' + "x" * 20000 + '"}')]
        self.asked = 0
        self._closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._closing:
            try:
                packet, sender = self.socket.recvfrom(65507)
            except (TimeoutError, OSError):
                continue
            if packet.startswith(b"/ripieno/state"):
                self.asked += 1
                for dgram in encode_all("/ripieno/state", self.state, self.asked):
                    self.socket.sendto(dgram, sender)
            elif packet.startswith(b"/ripieno/subscribe"):
                self.socket.sendto(encode("/ripieno/said", [("s", "hello")]), sender)

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        self.socket.close()


def test_an_engine_that_dies_and_comes_back_is_noticed_and_asked_for_its_state() -> None:
    server = Server()
    hearing = Hearing(server.port)
    assert eventually(lambda: hearing.client.state() == CONNECTED)
    assert len(hearing.values("/ripieno/state")[0][0]["long"]) == 20000  # came in pieces
    server.close()
    assert eventually(lambda: hearing.client.state() == GONE)
    asked_first = server.asked
    server = Server(server.port)
    assert eventually(lambda: hearing.client.state() == CONNECTED)
    assert eventually(lambda: server.asked >= 1 and len(hearing.values("/ripieno/state")) >= 2)
    assert asked_first >= 1
    hearing.client.close()
    server.close()


def test_silence_is_slow_and_then_gone() -> None:
    client = Client(9)
    client.met, client.heard_s = True, 100.0
    assert client.state(100.5) == CONNECTED
    assert client.state(101.5) == SLOW
    assert client.state(104.0) == GONE
    client.close()


def ask(questions: Questions, path: str, again: bool, now_s: float = 0.0) -> list:
    answers: list = []
    questions.ask(now_s, path, (), lambda *v: answers.append(v), answers.append, again)
    return answers


def test_questions_are_answered_by_address_done_or_error() -> None:
    sent: list[str] = []
    questions = Questions(lambda path, *values: sent.append(path))
    rigs, saved, bad = (ask(questions, f"/ripieno/{n}", True) for n in ("rigs", "rig/save", "x"))
    assert questions.take("/ripieno/rigs", ({"rigs": []},))
    assert questions.take("/ripieno/done", ("/ripieno/rig/save", "mine"))
    assert questions.take("/ripieno/error", ("/ripieno/x: no such thing",))
    assert (rigs, saved, bad) == ([({"rigs": []},)], [("mine",)], ["/ripieno/x: no such thing"])
    assert not questions.take("/ripieno/rigs", ({},))
    assert len(questions) == 0
    assert sent == ["/ripieno/rigs", "/ripieno/rig/save", "/ripieno/x"]


def test_a_question_is_asked_again_and_given_up_in_the_end() -> None:
    sent: list[str] = []
    questions = Questions(lambda path, *values: sent.append(path))
    answers = ask(questions, "/ripieno/rigs", True)
    for second in range(1, 10):
        questions.tend(float(second))
    assert sent == ["/ripieno/rigs"] * TRIES
    assert answers == ["The engine did not answer."]
    slow = ask(questions, "/ripieno/plugins/scan", False)
    questions.tend(60.0)  # it may take its time, and is not begun twice
    assert sent[TRIES:] == ["/ripieno/plugins/scan"]
    assert slow == []
