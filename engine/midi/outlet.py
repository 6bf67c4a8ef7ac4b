"""The way from one MIDI source into the engine: knows what the source holds, loses no release.

A player or a port owns one. The engine may refuse a message when its ring is full: a refused
note-on is gone (the engine counts it) and takes its note-off with it; refused note-offs and the
newest of each refused controller wait here and go ahead of everything that follows.
"""

import itertools
import threading
from typing import Protocol

from engine.midi.messages import (
    CHANNEL_PRESSURE,
    CONTROL_CHANGE,
    MIDDLE_VELOCITY,
    NOTE_OFF,
    NOTE_ON,
    PITCH_BEND,
    POLY_PRESSURE,
)

PEDALS = (64, 66, 67, 69)  # sustain, sostenuto, soft, hold 2: held like keys
BEND_CENTRE = 64
KEYED = (POLY_PRESSURE, CONTROL_CHANGE)  # kinds whose first data byte is an address


class MidiEngine(Protocol):
    """What of the engine an outlet needs."""

    def midi(self, message: bytes, frame: int | None = None, source: int = 0) -> bool:
        """Take one complete channel-voice message; False when there is no room."""
        ...


class Outlet:
    """Sends the complete messages of one source; any thread may send, flush or release."""

    def __init__(self, engine: MidiEngine, source: int = 0) -> None:
        self._engine = engine
        self._source = source
        self._lock = threading.Lock()  # held for one engine.midi call at a time, never for waiting
        self._held: dict[tuple[int, int], int] = {}  # (channel, key) -> notes sounding
        self._refused: dict[tuple[int, int], int] = {}  # notes whose off must not be sent
        self._pedals: set[tuple[int, int]] = set()
        self._moved: dict[int, bytes] = {}  # bends and pressure off rest -> what brings them back
        self._waiting: dict[bytes | int, tuple[bytes, int | None]] = {}
        self._numbers = itertools.count()
        self._last_frame: int | None = None
        self.refused_notes = 0

    @property
    def held_notes(self) -> int:
        """Notes sent and not yet ended."""
        return sum(self._held.values())

    @property
    def waiting(self) -> int:
        """Messages the engine has not yet had room for."""
        return len(self._waiting)

    def send(self, message: bytes, frame: int | None = None) -> bool:
        """Pass on one complete message; False if it was a note-on and the engine had no room.

        `frame` is the absolute frame it is meant for, None for as soon as possible. [midi]
        """
        with self._lock:
            self._flush()
            if frame is not None:
                self._last_frame = frame
            kind, key = message[0] & 0xF0, (message[0] & 0x0F, message[1])
            if kind == NOTE_ON:
                return self._send_note_on(message, key, frame)
            if kind == NOTE_OFF:
                if self._refused.get(key) and not self._held.get(key):
                    _count_down(self._refused, key)
                    return True
                if key not in self._held:  # nothing of ours: passed on if there is room
                    self._engine.midi(message, frame, self._source)
                    return True
                _count_down(self._held, key)
            self._remember(message)
            self._send_or_wait(message, frame)
            return True

    def flush(self) -> bool:
        """Try again what the engine had no room for; True if nothing is left waiting. [midi]"""
        with self._lock:
            return self._flush()

    def release(self, frame: int | None = None) -> bool:
        """End every note, lift pedals, centre bends; False while the engine has no room. [any]

        With events sent ahead, `frame` is moved behind the last of them.
        """
        with self._lock:
            if frame is not None and self._last_frame is not None:
                frame = max(frame, self._last_frame)
            held = list(self._held.items())
            self._held.clear()
            self._refused.clear()
            for (channel, key), count in held:
                message = bytes((NOTE_OFF | channel, key, MIDDLE_VELOCITY))
                for _ in range(count):
                    self._send_or_wait(message, frame)
            for channel, controller in sorted(self._pedals):
                self._send_or_wait(bytes((CONTROL_CHANGE | channel, controller, 0)), frame)
            for rest in self._moved.values():
                self._send_or_wait(rest, frame)
            self._pedals.clear()
            self._moved.clear()
            return self._flush()

    def _send_note_on(self, message: bytes, key: tuple[int, int], frame: int | None) -> bool:
        if not self._waiting and self._engine.midi(message, frame, self._source):
            self._held[key] = self._held.get(key, 0) + 1
            return True
        self._refused[key] = self._refused.get(key, 0) + 1
        self.refused_notes += 1
        return False

    def _remember(self, message: bytes) -> None:
        status, channel = message[0], message[0] & 0x0F
        kind = status & 0xF0
        if kind == CONTROL_CHANGE and message[1] in PEDALS:
            pedal = (channel, message[1])
            (self._pedals.add if message[2] >= 64 else self._pedals.discard)(pedal)
        elif kind == PITCH_BEND:
            self._at_rest_or_moved(message, bytes((status, 0, BEND_CENTRE)))
        elif kind == CHANNEL_PRESSURE:
            self._at_rest_or_moved(message, bytes((status, 0)))

    def _at_rest_or_moved(self, message: bytes, rest: bytes) -> None:
        if message == rest:
            self._moved.pop(message[0], None)
        else:
            self._moved[message[0]] = rest

    def _send_or_wait(self, message: bytes, frame: int | None) -> None:
        if not self._waiting and self._engine.midi(message, frame, self._source):
            return
        address = self._address(message)
        self._waiting.pop(address, None)  # the newest takes its place at the end
        self._waiting[address] = (message, frame)

    def _address(self, message: bytes) -> bytes | int:
        """What a newer message must share with this one to take its place; note-offs never do."""
        kind = message[0] & 0xF0
        if kind == NOTE_OFF:
            return next(self._numbers)
        return message[:2] if kind in KEYED else message[:1]

    def _flush(self) -> bool:
        while self._waiting:
            address, (message, frame) = next(iter(self._waiting.items()))
            if not self._engine.midi(message, frame, self._source):
                return False
            del self._waiting[address]
        return True


def _count_down(counts: dict[tuple[int, int], int], key: tuple[int, int]) -> None:
    left = counts.pop(key, 0) - 1
    if left > 0:
        counts[key] = left
