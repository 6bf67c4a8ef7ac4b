"""One loaded plugin, whatever its kind: parameters by index, state, and sound a piece at a time.

Made on the main thread of a host or scanner process, where plugins insist on being loaded; the
audio thread then calls `process` and `set`. A plugin for one channel is loaded twice, once a side.

pedalboard's own loader asks every parameter for a thousand of its texts, which takes a minute for
an instrument that lists all MIDI controllers as parameters. Nothing here needs those, so the step
is left out and parameters are addressed by number; loading then takes milliseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard

from engine.chain_memory import shared
from engine.plugins.builtin import EFFECTS, Span
from engine.plugins.chain import BUILT_IN, PluginError

CHUNK = shared.CHUNK
MIDI_CONTROLLER = re.compile(r"MIDI (Ch\. ?\d+ )?CC ")
FORMATS: tuple[Any, ...] = tuple(
    getattr(pedalboard, name)
    for name in ("VST3Plugin", "AudioUnitPlugin")
    if hasattr(pedalboard, name)
)
LOAD_TIMEOUT_S = 30.0
SETTLING_CHUNKS = 64
for _format in FORMATS:
    _format.__set_initial_parameter_values__ = lambda self, values: None


@dataclass(frozen=True)
class Parameter:
    """What a window shows of one parameter. Its index is the plugin's own."""

    index: int
    name: str  # no two of a plugin are alike
    label: str
    value: float  # 0..1
    default: float
    steps: int  # of a switch or a list; 0: moves freely


class LoadedPlugin:
    """A plugin ready to play at one rate. Raises PluginError if it cannot. [main]"""

    def __init__(self, path: str, name: str, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._spans: tuple[Span, ...] = ()
        if path.startswith(BUILT_IN):
            effect = path.removeprefix(BUILT_IN)
            if effect not in EFFECTS:
                raise PluginError(
                    f'there is no effect "{path}": choose one of {", ".join(EFFECTS)} '
                    f"after {BUILT_IN}"
                )
            self._spans = EFFECTS[effect]
            self._sides = [getattr(pedalboard, effect)()]
            self.name, self.instrument = effect, False
            self.manufacturer = self.version = ""
        else:
            self._sides = [_load(path, name)]
            first = self._sides[0]
            self.name, self.instrument = first.name, bool(first.is_instrument)
            self.manufacturer, self.version = first.manufacturer_name, first.version
        try:
            self.settle()
        except ValueError:
            if self.instrument or self._spans:
                raise PluginError(f"{self.name} does not play in stereo") from None
            self._one_a_side(path, name)
        self._controls = [] if self._spans else [list(side._parameters) for side in self._sides]
        self.indices = {parameter.name: parameter.index for parameter in self.parameters()}

    def _one_a_side(self, path: str, name: str) -> None:
        self._sides.append(_load(path, name))
        try:
            self.settle()
        except ValueError:
            raise PluginError(f"{self.name} takes neither stereo nor mono sound") from None

    def settle(self) -> None:
        """Play some silence: it sees its rate, and what was set is where it shall be. [main]"""
        silence = np.zeros((2, CHUNK), np.float32)
        for _ in range(SETTLING_CHUNKS):
            self.process(silence, [])

    # ---- sound, on the audio thread ------------------------------------------------------

    def process(self, audio: np.ndarray, events: list[tuple[bytes, int]]) -> np.ndarray:
        """Sound (2, n <= CHUNK) of sound, or of (message, frame) for instruments. [worker]"""
        frames = audio.shape[1]
        rate = self.rate_hz
        if self.instrument:
            # A quarter of a frame on top: rounding must not move an event to the frame before.
            stamped = [(message, (frame + 0.25) / rate) for message, frame in events]
            duration_s = (frames + 0.25) / rate
            sound = self._sides[0].process(stamped, duration_s, rate, 2, CHUNK, False)
        elif len(self._sides) == 2:
            sound = np.empty_like(audio)
            for side, plugin in enumerate(self._sides):
                row = np.ascontiguousarray(audio[side : side + 1])
                sound[side] = plugin.process(row, rate, CHUNK, False)[0]
        else:
            sound = self._sides[0].process(np.ascontiguousarray(audio), rate, CHUNK, False)
        if sound.shape[1] < frames:  # it keeps its latency back at first
            sound = np.pad(sound, ((0, 0), (frames - sound.shape[1], 0)))
        if not np.isfinite(sound.sum()):
            return np.zeros_like(audio)
        return sound

    def forget_tail(self) -> bool:
        """Be silent at once, where it can; False if its tail has to ring out. [worker]"""
        if not self._spans and "ClearsAudio" not in str(self._sides[0]._reload_type):
            return False  # to these a reset is a new start, which takes time
        for side in self._sides:
            side.reset()
        return True

    @property
    def latency_frames(self) -> int:
        """Frames by which its sound is late, as it says. [worker]"""
        if self._spans:
            return 0
        return max(0, int(self._sides[0].reported_latency_samples))

    def set(self, index: int, value01: float) -> None:
        """Set a parameter; one that is not there is ignored. [worker]"""
        if self._spans:
            if 0 <= index < len(self._spans):
                span = self._spans[index]
                setattr(self._sides[0], span.attribute, span.at(value01))
            return
        for controls in self._controls:
            if 0 <= index < len(controls):
                controls[index].raw_value = value01

    # ---- what there is to set, and the state ---------------------------------------------

    def parameters(self) -> list[Parameter]:
        """What can be set, in the plugin's order; MIDI controllers are left out. [main]"""
        if self._spans:
            places = [span.of(getattr(self._sides[0], span.attribute)) for span in self._spans]
            return [
                Parameter(i, span.attribute, span.unit, place, place, 0)
                for i, (span, place) in enumerate(zip(self._spans, places, strict=True))
            ]
        found: list[Parameter] = []
        seen: dict[str, int] = {}
        for index, control in enumerate(self._controls[0]):
            name = control.name.strip()
            if not name or not control.is_automatable or MIDI_CONTROLLER.match(name):
                continue
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > 1:
                name = f"{name} ({seen[name]})"
            steps = control.num_steps if control.is_discrete or control.is_boolean else 0
            found.append(
                Parameter(
                    index,
                    name,
                    control.label,
                    float(control.raw_value),
                    float(control.default_raw_value),
                    int(steps) if 0 < steps < 10000 else 0,
                )
            )
        return found

    def values(self) -> dict[str, float]:
        """Where each of `parameters` stands now; quickly, for the sound goes on. [main]"""
        if self._spans:
            return {parameter.name: parameter.value for parameter in self.parameters()}
        controls = self._controls[0]
        return {name: float(controls[index].raw_value) for name, index in self.indices.items()}

    @property
    def state(self) -> bytes:
        """All it would need to sound the same again. [main]"""
        return b"" if self._spans else bytes(self._sides[0].raw_state)

    @state.setter
    def state(self, state: bytes) -> None:
        if self._spans or not state:
            return
        for side in self._sides:
            # Past pedalboard's own attribute setter, which would look at every parameter first.
            type(side).raw_state.fset(side, state)

    def show_editor(self, close: Any) -> None:
        """Show its window until it is closed or the event is set; blocks. [main]"""
        if self._spans:
            raise PluginError(f"{self.name} has no window of its own")
        self._sides[0].show_editor(close)


def names_in(path: str) -> list[str]:
    """Names of the plugins in a file or bundle; PluginError if there are none. [main]"""
    _check_there(path)
    reasons = []
    for form in FORMATS:
        try:
            return list(form.get_plugin_names_for_file(path))
        except (ImportError, ValueError, RuntimeError) as error:
            reasons.append(_one_line(error))
    raise PluginError(f"{path} cannot be used: {'; '.join(reasons)}")


def _load(path: str, name: str) -> Any:
    _check_there(path)
    reasons = []
    for form in FORMATS:
        try:
            return form(path, {}, name or None, LOAD_TIMEOUT_S)
        except (ImportError, ValueError, RuntimeError) as error:
            reasons.append(_one_line(error))
    raise PluginError(f"{path} cannot be loaded: {'; '.join(reasons)}")


def _check_there(path: str) -> None:
    if not Path(path).exists():
        raise PluginError(f"{path} is not there")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
