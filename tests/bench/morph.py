"""What morph voices cost, beside FluidSynth's in the same run, and how soon they follow.

Cost: 32 voices held by four parts, with unrest and vibrato, offline in blocks of 64, less what the
engine takes without a voice; as many of FluidSynth's (both on one core, in turns); a chord of 16
that begins in one block. The weights are those that ship.

Time, in the sound itself, with a model whose note is one sine: how many frames after its event a
note begins; when a note of 32 is half way from one anchor to the other after the puck was moved
across by a controller, at its worst place on the stream's grid, a block's wait included; and by how
much a held frame wobbles.
"""

import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.core import Engine
from engine.fluidsynth import FluidSynth
from engine.morph_memory import shipped_model
from engine.morph_sounds import Source, Vibrato
from engine.rt.layout import MORPH_VOICES
from models.morph.voice_model import HARMONICS, MorphModel, random_model
from tests.bench.report import arguments, report
from tests.bench.voices import sound_notes, voices_of
from tests.engine.morph_helpers import new_morph_engine, sound_of, still
from tests.engine.rig_helpers import controller, note_on, onset

RATE_HZ, BLOCK_FRAMES = 48000, 64
BLOCK_US = 1e6 * BLOCK_FRAMES / RATE_HZ
PARTS = 4
COUNTS = (8, 16, MORPH_VOICES)
COST_FRAMES, COST_ROUNDS = 3200, 80
CHORD, CHORD_ROUNDS = 16, 60
SHARE_BAR, NOTE_BAR, PAD_BAR, WOBBLE_BAR = 15.0, 1, 10.0, 0.2
HIGH_KEY = 100  # 2637 Hz: eighteen frames a period


def main() -> None:
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        rows, share = cost(Path(folder))
        note, pad_ms = note_frames(Path(folder)), pad_to_sound(Path(folder))
        wobble = wobble_db(Path(folder))
    rows += [
        {"what": "pad to sound, half way, worst", "ms": float(pad_ms.max())},
        {"what": "pad to sound, half way, mean", "ms": float(pad_ms.mean())},
    ]
    reach = {
        f"share of a block of 64, {MORPH_VOICES} voices, %": (
            share,
            f"<= {SHARE_BAR:g}",
            share <= SHARE_BAR,
        ),
        "note to sound, frames": (note, f"<= {NOTE_BAR}", note <= NOTE_BAR),
        "pad to sound, worst, half way, ms": (
            float(pad_ms.max()),
            f"<= {PAD_BAR:g}",
            pad_ms.max() <= PAD_BAR,
        ),
        "wobble of a held frame, dB": (wobble, f"<= {WOBBLE_BAR}", wobble <= WOBBLE_BAR),
    }
    report("morph", rows, reach, options.json)


def cost(folder: Path) -> tuple[list[dict[str, Any]], float]:
    """Rows, and what the most voices take of a block in %."""
    model = shipped_model()
    engines = {count: _holding(folder, model, count) for count in (0, *COUNTS)}
    synth, empty = (FluidSynth(engines[0].soundfont, RATE_HZ, 1, 128) for _ in range(2))
    fluid_voices = sound_notes(synth, MORPH_VOICES)
    audio = np.zeros((2, COST_FRAMES), np.float32)
    runs: dict[Any, Any] = {
        count: lambda engine=engine: engine.render(COST_FRAMES, BLOCK_FRAMES)
        for count, engine in engines.items()
    }
    runs |= {"FluidSynth": lambda: synth.write(audio), "none": lambda: empty.write(audio)}
    took_us: dict[Any, list[float]] = {name: [] for name in runs}
    for _ in range(COST_ROUNDS):
        for name, one in runs.items():
            begun = time.perf_counter_ns()
            one()
            took_us[name].append((time.perf_counter_ns() - begun) / 1000)
    held = {count: engine.stats().voices for count, engine in engines.items()}
    if any(found != count for count, found in held.items()) or voices_of(synth) != fluid_voices:
        raise RuntimeError(f"voices ended during the measurement: {held}")
    # the tenth percentile: rounds in which nothing else had the core
    blocks = COST_FRAMES / BLOCK_FRAMES
    quiet = {name: float(np.percentile(us[5:], 10)) / blocks for name, us in took_us.items()}
    rows = [_cost_row("ours", count, quiet[count] - quiet[0]) for count in COUNTS]
    fluid_us = (quiet["FluidSynth"] - quiet["none"]) * MORPH_VOICES / fluid_voices
    rows.append(_cost_row("FluidSynth's", MORPH_VOICES, fluid_us))
    rows.append(
        {
            "what": f"ours, a chord of {CHORD} begins",
            "voices": CHORD,
            "share_%": 100 * chord_us(folder, model) / BLOCK_US,
        }
    )
    for one in (*engines.values(), synth, empty):
        one.close()
    return rows, float(rows[len(COUNTS) - 1]["share_%"])


def _holding(folder: Path, model: MorphModel, count: int) -> Engine:
    engine = _orchestra(folder, model)
    for i in range(count):
        engine.part_midi(i % PARTS, note_on(36 + (i * 7) % 48, 100))
    engine.render(RATE_HZ, BLOCK_FRAMES)
    return engine


def _orchestra(folder: Path, model: MorphModel) -> Engine:
    """Four parts, two of the model's instruments in the sound of each, half way between them."""
    swings = Vibrato(depth_cents=10)
    sounds = []
    for part in range(PARTS):
        plain = sound_of(f"part {part}", texture=0.5, vibrato=swings)
        names = [model.instruments[(2 * part + k) % len(model.instruments)] for k in range(2)]
        anchors = tuple(
            dataclasses.replace(anchor, instrument=name)
            for anchor, name in zip(plain.anchors, names, strict=True)
        )
        sounds.append(dataclasses.replace(plain, anchors=anchors))
    return new_morph_engine(folder, *sounds, model=model)


def _cost_row(whose: str, count: int, us: float) -> dict[str, Any]:
    return {
        "what": whose,
        "voices": count,
        "share_%": 100 * us / BLOCK_US,
        "us_a_voice_and_block": us / count,
        "voices_a_core": count * BLOCK_US / us,
    }


def chord_us(folder: Path, model: MorphModel) -> float:
    """What the block takes in which a chord begins, the engine's own time included."""
    engine = _orchestra(folder, model)
    took = []
    for _ in range(CHORD_ROUNDS):
        for i in range(CHORD):
            engine.part_midi(i % PARTS, note_on(40 + 3 * i), engine.frame)
        begun = time.perf_counter_ns()
        engine.render(BLOCK_FRAMES, BLOCK_FRAMES)
        took.append((time.perf_counter_ns() - begun) / 1000)
        engine.panic()
        engine.render(20 * BLOCK_FRAMES)
    engine.close()
    return float(np.percentile(took[5:], 10))


def note_frames(folder: Path) -> int:
    """Frames from a note's event to its first sound, the most of all places in a block."""
    engine = new_morph_engine(folder)
    found = []
    for offset in range(0, 128, 7):
        engine.part_midi(0, note_on(60), engine.frame + offset)
        found.append(onset(engine.render(256, BLOCK_FRAMES)) - offset)
        engine.panic()
        engine.render(RATE_HZ // 10)
    engine.close()
    return max(found)


def pad_to_sound(folder: Path) -> np.ndarray:
    """Times in ms from a controller to half way, 32 voices sounding, all over the grid."""
    model = still(random_model(1), 1)
    levels = model.levels_db.copy()
    levels[1] = levels[0] - 12
    model = dataclasses.replace(model, levels_db=levels)
    source = Source(axis="x", kind="cc", controller=1)
    sound = sound_of("led", sources=(source,), vibrato=Vibrato())
    places = tuple(
        dataclasses.replace(anchor, x=float(k)) for k, anchor in enumerate(sound.anchors)
    )
    puck = dataclasses.replace(sound.puck, x=0.0)
    sound = dataclasses.replace(sound, anchors=places, puck=puck)
    engine = new_morph_engine(folder, sound, sound_of("rest"), model=model)
    for i in range(MORPH_VOICES - 1):
        engine.part_midi(1, note_on(30 + i, 1))
    engine.part_midi(0, note_on(HIGH_KEY, 127))
    engine.render(RATE_HZ)
    times, value = [], 127
    for offset in range(64, 320, 9):
        engine.render(1024 - engine.frame % 256)
        engine.part_midi(0, controller(1, value), engine.frame + offset)
        level = _level(engine.render(4096, BLOCK_FRAMES, stems=True)[:, 2], HIGH_KEY)
        before, after = level[BLOCK_FRAMES], level[-BLOCK_FRAMES]
        half, rising = 0.5 * (before + after), after > before
        if abs(after - before) < 0.5 * half:
            raise RuntimeError("the controller did not move the puck across")
        late = level[offset:]
        crossed = int(np.argmax(late > half if rising else late < half))
        times.append(1e3 * (crossed + BLOCK_FRAMES) / RATE_HZ)
        value = 127 - value
    engine.close()
    return np.array(times)


def _level(audio: np.ndarray, key: int) -> np.ndarray:
    """Return the amplitude of a sine of that key at each frame."""
    hz = 440 * 2 ** ((key - 69) / 12)
    turned = audio * np.exp(-2j * np.pi * hz * np.arange(len(audio)) / RATE_HZ)
    period = round(RATE_HZ / hz)
    return np.abs(np.convolve(turned, np.ones(period) / period, "same"))


def wobble_db(folder: Path) -> float:
    """By how much the level of a held frame of 64 harmonics moves, its noise left out."""
    engine = new_morph_engine(folder, model=still(random_model(1), HARMONICS))
    engine.part_midi(0, note_on(57, 100))
    audio = engine.render(2 * RATE_HZ)[RATE_HZ // 10 :, 0].astype(np.float64)
    engine.close()
    window = round(24 * RATE_HZ / 220)  # of whole periods
    power = np.convolve(audio**2, np.ones(window) / window, "valid")
    return float(10 * np.log10(power.max() / power.min()))


if __name__ == "__main__":
    main()
