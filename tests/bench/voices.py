"""How many of our voices one core holds, and what a voice-sample costs beside FluidSynth's.

Held: the engine on a jackd of its own (dummy driver, block 64), 16 parts, every voice looping a
note of an organ rendered from the SoundFont, at pitches all over the keyboard; more and more voices
until the 99.9th percentile of the callback passes 90 % of the block. A trivial callback takes
turns with the engine in the same client and shows the noise of machine and server.

Cost: the same notes offline in blocks of 64, ours and FluidSynth's (both stereo, four-point
interpolation, no effects, one core), in turns, less what either takes without a voice.
"""

import ctypes
import time
from typing import Any

import numpy as np

from engine.core import Engine
from engine.ensembles import Ensemble, Part
from engine.fluidsynth import FluidSynth, load_library
from engine.jack import JackDevice
from engine.rt.layout import MAX_PARTS
from engine.rt.native import rt
from engine.rt.rig import rig_at
from engine.rt.voices import start_voice
from tests.bench.report import arguments, report
from tests.bench.stopwatch import Watched
from tests.servers import jack_server

RATE_HZ, BLOCK_FRAMES = 48000, 64
COUNTS = (256, 512, 1024, 2048, 3072, 4096, 5120)
SECONDS = 5.0
SLICE_SECONDS = 0.1
LIMIT_PERCENT = 90.0
HELD_BAR, COST_BAR = 2000, 0.5
ORGAN, LOW, HIGH = 19, 36, 84
KEY_STEP = 5  # prime to the number of keys and of channels: all pairs come
COST_VOICES, COST_FRAMES, COST_ROUNDS = 256, 4800, 80
rig_of: Any = rig_at
FIRST_NOTE = 1 << 40  # ids no note of the engine's has


def main() -> None:
    options = arguments(__doc__)
    rows, held = ramp()
    costs, ratio = cost()
    reach = {
        "voices held, p99.9 < 90 % of a block of 64": (held, f">= {HELD_BAR}", held >= HELD_BAR),
        "cost of a voice-sample, x FluidSynth's": (ratio, f"<= {COST_BAR}", ratio <= COST_BAR),
    }
    report("voices", rows + costs, reach, options.json)


def new_engine(polyphony: int) -> Engine:
    """Sixteen parts that play the same bank."""
    engine = Engine(RATE_HZ, polyphony=polyphony)
    parts = tuple(
        Part(f"Organ {n}", ORGAN, sound="bank", low=LOW, high=HIGH, voices=_classes(n))
        for n in range(MAX_PARTS)
    )
    engine.apply(Ensemble(id="organs", name="Organs", parts=parts, assigner="zones"))
    for part in range(MAX_PARTS):
        engine.set("reverb_send", 0.0, part)
    engine.render(4096)  # the commands take effect
    return engine


def _classes(part: int) -> tuple[str, ...]:
    return ("soprano", "alto", "tenor", "bass") if part == 0 else ()


@rt
def add_voices(table_address, bank, first, last):
    """Start the voices first..last-1, spread over parts and keys. Not while the callback runs."""
    rig = rig_of(table_address)
    for i in range(first, last):
        part = i % MAX_PARTS
        pitch = LOW + (i * KEY_STEP) % (HIGH - LOW + 1)
        start_voice(rig, part, bank, FIRST_NOTE + i, pitch, 30)


def _bank(engine: Engine) -> int:
    (slot,) = set(engine._players.slots.values())
    return slot


def ramp() -> tuple[list[dict[str, Any]], int]:
    """Rows, and the highest count of voices held."""
    rows, held = [], 0
    engine = new_engine(COUNTS[-1])
    add_voices(engine.user_data, _bank(engine), 0, 0)  # compile
    with jack_server(BLOCK_FRAMES, RATE_HZ):
        device = JackDevice("bench-voices")
        watched = Watched(engine, round(SLICE_SECONDS * RATE_HZ / BLOCK_FRAMES))
        device.start(watched)
        watch = watched.watch
        inner, sounding = int(watch.record["inner"][0]), 0
        for count in COUNTS:
            watch.record["inner"] = 0  # the trivial callback alone, while voices are added
            time.sleep(0.1)
            add_voices(engine.user_data, _bank(engine), sounding, count)
            sounding = count
            watch.record["inner"] = inner
            time.sleep(0.3)
            begin = watch.cycles
            time.sleep(SECONDS)
            row = _row(watch, begin, engine.stats().voices)
            rows.append(row)
            if row["p99.9_%"] < LIMIT_PERCENT:
                held = count
            elif row["p50_%"] >= LIMIT_PERCENT:
                break
        device.close()
    engine.close()
    return rows, held


def _row(watch: Any, begin: int, voices: int) -> dict[str, Any]:
    percent = 100.0 * RATE_HZ / BLOCK_FRAMES * 1e-9
    ours = watch.figures(BLOCK_FRAMES, RATE_HZ, True, begin)
    floor = watch.figures(BLOCK_FRAMES, RATE_HZ, False, begin)
    p50, p99, p999, longest = (percent * ns for ns in ours["took_ns"])
    return {
        "what": "held",
        "voices": voices,
        "p50_%": p50,
        "p99_%": p99,
        "p99.9_%": p999,
        "max_%": longest,
        "missed_%": 100.0 * ours["missed"] / ours["cycles"],
        "floor_p99.9_%": percent * floor["took_ns"][2],
        "floor_missed_%": 100.0 * floor["missed"] / floor["cycles"],
    }


def cost() -> tuple[list[dict[str, Any]], float]:
    """Rows, and our cost over FluidSynth's, from turns taken one after the other."""
    engine, silent = new_engine(COST_VOICES), new_engine(COST_VOICES)
    add_voices(engine.user_data, _bank(engine), 0, COST_VOICES)
    synth, empty = (FluidSynth(engine.soundfont, RATE_HZ, 1, 2 * COST_VOICES) for _ in range(2))
    fluid_voices = sound_notes(synth, COST_VOICES)
    audio = np.zeros((2, COST_FRAMES), np.float32)
    runs = {
        "ours": lambda: engine.render(COST_FRAMES, BLOCK_FRAMES),
        "ours, none": lambda: silent.render(COST_FRAMES, BLOCK_FRAMES),
        "FluidSynth": lambda: synth.write(audio),
        "FluidSynth, none": lambda: empty.write(audio),
    }
    took_ns: dict[str, list[int]] = {name: [] for name in runs}
    for _ in range(COST_ROUNDS):
        for name, one in runs.items():
            begun = time.perf_counter_ns()
            one()
            took_ns[name].append(time.perf_counter_ns() - begun)
    still = (engine.stats().voices, voices_of(synth))
    for one in (engine, silent, synth, empty):
        one.close()
    if still != (COST_VOICES, fluid_voices):
        raise RuntimeError(f"voices ended during the measurement: {still}")
    # the tenth percentile: rounds in which nothing else had the core
    quiet = {name: float(np.percentile(times[5:], 10)) for name, times in took_ns.items()}
    ours_ns = (quiet["ours"] - quiet["ours, none"]) / (COST_VOICES * COST_FRAMES)
    fluid_ns = (quiet["FluidSynth"] - quiet["FluidSynth, none"]) / (fluid_voices * COST_FRAMES)
    rows = [
        {"what": "ours", "voices": COST_VOICES, "ns_a_voice_sample": ours_ns},
        {"what": "FluidSynth", "voices": fluid_voices, "ns_a_voice_sample": fluid_ns},
    ]
    return rows, ours_ns / fluid_ns


def sound_notes(synth: FluidSynth, count: int) -> int:
    """Strike notes of the organ until so many voices stay; how many do."""
    for channel in range(16):
        synth.select(channel, 0, ORGAN)
    struck = 0
    while voices_of(synth) < count and struck < 16 * (HIGH - LOW + 1):
        for _ in range(8):
            synth.note(struck % 16, LOW + (struck * KEY_STEP) % (HIGH - LOW + 1), 30)
            struck += 1
        synth.write(np.zeros((2, RATE_HZ // 4), np.float32))  # the short ones end
    return voices_of(synth)


def voices_of(synth: FluidSynth) -> int:
    count = load_library().fluid_synth_get_active_voice_count
    count.argtypes, count.restype = [ctypes.c_void_p], ctypes.c_int
    return count(synth.address)


if __name__ == "__main__":
    main()
