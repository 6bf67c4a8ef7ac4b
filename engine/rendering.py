"""A MIDI file through the ensemble into WAV files: the master, and a stem for each part. [main]

The audio is written as it is made, so that a long piece needs no more memory than a short one.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.ensembles import Ensemble
from engine.errors import RipienoError
from engine.midi.performance import Performance, merged_to_keyboard
from engine.neural.sounds import played_offline
from engine.notes import NOTE_ON
from engine.offline import keyboard_feeder, new_engine, part_feeders, play_offline
from engine.separate import tracks_are_parts


@dataclass(frozen=True)
class Rendered:
    """What `render_file` did: `direct` if tracks went straight to their parts."""

    notes: int
    direct: bool
    seconds: float
    took_s: float
    remarks: tuple[str, ...]


def render_file(
    performance: Performance,
    ensemble: Ensemble,
    output: Path,
    *,
    stems_folder: Path | None = None,
    rate_hz: int = 48000,
    chord_window_ms: float | None = None,
    soundfont: Path | None = None,
    tail_s: float = 6.0,
    sound: str | None = None,
) -> Rendered:
    """Play `performance` with `ensemble` into `output`, a 24-bit WAV, and stems. [main]

    `sound`: as `--sound`, which the ensemble has already; the neural synth is asked here.
    """
    begun_s = time.perf_counter()
    direct = tracks_are_parts(performance, ensemble)
    keyboard = performance if direct else merged_to_keyboard(performance)
    engine = new_engine(ensemble, rate_hz, chord_window_ms, soundfont)
    notes = 0
    said: list[str] = []
    try:
        parts: list[int] = []
        if direct:
            names = [part.name.casefold() for part in ensemble.parts]
            parts = [names.index(track.name.casefold()) for track in performance.tracks]
        with ExitStack() as stack:
            late = stack.enter_context(played_offline(engine, ensemble, sound, said.append))
            said.clear()
            outputs = _open_outputs(stack, output, stems_folder, ensemble, rate_hz)
            if direct:
                feeders = part_feeders(engine, performance, parts)
            else:
                feeders = [keyboard_feeder(engine, keyboard)]

            def on_chunk(audio: np.ndarray, results: np.ndarray) -> None:
                nonlocal notes, late
                notes += int(np.count_nonzero(results["kind"] == NOTE_ON))
                skipped = min(late, len(audio))
                late -= skipped
                for index, wav in enumerate(outputs):
                    wav.write(audio[skipped:, 2 * index : 2 * index + 2])

            stems = stems_folder is not None
            frames = play_offline(engine, feeders, on_chunk, tail_s=tail_s, stems=stems)
    finally:
        engine.close()
    took_s = time.perf_counter() - begun_s
    return Rendered(notes, direct, frames / rate_hz, took_s, (*keyboard.remarks, *said))


def _open_outputs(
    files: ExitStack, output: Path, stems_folder: Path | None, ensemble: Ensemble, rate_hz: int
) -> list[Any]:
    paths = [output]
    if stems_folder is not None:
        make_folder(stems_folder)
        paths += [
            stems_folder / f"{number:02d} {part.name}.wav"
            for number, part in enumerate(ensemble.parts, start=1)
        ]
    return [files.enter_context(open_wav(path, rate_hz)) for path in paths]


def make_folder(folder: Path) -> None:
    """Make `folder` if it is not there; RipienoError in one sentence. [any]"""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RipienoError(f"{folder}: cannot be made: {error.strerror}") from error


def open_wav(path: Path, rate_hz: int) -> Any:
    """A stereo 24-bit WAV file to write to; RipienoError if it cannot be one. [any]"""
    import soundfile

    if path.suffix.lower() != ".wav":
        raise RipienoError(f"{path}: the name of a sound file must end in .wav")
    try:
        return soundfile.SoundFile(
            path, "w", samplerate=rate_hz, channels=2, subtype="PCM_24", format="WAV"
        )
    except (soundfile.LibsndfileError, OSError) as error:
        reason = getattr(error, "error_string", str(error))
        raise RipienoError(f"{path}: cannot be written: {reason}") from error
