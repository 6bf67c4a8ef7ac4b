"""The memory of the audio callback: every array it works in, allocated before a stream starts."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.fluidsynth import FluidSynth
from engine.parameters import GLOBAL_PARAMETERS
from engine.rt.delays import FADE_FRAMES
from engine.rt.effects import REVERB_SECONDS, reverb_lengths
from engine.rt.layout import FIELDS, REVERB_LINES
from engine.rt.network import new_network, random_weights
from engine.rt.rig import new_table
from engine.rt.rings import WORDS, new_event_ring
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
        self.load_network(None)

    def _shape(self, shape: tuple[int | str, ...]) -> tuple[int, ...]:
        return tuple(self._lengths[n] if isinstance(n, str) else n for n in shape)

    def load_network(
        self,
        weights: dict[str, np.ndarray] | None,
        middle_pitches: Sequence[int] | None = None,
    ) -> None:
        """Take in a part-separation network, or rules alone for None. Not in a stream. [main]

        Raises ValueError naming the array if the weights are not those of a network.
        """
        network = random_weights(4, seed=0) if weights is None else weights
        rig = self.rig
        rate_hz = int(rig.state[0]["rate_hz"])
        rig.weights, rig.network_state, rig.memory = new_network(network, rate_hz)
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
        self.table = new_table(vars(rig), self._lengths)


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


def touched_zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return zeros whose pages are all there, so that the callback never faults one in. [main]"""
    array = np.empty(shape, dtype)
    array.reshape(-1).view(np.uint8).fill(0)
    return array
