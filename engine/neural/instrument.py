"""A morph sound by the paper's decoder, as a plugin host sees any instrument: `neural:NAME`.

The host process loads it on its main thread and plays it on its audio thread, so everything that is
said of plugins holds: its lead is stated when it begins, a slow or dead process gives the part back
its own sound with one sentence, and the audio callback waits for nothing.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from engine.errors import RipienoError
from engine.morph_sounds import load_morph_sound
from engine.neural.voices import Voices
from engine.plugins.chain import NEURAL, PluginError
from engine.plugins.loading import Parameter
from models import registry
from models.errors import ModelError
from models.morph import paper_model, voice_model

MODEL = "morph_paper"
AXES = ("x", "y")


class NeuralInstrument:
    """What `engine.plugins.loading.LoadedPlugin` is to a file. PluginError if it cannot. [main]"""

    instrument = True
    manufacturer = version = ""
    latency_frames = 0

    def __init__(self, path: str, rate_hz: int) -> None:
        try:
            sound = load_morph_sound(path.removeprefix(NEURAL))
            decoder = paper_model.load(MODEL)
            live = voice_model.load(registry.list_morphs()[0].name)
            self._voices = Voices(decoder, live, sound, rate_hz)
        except (RipienoError, ModelError) as error:
            raise PluginError(str(error)) from error
        self.name = f"{sound.name} on the neural synth ({decoder.provider})"
        self._home = (self._voices.puck.x, self._voices.puck.y)
        self.indices = {axis: index for index, axis in enumerate(AXES)}

    def settle(self) -> None:
        """Sound once unheard, so that the first note finds everything in memory. [main]"""
        self._voices.midi(bytes((0x90, 60, 64)))
        self._voices.render(4096)
        self._voices.midi(bytes((0xB0, 120, 0)))
        self._voices.render(4096)

    def process(self, audio: np.ndarray, events: list[tuple[bytes, int]]) -> np.ndarray:
        """Sound (2, n), each (message, frame) of `events` at its frame. [worker]"""
        frames = audio.shape[1]
        out = np.empty(frames, np.float32)
        done = 0
        for message, frame in [*events, (b"", frames)]:
            if frame > done:
                out[done:frame] = self._voices.render(frame - done)
                done = frame
            if message:
                self._voices.midi(message)
        return np.stack([out, out])

    def forget_tail(self) -> bool:
        """Be silent soon. [worker]"""
        self._voices.midi(bytes((0xB0, 120, 0)))
        return True

    def set(self, index: int, value01: float) -> None:
        """Put the puck somewhere. [worker]"""
        if 0 <= index < len(AXES):
            setattr(self._voices.puck, AXES[index], value01)

    def parameters(self) -> list[Parameter]:
        """The puck's place. [main]"""
        return [
            Parameter(index, axis, "", self.values()[axis], self._home[index], 0)
            for axis, index in self.indices.items()
        ]

    def values(self) -> dict[str, float]:
        """Where the puck was put. [main]"""
        return {axis: getattr(self._voices.puck, axis) for axis in AXES}

    @property
    def state(self) -> bytes:
        """All it would need to sound the same again. [main]"""
        return json.dumps(self.values()).encode()

    @state.setter
    def state(self, state: bytes) -> None:
        try:
            values = json.loads(state) if state else {}
            for axis in set(AXES) & set(values):
                setattr(self._voices.puck, axis, min(max(float(values[axis]), 0.0), 1.0))
        except (ValueError, TypeError) as error:
            raise PluginError(f"{self.name}: its state cannot be read") from error

    def show_editor(self, close: Any) -> None:
        """It has no window. [main]"""
        raise PluginError(f"{self.name} has no window of its own")
