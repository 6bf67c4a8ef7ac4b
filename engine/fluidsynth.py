"""libfluidsynth for the callback: one synth without threads and locks, a stereo pair a part.

Made and destroyed on the main thread while no stream runs; in between only the callback calls it,
through the addresses in `functions`. [main]
"""

import ctypes
import ctypes.util
import os
import sys
from pathlib import Path

from engine.errors import RipienoError
from engine.rt import layout

_NAMES = {
    "linux": ("libfluidsynth.so.3", "libfluidsynth.so.2"),
    "darwin": (
        "libfluidsynth.3.dylib",
        "/opt/homebrew/lib/libfluidsynth.dylib",
        "/usr/local/lib/libfluidsynth.dylib",
    ),
    "win32": ("libfluidsynth-3.dll", "libfluidsynth-2.dll", "fluidsynth.dll"),
}
_FIX = {
    "linux": "apt install libfluidsynth3",
    "darwin": "brew install fluid-synth",
    "win32": "put libfluidsynth-3.dll from the FluidSynth release on the PATH",
}
_CALLED = {
    layout.FLUID_NOTE_ON: "fluid_synth_noteon",
    layout.FLUID_NOTE_OFF: "fluid_synth_noteoff",
    layout.FLUID_CC: "fluid_synth_cc",
    layout.FLUID_BEND: "fluid_synth_pitch_bend",
    layout.FLUID_PRESSURE: "fluid_synth_channel_pressure",
    layout.FLUID_KEY_PRESSURE: "fluid_synth_key_pressure",
    layout.FLUID_PROGRAM: "fluid_synth_program_select",
    layout.FLUID_SOUNDS_OFF: "fluid_synth_all_sounds_off",
    layout.FLUID_PROCESS: "fluid_synth_process",
}
GAIN = 0.8  # a quartet's chord reaches the limiter's knee between velocity 90 and 127
_ERROR, _WARNING, _INFO, _DEBUG = 1, 2, 3, 4
FAILED = -1


class FluidSynthError(RipienoError):
    """FluidSynth is missing or cannot do what it is asked."""


def load_library() -> ctypes.CDLL:
    """Return libfluidsynth with the signatures used here; FluidSynthError with the fix. [main]"""
    platform = sys.platform if sys.platform in _NAMES else "linux"
    found = ctypes.util.find_library("fluidsynth")
    for name in (*_NAMES[platform], *([found] if found else [])):
        try:
            return _declare(ctypes.CDLL(name))
        except OSError:
            continue
    raise FluidSynthError(f"FluidSynth, which plays the SoundFonts, is missing: {_FIX[platform]}")


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    pointer, text, whole = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures = {
        "new_fluid_settings": (pointer, []),
        "delete_fluid_settings": (None, [pointer]),
        "fluid_settings_setint": (whole, [pointer, text, whole]),
        "fluid_settings_setnum": (whole, [pointer, text, ctypes.c_double]),
        "new_fluid_synth": (pointer, [pointer]),
        "delete_fluid_synth": (None, [pointer]),
        "fluid_synth_sfload": (whole, [pointer, text, whole]),
        "fluid_synth_set_channel_type": (whole, [pointer, whole, whole]),
        "fluid_synth_set_interp_method": (whole, [pointer, whole, whole]),
        "fluid_synth_noteon": (whole, [pointer, whole, whole, whole]),
        "fluid_synth_noteoff": (whole, [pointer, whole, whole]),
        "fluid_synth_all_sounds_off": (whole, [pointer, whole]),
        "fluid_synth_program_select": (whole, [pointer, whole, whole, whole, whole]),
        "fluid_synth_pin_preset": (whole, [pointer, whole, whole, whole]),
        "fluid_synth_write_float": (whole, [pointer, whole] + [pointer, whole, whole] * 2),
        "fluid_set_log_function": (pointer, [whole, pointer, pointer]),
        "fluid_version_str": (text, []),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name, None)
        if function is None:
            raise FluidSynthError(f"this FluidSynth is too old: {name} came with version 2.2")
        function.restype = result
        function.argtypes = arguments
    return library


class FluidSynth:
    """A synth with one SoundFont loaded; `pairs` stereo outputs, channel p to pair p. [main]"""

    def __init__(self, soundfont: Path, rate_hz: int, pairs: int, polyphony: int = 256) -> None:
        library = load_library()
        for level in (_WARNING, _INFO, _DEBUG, _ERROR):
            library.fluid_set_log_function(level, None, None)  # it would print in the callback
        settings = library.new_fluid_settings()
        numbers = {"synth.sample-rate": float(rate_hz), "synth.gain": GAIN}
        switches = {
            "synth.audio-channels": pairs,
            "synth.audio-groups": pairs,
            "synth.midi-channels": 16,
            "synth.polyphony": polyphony,
            "synth.threadsafe-api": 0,
            "synth.cpu-cores": 1,
            "synth.reverb.active": 0,
            "synth.chorus.active": 0,
            "synth.dynamic-sample-loading": 1,
        }
        for name, value in numbers.items():
            library.fluid_settings_setnum(settings, name.encode(), value)
        for name, value in switches.items():
            library.fluid_settings_setint(settings, name.encode(), value)
        self.soundfont = soundfont
        self._pinned: set[tuple[int, int]] = set()
        self._library = library
        self._settings = settings
        self.address: int = library.new_fluid_synth(settings) or 0
        if not self.address:
            library.delete_fluid_settings(settings)
            raise FluidSynthError(f"FluidSynth cannot make a synth at {rate_hz} Hz")
        self.font: int = library.fluid_synth_sfload(self.address, os.fsencode(soundfont), 0)
        if self.font == FAILED:
            self.close()
            raise FluidSynthError(f"{soundfont} is not a SoundFont that FluidSynth can load")
        for channel in range(16):
            library.fluid_synth_set_channel_type(self.address, channel, 0)  # none is for drums

    @property
    def functions(self) -> dict[int, int]:
        """Index in the native table -> address of the function. [main]"""
        return {
            index: ctypes.cast(getattr(self._library, name), ctypes.c_void_p).value or 0
            for index, name in _CALLED.items()
        }

    def pin(self, bank: int, program: int) -> None:
        """Read a preset's samples and keep them, so that the callback may select it. [main]

        Reading takes a while for compressed fonts; a stream may run meanwhile, since no voice can
        use these samples yet. Raises FluidSynthError if the font has no such preset.
        """
        if (bank, program) in self._pinned:
            return
        if self._library.fluid_synth_pin_preset(self.address, self.font, bank, program) == FAILED:
            raise FluidSynthError(
                f"the SoundFont {self.soundfont} has no preset {program} in bank {bank}"
            )
        self._pinned.add((bank, program))

    def select(self, channel: int, bank: int, program: int) -> None:
        """Give a channel a preset; FluidSynthError without it. [main, no stream running]"""
        self.pin(bank, program)
        self._library.fluid_synth_program_select(self.address, channel, self.font, bank, program)

    def note(self, channel: int, pitch: int, velocity: int) -> None:
        """Strike a note, or release it for velocity 0. [main, no stream running]"""
        if velocity:
            self._library.fluid_synth_noteon(self.address, channel, pitch, velocity)
        else:
            self._library.fluid_synth_noteoff(self.address, channel, pitch)

    def silence(self, channel: int) -> None:
        """Cut off every note of a channel. [main, no stream running]"""
        self._library.fluid_synth_all_sounds_off(self.address, channel)

    def write(self, audio) -> None:
        """Fill audio (2, frames) float32 with the sum of all channels. [main, no stream running]"""
        frames = audio.shape[1]
        left, right = audio[0].ctypes.data, audio[1].ctypes.data
        self._library.fluid_synth_write_float(self.address, frames, left, 0, 1, right, 0, 1)

    def close(self) -> None:
        """Free the synth; no stream may run any more. Idempotent. [main]"""
        if self.address:
            self._library.delete_fluid_synth(self.address)
            self._library.delete_fluid_settings(self._settings)
            self.address = 0
