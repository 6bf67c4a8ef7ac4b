"""Offline speed on a piece of 16 parts, x real time, with FluidSynth's own renderer beside it.

A seeded piece of 60 s: sixteen tracks, each a line of quavers with a second voice below it. Ours
goes through `render_file`, from MIDI file to 24-bit WAV, once with the SoundFont's instruments and
once with our own voices, the mixer's reverb on; FluidSynth's renderer (`fluidsynth -F`) makes a WAV
of the same file with its own reverb. All with one core, in turns; the best of each is given, the
start of the engine or program included. Our own voices also read their banks, made before.
"""

import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import numpy as np

from engine.ensembles import Ensemble, Part
from engine.midi.files import read_midi
from engine.rendering import render_file
from engine.rt.layout import MAX_PARTS
from engine.soundfonts import find_soundfont
from tests.bench.report import arguments, report

RATE_HZ = 48000
SECONDS = 60.0
TURNS = 3
PROGRAMS = (73, 68, 71, 70, 60, 56, 57, 58, 40, 40, 41, 42, 43, 46, 19, 52)
TICKS, QUAVER_S = 480, 0.25
LOWEST = 40


def main() -> None:
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    speed = {row["renderer"]: row["x_real_time"] for row in rows}
    ours = speed["ours, SoundFont"]
    reach = {
        "x real time (reported)": (ours, "> 1", ours > 1.0),
        "ours over FluidSynth's renderer (reported)": (
            ours / speed["FluidSynth's renderer"],
            "any",
            True,
        ),
    }
    report("render", rows, reach, options.json)


def measure(folder: Path) -> list[dict[str, Any]]:
    """Render the piece in every way, in turns."""
    piece = folder / "piece.mid"
    write_piece(piece)
    performance = read_midi(piece)
    output = folder / "out.wav"

    def ours(sound: str) -> float:
        return render_file(performance, band(sound), output, tail_s=1.0).seconds

    def fluidsynth() -> float:
        options = ["-ni", "-q", "-r", str(RATE_HZ), "-F", str(output), "-T", "wav", "-O", "s24"]
        effects = ["-R", "1", "-C", "0"]
        command = ["fluidsynth", *options, *effects, str(find_soundfont()), str(piece)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return _seconds_of(output)

    ways = {
        "ours, SoundFont": lambda: ours("soundfont"),
        "ours, own voices": lambda: ours("bank"),
        "FluidSynth's renderer": fluidsynth,
    }
    ways["ours, own voices"]()  # makes the banks
    best: dict[str, tuple[float, float]] = {}
    for _ in range(TURNS):
        for name, way in ways.items():
            begun_s = time.perf_counter()
            seconds = way()
            took_s = time.perf_counter() - begun_s
            if name not in best or took_s < best[name][1]:
                best[name] = (seconds, took_s)
    return [
        {
            "renderer": name,
            "sound_s": seconds,
            "took_s": took_s,
            "x_real_time": seconds / took_s,
            "notes": int(np.count_nonzero(performance.events["status"] & 0xF0 == 0x90)),
        }
        for name, (seconds, took_s) in best.items()
    ]


def band(sound: str) -> Ensemble:
    """Sixteen parts for the sixteen tracks."""
    everything = ("soprano", "alto", "tenor", "bass")
    parts = tuple(
        Part(
            f"Part {n + 1}",
            program,
            sound=sound,
            low=LOWEST,
            high=LOWEST + 48,
            polyphony=16,
            reverb_send=0.3,
            midi_channel=_channel(n),
            voices=everything if n == 0 else (),
        )
        for n, program in enumerate(PROGRAMS)
    )
    return replace(
        Ensemble(id="sixteen", name="Sixteen", parts=parts, assigner="zones"), chord_window_ms=0.0
    )


def write_piece(path: Path) -> None:
    """The seeded piece, a track a part, at 120 beats a minute."""
    random = np.random.default_rng(16)
    file = mido.MidiFile(ticks_per_beat=TICKS)
    quaver = TICKS // 2
    for part, program in enumerate(PROGRAMS):
        channel = _channel(part) - 1
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=f"Part {part + 1}")])
        track.append(mido.Message("program_change", channel=channel, program=program))
        centre = 48 + 2 * part
        for _ in range(round(SECONDS / QUAVER_S)):
            upper = centre + int(random.integers(-5, 6))
            pitches = (upper, max(LOWEST, upper - int(random.integers(3, 9))))
            for kind, delay in (("note_on", 0), ("note_off", quaver)):
                for i, pitch in enumerate(pitches):
                    velocity = 64 if kind == "note_off" else 80
                    wait = delay if i == 0 else 0
                    track.append(
                        mido.Message(
                            kind, channel=channel, note=pitch, velocity=velocity, time=wait
                        )
                    )
        file.tracks.append(track)
    file.save(path)


def _channel(part: int) -> int:
    """1..16, the drums' channel given to nobody: the last two parts share one."""
    channel = part + 1 if part < 9 else part + 2
    return min(channel, MAX_PARTS)


def _seconds_of(path: Path) -> float:
    import soundfile

    return float(soundfile.info(path).duration)


if __name__ == "__main__":
    main()
