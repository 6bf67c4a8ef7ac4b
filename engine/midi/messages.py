"""From raw MIDI bytes to complete channel-voice messages, whatever else the bytes contain.

A pure codec: `MessageParser` keeps what a running stream needs remembered and nothing more. Used by
the input ports, one parser a port, on the thread that delivers the bytes.

Three numbers account for every byte that is not part of a returned message: `ignored_bytes` were
legal but are no messages of a channel (clock, active sensing, SysEx), `discarded_bytes` made
no sense (data without a status, messages cut short, undefined statuses), `pending_bytes` still
wait.
"""

from collections.abc import Callable

NOTE_OFF, NOTE_ON, POLY_PRESSURE, CONTROL_CHANGE = 0x80, 0x90, 0xA0, 0xB0
PROGRAM_CHANGE, CHANNEL_PRESSURE, PITCH_BEND = 0xC0, 0xD0, 0xE0
SYSEX, REALTIME = 0xF0, 0xF8
CLOCK = frozenset((0xF2, 0xF8, 0xFA, 0xFB, 0xFC))  # position, tick, start, continue, stop
MIDDLE_VELOCITY = 64  # the release velocity of a note ended by a note-on of velocity 0

_ANY = -1  # SysEx: as many data bytes as come
_CHANNEL_DATA_BYTES = (2, 2, 2, 2, 1, 1, 2)  # statuses 0x8n .. 0xEn
_SYSTEM_DATA_BYTES = (_ANY, 1, 2, 1, 0, 0, 0, 0) + 8 * (0,)  # statuses 0xF0 .. 0xFF
DATA_BYTES = (
    (0,) * 128 + tuple(n for n in _CHANNEL_DATA_BYTES for _ in range(16)) + _SYSTEM_DATA_BYTES
)
UNDEFINED = frozenset((0xF4, 0xF5, 0xF9, 0xFD))
_NO_STATUS = 0


class MessageParser:
    """Parser of one endless byte stream; it may be fed in pieces of any size.

    Running status, real-time bytes inside other messages, SysEx that is never closed, statuses that
    interrupt a message and plain garbage are survived; nothing is ever raised.
    """

    def __init__(self, on_clock: Callable[[bytes], object] | None = None) -> None:
        """`on_clock` gets what a MIDI clock says (CLOCK), in its place among the messages."""
        self._on_clock = on_clock
        self.ignored_bytes = 0
        self.discarded_bytes = 0
        self._status = _NO_STATUS  # what the next data bytes belong to; stays for running status
        self._data = bytearray()
        self._fresh = False  # the status byte itself is not yet part of a message

    @property
    def pending_bytes(self) -> int:
        """Bytes of a message that is not complete yet."""
        return len(self._data) + self._fresh

    def feed(self, stream: bytes) -> list[bytes]:
        """Return the channel-voice messages that `stream` completes, oldest first.

        Each is a status byte and its one or two data bytes; a note-on of velocity 0 comes as the
        note-off it means. [midi]
        """
        messages: list[bytes] = []
        for byte in stream:
            if byte >= REALTIME:
                self._count_system_byte(byte)
                if byte in CLOCK and self._on_clock:
                    self._on_clock(bytes((byte,)))
            elif byte >= NOTE_OFF:
                self._begin(byte)
            else:
                self._take(byte, messages)
        return messages

    def reset(self) -> None:
        """Forget a message begun and the running status, as when a cable was pulled. [midi]"""
        self.discarded_bytes += self.pending_bytes
        self._status = _NO_STATUS
        self._data.clear()
        self._fresh = False

    def _begin(self, status: int) -> None:
        self.discarded_bytes += self.pending_bytes
        self._data.clear()
        self._fresh = status < SYSEX
        self._status = status
        if status >= SYSEX:
            self._count_system_byte(status)
            if DATA_BYTES[status] == 0:
                self._status = _NO_STATUS  # a system common message ends running status

    def _take(self, byte: int, messages: list[bytes]) -> None:
        needed = DATA_BYTES[self._status]
        if needed == 0:
            self.discarded_bytes += 1
            return
        if needed == _ANY:
            self.ignored_bytes += 1
            return
        self._data.append(byte)
        if len(self._data) < needed:
            return
        if self._status < SYSEX:
            messages.append(normalised(bytes((self._status, *self._data))))
        else:
            self.ignored_bytes += needed
            if self._status in CLOCK and self._on_clock:
                self._on_clock(bytes((self._status, *self._data)))
            self._status = _NO_STATUS
        self._data.clear()
        self._fresh = False

    def _count_system_byte(self, byte: int) -> None:
        if byte in UNDEFINED:
            self.discarded_bytes += 1
        else:
            self.ignored_bytes += 1


def normalised(message: bytes) -> bytes:
    """A note-on of velocity 0 as the note-off it means; everything else unchanged. [any]"""
    if message[0] & 0xF0 == NOTE_ON and message[2] == 0:
        return bytes((NOTE_OFF | message[0] & 0x0F, message[1], MIDDLE_VELOCITY))
    return message


def is_channel_message(message: bytes) -> bool:
    """Whether `message` is exactly one complete channel-voice message. [any]"""
    return (
        len(message) > 1
        and NOTE_OFF <= message[0] < SYSEX
        and len(message) == 1 + DATA_BYTES[message[0]]
        and max(message[1:]) < 0x80
    )
