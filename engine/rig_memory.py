"""The memory of the audio callback: every array it works in, allocated before a stream starts."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.fluidsynth import FluidSynth
from engine.morph_memory import set_up_morphs
from engine.parameters import GLOBAL_PARAMETERS
from engine.rt.callback import play_block
from engine.rt.delays import FADE_FRAMES
from engine.rt.effects import REVERB_SECONDS, reverb_lengths
from engine.rt.features import new_memory
from engine.rt.layout import FIELDS, PLAY_BLOCK, REVERB_LINES
from engine.rt.network import STATE_SIZE
from engine.rt.rig import new_table
from engine.rt.rings import WORDS, new_event_ring
from engine.separators import Separator
from engine.transport import show_at_rest

EVENTS, COMMANDS = 4096, 2048  # slots of the rings
SPARE_VOICES = 64  # for those that fade out after being stolen
TAP_SECONDS = 4.0


class RigMemory:
    """Owner of the arrays (`rig`, by the names of layout.FIELDS) and of the table of their
    addresses, which the callback is given."""

    def __init__(self, rate_hz: int, polyphony: int, tap: bool, synth: FluidSynth) -> None:
        pool = polyphony + SPARE_VOICES
        delays = reverb_lengths(rate_hz)
        self._lengths = {
            "event_words_size": EVENTS * WORDS,
            "command_words_size": COMMANDS * WORDS,
            "voices_size": pool,
            "reverb_frames": int(delays.max()),
            "tap_frames": int(TAP_SECONDS * rate_hz) if tap else 1,
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
        self.rig = SimpleNamespace(**arrays)
        _set_up_state(self.rig, rate_hz, polyphony, tap)
        _set_up_sound(self.rig, rate_hz, synth)
        _set_up_transport(self.rig, rate_hz)
        _set_up_midi(self.rig)
        set_up_morphs(self.rig)
        self._serial = 0
        self._networks: dict[int, tuple[np.ndarray, dict[str, np.ndarray]]] = {}
        self.load_network(Separator.of(None))

    def _shape(self, shape: tuple[int | str, ...]) -> tuple[int, ...]:
        return tuple(self._lengths[n] if isinstance(n, str) else n for n in shape)

    def load_network(self, separator: Separator) -> None:
        """Take in a part-separation network. Not in a stream. [main]"""
        self._networks.clear()
        self.table, state = self._new_network(separator), self.rig.state[0]
        state["table"] = 0
        state["network_serial"] = self._serial
        state["classes"] = separator.classes

    def network_to_hand_over(self, separator: Separator) -> tuple[int, int]:
        """Return (address, serial) of the table of a rig with this network, for TAKE_NETWORK.

        Its arrays, and those of the one before, are kept as long as the callback reads them. [main]
        """
        table = self._new_network(separator)
        return table.ctypes.data, self._serial

    def sweep(self) -> None:
        """Let go of the networks that the callback does not read any more. [main]"""
        left = int(self.rig.state[0]["network_left"])
        for serial in [serial for serial in self._networks if serial < left]:
            del self._networks[serial]

    @property
    def networks(self) -> int:
        """How many networks' arrays are kept. [any]"""
        return len(self._networks)

    def _new_network(self, separator: Separator) -> np.ndarray:
        """Give the rig a network's arrays, fresh; return its table."""
        rig = self.rig
        classes = len(separator.middle_pitches)
        rig.weights = separator.weights
        rig.network_state = touched_zeros((STATE_SIZE,), np.float32)
        rig.memory = new_memory(int(rig.state[0]["rate_hz"]), classes)
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
        rig.last_pitch[:] = separator.middle_pitches
        table = new_table(vars(rig), self._lengths)
        self._serial += 1
        self._networks[self._serial] = (table, dict(vars(rig)))
        return table


def _set_up_state(rig: SimpleNamespace, rate_hz: int, polyphony: int, tap: bool) -> None:
    pool = polyphony + SPARE_VOICES
    rig.free[:] = np.arange(pool)[::-1]
    state = rig.state[0]
    state["rate_hz"] = rate_hz
    state["voices_free"] = pool
    state["voices_limit"] = polyphony
    state["budget_quantum"] = -1
    state["last_frame_time"] = -1
    state["control"] = 1
    state["panic_cc"] = int(GLOBAL_PARAMETERS["panic_cc"].initial)
    state["channels"] = 2
    state["tap"] = int(tap)
    state["compensation"] = 1
    state["send_programs"] = 1
    rig.native[PLAY_BLOCK] = play_block.address


def _set_up_sound(rig: SimpleNamespace, rate_hz: int, synth: FluidSynth) -> None:
    state = rig.state[0]
    state["fluid"] = synth.address
    state["fluid_font"] = synth.font
    for index, address in synth.functions.items():
        rig.native[index] = address
    rig.fluid_pointers[:] = [row.ctypes.data for row in rig.fluid_audio]
    delays = reverb_lengths(rate_hz)
    rig.reverb_index[1] = delays
    falls = delays[:REVERB_LINES] / (REVERB_SECONDS * rate_hz)
    rig.reverb_gains[0] = 10.0 ** (-3.0 * falls)
    state["master_from"] = state["master_to"] = 1.0
    rig.gains["start"] = rig.gains["end"] = 1.0
    rig.strips["fade_at"] = -FADE_FRAMES


def _set_up_transport(rig: SimpleNamespace, rate_hz: int) -> None:
    transport = rig.transport[0]
    transport["frames_per_beat"] = 0.5 * rate_hz
    transport["told_frames_per_beat"] = transport["frames_per_beat"]
    transport["beats_per_bar"] = 4
    transport["locked"] = 1
    transport["click_gain"] = 10.0 ** (GLOBAL_PARAMETERS["click_gain_db"].initial / 20.0)
    transport["click_age"] = transport["jack_frame"] = -1
    floor = rig.floor[0]
    floor["silence"] = GLOBAL_PARAMETERS["continuation_silence_beats"].initial
    floor["bars"] = int(GLOBAL_PARAMETERS["continuation_bars"].initial)
    floor["ends"] = np.inf
    show_at_rest(rig.transport_words, 120.0, 4)  # until the callback shows it


def _set_up_midi(rig: SimpleNamespace) -> None:
    rig.state[0]["bend"] = 8192
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
    rig.pads["base_x"] = rig.pads["base_y"] = 0.5
    rig.pads["texture"] = 0.5
    rig.pads["loop"] = 1
    rig.pads["newest_frame"] = -1
    rig.pads["bend"] = 8192
    rig.pads["controllers"] = rig.controllers


def touched_zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return zeros whose pages are all there, so that the callback never faults one in. [main]"""
    array = np.empty(shape, dtype)
    array.reshape(-1).view(np.uint8).fill(0)
    return array
