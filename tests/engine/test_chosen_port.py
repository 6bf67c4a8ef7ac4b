"""The remote control's port is changed while playing, remembered, and refused if it is taken."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import chosen_port
from engine.address_table import DEFAULT_PORT
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from tests.engine.test_remote import Remote

PATH = "/ripieno/osc_port"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path))
    settings = Settings(
        output="none",
        input_port="none",
        soundfont=bundled_soundfont(),
        osc_port=0,
        remember=True,
    )
    with Session(settings) as session:
        yield session


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_it_moves_tells_and_is_remembered(session: Session) -> None:
    assert chosen_port.remembered_port() == DEFAULT_PORT
    listener, port = Remote(session.osc_port), free_port()
    assert listener.question(PATH)[1] == [session.osc_port]
    assert listener.question("/ripieno/subscribe", "changes", 60.0)[0] == "/ripieno/subscribed"
    listener.socket.connect(("127.0.0.1", session.osc_port))  # hears that port alone
    listener.socket.send(_message(port))
    assert listener.hear_of(PATH, port) == [port]
    listener.socket.close()
    assert session.osc_port == port
    there = Remote(port)
    about = json.loads(there.question("/ripieno/state", "about")[1][0])
    assert about["osc_port"] == port
    assert chosen_port.remembered_port() == port
    there.tell(PATH, port)  # again, to where it is: nothing happens
    assert there.question(PATH)[1] == [port]
    there.socket.close()


def test_who_is_told_of_it_finds_the_session_there(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    control, port, then = session.control, free_port(), []
    assert control is not None
    monkeypatch.setattr(control, "_send_all", lambda *told: then.append(session.osc_port))
    session.choose_osc_port(port)
    assert then[0] == port


def test_a_port_that_is_taken_is_refused_and_the_old_one_stays(session: Session) -> None:
    remote, before = Remote(session.osc_port), session.osc_port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        address, values = remote.question(PATH, taken)
        assert address == "/ripieno/error"
        assert values[0].startswith(f"{PATH}: OSC port {taken} on 127.0.0.1 is taken")
        assert values[0].endswith(f"port {before} stays")
    assert remote.question(PATH)[1] == [before]
    assert "outside 1024 .. 65535" in remote.question(PATH, 80)[1][0]
    assert chosen_port.remembered_port() == DEFAULT_PORT
    remote.socket.close()


@pytest.mark.parametrize("text", ["format = 1\nosc_port = 80\n", "format = 1\n", "nonsense"])
def test_a_file_that_says_nothing_sensible_is_passed_over(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path))
    chosen_port.port_file().parent.mkdir(parents=True)
    chosen_port.port_file().write_text(text)
    assert chosen_port.remembered_port() == DEFAULT_PORT


def _message(port: int) -> bytes:
    from engine.osc import encode

    return encode(PATH, [("i", port)])
