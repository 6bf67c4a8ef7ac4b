"""What the tests of the real-time core share: synthetic banks, small engines, events, results.

A bank of ones plays the envelope itself, so that a single sample is worth looking at; a bank of a
sine has a pitch. Engines made here have no FluidSynth unless a test asks for it.
"""

from __future__ import annotations

import numpy as np

from engine.banks import GUARD_AFTER, GUARD_BEFORE, Bank
from engine.core import Engine
from engine.ensembles import Ensemble, Part
from engine.rt import layout
from engine.rt.layout import ZONE_OF_BANK
from engine.rt.network import random_weights
from engine.stream_clock import AS_SOON_AS_POSSIBLE

VOICES = ("soprano", "alto", "tenor", "bass")
RAMPED = 1024  # frames after which every strip has come to rest (a multiple of 64)
PROGRAM = 19
TAIL = slice(RAMPED, None)


def note_on(pitch: int, velocity: int = 100, channel: int = 0) -> bytes:
    return bytes((0x90 | channel, pitch, velocity))


def note_off(pitch: int, channel: int = 0) -> bytes:
    return bytes((0x80 | channel, pitch, 64))


def controller(number: int, value: int, channel: int = 0) -> bytes:
    return bytes((0xB0 | channel, number, value))


def bend(value: int, channel: int = 0) -> bytes:
    return bytes((0xE0 | channel, value & 127, value >> 7))


def bank_of(
    samples: np.ndarray,
    *,
    root_key: float = 60.0,
    rate_hz: float = 48000.0,
    loop: tuple[int, int] = (0, 0),
    attack_s: float = 0.0,
    decay_s: float = 0.0,
    sustain: float = 1.0,
    release_s: float = 0.05,
    gain: float = 1.0,
    pan: float = 0.0,
) -> Bank:
    """Return a bank whose one zone is `samples`, for every key and velocity."""
    zone = np.zeros(1, ZONE_OF_BANK)
    zone["key_high"], zone["velocity_high"] = 127, 127
    zone["root_key"], zone["rate_hz"] = root_key, rate_hz
    zone["offset"], zone["length"] = GUARD_BEFORE, len(samples)
    zone["loop_start"], zone["loop_end"] = loop
    zone["attack_s"], zone["decay_s"] = attack_s, decay_s
    zone["sustain"], zone["release_s"] = sustain, release_s
    zone["gain"], zone["pan"] = gain, pan
    start, end = loop
    after = samples[start : start + GUARD_AFTER] if end else np.zeros(GUARD_AFTER)
    before = samples[end - 1 : end] if end and start == 0 else np.zeros(GUARD_BEFORE)
    return Bank(np.concatenate([before, samples, after]).astype(np.float32), zone)


def ones_bank(**settings) -> Bank:
    """A note that is its own envelope: ones without end."""
    return bank_of(np.ones(64), loop=(0, 64), **settings)


def sine_bank(period: int = 100, **settings) -> Bank:
    """A sine of `period` samples at its root key, looped."""
    phase = 2 * np.pi * np.arange(period) / period
    return bank_of(np.sin(phase), loop=(0, period), **settings)


def ensemble_of(parts: int = 4, *, sound: str = "bank", id: str = "test", **settings) -> Ensemble:
    """Return an ensemble of equal parts; the model's voices go to the first of them."""
    part_settings = {
        name: settings.pop(name)
        for name in ("low", "high", "polyphony", "pan", "gain_db", "reverb_send", "chorus_send")
        if name in settings
    }
    part_settings.setdefault("polyphony", 64)
    part_settings.setdefault("reverb_send", 0.0)
    programs = settings.pop("programs", [PROGRAM] * parts)
    return Ensemble(
        id=id,
        name=id,
        description="",
        tags=(),
        parts=tuple(
            Part(
                name=f"part {i}",
                program=programs[i],
                sound=sound,
                voices=voices_of(i, parts),
                midi_channel=i + 1,
                **part_settings,
            )
            for i in range(parts)
        ),
        **settings,
    )


def voices_of(index: int, parts: int) -> tuple[str, ...]:
    """Return the model's voices that part `index` of so many plays: bass voices go to the last."""
    if parts == 1:
        return VOICES
    last = min(parts, len(VOICES)) - 1
    if index < last:
        return (VOICES[index],)
    return VOICES[last:] if index == last else ()


def weights_of_odds(odds: np.ndarray | tuple[float, ...]) -> dict[str, np.ndarray]:
    """A network that wants its classes with these odds, whatever is played."""
    weights = random_weights(len(odds), seed=1)
    weights["output"][:] = 0
    weights["output_bias"] = np.log(odds)
    return weights


def new_engine(
    bank: Bank | None = None,
    *,
    parts: int = 4,
    sound: str = "bank",
    network: bool = False,
    fluid: bool = False,
    ready: bool = True,
    polyphony: int = 256,
    tap: bool = False,
    rate_hz: int = 48000,
    **settings,
) -> Engine:
    """Return an engine playing `bank` on equal parts, its ramps at rest, its counts at zero.

    Notes are assigned by zones (below 57, 63, 69, above), or by an untrained network.
    """
    engine = Engine(rate_hz, polyphony=polyphony, tap=tap)
    if not fluid:
        engine._rig.state[0]["fluid"] = 0
    if network:
        engine.load_separator(random_weights(4, seed=1))
    settings.setdefault("assigner", "network" if network else "zones")
    wanted = ensemble_of(parts, sound=sound, **settings)
    if sound == "bank":
        slot = engine.add_bank(bank or ones_bank())
        for part in wanted.parts:
            engine._players.slots[part.program, part.bank, part.low, part.high] = slot
    engine.apply(wanted)
    if ready:
        engine.render(RAMPED)
        engine.results()
        engine.tap()
        engine.reset_stats()
    return engine


class Saved:
    """The memory of an engine's callback at some moment, to go back to. Not FluidSynth's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._arrays = {name: getattr(engine._rig, name).copy() for name in _memory(engine)}
        self._values = dict(engine._values)

    def restore(self) -> Engine:
        for name, array in self._arrays.items():
            getattr(self._engine._rig, name)[...] = array
        self._engine._values = dict(self._values)
        self._engine._stamped.clear()
        self._engine._switch_frame = AS_SOON_AS_POSSIBLE
        return self._engine


def _memory(engine: Engine) -> list[str]:
    skipped = ("event_values", "command_values")  # the same memory as the words
    return [name for name in vars(engine._rig) if name not in skipped]


def send(engine: Engine, events, shift: int | None = None) -> None:
    """Push (frame, message) or (frame, message, source) events; frames count from now."""
    start = engine.frame if shift is None else shift
    for frame, message, *source in events:
        assert engine.midi(message, start + frame, *source)


def play(engine: Engine, events, frames: int, block: int = 64, stems: bool = False) -> np.ndarray:
    """Send events, render, return the audio (frames, channels)."""
    send(engine, events)
    return engine.render(frames, block, stems)


def of_kind(records: np.ndarray, *kinds: int) -> np.ndarray:
    return records[np.isin(records["kind"], kinds)]


def note_ons(records: np.ndarray) -> np.ndarray:
    return of_kind(records, layout.NOTE_ON)


def note_offs(records: np.ndarray) -> np.ndarray:
    return of_kind(records, layout.NOTE_OFF)


def check_notes(records: np.ndarray, *, all_ended: bool = True) -> None:
    """Every NOTE_OFF ends one NOTE_ON, once, on the part the note was last on."""
    sounding: dict[int, tuple[int, int]] = {}
    for record in records:
        note, part, pitch = int(record["note"]), int(record["part"]), int(record["a"])
        if record["kind"] == layout.NOTE_ON:
            assert note not in sounding, f"note {note} began twice"
            sounding[note] = part, pitch
        elif record["kind"] == layout.MOVED:
            assert sounding.get(note) == (int(record["c"]), pitch), (
                f"note {note} moved from nowhere"
            )
            sounding[note] = part, pitch
        elif record["kind"] == layout.NOTE_OFF:
            assert sounding.pop(note, None) == (part, pitch), f"note {note} ended and never began"
        elif record["kind"] == layout.PANICKED:
            assert not sounding, f"notes {sorted(sounding)} outlived a panic"
    if all_ended:
        assert not sounding, f"notes {sorted(sounding)} never ended"


def onset(audio: np.ndarray, threshold: float = 1e-7) -> int:
    """Return the first frame at which any channel is above the threshold; -1 if none is."""
    loud = np.abs(audio).reshape(len(audio), -1).max(axis=1) > threshold
    return int(np.argmax(loud)) if loud.any() else -1


def stem(audio: np.ndarray, part: int) -> np.ndarray:
    """Return the stereo pair of a part (frames, 2) of audio rendered with stems."""
    return audio[:, 2 + 2 * part : 4 + 2 * part]


def biggest_step(audio: np.ndarray) -> float:
    """Return the biggest difference between neighbouring samples."""
    return float(np.abs(np.diff(audio, axis=0)).max())
