"""Memory banks for our own voices: notes of a SoundFont program, rendered once and looped.

Built on the main thread before the bank is announced to the callback, and kept in the cache folder
so that the next start only reads them. A bank is one float32 array, its zones an array of
layout.ZONE_OF_BANK.
"""

import hashlib
import os
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.fluidsynth import GAIN, FluidSynth
from engine.paths import cache_folder
from engine.rt.layout import ZONE_OF_BANK

VERSION = 1
KEY_STEP = 3  # semitones between rendered notes
VELOCITIES = ((1, 88, 72), (89, 127, 112))  # lowest, highest, rendered
HELD_S = 2.0
FALLING_S = 5.0
LOOP_END_S = 1.8
GUARD_BEFORE, GUARD_AFTER = 1, 3  # samples the interpolation reads beyond the note


@dataclass(frozen=True)
class Bank:
    """Samples and zones of one instrument; data (n,) float32, zones (k,) ZONE_OF_BANK.

    Raises ValueError for what a voice must not be given: the callback checks nothing. [any]
    """

    data: np.ndarray
    zones: np.ndarray

    def __post_init__(self) -> None:
        for name, dtype in (("data", np.dtype(np.float32)), ("zones", ZONE_OF_BANK)):
            array = getattr(self, name)
            if array.dtype != dtype or array.ndim != 1 or not array.flags.c_contiguous:
                raise ValueError(f"{name} must be a row of {dtype.name}, got {array.dtype}")
        if not np.isfinite(self.data).all():
            raise ValueError("the samples of a bank must be finite numbers")
        for number, zone in enumerate(self.zones):
            _check_zone(f"zone {number}", zone, len(self.data))


def _check_zone(name: str, zone: np.void, samples: int) -> None:
    """Raise ValueError unless the zone and its guard samples lie within so many samples."""
    offset, length = int(zone["offset"]), int(zone["length"])
    start, end = int(zone["loop_start"]), int(zone["loop_end"])
    last = samples - GUARD_AFTER
    if length < 1 or offset < GUARD_BEFORE or offset + length > last:
        raise ValueError(
            f"{name} must lie within {GUARD_BEFORE} to {last}, got {offset} to {offset + length}"
        )
    if end != 0 and not 0 <= start < end <= length:
        raise ValueError(f"the loop of {name} must lie within 0 to {length}, got {start} to {end}")
    numbers = [zone[n] for n in ("root_key", "gain", "attack_s", "decay_s", "sustain", "release_s")]
    if not np.isfinite(numbers).all() or not -256 <= zone["root_key"] <= 256:
        raise ValueError(f"the numbers of {name} must be finite, its root key -256 to 256")
    if not 1 <= zone["rate_hz"] <= 1e6:
        raise ValueError(f"the rate of {name} must be 1 to 1000000 Hz, got {zone['rate_hz']:g}")


def render_bank(soundfont: Path, program: int, bank: int, low: int, high: int) -> Bank:
    """Return the bank of a program over the keys low..high, cached if it was. [main]"""
    stat = soundfont.stat()
    font = f"{soundfont} {stat.st_size} {stat.st_mtime_ns}"
    name = f"{font} {program} {bank} {low} {high} {GAIN} {VERSION}"
    path = cache_folder() / "banks" / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.npz"
    try:
        with np.load(path) as stored:
            return Bank(stored["data"], stored["zones"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        made = _render(soundfont, program, bank, low, high)
    partial = path.with_suffix(f".{os.getpid()}.npz")
    with suppress(OSError):  # without a cache the next start renders again
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(partial, data=made.data, zones=made.zones)
        partial.replace(path)
    return made


def _render(soundfont: Path, program: int, bank: int, low: int, high: int) -> Bank:
    rate_hz = 48000
    synth = FluidSynth(soundfont, rate_hz, pairs=1, polyphony=64)
    pieces, zones, offset = [], [], 0
    try:
        synth.select(0, bank, program)
        for key in range(low, high + KEY_STEP, KEY_STEP):
            for velocity_low, velocity_high, velocity in VELOCITIES:
                note, loop_start, loop_end = _render_note(synth, min(key, 127), velocity, rate_hz)
                zone = np.zeros(1, ZONE_OF_BANK)
                zone["key_low"] = 0 if key == low else key - KEY_STEP // 2
                zone["key_high"] = 127 if key >= high else key + KEY_STEP // 2
                zone["velocity_low"], zone["velocity_high"] = velocity_low, velocity_high
                zone["root_key"], zone["rate_hz"] = min(key, 127), rate_hz
                zone["offset"] = offset + GUARD_BEFORE
                zone["length"] = len(note) - GUARD_BEFORE - GUARD_AFTER
                zone["loop_start"], zone["loop_end"] = loop_start, loop_end
                zone["gain"] = (127 / velocity) ** 2  # as loud as the SoundFont at this velocity
                zone["attack_s"], zone["sustain"], zone["release_s"] = 0.001, 1.0, 0.6
                pieces.append(note)
                zones.append(zone)
                offset += len(note)
    finally:
        synth.close()
    return Bank(np.concatenate(pieces), np.concatenate(zones))


def _render_note(
    synth: FluidSynth, key: int, velocity: int, rate_hz: int
) -> tuple[np.ndarray, int, int]:
    """Return a mono note with guard samples, and its loop (0, 0 without)."""
    audio = np.zeros((2, int(HELD_S * rate_hz)), np.float32)
    synth.note(0, key, velocity)
    synth.write(audio)
    mono = audio.mean(axis=0)
    early = np.sqrt(np.mean(mono[rate_hz // 4 : rate_hz // 2] ** 2))
    late = np.sqrt(np.mean(mono[int(LOOP_END_S * rate_hz) : int(HELD_S * rate_hz)] ** 2))
    if late < 0.4 * early:
        rest = np.zeros((2, int((FALLING_S - HELD_S) * rate_hz)), np.float32)
        synth.write(rest)
        synth.silence(0)
        mono = np.concatenate([mono, rest.mean(axis=0)])
        fade = np.linspace(1, 0, 4800, dtype=np.float32)
        mono[-len(fade) :] *= fade
        return np.pad(mono, (GUARD_BEFORE, GUARD_AFTER)), 0, 0
    synth.silence(0)
    start, end = find_loop(mono, rate_hz)
    looped = crossfade_loop(mono, start, end)
    body = np.concatenate([looped[:end], looped[start : start + GUARD_AFTER]])
    return np.pad(body, (GUARD_BEFORE, 0)), start, end


def find_loop(mono: np.ndarray, rate_hz: int) -> tuple[int, int]:
    """Return (start, end) in frames of the loop whose seam matches best. [any]"""
    end = int(LOOP_END_S * rate_hz)
    window = 2048
    template = mono[end - window : end].astype(np.float64)
    first, last = int(0.6 * rate_hz), int(1.3 * rate_hz)
    region = mono[first - window : last].astype(np.float64)
    size = 1 << int(np.ceil(np.log2(len(region) + window)))
    spectrum = np.fft.rfft(region, size) * np.conj(np.fft.rfft(template, size))
    match = np.fft.irfft(spectrum, size)[: len(region) - window + 1]
    energy = np.convolve(region**2, np.ones(window), "valid")
    best = int(np.argmax(match / np.sqrt(energy + 1e-9)))
    return first + best, end


def crossfade_loop(mono: np.ndarray, start: int, end: int, frames: int = 2048) -> np.ndarray:
    """Return a copy in which the end of the loop melts into what precedes its start. [any]"""
    out = mono.copy()
    fade = np.linspace(0, 1, frames, dtype=np.float32)
    out[end - frames : end] = (
        mono[end - frames : end] * (1 - fade) + mono[start - frames : start] * fade
    )
    return out
