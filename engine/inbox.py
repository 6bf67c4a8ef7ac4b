"""What is sent to the callback: notes through the event ring, all else through the command ring.

Notes never wait: without room a note-on is dropped and counted. Commands wait for room, since none
may be lost.
"""

import threading
import time
from collections import defaultdict
from types import SimpleNamespace

from engine.errors import RipienoError
from engine.parameters import GLOBAL_PARAMETERS, PART_PARAMETERS
from engine.rt import layout
from engine.rt.layout import MAX_PARTS
from engine.rt.learned import CHANNELS, NEVER, PLACES
from engine.rt.rings import WORDS, push_event, push_note, report_lost_off
from engine.stream_clock import AS_SOON_AS_POSSIBLE, StreamClock
from engine.transport import Transport, read_transport

FURTHEST_BEAT = 1e6


class EngineError(RipienoError):
    """The engine is asked for something it cannot do now."""


class Inbox(StreamClock):
    """The way into one rig. See the module."""

    def __init__(self, rig: SimpleNamespace) -> None:
        super().__init__(rig)
        self._lock = threading.Lock()  # of those who send commands; never of the callback
        self._kept_free = rig.event_words.size // WORDS // 4  # slots, for all but note-ons
        self._stamped: dict[tuple[int, int], int] = defaultdict(lambda: AS_SOON_AS_POSSIBLE)
        self._switch_frame = AS_SOON_AS_POSSIBLE  # of the last ensemble
        self._values: dict[tuple[str, int | None], float] = {
            (name, None): parameter.initial for name, parameter in GLOBAL_PARAMETERS.items()
        }
        for name, parameter in PART_PARAMETERS.items():
            self._values |= {(name, part): parameter.initial for part in range(MAX_PARTS)}

    def midi(self, message: bytes, frame: int | None = None, source: int = 0) -> bool:
        """Send one complete channel message of a keyboard (0..6); wait-free. [any]

        `frame` is the stream frame at which it acts; None means now, with a steady delay of one
        block. False: there was no room, and a note-on was dropped and counted; its note-off need
        not be sent.
        """
        if not 0 <= source < layout.DIRECT:
            raise ValueError(f"source must be 0 to {layout.DIRECT - 1}, got {source}")
        return self._send(layout.MIDI, message, frame, source)

    def part_midi(self, part: int, message: bytes, frame: int | None = None) -> bool:
        """Send one channel message to a part, past the separation; wait-free. [any]"""
        _check_part(part)
        return self._send(layout.PART_MIDI, message, frame, part)

    def part_midi_at_beat(self, part: int, message: bytes, beat: float) -> bool:
        """Send one channel message to a part, to act when the transport comes to `beat`. [any]

        It keeps its beat through changes of tempo. A stop or a jump voids it, unless it ends
        something: that acts at once. False: no room for a note-on.
        """
        _check_part(part)
        return self._send(layout.PART_AT_BEAT, message, AS_SOON_AS_POSSIBLE, part, beat)

    def clock(self, message: bytes, frame: int | None = None) -> bool:
        """Send a message of a MIDI clock (F8, FA, FB, FC, F2) that came in; wait-free. [any]"""
        return self._send(layout.CLOCK, message, frame, 0)

    def _send(
        self, kind: int, message: bytes, frame: int | None, index: int, value: float = 0.0
    ) -> bool:
        status, data1, data2 = (message + b"\0\0\0")[:3]
        if frame is None:
            # A callback that wakes late sets the clock back; no message may overtake another.
            frame = max(self.now_frame(), self._stamped[kind, index])
            self._stamped[kind, index] = frame
        rig = self._rig
        packed = kind | status << 8 | data1 << 16 | data2 << 24 | index << 32
        sent, lost = push_note(
            *(rig.event_words, rig.event_values, rig.event_cursor),
            *(frame, packed, value, self._kept_free),
        )
        if not sent:
            self._stats["dropped_events"] += 1
            if lost:
                report_lost_off(rig.event_cursor)
        return sent

    def set(
        self, name: str, value: float, part: int | None = None, frame: int | None = None
    ) -> None:
        """Set a parameter of a part or, for None, the whole; ValueError names the range. [any]"""
        table = GLOBAL_PARAMETERS if part is None else PART_PARAMETERS
        if name not in table:
            raise ValueError(f'there is no parameter "{name}": choose one of {", ".join(table)}')
        if part is not None:
            _check_part(part)
        parameter = table[name]
        if not parameter.low <= value <= parameter.high:  # also for NaN
            raise ValueError(
                f"{name} must be {parameter.low:g} to {parameter.high:g}, got {value:g}"
            )
        if parameter.whole and value != int(value):
            raise ValueError(f"{name} must be a whole number, got {value:g}")
        self._values[name, part] = float(value)
        if name.endswith("_db"):
            value = 0.0 if value <= parameter.low else 10.0 ** (value / 20.0)
        elif name == "chord_window_ms":
            value = round(value * 0.001 * self.rate_hz)
        if parameter.number >= 0:
            self.command(layout.SET, parameter.number, -1 if part is None else part, value, frame)

    def get(self, name: str, part: int | None = None) -> float:
        """Return what a parameter was last set to. [any]"""
        if name == "control":
            return float(self._state["control"])
        led = self._values["sync_source", None] or self._values["jack_master", None]
        if led and name == "rolling":
            return float(self.transport().rolling)
        if self._values["sync_source", None] and name == "tempo_bpm":
            return self.transport().tempo_bpm
        if (name, part) not in self._values:
            raise ValueError(f'there is no parameter "{name}" of part {part}')
        return self._values[name, part]

    def transport(self) -> Transport:
        """Return where the transport is, at the end of the last block. [any]"""
        return read_transport(self._rig.transport_words, self.rate_hz)

    def take_control(self, channel: int, place: int, taken: bool) -> None:
        """Keep a learned control (a place of engine.rt.learned) from the parts, or not. [any]"""
        if not 0 <= channel < CHANNELS or not 0 <= place < NEVER:
            raise ValueError(
                f"channel {channel} and place {place} must be 0 to {CHANNELS - 1} and {NEVER - 1}"
            )
        index = channel * PLACES + place
        self.command(layout.SET, layout.TAKEN, index, float(taken), None)

    def learn_notes(self, wanted: bool) -> None:
        """Have the player's note-ons reported as they come, as controllers are. [any]"""
        self.command(layout.SET, layout.LEARN_NOTES, -1, float(wanted), None)

    def locate(self, beat: float, frame: int | None = None) -> None:
        """Let the transport go to a beat (quarter notes; below 0 is a count-in). [any]"""
        if not abs(beat) <= FURTHEST_BEAT:
            raise ValueError(f"beat must be -{FURTHEST_BEAT:g} to {FURTHEST_BEAT:g}, got {beat:g}")
        self.command(layout.SET, layout.LOCATE, -1, float(beat), frame)

    def align(self, beat: float, frame: int) -> None:
        """Say what the beat of a frame is: small corrections are not heard, big ones jump. [any]"""
        self.command(layout.SET, layout.ALIGN, -1, float(beat), frame)

    def announce_programs(self) -> None:
        """Send every part's bank and program out, as to a synth just connected. [any]"""
        self.command(layout.SET, layout.ANNOUNCE, -1, 1.0, None)

    def take_over(self, frame: int | None = None) -> None:
        """Let the ensemble play on now, if its mode is other than off. [any]"""
        self.command(layout.SET, layout.FLOOR_TRIGGER, -1, 1.0, frame)

    def yield_floor(self, frame: int | None = None) -> None:
        """Let the ensemble stop; by itself it waits for the player's next notes. [any]"""
        self.command(layout.SET, layout.FLOOR_TRIGGER, -1, 0.0, frame)

    def forget_past(self, frame: int | None = None) -> None:
        """What was played before does not count for the ensemble that plays on. [any]"""
        self.command(layout.SET, layout.FORGET_PAST, -1, 1.0, frame)

    def panic(self) -> None:
        """Silence everything, on every part, at once. [any]"""
        self.command(layout.PANIC, 0, -1, 0.0, AS_SOON_AS_POSSIBLE)

    def command(
        self, kind: int, parameter: int, index: int, value: float, frame: int | None
    ) -> None:
        """Send a command; waits for room, since commands must not be lost. [main]

        Without a frame it acts as soon as possible, but not before the last switch of ensembles.
        """
        packed = kind | parameter << 8 | index << 32
        when = self._switch_frame if frame is None else frame
        rig = self._rig
        with self._lock:
            for _ in range(1000):
                if push_event(
                    rig.command_words, rig.command_values, rig.command_cursor, when, packed, value
                ):
                    return
                time.sleep(0.001)
        raise EngineError("the audio callback takes no commands: no device runs it")

    def command_bytes(
        self, kind: int, a: int, b: int, c: int, index: int, value: float, frame: int | None
    ) -> None:
        """Send a command with three data bytes."""
        self.command(kind, a | b << 8 | c << 16, index, value, frame)


def _check_part(part: int) -> None:
    if not 0 <= part < MAX_PARTS:
        raise ValueError(f"part must be 0 to {MAX_PARTS - 1}, got {part}")
