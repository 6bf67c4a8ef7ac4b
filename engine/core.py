"""The engine: owner of every array the audio callback works in, and the way to talk to it.

A device runs the native callbacks whose addresses are given here, or `render` drives the same code
offline. Everything else sends: notes through the event ring, parameters and panic through the
command ring; and reads: results, audio for the recorder, statistics. No method here waits for the
audio thread except quit_and_wait.
"""

import ctypes
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.banks import Bank, render_bank
from engine.chain_memory import ChainMemory
from engine.chains import Chains, ChainStats
from engine.ensembles import MODEL_CLASSES, Ensemble
from engine.errors import RipienoError
from engine.fluidsynth import FluidSynth
from engine.latency import PathLatency, path_latencies
from engine.parameters import ASSIGNERS, CHORD_MODES, GLOBAL_PARAMETERS, PART_PARAMETERS
from engine.rt import callback, layout
from engine.rt.delays import FADE_FRAMES
from engine.rt.effects import REVERB_SECONDS, reverb_lengths
from engine.rt.jack_latency import jack_latency
from engine.rt.layout import FIELDS, IN_CHANNELS, MAX_PARTS, OUT_CHANNELS, REVERB_LINES
from engine.rt.learned import CHANNELS, NEVER, PLACES
from engine.rt.network import new_network, random_weights
from engine.rt.rig import new_table
from engine.rt.rings import (
    WORDS,
    drain,
    drain_audio,
    new_event_ring,
    push_event,
    push_note,
    report_lost_off,
)
from engine.soundfonts import find_soundfont
from engine.statistics import Stats, snapshot
from engine.transport import Transport, read_transport, show_at_rest

EVENTS, COMMANDS = 4096, 1024  # slots of the rings
ROOM_FOR_NOTE_ONS = EVENTS // 4  # kept free for note-offs and controllers
SPARE_VOICES = 64  # for those that fade out after being stolen
TAP_SECONDS = 4.0
AS_SOON_AS_POSSIBLE = -1
AHEAD_OF_SWITCH_S = 0.01  # time to send all of an ensemble's commands
FURTHEST_BEAT = 1e6
DESTINATIONS = {
    "soundfont": layout.SOUNDFONT,
    "bank": layout.BANK_VOICES,
    "midi": layout.NOWHERE,
}
LONGEST_KEPT_S = 600.0  # the delay of a chain that may come back
FURTHEST_AHEAD_S = 0.05  # some devices ask for their blocks in bursts of about 20 ms


class EngineError(RipienoError):
    """The engine is asked for something it cannot do now."""


class Engine:
    """One rig of parts and the stream that plays it. See the module."""

    def __init__(
        self,
        rate_hz: int = 48000,
        *,
        soundfont: Path | None = None,
        polyphony: int = 256,
        tap: bool = False,
    ) -> None:
        if not 8000 <= rate_hz <= 192000:
            raise ValueError(f"rate_hz must be 8000 to 192000, got {rate_hz}")
        if not 1 <= polyphony <= 8192:
            raise ValueError(f"polyphony must be 1 to 8192, got {polyphony}")
        self.rate_hz = rate_hz
        self.ensemble: Ensemble | None = None
        self.soundfont = find_soundfont(soundfont)
        self._lock = threading.Lock()  # of those who send parameters; never of the callback
        self._values: dict[tuple[str, int | None], float] = {}
        self._banks: dict[int, Bank] = {}
        self._bank_slots: dict[tuple[int, int, int, int], int] = {}
        self._banks_ahead: set[int] = set()  # slots kept for ensembles to come
        self._stamped: dict[tuple[int, int], int] = defaultdict(lambda: AS_SOON_AS_POSSIBLE)
        self._closed = False
        self._switch_frame = AS_SOON_AS_POSSIBLE
        self._synth = FluidSynth(self.soundfont, rate_hz, MAX_PARTS)
        self._rig = self._new_arrays(polyphony, tap)
        self._state = self._rig.state[0]
        self._stats = self._rig.stats[0]
        self._chains = Chains(self._rig)
        self.load_separator(None)
        self._drained = np.zeros(layout.RESULTS, layout.RESULT)
        self._drained_out = np.zeros(layout.OUT_RING, layout.OUT_EVENT)
        self._tapped = np.zeros((4096 if tap else 1, OUT_CHANNELS), np.float32)
        for index in range(MAX_PARTS):
            for name, parameter in PART_PARAMETERS.items():
                self._values[name, index] = parameter.initial
        for name, parameter in GLOBAL_PARAMETERS.items():
            self._values[name, None] = parameter.initial
        self._warm_up()

    def _warm_up(self) -> None:
        """Have everything compiled that is called while a stream runs."""
        self.midi(b"\x80\x00\x00", 0)
        self.render(0)
        self.results()
        self.midi_out()
        self._state["out_ring"] = 0
        if self._state["tap"]:
            self.tap()
        report_lost_off(np.zeros(16, np.int64))

    def _new_arrays(self, polyphony: int, tap: bool) -> SimpleNamespace:
        """Allocate everything the callback will ever use."""
        pool = polyphony + SPARE_VOICES
        delays = reverb_lengths(self.rate_hz)
        self._lengths = {
            "event_words_size": EVENTS * WORDS,
            "command_words_size": COMMANDS * WORDS,
            "voices_size": pool,
            "reverb_frames": int(delays.max()),
            "tap_frames": int(TAP_SECONDS * self.rate_hz) if tap else 1,
        }
        arrays = {
            name: touched_zeros(self._shape(shape), dtype)
            for name, (dtype, shape) in FIELDS.items()
            if all(isinstance(n, int) or n in self._lengths for n in shape)
        }
        for kind, capacity in (("event", EVENTS), ("command", COMMANDS)):
            names = ("words", "values", "cursor")
            for name, array in zip(names, new_event_ring(capacity), strict=True):
                arrays[f"{kind}_{name}"] = array
        rig = SimpleNamespace(**arrays)
        rig.free[:] = np.arange(pool)[::-1]
        rig.reverb_index[1] = delays
        rows = rig.fluid_audio
        rig.fluid_pointers[:] = [row.ctypes.data for row in rows]
        falls = delays[:REVERB_LINES] / (REVERB_SECONDS * self.rate_hz)
        rig.reverb_gains[0] = 10.0 ** (-3.0 * falls)
        state = rig.state[0]
        state["rate_hz"] = self.rate_hz
        state["voices_free"] = pool
        state["voices_limit"] = polyphony
        state["budget_quantum"] = -1
        state["last_frame_time"] = -1
        state["control"] = 1
        state["panic_cc"] = int(GLOBAL_PARAMETERS["panic_cc"].initial)
        state["fluid"] = self._synth.address
        state["fluid_font"] = self._synth.font
        state["channels"] = 2
        state["tap"] = int(tap)
        state["master_from"] = state["master_to"] = 1.0
        state["bend"] = 8192
        state["compensation"] = 1
        rig.strips["fade_at"] = -FADE_FRAMES
        rig.gains["start"] = rig.gains["end"] = 1.0
        state["send_programs"] = 1
        transport = rig.transport[0]
        transport["frames_per_beat"] = 0.5 * self.rate_hz
        transport["told_frames_per_beat"] = transport["frames_per_beat"]
        transport["beats_per_bar"] = 4
        transport["locked"] = 1
        transport["click_gain"] = 10.0 ** (GLOBAL_PARAMETERS["click_gain_db"].initial / 20.0)
        transport["click_age"] = transport["jack_frame"] = -1
        show_at_rest(rig.transport_words, 120.0, 4)  # until the callback shows it
        rig.controllers[[7, 11]] = 100, 127
        rig.controllers[71:75] = 64
        for part in rig.parts:
            part["bend"] = part["ratio"] = 1.0
            part["expression"] = 1.0
            part["gain"] = 1.0
            part["high"] = 127
            part["polyphony"] = 8
            part["last_bend"] = 8192
            part["sent"][[7, 11]] = 100, 127
            part["sent"][71:75] = 64
        for index, address in self._synth.functions.items():
            rig.native[index] = address
        return rig

    def _shape(self, shape: tuple[int | str, ...]) -> tuple[int, ...]:
        return tuple(self._lengths[n] if isinstance(n, str) else n for n in shape)

    def load_separator(
        self,
        weights: dict[str, np.ndarray] | None,
        middle_pitches: Sequence[int] | None = None,
    ) -> None:
        """Use a part-separation network, or rules alone for None. Not while a stream runs. [main]

        `middle_pitches`: the key each class plays about, where the closest-pitch rule starts.

        Raises ValueError naming the array if the weights are not those of a network.
        """
        network = random_weights(4, seed=0) if weights is None else weights
        rig = self._rig
        rig.weights, rig.network_state, rig.memory = new_network(network, self.rate_hz)
        classes = len(network["output_bias"])
        self._lengths |= {
            "classes": classes,
            "boundaries": classes - 1,
            "weights_size": rig.weights.size,
            "network_state_size": rig.network_state.size,
        }
        for name, (dtype, shape) in FIELDS.items():
            if shape[0] in ("classes", "boundaries"):
                setattr(rig, name, touched_zeros(self._shape(shape), dtype))
        rig.zones[:] = np.linspace(57, 69, classes - 1)
        rig.last_pitch[:] = middle_pitches or np.linspace(72, 48, classes)
        rig.state[0]["classes"] = classes if weights is not None else 0
        self._table = new_table(vars(rig), self._lengths)
        if self.ensemble is not None:
            self._map_classes(self.ensemble, None)

    # Sending

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
            *(frame, packed, value, ROOM_FOR_NOTE_ONS),
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
            self._command(layout.SET, parameter.number, -1 if part is None else part, value, frame)

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

    def take_control(self, channel: int, place: int, taken: bool) -> None:
        """Keep a learned control (a place of engine.rt.learned) from the parts, or not. [any]"""
        if not 0 <= channel < CHANNELS or not 0 <= place < NEVER:
            raise ValueError(
                f"channel {channel} and place {place} must be 0 to {CHANNELS - 1} and {NEVER - 1}"
            )
        index = channel * PLACES + place
        self._command(layout.SET, layout.TAKEN, index, float(taken), None)

    def learn_notes(self, wanted: bool) -> None:
        """Have the player's note-ons reported as they come, as controllers are. [any]"""
        self._command(layout.SET, layout.LEARN_NOTES, -1, float(wanted), None)

    def locate(self, beat: float, frame: int | None = None) -> None:
        """Let the transport go to a beat (quarter notes; below 0 is a count-in). [any]"""
        if not abs(beat) <= FURTHEST_BEAT:
            raise ValueError(f"beat must be -{FURTHEST_BEAT:g} to {FURTHEST_BEAT:g}, got {beat:g}")
        self._command(layout.SET, layout.LOCATE, -1, float(beat), frame)

    def align(self, beat: float, frame: int) -> None:
        """Say what the beat of a frame is: small corrections are not heard, big ones jump. [any]"""
        self._command(layout.SET, layout.ALIGN, -1, float(beat), frame)

    def announce_programs(self) -> None:
        """Send every part's bank and program out, as to a synth just connected. [any]"""
        self._command(layout.SET, layout.ANNOUNCE, -1, 1.0, None)

    def panic(self) -> None:
        """Silence everything, on every part, at once. [any]"""
        self._command(layout.PANIC, 0, -1, 0.0, AS_SOON_AS_POSSIBLE)

    def _command(
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

    def _pack(
        self, kind: int, a: int, b: int, c: int, index: int, value: float, frame: int | None
    ) -> None:
        """Send a command with three data bytes."""
        self._command(kind, a | b << 8 | c << 16, index, value, frame)

    # Chains of plugins: slots 0..15 inserts of the parts, 16 and 17 sends A and B, 18 master

    def attach_chain(
        self,
        slot: int,
        memory: ChainMemory,
        *,
        instrument: bool = False,
        lead_frames: int,
        latency_frames: int = 0,
    ) -> None:
        """Give a slot a chain of plugins, heard when its host is in time. [main]

        One that is there fades out first and is then free; a strip's delay stays if both are
        equally late. `memory` is the new chain's alone; the engine keeps it mapped while needed.
        """
        self._chains.attach(
            self._pack,
            slot,
            memory,
            instrument=instrument,
            lead_frames=lead_frames,
            latency_frames=latency_frames,
        )

    def detach_chain(self, slot: int, keep_delay_s: float = 0.0) -> None:
        """Let a slot's chain fade out; it is free within 200 frames, see chain_is_free. [main]

        Its delay stays for so long, for a chain that is expected back: timing does not change.
        """
        if not 0.0 <= keep_delay_s <= LONGEST_KEPT_S:
            raise ValueError(f"keep_delay_s must be 0 to {LONGEST_KEPT_S:g}, got {keep_delay_s:g}")
        self._chains.detach(self._pack, slot, int(keep_delay_s * self.rate_hz))

    def chain_is_free(self, slot: int) -> bool:
        """Whether the callback touches no memory of a slot's chains any more. [main]"""
        return self._chains.is_free(slot)

    def set_chain(
        self,
        slot: int,
        lead_frames: int | None = None,
        latency_frames: int | None = None,
        bypass: bool | None = None,
    ) -> None:
        """Change a chain's lead, plugin latency or bypass, without a click. [main]"""
        self._chains.set(self._pack, slot, lead_frames, latency_frames, bypass)

    def chain_event(
        self,
        slot: int,
        kind: int,
        plugin: int,
        index: int,
        value: float,
        frame: int | None = None,
    ) -> None:
        """Send a chain's host shared.PARAMETER or BYPASS; acts at `frame` or at once. [any]"""
        self._chains.event(self._pack, slot, kind, plugin, index, value, frame)

    def chain_stats(self, slot: int) -> ChainStats:
        """Return how a slot's chain fares; its headroom is counted anew. [one reader]"""
        return self._chains.stats(slot)

    # Ensembles

    def apply(self, ensemble: Ensemble, frame: int | None = None) -> None:
        """Switch to an ensemble; notes that sound end where they began. [main]

        Raises FluidSynthError, and changes nothing, if the SoundFont lacks a program.
        """
        for part in ensemble.parts:
            if part.sound != "midi":
                self._synth.pin(part.bank, part.program)
        banks = [self._bank_of(part) for part in ensemble.parts]
        if frame is None:
            frame = self._switch_frame = self._soon()
        for index in range(MAX_PARTS):
            if index >= len(ensemble.parts):
                self._command(layout.SET, layout.ACTIVE, index, 0, frame)
                continue
            part = ensemble.parts[index]
            kind = DESTINATIONS[part.sound]
            for number, value in (
                (layout.PART_CHANNEL, part.midi_channel - 1),
                (layout.LOW, part.low),
                (layout.HIGH, part.high),
                (layout.POLYPHONY, part.polyphony),
                (layout.BANK, banks[index]),
                (layout.PROGRAM, part.bank << 7 | part.program),
                (layout.DESTINATION, kind),
                (layout.ACTIVE, 1),
            ):
                self._command(layout.SET, number, index, value, frame)
            for name in ("gain_db", "pan", "reverb_send", "chorus_send"):
                self.set(name, getattr(part, name), index, frame)
            for name in ("mute", "solo"):
                self.set(name, 0, index, frame)
        self._map_classes(ensemble, frame)
        self.set("chord_window_ms", ensemble.chord_window_ms, frame=frame)
        self.set("chord_mode", CHORD_MODES.index(ensemble.chord_mode), frame=frame)
        self.set("assigner", ASSIGNERS.index(ensemble.assigner), frame=frame)
        for slot in set(self._bank_slots.values()) - set(banks) - self._banks_ahead:
            self.remove_bank(slot, frame)
        self.ensemble = ensemble

    def preload(self, ensembles: Iterable[Ensemble]) -> None:
        """Have the sounds of these ensembles at hand, so that a switch finds them. [worker]

        Not while `apply` runs. Those of an earlier call may go with the next switch.
        """
        parts = [part for ensemble in ensembles for part in ensemble.parts]
        for part in parts:
            self._synth.pin(part.bank, part.program)
        self._banks_ahead = {self._bank_of(part) for part in parts if part.sound == "bank"}

    def _soon(self) -> int:
        """Return a frame far enough ahead that many commands sent now act together at it."""
        frame = self.now_frame()
        return frame if frame < 0 else frame + int(AHEAD_OF_SWITCH_S * self.rate_hz)

    def _map_classes(self, ensemble: Ensemble, frame: int | None) -> None:
        """Tell which part plays each class of the network, and the rules' zones."""
        for label, name in enumerate(MODEL_CLASSES[ensemble.model]):
            players = [i for i, part in enumerate(ensemble.parts) if name in part.voices]
            self._command(layout.SET, layout.CLASS_PART, label, players[0] if players else 0, frame)
        for i, boundary in enumerate(ensemble.zones):
            self._command(layout.SET, layout.ZONE, i, boundary, frame)

    def _bank_of(self, part) -> int:
        """Return the slot of a part's bank, rendered and announced if it is new."""
        if part.sound != "bank":
            return 0
        key = (part.program, part.bank, part.low, part.high)
        if key not in self._bank_slots:
            bank = render_bank(self.soundfont, part.program, part.bank, part.low, part.high)
            self._bank_slots[key] = self.add_bank(bank)
        return self._bank_slots[key]

    def add_bank(self, bank: Bank) -> int:
        """Make a bank known to the callback; return its slot. ValueError when full. [main]"""
        entries = self._rig.banks
        for slot in range(layout.MAX_BANKS):
            if slot not in self._banks and entries[slot]["zones"] == 0:
                self._banks[slot] = bank
                entries[slot]["count"] = len(bank.zones)
                entries[slot]["data"] = bank.data.ctypes.data
                entries[slot]["leaving"] = 0
                entries[slot]["zones"] = bank.zones.ctypes.data  # last: now it counts
                return slot
        raise ValueError(f"all {layout.MAX_BANKS} banks are taken: remove one first")

    def remove_bank(self, slot: int, frame: int | None = None) -> None:
        """Let go of a bank; its memory is freed when no voice reads it any more. [main]"""
        if slot not in self._banks:
            raise ValueError(f"bank {slot} is not taken")
        self._bank_slots = {k: s for k, s in self._bank_slots.items() if s != slot}
        self._command(layout.FREE_BANK, 0, slot, 0.0, frame)

    # Reading

    @property
    def frame(self) -> int:
        """Frames rendered so far. [any]"""
        return int(self._state["frame"])

    def now_frame(self) -> int:
        """Return the frame a key struck now should sound at: one block ahead, steadily. [any]"""
        state = self._state
        if state["clock_ns"] == 0:
            return AS_SOON_AS_POSSIBLE
        block = int(state["block_frames"])
        frame = -1
        while frame != state["clock_frame"]:  # a block may begin between the two readings
            frame = int(state["clock_frame"])
            since_s = (clock_ns() - int(state["clock_ns"])) * 1e-9
        furthest = max(block, int(FURTHEST_AHEAD_S * self.rate_hz))
        return frame + block + min(max(int(since_s * self.rate_hz), 0), furthest)

    @property
    def block_frames(self) -> int:
        """Frames of the last block. [any]"""
        return int(self._state["block_frames"])

    def block_clock(self) -> tuple[int, int]:
        """Return the frame the last block began with, and when, in ns of `clock_ns`. [any]"""
        state = self._state
        frame = -1
        while frame != state["clock_frame"]:  # a block may begin between the two readings
            frame = int(state["clock_frame"])
            ns = int(state["clock_ns"])
        return frame, ns

    def results(self) -> np.ndarray:
        """Return what the callback reported since the last call, RESULT records. [one reader]"""
        count = drain(self._rig.results, self._rig.result_cursor, self._drained)
        records = self._drained[:count].copy()
        for slot in records["a"][records["kind"] == layout.BANK_FREED]:
            self._banks.pop(int(slot), None)
        if np.any(records["kind"] == layout.CHAIN_FREED):
            self._chains.sweep()
        return records

    def tap(self) -> np.ndarray:
        """Return audio (frames, OUT_CHANNELS) rendered since the last call. [one reader]"""
        if not self._state["tap"]:
            return np.zeros((0, OUT_CHANNELS), np.float32)
        pieces = []
        while True:
            count = drain_audio(self._rig.tap, self._rig.tap_cursor, self._tapped)
            pieces.append(self._tapped[:count].copy())
            if count < len(self._tapped):
                return np.concatenate(pieces)

    def stats(self) -> Stats:
        """Return a snapshot of the callback's own counts. [any]"""
        return snapshot(self._rig)

    def raw_counts(self) -> np.void:
        """Return the callback's own counts, layout.STATS, as they change. [any]"""
        return self._stats

    def latencies(self, device_frames: int = 0) -> list[PathLatency]:
        """Return how late every path is heard, through a device that is so late itself. [any]"""
        state = self._state
        ahead = bool(state["deadline"]) and not state["midi_port"]  # see now_frame
        input_frames = int(state["block_frames"]) if ahead else 0
        return path_latencies(self._rig, self._chains.lead_and_latency, input_frames, device_frames)

    def reset_stats(self) -> None:
        """Begin counting anew. [any]"""
        for name in self._rig.stats.dtype.names or ():
            self._stats[name] = 0

    def transport(self) -> Transport:
        """Return where the transport is, at the end of the last block. [any]"""
        return read_transport(self._rig.transport_words, self.rate_hz)

    def midi_out(self) -> np.ndarray:
        """Return what was sent out since the last call, OUT_EVENT records. [one reader]

        The callback keeps them from the first call on.
        """
        self._state["out_ring"] = 1
        count = drain(self._rig.out_ring, self._rig.out_cursor, self._drained_out)
        return self._drained_out[:count].copy()

    # Running

    def render(
        self,
        frames: int,
        block: int = 64,
        stems: bool = False,
        inputs: np.ndarray | None = None,
    ) -> np.ndarray:
        """Render offline: (frames, 2) or, with stems, (frames, OUT_CHANNELS) float32. [main]

        Not while a device runs the callback. `inputs`: what the audio inputs hear, (frames, at
        most IN_CHANNELS). Waits for the hosts of plugin chains unless the engine keeps real time.
        """
        if self._closed:
            raise RuntimeError("the engine is closed")
        if frames < 0:
            raise ValueError(f"frames must be at least 0, got {frames}")
        if block < 1:
            raise ValueError(f"block must be at least 1, got {block}")
        channels = OUT_CHANNELS if stems else 2
        audio = np.zeros((channels, frames), np.float32)
        played = np.zeros((0, frames), np.float32)
        if inputs is not None:
            if inputs.shape[0] != frames or inputs.shape[1] > IN_CHANNELS:
                raise ValueError(
                    f"inputs must be ({frames}, 1 to {IN_CHANNELS}), got {inputs.shape}"
                )
            played = np.ascontiguousarray(inputs.T, np.float32)
        done, in_real_time = 0, bool(self._rig.native[layout.CLOCK])
        while True:
            end = frames
            if self._chains.in_use and not in_real_time:
                self._chains.wait_for_hosts()
                end = self._chains.slice_end(self.frame, self.frame + frames - done)
                end += done - self.frame
            self._render(audio[:, done:end], played[:, done:end], block)
            done = end
            if done == frames:
                return audio.T

    def _render(self, audio: np.ndarray, played: np.ndarray, block: int) -> None:
        """Render into audio (channels, frames) what follows; played: the audio inputs."""
        addresses = np.zeros(OUT_CHANNELS, np.int64)
        addresses[: len(audio)] = [row.ctypes.data for row in audio]
        sources = np.zeros(IN_CHANNELS, np.int64)
        sources[: len(played)] = [row.ctypes.data for row in played]
        callback.render(self._table, addresses, audio.shape[1], block, sources)

    jack_callback_address: int = callback.jack_process.address or 0
    portaudio_callback_address: int = callback.portaudio_process.address or 0
    xrun_callback_address: int = callback.count_xrun.address or 0
    shutdown_callback_address: int = callback.server_gone.address or 0
    freewheel_callback_address: int = callback.freewheel.address or 0
    latency_callback_address: int = jack_latency.address or 0
    timebase_callback_address: int = callback.jack_timebase.address or 0

    @property
    def user_data(self) -> int:
        """The void* that belongs to every native callback. [main]"""
        return self._table.ctypes.data

    def set_jack_ports(
        self,
        functions: dict[str, int],
        midi_in: int,
        outputs: Iterable[int],
        client: int = 0,
        inputs: Iterable[int] = (),
    ) -> None:
        """Tell the callback its ports (jack_port_t*, 0 = none) and libjack's functions. [main]"""
        native = self._rig.native
        native[layout.JACK_BUFFER] = functions["jack_port_get_buffer"]
        native[layout.JACK_MIDI_COUNT] = functions["jack_midi_get_event_count"]
        native[layout.JACK_MIDI_GET] = functions["jack_midi_event_get"]
        native[layout.JACK_GET_LATENCY] = functions.get("jack_port_get_latency_range", 0)
        native[layout.JACK_SET_LATENCY] = functions.get("jack_port_set_latency_range", 0)
        native[layout.JACK_CONNECTED] = functions.get("jack_port_connected", 0)
        native[layout.JACK_FRAME_TIME] = functions.get("jack_last_frame_time", 0) if client else 0
        self._state["jack_client"] = client
        self._state["last_frame_time"] = -1
        self._state["midi_port"] = midi_in
        self._rig.ports[:] = 0
        addresses = list(outputs)
        self._rig.ports[: len(addresses)] = addresses
        self._rig.input_ports[:] = 0
        addresses = list(inputs)
        self._rig.input_ports[: len(addresses)] = addresses

    @property
    def lags_frames(self) -> tuple[int, ...]:
        """How late each strip is heard: parts, sends, master, audio inputs, click. [any]"""
        return tuple(self._rig.strips["delay"].tolist())

    def set_jack_midi_out(self, functions: dict[str, int], ports: Sequence[int]) -> None:
        """Tell the callback its MIDI outputs (jack_port_t*, 0 = none): midi_out, then a part's.

        Ports may be added while the stream runs; none of those given may go. [main]
        """
        native = self._rig.native
        native[layout.JACK_MIDI_CLEAR] = functions["jack_midi_clear_buffer"]
        native[layout.JACK_TRANSPORT_QUERY] = functions["jack_transport_query"]
        native[layout.JACK_MIDI_WRITE] = functions["jack_midi_event_write"]
        self._rig.transport[0]["jack_frame"] = -1
        self._rig.out_ports[:] = 0
        self._rig.out_ports[: len(ports)] = ports

    def set_device_channels(self, channels: int) -> None:
        """Tell the callback how many output channels a PortAudio device takes. [main]"""
        if not 1 <= channels <= OUT_CHANNELS:
            raise ValueError(f"channels must be 1 to {OUT_CHANNELS}, got {channels}")
        self._state["channels"] = channels

    def set_input_channels(self, channels: int) -> None:
        """Tell the callback how many input channels a PortAudio device gives. [main]"""
        if not 0 <= channels <= IN_CHANNELS:
            raise ValueError(f"channels must be 0 to {IN_CHANNELS}, got {channels}")
        self._state["input_channels"] = channels

    @property
    def server_down(self) -> bool:
        """Whether the audio server has gone; the device clears it when it is back. [any]"""
        return bool(self._state["server_down"])

    @server_down.setter
    def server_down(self, down: bool) -> None:
        self._state["server_down"] = int(down)

    def begin(self, block_frames: int, deadline: bool) -> None:
        """A device will run the callback: start its clock, with a deadline if live. [main]"""
        state = self._state
        state["block_frames"] = block_frames
        state["deadline"] = int(deadline)
        state["clock_ns"] = 0
        state["quit_done"] = 0
        state["freewheel"] = 0
        self._switch_frame = AS_SOON_AS_POSSIBLE
        self._command(layout.QUIT, 0, -1, 1.0, None)  # void what an earlier stream never saw
        self.set("master_gain_db", self._values["master_gain_db", None])
        address, first = _clock_function()
        self._rig.native[layout.CLOCK] = address
        self._rig.scratch[1] = first

    def quit_and_wait(self, timeout_s: float = 0.5) -> bool:
        """Fade out and wait for the callback's word; False if it no longer runs. [main]"""
        self._command(layout.QUIT, 0, -1, 0.0, AS_SOON_AS_POSSIBLE)
        until = time.monotonic() + timeout_s
        while not self._state["quit_done"]:
            if time.monotonic() > until:
                return False
            time.sleep(0.002)
        return True

    def close(self) -> None:
        """Free the synth; no device may run the callback any more. Idempotent. [main]"""
        if not self._closed:
            self._closed = True
            self._state["fluid"] = 0
            self._synth.close()
            self._chains.close()


def clock_ns() -> int:
    """Return the monotonic time the callback stamps its blocks with, in ns. [any]"""
    return time.perf_counter_ns() if sys.platform == "win32" else time.monotonic_ns()


def touched_zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return zeros whose pages are all there, so that the callback never faults one in. [main]"""
    array = np.empty(shape, dtype)
    array.reshape(-1).view(np.uint8).fill(0)
    return array


def _clock_function() -> tuple[int, int]:
    """Return (address, first argument or ns a tick) of the clock the callback reads."""
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32")
        frequency = ctypes.c_int64()
        kernel.QueryPerformanceFrequency(ctypes.byref(frequency))
        function = kernel.QueryPerformanceCounter
        return ctypes.cast(function, ctypes.c_void_p).value or 0, 1_000_000_000 // frequency.value
    function = ctypes.CDLL(None).clock_gettime
    clock = 8 if sys.platform == "darwin" else time.CLOCK_MONOTONIC  # 8: CLOCK_UPTIME_RAW
    return ctypes.cast(function, ctypes.c_void_p).value or 0, clock


def _check_part(part: int) -> None:
    if not 0 <= part < MAX_PARTS:
        raise ValueError(f"part must be 0 to {MAX_PARTS - 1}, got {part}")
