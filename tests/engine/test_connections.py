"""Connections made by hand come back, those unmade by hand stay so, and the file says which."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import jack
import pytest

from engine.connections import LOOKS_TO_BELIEVE, Connections, Link, read, write
from engine.errors import RipienoError
from engine.jack import JackDevice
from tests.engine.tiny_engine import TinyEngine
from tests.servers import JackServer

STEM = Link("stem_01_left", "daw:Violin")
SPEAKER = Link("master_left", "system:playback_1")


class Server:
    """A server's ports and connections, as far as the memory looks at them."""

    def __init__(self) -> None:
        self.peers = {"daw:Violin": "1", "daw:Cello": "1", "system:playback_1": "0"}
        self.linked: set[Link] = set()
        self.refusing = False

    def ports(self) -> set[str]:
        return set(self.peers)

    def identity(self, port: str) -> str:
        return self.peers[port]

    def links(self) -> set[Link]:
        return set(self.linked)

    def connect(self, link: Link) -> bool:
        if self.refusing:
            return False
        self.linked.add(link)
        return True

    def leave(self, client: str) -> dict[str, str]:
        gone = {name: i for name, i in self.peers.items() if name.startswith(f"{client}:")}
        self.peers = {name: i for name, i in self.peers.items() if name not in gone}
        self.linked = {link for link in self.linked if link.peer not in gone}
        return gone


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "connections.toml"


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def memory(path: Path, server: Server) -> Connections:
    memory = Connections(path)
    memory.tend(server)
    return memory


def test_a_link_made_by_hand_is_written_and_comes_back_with_its_peer(
    memory: Connections, server: Server, path: Path
) -> None:
    server.linked.add(STEM)
    assert memory.tend(server) == []
    assert read(path) == ({STEM}, set())
    gone = server.leave("daw")
    for _ in range(2 * LOOKS_TO_BELIEVE):
        assert memory.tend(server) == []
    server.peers |= gone
    assert memory.tend(server) == ["daw is connected again (1 port)."]
    assert server.linked == {STEM}
    assert memory.tend(server) == []


def test_it_comes_back_at_the_next_start(memory: Connections, server: Server, path: Path) -> None:
    server.linked.add(STEM)
    memory.tend(server)
    server.linked.clear()
    assert Connections(path).tend(server) == ["daw is connected again (1 port)."]
    assert server.linked == {STEM}


def test_a_link_parted_by_hand_is_forgotten(
    memory: Connections, server: Server, path: Path
) -> None:
    server.linked.add(STEM)
    memory.tend(server)
    server.linked.clear()
    for _ in range(LOOKS_TO_BELIEVE):
        assert memory.tend(server) == []
    assert read(path) == (set(), set())
    gone = server.leave("daw")
    memory.tend(server)
    server.peers |= gone
    assert memory.tend(server) == []


def test_a_program_may_let_go_of_its_links_before_its_ports(
    memory: Connections, server: Server, path: Path
) -> None:
    server.linked.add(STEM)
    memory.tend(server)
    server.linked.clear()
    for _ in range(LOOKS_TO_BELIEVE - 1):
        memory.tend(server)
    gone = server.leave("daw")
    memory.tend(server)
    assert read(path) == ({STEM}, set())
    server.peers |= gone
    assert len(memory.tend(server)) == 1


def test_a_peer_replaced_between_two_looks_is_connected(
    memory: Connections, server: Server
) -> None:
    server.linked.add(STEM)
    memory.tend(server)
    server.linked.clear()
    server.peers = {name: f"{i} new" for name, i in server.peers.items()}
    assert memory.tend(server) == ["daw is connected again (1 port)."]


def test_a_peer_that_refuses_at_first_is_asked_again(memory: Connections, server: Server) -> None:
    server.linked.add(STEM)
    memory.tend(server)
    gone = server.leave("daw")
    memory.tend(server)
    server.peers |= gone
    server.refusing = True  # its ports are there, it does not run yet
    assert memory.tend(server) == []
    server.refusing = False
    assert len(memory.tend(server)) == 1


def test_what_is_connected_by_itself_is_not_remembered_but_its_parting_is(
    memory: Connections, server: Server, path: Path
) -> None:
    assert memory.allows(*SPEAKER)
    memory.made(*SPEAKER)
    server.linked.add(SPEAKER)
    memory.tend(server)
    assert not path.exists()
    server.linked.clear()
    for _ in range(LOOKS_TO_BELIEVE):
        memory.tend(server)
    assert read(path) == (set(), {SPEAKER})
    assert not Connections(path).allows(*SPEAKER)
    server.linked.add(SPEAKER)
    memory.tend(server)
    assert read(path) == ({SPEAKER}, set())


def test_ports_that_follow_other_rules_are_left_alone(memory: Connections, server: Server) -> None:
    server.linked.add(Link("midi_in", "daw:Violin"))
    memory.tend(server, ("midi_in",))
    assert memory.connected == set()


def test_recorders_that_pass_by_are_not_remembered(memory: Connections, server: Server) -> None:
    server.linked.add(Link("master_left", "jack_capture-4711:input1"))
    memory.tend(server)
    assert memory.connected == set()


def test_what_is_forgotten_outside_is_forgotten_here(
    memory: Connections, server: Server, path: Path
) -> None:
    server.linked |= {STEM, SPEAKER}
    memory.tend(server)
    assert Connections(path).forget("DAW") == [STEM]
    memory.tend(server)
    assert memory.connected == {SPEAKER}
    assert read(path) == ({SPEAKER}, set())


def test_names_of_any_kind_survive_the_file(path: Path) -> None:
    links = {Link("midi_in", 'Büro "2"\\:clé\x7f\x01 \N{MUSICAL SYMBOL G CLEF}'), STEM}
    write(path, links, {SPEAKER})
    assert read(path) == (links, {SPEAKER})
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("text", "slip"),
    [
        ("format = 1\n[connected\n", "cannot be read"),
        ("format = 2\n", "format must be 1, got 2"),
        ('format = 1\n[connected]\nmidi_in = "daw:out"\n', r'must have lines like port = \["pro'),
    ],
)
def test_a_slip_in_the_file_is_told_once_and_never_written_over(
    path: Path, server: Server, text: str, slip: str
) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(RipienoError, match=slip):
        read(path)
    memory = Connections(path)
    (said,) = memory.tend(server)
    assert str(path) in said
    server.linked.add(STEM)
    assert memory.tend(server) == []
    assert path.read_text() == text
    path.write_text("format = 1\n")
    assert memory.tend(server) == []
    assert memory.trouble == ""


def test_a_folder_that_cannot_be_written_is_told_once(tmp_path: Path, server: Server) -> None:
    (tmp_path / "file").write_text("")
    memory = Connections(tmp_path / "file" / "connections.toml")
    memory.tend(server)
    server.linked.add(STEM)
    (said,) = memory.tend(server)
    assert "Connections are not remembered" in said
    server.linked.clear()
    for _ in range(LOOKS_TO_BELIEVE):
        assert memory.tend(server) == []


# ---- with a server ---------------------------------------------------------------------------


@contextlib.contextmanager
def daw() -> Iterator[None]:
    """An independent client to play into and be played by."""
    client = jack.Client("daw", no_start_server=True)
    client.inports.register("Violin")
    client.midi_outports.register("notes")
    client.set_process_callback(lambda frames: None)  # without one the server waits for it forever
    with client:
        yield
    client.close()


@contextlib.contextmanager
def playing(path: Path) -> Iterator[JackDevice]:
    device = JackDevice("ripieno", connections=Connections(path))
    device.start(TinyEngine(device.rate_hz))
    try:
        yield device
    finally:
        device.close()


def disconnect(server: JackServer, source: str, destination: str) -> None:
    subprocess.run(["jack_disconnect", source, destination], env=server.env, check=True, timeout=10)


def connected(server: JackServer, port: str) -> list[str]:
    return [line.strip() for line in server.ports("-c", port)[1:]]


@pytest.mark.jack
@pytest.mark.slow
def test_with_a_server_a_peer_comes_back_and_so_does_the_server(
    jack_server: JackServer, path: Path
) -> None:
    stem, notes = ("ripieno:stem_01_left", "daw:Violin"), ("daw:notes", "ripieno:midi_in")
    with playing(path) as device:
        with daw():
            jack_server.connect(*stem)
            jack_server.connect(*notes)
            assert device.tend() == []
        (said,) = device.tend()
        assert said.startswith("MIDI source daw:notes is gone")
        with daw():
            assert device.tend() == ["daw is connected again (2 ports)."]
            assert connected(jack_server, stem[0]) == [stem[1]]
            assert connected(jack_server, notes[1]) == [notes[0]]
        with daw():  # faster than a look
            assert device.tend() == ["daw is connected again (2 ports)."]
        jack_server.kill()
        while device.alive:
            time.sleep(0.01)
        assert len(device.tend()) == 1
        jack_server.start()
        with daw():
            assert "back" in device.tend()[0]
            assert device.tend() == ["daw is connected again (2 ports)."]
            assert connected(jack_server, stem[0]) == [stem[1]]
    with daw(), playing(path) as device:
        assert connected(jack_server, stem[0]) == [stem[1]]
        disconnect(jack_server, *stem)
        for _ in range(LOOKS_TO_BELIEVE):
            device.tend()
    with daw(), playing(path):
        assert connected(jack_server, stem[0]) == []
        assert connected(jack_server, notes[1]) == [notes[0]]


@pytest.mark.jack
def test_with_a_server_speakers_parted_by_hand_stay_so(jack_server: JackServer, path: Path) -> None:
    speaker = ("ripieno:master_left", "system:playback_1")
    with playing(path) as device:
        disconnect(jack_server, *speaker)
        for _ in range(LOOKS_TO_BELIEVE):
            device.tend()
    with playing(path):
        assert connected(jack_server, speaker[0]) == []
        assert connected(jack_server, "ripieno:master_right") == ["system:playback_2"]


@pytest.mark.jack
def test_with_a_server_a_second_ripieno_leaves_the_memory_alone(
    jack_server: JackServer, path: Path
) -> None:
    with daw(), playing(path) as first, playing(path) as second:
        assert (first.name, second.name) == ("ripieno", "ripieno-01")
        jack_server.connect("ripieno-01:stem_01_left", "daw:Violin")
        second.tend()
        assert not path.exists()


@pytest.mark.jack
def test_with_a_server_a_source_asked_for_by_name_plays_alone(
    jack_server: JackServer, path: Path
) -> None:
    write(path, {Link("midi_in", "daw:notes")}, set())
    with daw():
        device = JackDevice("ripieno", connections=Connections(path))
        device.start(TinyEngine(device.rate_hz), midi_source="another")
        try:
            assert device.tend() == []
            assert connected(jack_server, "ripieno:midi_in") == []
        finally:
            device.close()
    assert read(path) == ({Link("midi_in", "daw:notes")}, set())
