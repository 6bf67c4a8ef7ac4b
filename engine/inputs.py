"""Who may play: the sources of a session's notes, each apart from the others in the engine.

Keyboards: with JACK the callback itself takes MIDI and no port is opened here; elsewhere the one
asked for is, or every one there is, also those plugged in later, and a virtual port for other
programs where the system has such. Besides: a MIDI file in real time, and the computer's own keys.
The session makes it, tends it twice a second and closes it. [main]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.errors import RipienoError
from engine.midi.messages import MIDDLE_VELOCITY
from engine.rt.layout import COMPUTER_SOURCE, FILE_SOURCE, VIRTUAL_SOURCE

if TYPE_CHECKING:
    from engine.midi.outlet import Outlet
    from engine.midi.performance import Performance
    from engine.midi.player import Player
    from engine.midi.ports import MidiInput

MOST_KEYBOARDS = 4  # sources 0 to 3; what comes after them shares the last
REMOTE_KEY_S = 30.0  # a remote that forgot a key, or died, holds it no longer
VIRTUAL_NAME = "Ripieno keyboard"
NOT_KEYBOARDS = ("midi through", "ripieno", "through port")


class Inputs:
    """All sources of one session. Open nothing before `open_keyboards`."""

    def __init__(self, engine: Any, say: Callable[[str], None] = lambda _: None) -> None:
        self._engine = engine
        self._say = say
        self._keyboards: list[MidiInput] = []
        self._virtual: MidiInput | None = None
        self._known: set[str] = set()
        self._look: Any = None
        self._player: Player | None = None
        self._computer: Outlet | None = None
        self._remote_keys: dict[tuple[int, int | None], float] = {}  # key, part -> its end

    def open_keyboards(self, wanted: str | None = None) -> None:
        """Open the port `wanted` names, RipienoError if it is not there, or all for None. [main]"""
        from engine.midi import ports

        if wanted is not None:
            self._open_keyboard(wanted)
            return
        try:
            self._look = ports.open_client("Ripieno look")
        except RipienoError as error:
            self._say(f"No MIDI keyboard can be used: {error}.")
            return
        self.tend(quietly=True)
        virtual = self._new_port(VIRTUAL_NAME, VIRTUAL_SOURCE, virtual=True)
        try:
            virtual.open()
        except RipienoError:
            return  # this system has none
        self._virtual = virtual

    @property
    def names(self) -> list[str]:
        """The ports that are connected now. [any]"""
        ports = [*self._keyboards, *([self._virtual] if self._virtual else [])]
        return [port.name for port in ports if port.connected]

    @property
    def watching(self) -> bool:
        """Whether a keyboard that is plugged in now will be used. [any]"""
        return self._look is not None

    @property
    def refused_notes(self) -> int:
        """Notes of the computer's keys that the engine had no room for. [any]"""
        return self._computer.refused_notes if self._computer else 0

    def tend(self, quietly: bool = False) -> None:
        """Open keyboards that have been plugged in since the last look. [main]"""
        self._release_forgotten_keys()
        look = self._look
        if look is None:
            return
        from engine.loopback import is_midi_loopback
        from engine.midi.ports import lasting_name

        for name in look.get_ports():
            strange = any(word in name.casefold() for word in NOT_KEYBOARDS)
            # What goes out through a loopback would come in again; asked for by name, it is opened.
            strange = strange or is_midi_loopback(name)
            if strange or lasting_name(name) in self._known:
                continue
            self._known.add(lasting_name(name))
            try:
                self._open_keyboard(name)
            except RipienoError as error:
                self._say(f"{error}.")
                continue
            if not quietly:
                self._say(f"MIDI input {name} connected.")

    def play_file(self, performance: Performance, start_frame: int | None = None) -> Player:
        """Play a performance in real time as if at a keyboard, instead of the one before. [main]"""
        from engine.midi.performance import merged_to_keyboard
        from engine.midi.player import Player

        if self._player is not None:
            self._player.stop()
        self._player = Player(self._engine, merged_to_keyboard(performance), source=FILE_SOURCE)
        self._player.start(start_frame)
        return self._player

    def play_key(self, message: bytes) -> bool:
        """A message of the computer's keys; False if it was a note and found no room. [main]"""
        from engine.midi.outlet import Outlet

        if self._computer is None:
            self._computer = Outlet(self._engine, COMPUTER_SOURCE)
        return self._computer.send(message)

    def stop_file(self) -> None:
        """End the file that plays, if any. [any]"""
        if self._player is not None:
            self._player.stop()

    def remote_key(self, pitch: int, velocity: int, part: int | None = None) -> None:
        """A remote's key goes down, or with velocity 0 up; past the separation with a part. [any]

        It comes up by itself some time after, should the remote be gone. RipienoError: no room.
        """
        status = 0x90 if velocity else 0x80
        message = bytes((status, pitch, velocity or MIDDLE_VELOCITY))
        if velocity:
            self._remote_keys[pitch, part] = time.monotonic() + REMOTE_KEY_S
        else:
            self._remote_keys.pop((pitch, part), None)
        if part is None:
            taken = self.play_key(message)
        else:
            taken = self._engine.part_midi(part, message)
        if not taken:
            raise RipienoError(f"key {pitch}: the engine has no room for more notes now")

    def close_keyboards(self) -> None:
        """Release what keyboards hold and close their ports. Idempotent. [any]"""
        keyboards, self._keyboards = self._keyboards, []
        for port in [*keyboards, *([self._virtual] if self._virtual else [])]:
            port.close()
        look, self._look = self._look, None
        if look is not None:
            look.delete()
        self._virtual = None
        self._known = set()

    def close(self) -> None:
        """Release what is held and close every port. Idempotent. [main]"""
        self.stop_file()
        if self._computer is not None:
            self._computer.release()
        self.close_keyboards()

    def _release_forgotten_keys(self) -> None:
        now_s = time.monotonic()
        for (pitch, part), end_s in list(self._remote_keys.items()):
            if end_s <= now_s:
                self.remote_key(pitch, 0, part)

    def _open_keyboard(self, name: str) -> None:
        port = self._new_port(name, min(len(self._keyboards), MOST_KEYBOARDS - 1))
        port.open()
        self._keyboards.append(port)

    def _new_port(self, name: str, source: int, virtual: bool = False) -> MidiInput:
        from engine.midi.ports import MidiInput

        return MidiInput(self._engine, name, virtual=virtual, source=source, on_message=self._say)
