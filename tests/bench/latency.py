"""From a key on JACK MIDI to the first frame of sound, at block 64, wherever in the block it falls.

A second process with native callbacks strikes the keys and hears the sound; the engine assigns
every note by the network. Single notes and chords of ten, at all 64 offsets in the block; idle, and
while a thread of the engine's process hogs the interpreter's lock, the two in turns. Our voices
play a bank whose samples begin at full level, so that every note of a chord can be counted in the
sound; single notes also play the bank made from the SoundFont. FluidSynth's voices compute in
buffers of 64 frames. Beside them FluidSynth's own JACK client, fed and heard by the same probe: it
takes every event at the start of its block, so that its sound may come before the key's frame.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from engine.ensembles import Ensemble, load_ensemble
from engine.jack import JackDevice
from engine.soundfonts import find_soundfont
from tests.bench.processes import finish, hog_interpreter, start
from tests.bench.report import arguments, report
from tests.servers import JackServer, jack_server

RATE_HZ, BLOCK_FRAMES = 48000, 64
SINGLE = [60]
CHORD = [38, 45, 50, 54, 57, 62, 66, 69, 74, 78]
VELOCITY = 100
TURNS = 4  # idle and stressed, each with every TURNS-th offset
ATTACK_FRAMES = 8
PANIC_CC = 119
NETWORK_BAR_PERCENT = 99.0  # a step that came late, as on a busy machine, is made by rule
OWN_BAR, FLUID_BAR, CHORD_BAR = 1, 72, 2 * BLOCK_FRAMES
STEPS, RENDERED, SOUNDFONT = "our voices, steps", "our voices", "FluidSynth voices"


def main() -> None:
    options = arguments(__doc__)
    rows, reach = [], {}
    counts: dict[str, dict[str, int]] = {kind: {} for kind in (STEPS, RENDERED, SOUNDFONT)}
    with jack_server(BLOCK_FRAMES, RATE_HZ) as server:
        heard = {kind: measure(server, kind, counts[kind]) for kind in counts}
        reference = measure_fluidsynth(server)
    for kind, sets in heard.items():
        for (what, stress), frames in sets.items():
            rows.append(row(kind, what, "hogged" if stress else "idle", frames))
    rows.append(row("FluidSynth's own client", "single", "idle", reference))
    for stress, name in ((False, "idle"), (True, "hogged")):
        for claim, kind, what, bar in (
            ("our voices, single note, frames", RENDERED, "single", OWN_BAR),
            ("FluidSynth voices, single note, frames", SOUNDFONT, "single", FLUID_BAR),
            ("chord of ten, last note, frames", STEPS, "chord", CHORD_BAR),
        ):
            first, value = min(heard[kind][what, stress]), max(heard[kind][what, stress])
            reach[f"{claim}, {name}"] = (value, f"<= {bar}", first >= 0 and value <= bar)
    network = sum(each["notes_network"] for each in counts.values())
    share = 100.0 * network / (network + sum(each["notes_rule"] for each in counts.values()))
    bar = f">= {NETWORK_BAR_PERCENT:g}"
    reach["notes assigned by the network in time, %"] = (share, bar, share >= NETWORK_BAR_PERCENT)
    report("latency", rows, reach, options.json)


def row(kind: str, what: str, load: str, frames: list[int]) -> dict[str, Any]:
    return {
        "sound": kind,
        "keys": what,
        "interpreter": load,
        "trials": len(frames),
        "min_frames": min(frames),
        "p50_frames": float(np.median(frames)),
        "max_frames": max(frames),
        "max_ms": 1000.0 * max(frames) / RATE_HZ,
    }


def measure(
    server: JackServer, kind: str, counts: dict[str, int]
) -> dict[tuple[str, bool], list[int]]:
    """Frames from the event to the sound of (keys, stressed), one for every offset."""
    with engine_process(server, kind, counts) as say, probe() as ears:
        ears.connect(
            "bench-engine:midi_in", [f"bench-engine:stem_{n:02d}_left" for n in range(1, 5)]
        )
        say("drain")
        whats = {"single": SINGLE, "chord": CHORD}
        if kind != STEPS:
            del whats["chord"]
        found: dict[tuple[str, bool], list[int]] = {
            (what, stress): [] for what in whats for stress in (False, True)
        }
        one = float(strike(ears, SINGLE, 0)[0][-1])  # how loud one note of the steps is
        for turn in range(TURNS):
            for stress in (False, True):
                say("hog" if stress else "rest")
                time.sleep(0.2)
                for offset in range(turn, BLOCK_FRAMES, TURNS):
                    for what, pitches in whats.items():
                        sound, at = strike(ears, pitches, offset)
                        found[what, stress].append(
                            onset(sound, at)
                            if what == "single"
                            else last_of(sound, at, one, pitches)
                        )
        say("rest")
    return found


def strike(ears: Any, pitches: list[int], offset: int) -> tuple[np.ndarray, int]:
    """Strike keys at once; what is heard of that block on, and the keys' frame in it. Then end."""
    heard, at = ears.trial([[0x90, pitch, VELOCITY] for pitch in pitches], offset)
    ends = [[0x80, pitch, 0] for pitch in pitches]
    quiet, _ = ears.trial([*ends, [0xB0, PANIC_CC, 127], [0xB0, 120, 0]], 0)
    while np.abs(quiet[:, -BLOCK_FRAMES:]).max() > 0.0:
        quiet, _ = ears.trial([[0xB0, PANIC_CC, 127]], 0)
    return heard.sum(axis=0), at


def onset(sound: np.ndarray, at: int) -> int:
    """Frames from `at` to the first that is not zero; negative if the sound came before the key."""
    sounding = np.flatnonzero(sound)
    if not len(sounding):
        raise RuntimeError("a note was not heard")
    return int(sounding[0]) - at


def last_of(sound: np.ndarray, at: int, one: float, pitches: list[int]) -> int:
    """The onset of a chord's last note: each is a ramp of ATTACK_FRAMES to the same level."""
    count = sound[-1] / one
    if abs(count - len(pitches)) > 0.01:
        raise RuntimeError(f"{len(pitches)} notes were struck and {count:.2f} are heard")
    still = np.abs(sound - sound[-1]) < 0.01 * one
    full = int(np.flatnonzero(~still)[-1]) + 1
    return full - ATTACK_FRAMES + 1 - at


@contextmanager
def probe() -> Iterator[Any]:
    from tests.bench.probe import Probe

    ears = Probe()
    try:
        yield ears
    finally:
        ears.close()


@contextmanager
def engine_process(server: JackServer, kind: str, counts: dict[str, int]) -> Iterator[Any]:
    """The engine in a process of its own; yields a function to tell it something.

    At the end the engine's own counts are in `counts`.
    """
    process = start(run_engine, server.env, kind=kind)
    assert process.stdin is not None
    assert process.stdout is not None

    def say(word: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{word}\n")
        process.stdin.flush()
        if process.stdout.readline() != f"{word}\n":
            raise RuntimeError(f"the engine's process did not answer to {word!r}")

    if process.stdout.readline() != "playing\n":
        raise RuntimeError("the engine's process did not start")
    yield say
    counts.update(finish(process))


def run_engine(kind: str) -> dict[str, int]:
    """The engine, until stdin ends; obeys "hog" and "rest"."""
    from engine.core import Engine
    from models import registry

    device = JackDevice("bench-engine")
    engine = Engine(device.rate_hz)
    engine.load_separator(registry.load("chorales"))
    ensemble = sounding_as(kind)
    if kind == STEPS:
        slot = engine.add_bank(steps())
        for part in ensemble.parts:
            engine._players.slots[part.program, part.bank, part.low, part.high] = slot
    engine.apply(ensemble)
    device.start(engine)
    time.sleep(0.2)
    engine.reset_stats()
    print("playing", flush=True)
    rest = None
    for line in sys.stdin:
        word = line.strip()
        if word == "hog" and rest is None:
            rest = hog_interpreter()
        elif word == "rest" and rest is not None:
            rest.set()
            rest = None
        engine.results()
        print(word, flush=True)
    device.close()
    stats = engine.stats()
    engine.close()
    names = ("notes_network", "notes_rule", "notes_late_rule", "late_events", "missed_cycles")
    return {name: getattr(stats, name) for name in names}


def sounding_as(kind: str) -> Ensemble:
    """Four parts for the network's four classes, dry and in the middle."""
    quartet = load_ensemble("string_quartet")
    parts = tuple(
        replace(
            part,
            sound="soundfont" if kind == SOUNDFONT else "bank",
            low=0,
            high=127 if kind != RENDERED else part.high,
            polyphony=16,
            gain_db=0.0,
            pan=0.0,
            reverb_send=0.0,
            chorus_send=0.0,
        )
        for part in quartet.parts
    )
    return replace(quartet, parts=parts, chord_window_ms=0.0, chord_mode="wait")


def steps() -> Any:
    """A bank whose every key is the constant 0.05, so that a note is a step in the sound."""
    from engine.banks import Bank
    from engine.rt.layout import ZONE_OF_BANK

    zone = np.zeros(1, ZONE_OF_BANK)
    zone["key_high"] = zone["velocity_high"] = 127
    zone["root_key"], zone["rate_hz"] = 60, RATE_HZ
    zone["offset"], zone["length"] = 1, RATE_HZ
    zone["loop_start"], zone["loop_end"] = 1000, RATE_HZ - 1000
    zone["gain"], zone["sustain"] = 1.0, 1.0
    return Bank(np.full(RATE_HZ + 4, 0.05, np.float32), zone)


def measure_fluidsynth(server: JackServer) -> list[int]:
    """FluidSynth's own client, keys and sound over JACK."""
    options = ["-q", "-a", "jack", "-m", "jack", "-r", str(RATE_HZ)]
    names = ["-o", "audio.jack.id=bench-fluid", "-o", "midi.jack.id=bench-fluid"]
    switches = ["-o", "synth.reverb.active=0", "-o", "synth.chorus.active=0"]
    with subprocess.Popen(
        ["fluidsynth", *options, *names, *switches, str(find_soundfont())],
        env=server.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            server.wait_for("bench-fluid:left")
            with probe() as ears:
                ears.connect("bench-fluid:midi_00", ["bench-fluid:left"])
                strike(ears, SINGLE, 0)
                return [onset(*strike(ears, SINGLE, offset)) for offset in range(BLOCK_FRAMES)]
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
