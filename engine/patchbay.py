"""What our ports on a JACK server are connected to: speakers, keyboards, and what the player chose.

Made by the JACK device for each run of its client, under its lock. Speakers and keyboards are
connected without being told, unless the player parted them; what the player connected is in
`engine.connections`. A source that goes leaves no note hanging. [main]
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any

from engine.connections import Connections, Link
from engine.errors import RipienoError
from engine.libjack import (
    AUDIO_TYPE,
    IS_INPUT,
    IS_OUTPUT,
    IS_PHYSICAL,
    MIDI_TYPE,
    ServerGraph,
    find_ports,
)

LET_GO = (b"\xb0\x40\x00", b"\xb0\x7b\x00")  # pedal up, all notes off
MASTER = ("master_left", "master_right")


class Patchbay:
    """The connections of one running client.

    `remember` False leaves the memory alone, as a second client of a name does. `held_by`: sources
    that played into the client before this one, under a server that is gone.
    """

    def __init__(
        self,
        lib: Any,
        client: int | None,
        engine: Any,
        *,
        midi_wanted: str,
        connect_outputs: bool,
        connections: Connections | None,
        remember: bool,
        held_by: Iterable[str] = (),
    ) -> None:
        self._lib, self._client, self._engine = lib, client, engine
        self._own = lib.jack_get_client_name(client).decode()
        self._midi_wanted = midi_wanted
        self._connect_outputs = connect_outputs
        self._memory = connections if remember else None
        self._speakers: dict[str, str] = {}  # of the master's sides
        self._sources_seen: set[str] = set()
        self.sources = set(held_by)  # that play into it now
        if self._memory:
            self._memory.begin()
        self._connect_master()
        self._connect_sources()
        self._news = self._connect_remembered()  # told by the next tend
        self._release_sources()

    def tend(self) -> list[str]:
        """Connect what has come, let go of what has gone; what happened, in sentences. [main]"""
        self._connect_master()
        said, self._news = self._news, []
        said += [f"MIDI source {source} connected." for source in self._connect_sources()]
        said += self._connect_remembered()
        return said + self._release_sources()

    def listen_to(self, midi_wanted: str) -> None:
        """Take notes from another source from now on. [worker]"""
        self._midi_wanted = midi_wanted
        wanted = self._wanted_sources()
        for source in self.sources - wanted:
            ports = source.encode(), f"{self._own}:midi_in".encode()
            self._lib.jack_disconnect(self._client, *ports)
        if self._memory:
            self._memory.look_anew()
        self._sources_seen = set()
        self._connect_sources()
        self._connect_remembered()
        self._release_sources()

    def connect_midi_out(self, port: str, wanted: str) -> None:
        """Connect our `port` to every MIDI input whose name contains `wanted`. [main]

        RipienoError names what there is, if none does.
        """
        inputs = find_ports(self._lib, self._client, MIDI_TYPE, IS_INPUT)
        inputs = [name for name in inputs if not name.startswith(f"{self._own}:")]
        found = [
            name
            for name in inputs
            if any(wanted.casefold() in n.casefold() for n in self._all_names(name))
        ]
        if not found:
            there = ", ".join(inputs) or "none"
            raise RipienoError(f"no MIDI input of JACK is called {wanted!r}; there are {there}")
        for name in found:
            self._connect_usual(port, name, asked_for=True)

    def _connect_master(self) -> None:
        """Connect the master to the speakers as soon as there are any, and to others if they go.

        What the player parted stays so: then the speakers are still there.
        """
        if not self._connect_outputs:
            return
        speakers = find_ports(self._lib, self._client, AUDIO_TYPE, IS_INPUT | IS_PHYSICAL)
        for i, output in enumerate(MASTER):
            if speakers and self._speakers.get(output) not in speakers:
                speaker = speakers[min(i, len(speakers) - 1)]
                if self._connect_usual(output, speaker):
                    self._speakers[output] = speaker

    def _connect_sources(self) -> list[str]:
        """Connect the sources asked for that were not there at the last look; their names.

        One the player disconnects by hand stays so; one that refuses is tried again next time.
        """
        wanted = self._wanted_sources()
        new = [
            source
            for source in sorted(wanted - self._sources_seen)
            if self._connect_usual("midi_in", source, bool(self._midi_wanted))
        ]
        self._sources_seen = (self._sources_seen & wanted) | set(new)
        return new

    def _release_sources(self) -> list[str]:
        """Let go of the notes of sources that play no more; those that are gone, in sentences.

        All play into one port, so notes that others hold end as well: better than notes that hang.
        """
        graph = ServerGraph(self._lib, self._client)
        playing = {link.peer for link in graph.links() if link.port == "midi_in"}
        lost, self.sources = self.sources - playing, playing
        if not lost:
            return []
        for message in LET_GO:
            self._engine.midi(message)
        return [
            f"MIDI source {source} is gone; its notes are released and it is used again when it "
            "returns."
            for source in sorted(lost - graph.ports())
        ]

    def _wanted_sources(self) -> set[str]:
        lib, client = self._lib, self._client
        if not self._midi_wanted:
            return set(find_ports(lib, client, MIDI_TYPE, IS_OUTPUT | IS_PHYSICAL))
        sources = [
            source
            for source in find_ports(lib, client, MIDI_TYPE, IS_OUTPUT)
            if not source.startswith(f"{self._own}:")
        ]
        if self._midi_wanted in sources:
            return {self._midi_wanted}
        return {
            source
            for source in sources
            if any(self._midi_wanted.lower() in n.lower() for n in self._all_names(source))
        }

    def _all_names(self, port_name: str) -> list[str]:
        port = self._lib.jack_port_by_name(self._client, port_name.encode())
        if not port:
            return [port_name]
        size = self._lib.jack_port_name_size()
        buffers = [ctypes.create_string_buffer(size) for _ in range(2)]
        pointers = (ctypes.c_char_p * 2)(*(ctypes.addressof(b) for b in buffers))
        count = self._lib.jack_port_get_aliases(port, pointers)
        return [port_name, *(b.value.decode(errors="replace") for b in buffers[: max(0, count)])]

    def _connect_usual(self, port: str, peer: str, asked_for: bool = False) -> bool:
        """Connect what belongs together without being told, unless the player parted it."""
        remembered = self._memory
        if remembered and not asked_for and not remembered.allows(port, peer):
            return False
        link, graph = Link(port, peer), ServerGraph(self._lib, self._client)
        if link not in graph.links() and not graph.connect(link):
            return False
        if remembered:
            remembered.made(port, peer)
        return True

    def _connect_remembered(self) -> list[str]:
        """Make the player's own connections again, learn new ones; what happened, in sentences.

        A MIDI source that was asked for by name plays this time, whatever is remembered.
        """
        if self._memory is None:
            return []
        not_ours = ("midi_in",) if self._midi_wanted else ()
        return self._memory.tend(ServerGraph(self._lib, self._client), not_ours)
