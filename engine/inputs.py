"""Who may play: the MIDI inputs of a session, each a source of its own.

With JACK the callback itself takes MIDI and nothing is opened here. Elsewhere: the one port asked
for, or every keyboard there is, also those plugged in later, and a virtual port for other programs
where the system has such. The session makes it and calls `tend` twice a second. [main]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.errors import RipienoError

MOST_KEYBOARDS = 4  # sources 0 to 3
VIRTUAL_SOURCE, FILE_SOURCE, COMPUTER_SOURCE = 4, 5, 6
VIRTUAL_NAME = "Ripieno keyboard"
NOT_KEYBOARDS = ("midi through", "ripieno", "through port")


class Inputs:
    """The open ports. `wanted` None means every keyboard. Raises RipienoError if it is missing."""

    def __init__(
        self, engine: Any, wanted: str | None = None, say: Callable[[str], None] = lambda _: None
    ) -> None:
        from engine.midi import ports

        self._ports = ports
        self._engine = engine
        self._wanted = wanted
        self._say = say
        self._open: list[Any] = []
        self._known: set[str] = set()
        self._look: Any = None
        if wanted is not None:
            self._open_port(wanted)
            return
        try:
            self._look = ports.open_client("Ripieno look")
        except RipienoError as error:
            say(f"No MIDI keyboard can be used: {error}.")
            return
        self.tend(quietly=True)
        self._open_virtual()

    @property
    def names(self) -> list[str]:
        """The ports that are connected now. [any]"""
        return [port.name for port in self._open if port.connected]

    def tend(self, quietly: bool = False) -> None:
        """Open keyboards that have been plugged in since the last look. [main]"""
        if self._look is None:
            return
        for name in self._look.get_ports():
            lasting = self._ports.lasting_name(name)
            strange = any(word in name.casefold() for word in NOT_KEYBOARDS)
            if strange or lasting in self._known or len(self._known) == MOST_KEYBOARDS:
                continue
            self._known.add(lasting)
            try:
                self._open_port(name)
            except RipienoError as error:
                self._say(f"{error}.")
                continue
            if not quietly:
                self._say(f"MIDI input {name} connected.")

    def close(self) -> None:
        """Release what is held and close every port. Idempotent. [main]"""
        while self._open:
            self._open.pop().close()
        if self._look is not None:
            self._look.delete()
            self._look = None

    def _open_port(self, name: str) -> None:
        port = self._ports.MidiInput(
            self._engine, name, source=self._next_source(), on_message=self._say
        )
        port.open()
        self._open.append(port)

    def _next_source(self) -> int:
        return min(len([p for p in self._open if p.name != VIRTUAL_NAME]), MOST_KEYBOARDS - 1)

    def _open_virtual(self) -> None:
        port = self._ports.MidiInput(
            self._engine,
            VIRTUAL_NAME,
            virtual=True,
            source=VIRTUAL_SOURCE,
            on_message=self._say,
        )
        try:
            port.open()
        except RipienoError:
            return  # this system has none
        self._open.append(port)
