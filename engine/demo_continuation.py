"""The demo of playing on: eight bars of a chorale at one keyboard, eight bars the ensemble answers.

Offline, through the callback that plays live: the player's notes are separated as they are struck,
the continuation worker is asked for its plan when the player stops, and the callback sounds it. The
same seed gives the same sound. Writes demo.wav, .mid, .png and .json. [main]
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.continuation.manager import Continuation
from engine.demo import (
    MASTER_GAIN_DB,
    PIECE,
    RATE_HZ,
    SEED,
    TAIL_S,
    TEMPO_BPM,
    TITLE,
    Take,
    write_notes,
)
from engine.ensembles import load_ensemble, with_sound
from engine.midi.files import read_midi
from engine.midi.performance import Performance
from engine.notes import ENSEMBLE, Note, NoteLog
from engine.offline import CHUNK_FRAMES, SILENT, keyboard_feeder, new_engine
from engine.paths import presets_folder
from engine.pictures import RollNote, draw_rolls
from engine.playing import LEAD_IN_S, LiveConditions, PlayedNote, at_the_keyboard, perform
from engine.rendering import make_folder, open_wav

BARS, BEATS_PER_BAR = 8, 4
BEATS = BARS * BEATS_PER_BAR
LIFT_BEATS = 0.05  # before the answer begins, the player's last keys are up


def run_continuation_demo(
    folder: Path,
    *,
    ensemble_name: str | Path = "string_quartet",
    sound: str | None = None,
    chord_window_ms: float | None = None,
    soundfont: Path | None = None,
    seed: int = SEED,
    say: Callable[[str], None] = lambda sentence: None,
) -> dict[str, Any]:
    """Play and answer, write the four files, return what demo.json holds. [main]"""
    ensemble = load_ensemble(ensemble_name)
    if sound is not None:
        ensemble = with_sound(ensemble, sound)
    make_folder(folder)
    played = first_bars(read_midi(presets_folder() / "demo" / PIECE))
    keyboard = at_the_keyboard("keyboard", played)
    say(f"Rendering eight bars of {TITLE}, and the ensemble's answer.")
    engine = new_engine(ensemble, RATE_HZ, chord_window_ms, soundfont)
    continuation = Continuation(engine, say, offline=True)
    log = NoteLog()
    try:
        engine.set("master_gain_db", MASTER_GAIN_DB)
        engine.set("tempo_bpm", TEMPO_BPM)
        engine.set("continuation_length_bars", BARS)
        continuation.set("seed", seed)
        continuation.set("mode", "takeover")
        with open_wav(folder / "demo.wav", RATE_HZ) as file:

            def heard(audio: np.ndarray) -> None:
                file.write(audio[:, :2])
                log.add(engine.results())

            _play_and_answer(engine, continuation, keyboard, heard)
        log.end_all(engine.frame)
        state = continuation.state()
        soundfont_name, statistics = engine.soundfont.name, asdict(engine.stats())
    finally:
        continuation.close()
        engine.close()
    take = Take(log.notes, 0, RATE_HZ, "offline", "none", 0.0, soundfont_name, statistics)
    write_notes(folder / "demo.mid", take, ensemble)
    answer = [note for note in log.notes if note.how == ENSEMBLE]
    report = {
        "piece": TITLE,
        "ensemble": ensemble.id,
        "bars": {"played": BARS, "answered": BARS},
        "notes": {"played": len(log.notes) - len(answer), "answered": len(answer)},
        "tempo_bpm": TEMPO_BPM,
        "seed": seed,
        "model": state["worker"]["model"],
        "soundfont": soundfont_name,
        "rate_hz": RATE_HZ,
    }
    names = [part.name for part in ensemble.parts]
    _draw(folder / "demo.png", report, ensemble.name, names, log.notes)
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (folder / "demo.json").write_text(text, encoding="utf-8")
    return report


def first_bars(score: Performance) -> list[PlayedNote]:
    """The first bars as one pair of hands plays them, in a steady tempo. [any]"""
    events = score.events.copy()
    events["seconds"] = score.tempo.to_beats(events["seconds"]) * 60.0 / TEMPO_BPM
    steady = replace(score, events=events)
    end_s = LEAD_IN_S + (BEATS - LIFT_BEATS) * 60.0 / TEMPO_BPM
    notes = perform(steady, SEED, LiveConditions(rubato_percent=0.0))
    return [replace(n, end_s=min(n.end_s, end_s)) for n in notes if n.start_s < end_s - LIFT_BEATS]


def _play_and_answer(
    engine: Any,
    continuation: Continuation,
    keyboard: Performance,
    heard: Callable[[np.ndarray], None],
) -> None:
    """Render what is played, have the answer planned, render that."""
    first = engine.frame + int(LEAD_IN_S * RATE_HZ)
    frames_per_beat = 60.0 * RATE_HZ / TEMPO_BPM
    answer = first + int(np.ceil(BEATS * frames_per_beat))
    engine.locate(0.0, first)
    engine.set("rolling", 1, frame=first)
    engine.take_over(answer)
    feeder = keyboard_feeder(engine, keyboard)
    while engine.frame < answer:
        feeder.feed(engine.frame + CHUNK_FRAMES)
        heard(engine.render(min(CHUNK_FRAMES, answer - engine.frame)))
    continuation.plan_until(BEATS, 2 * BEATS)
    end = answer + int(BEATS * frames_per_beat)
    while engine.frame < end:
        heard(engine.render(CHUNK_FRAMES))
    last = engine.frame + int(TAIL_S * RATE_HZ)
    loud = 1.0
    while engine.frame < last and (loud >= SILENT or engine.stats().held_notes):
        audio = engine.render(CHUNK_FRAMES)
        loud = float(np.abs(audio).max())
        heard(audio)


def _draw(
    path: Path, report: dict[str, Any], ensemble: str, names: list[str], notes: list[Note]
) -> None:
    """The picture: what was played, and from the seam on what the ensemble answered."""
    rolled = [
        RollNote(n.start_frame / RATE_HZ, n.end_frame / RATE_HZ, n.pitch, n.part) for n in notes
    ]
    counts = report["notes"]
    caption = (
        f"To the left of the line {counts['played']} notes played at one keyboard, to the right "
        f"{counts['answered']} the ensemble answers by itself (seed {report['seed']})."
    )
    seam_s = LEAD_IN_S + BEATS * 60.0 / TEMPO_BPM
    title = f"{TITLE}: eight bars, and an answer"
    draw_rolls(path, [(f"{ensemble}, as it played", rolled)], names, title, caption, seam_s)
