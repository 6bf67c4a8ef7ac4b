"""Connections of our JACK and PipeWire ports that the player made or unmade by hand, remembered.

`Connections` is the memory, a readable file of the user's. The JACK device shows it what is
connected, twice a second: what was connected by hand is made again when the peer is back or Ripieno
starts anew; what Ripieno connects by itself and the player unmade stays so. Whether somebody
disconnected or the peer left is told by the peer: if its port stays, it was by hand. [main]
"""

from __future__ import annotations

import contextlib
import json
import os
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from engine.errors import RipienoError
from engine.paths import state_folder

FORMAT = 1
LOOKS_TO_BELIEVE = 3  # a program that ends lets go of its connections before its ports
# Recorders that take a name anew each time: their ports mean nothing the next time.
PASSING_CLIENTS = ("jackrec", "jack_capture", "jack_midi_dump", "jack_meter", "ripieno-look")
HEADER = """\
# What Ripieno's ports are connected to by hand, and what is not to be connected by itself.
# `ripieno connections` shows it; it may be edited or deleted.
"""


class Link(NamedTuple):
    """A connection: our port without its client's name, the peer's port with it."""

    port: str
    peer: str

    @property
    def client(self) -> str:
        """The peer's program."""
        return self.peer.partition(":")[0]


class Graph(Protocol):
    """What the server shows; `engine.libjack.ServerGraph` is the real one."""

    def ports(self) -> set[str]:
        """The full names of all ports."""
        ...

    def identity(self, port: str) -> str:
        """What another port of the same name would not have."""
        ...

    def links(self) -> set[Link]:
        """Everything our ports are connected to."""
        ...

    def connect(self, link: Link) -> bool:
        """Connect; False if the server refuses."""
        ...


class Connections:
    """The memory of one client's connections. `path` None: remember nothing on disk."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._trouble = ""  # what was last said about the file
        self.connected: set[Link] = set()
        self.parted: set[Link] = set()
        self._said: list[str] = []
        self.begin()
        self._read_if_changed()

    def begin(self) -> None:
        """A new server, or a new start: nothing has been seen of it yet. [main]"""
        self._made: set[Link] = set()
        self.look_anew()

    def look_anew(self) -> None:
        """Whatever is connected now is not the player's doing; what is remembered is due. [main]"""
        self._seen: set[Link] = set()
        self._there: dict[str, str] = {}  # peer's port -> its identity, at the last look
        self._waiting: set[Link] = set()  # to be connected, refused so far
        self._missing: Counter[Link] = Counter()  # looks since a link went while its peer stayed

    def allows(self, port: str, peer: str) -> bool:
        """Whether Ripieno may connect these by itself. [main]"""
        return Link(port, peer) not in self.parted

    def made(self, port: str, peer: str) -> None:
        """Ripieno connected these by itself: no choice of the player's. [main]"""
        self._made.add(Link(port, peer))

    def tend(self, graph: Graph, not_ours: Collection[str] = ()) -> list[str]:
        """Learn what was changed by hand, connect what is back; what happened, in sentences.

        `not_ours`: ports that this time follow other rules. Call it twice a second. [main]
        """
        self._read_if_changed()
        links = {link for link in graph.links() if link.port not in not_ours}
        there = self._look_for_peers(graph, links)
        before = (set(self.connected), set(self.parted))
        self._learn_new(links)
        self._learn_parted(links, there)
        self._find_returned(there, not_ours)
        again = self._connect_waiting(graph, links, there)
        self._seen, self._there = links | again, there
        if before != (self.connected, self.parted):
            self._write()
        said, self._said = self._said, []
        counts = Counter(link.client for link in again)
        return said + [
            f"{client} is connected again ({count} port{'s' if count > 1 else ''})."
            for client, count in sorted(counts.items())
        ]

    def forget(self, text: str) -> list[Link]:
        """Forget every link whose port or peer contains `text`; the links forgotten. [main]"""
        gone = [
            link
            for link in sorted(self.connected | self.parted)
            if text.casefold() in f"{link.port} {link.peer}".casefold()
        ]
        self.connected -= set(gone)
        self.parted -= set(gone)
        if gone:
            self._write()
        return gone

    @property
    def trouble(self) -> str:
        """Why the file cannot be read or written, in a sentence; empty if it can. [main]"""
        return self._trouble

    def _look_for_peers(self, graph: Graph, links: set[Link]) -> dict[str, str]:
        """The ports we care for that are there, each with its identity."""
        peers = {link.peer for link in self.connected | self._seen | set(self._missing) | links}
        return {peer: graph.identity(peer) for peer in peers & graph.ports()}

    def _learn_new(self, links: set[Link]) -> None:
        for link in links - self._seen:
            if link in self._made and link not in self.parted:
                continue
            self.parted.discard(link)
            if not link.client.startswith(PASSING_CLIENTS):
                self.connected.add(link)

    def _learn_parted(self, links: set[Link], there: dict[str, str]) -> None:
        for link in (self._seen | set(self._missing)) - links:
            stayed = link.peer in there and self._there.get(link.peer) == there[link.peer]
            self._missing[link] = self._missing[link] + 1 if stayed else 0
            if not stayed:
                del self._missing[link]
            elif self._missing[link] >= LOOKS_TO_BELIEVE:
                del self._missing[link]
                self.connected.discard(link)
                if link in self._made:
                    self.parted.add(link)
        for link in links & set(self._missing):
            del self._missing[link]

    def _find_returned(self, there: dict[str, str], not_ours: Collection[str]) -> None:
        for link in self.connected:
            if link.port in not_ours or link.peer not in there:
                self._waiting.discard(link)
            elif self._there.get(link.peer) != there[link.peer]:
                self._waiting.add(link)

    def _connect_waiting(self, graph: Graph, links: set[Link], there: dict[str, str]) -> set[Link]:
        self._waiting &= self.connected
        self._waiting -= links
        again = {link for link in sorted(self._waiting) if graph.connect(link)}
        self._waiting -= again
        return again

    # ---- the file ------------------------------------------------------------------------

    def _read_if_changed(self) -> None:
        if self._path is None or self._stamp == (stamp := _stamp(self._path)):
            return
        self._stamp = stamp
        try:
            self.connected, self.parted = read(self._path)
            self._trouble = ""
        except RipienoError as error:
            self._complain(str(error))

    def _write(self) -> None:
        if self._path is None:
            return
        if self._trouble and self._path.exists() and not _readable(self._path):
            return  # a file somebody made a slip in is not to be lost
        try:
            write(self._path, self.connected, self.parted)
            self._trouble = ""
        except OSError as error:
            self._complain(f"connections are not remembered: {self._path}: {error.strerror}")
        self._stamp = _stamp(self._path)

    def _complain(self, sentence: str) -> None:
        if sentence != self._trouble:
            self._trouble = sentence
            self._said.append(f"{sentence[0].upper()}{sentence[1:]}.")


def connections_file() -> Path:
    """Where the memory lies. [any]"""
    return state_folder() / "connections.toml"


def read(path: Path) -> tuple[set[Link], set[Link]]:
    """(connected, parted) of a file; both empty without one. RipienoError names the slip. [main]"""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return set(), set()
    except (OSError, ValueError) as error:
        raise RipienoError(f"{path} cannot be read, no connection is remembered: {error}") from None
    if table.get("format") != FORMAT:
        raise RipienoError(
            f"{path}: format must be {FORMAT}, got {table.get('format')!r}; no connection is "
            "remembered"
        )
    return _links(path, table, "connected"), _links(path, table, "parted")


def write(path: Path, connected: Iterable[Link], parted: Iterable[Link]) -> None:
    """Replace the file in one step. OSError if that cannot be done. [main]"""
    lines = [HEADER, f"format = {FORMAT}\n"]
    for name, links in (("connected", connected), ("parted", parted)):
        lines.append(f"\n[{name}]\n")
        peers: dict[str, list[str]] = {}
        for link in sorted(links):
            peers.setdefault(link.port, []).append(link.peer)
        for port, names in peers.items():
            lines.append(f"{_quoted(port)} = [{', '.join(map(_quoted, names))}]\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}.new")
    try:
        new.write_text("".join(lines), encoding="utf-8")
        os.replace(new, path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def _links(path: Path, table: dict[str, Any], name: str) -> set[Link]:
    rows = table.get(name, {})
    if not isinstance(rows, dict) or not all(
        isinstance(peers, list) and all(isinstance(peer, str) for peer in peers)
        for peers in rows.values()
    ):
        raise RipienoError(
            f'{path}: [{name}] must have lines like port = ["program:port"]; no connection is '
            "remembered"
        )
    return {Link(port, peer) for port, peers in rows.items() for peer in peers}


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _readable(path: Path) -> bool:
    try:
        read(path)
    except RipienoError:
        return False
    return True
