"""The demo: a chorale, played on one keyboard by a seeded stand-in, performed by an ensemble.

The live path does all of it: through a sound device in real time where there is one, else offline
through the same callback. The piece is one the model has never learnt from, and its true parts are
known, so what comes out can be heard, seen and counted: demo.wav, .mid, .png and .json. [main]
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.ensembles import MORPH, Ensemble, load_ensemble, with_sound
from engine.errors import RipienoError
from engine.midi.files import read_midi, write_midi
from engine.midi.messages import MIDDLE_VELOCITY, NOTE_OFF, NOTE_ON
from engine.midi.performance import Performance, in_playing_order, new_events
from engine.midi.tempo import TempoMap
from engine.neural.sounds import played_offline
from engine.notes import ENSEMBLE, Note, NoteLog
from engine.offline import keyboard_feeder, new_engine, play_offline
from engine.paths import presets_folder
from engine.pictures import RollNote, draw_rolls
from engine.playing import LiveConditions, PlayedNote, at_the_keyboard, perform
from engine.rendering import make_folder, open_wav
from engine.separate import part_tracks, parts_of_notes, separate
from engine.settings import NO_INPUT, Settings
from engine.takes import with_ensemble

if TYPE_CHECKING:
    from engine.session import Session

PIECE = "herzliebster_jesu.mid"
TITLE = "J. S. Bach: Herzliebster Jesu, BWV 244.3"
SEED = 1685
TEMPO_BPM = 66.0
TAIL_S = 4.0
WINDOW_MS = 45.0
RATE_HZ = 48000
MASTER_GAIN_DB = 5.0  # four solo strings leave room above
START_FRAMES = 4800  # a little silence before the first note


@dataclass(frozen=True)
class Take:
    """What a run of the live path produced: notes in frames from `first_frame`, and its facts."""

    notes: list[Note]
    first_frame: int
    rate_hz: int
    mode: str
    device: str
    device_latency_ms: float
    soundfont: str
    statistics: dict[str, Any]


def run_demo(
    folder: Path,
    *,
    ensemble_name: str | Path = "string_quartet",
    sound: str | None = None,
    chord_window_ms: float | None = None,
    offline: bool = False,
    soundfont: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    watch: Callable[[Session], None] = lambda _: None,
) -> dict[str, Any]:
    """Play the piece, write the four files into `folder`, return what demo.json holds. [main]"""
    ensemble = load_ensemble(ensemble_name)
    if sound is not None:
        ensemble = with_sound(ensemble, sound)
    make_folder(folder)
    score = read_midi(presets_folder() / "demo" / PIECE)
    truth = true_parts(score, ensemble)
    conditions = LiveConditions()
    played = perform(score, SEED, conditions)
    keyboard = at_the_keyboard("keyboard", played)
    wav = folder / "demo.wav"
    begun_s = time.perf_counter()
    take = None
    if not offline:
        settings = Settings(
            ensemble=ensemble_name,
            sound=sound,
            chord_window_ms=chord_window_ms,
            soundfont=soundfont,
            input_port=NO_INPUT,
        )
        take = _in_real_time(keyboard, settings, wav, say, watch)
    if take is None:
        take = _offline(keyboard, ensemble, sound, chord_window_ms, soundfont, wav, say)
    took_s = time.perf_counter() - begun_s
    window_ms = ensemble.chord_window_ms if chord_window_ms is None else chord_window_ms
    rights = _rights(keyboard, played, truth, take.notes)
    accuracy = {"played": _percent(rights)}
    for name, ms in (("zero_delay", 0.0), ("window_45_ms", WINDOW_MS)):
        notes = separate(keyboard, ensemble, ms)
        accuracy[name] = _percent(_rights(keyboard, played, truth, notes))
    write_notes(folder / "demo.mid", take, ensemble)
    delays_ms = np.array([n.delay_frames for n in take.notes]) * 1000.0 / take.rate_hz
    report = {
        "piece": TITLE,
        "ensemble": ensemble.id,
        "sounds": sorted({p.morph if p.sound == MORPH else p.sound for p in ensemble.parts}),
        "mode": take.mode,
        "device": take.device,
        "device_latency_ms": take.device_latency_ms,
        "chord_window_ms": window_ms,
        "notes": len(take.notes),
        "wrong_notes": len(rights) - sum(rights),
        "accuracy_percent": accuracy,
        "delay_ms": {
            "p50": round(float(np.percentile(delays_ms, 50)), 3),
            "p99": round(float(np.percentile(delays_ms, 99)), 3),
            "max": round(float(delays_ms.max()), 3),
        },
        "xruns": take.statistics["xruns"],
        "late_events": take.statistics["late_events"],
        "dropped_events": take.statistics["dropped_events"],
        "notes_by_network": take.statistics["notes_network"],
        "notes_by_rule": take.statistics["notes_rule"],
        "seconds_of_sound": round(_seconds_of(wav), 2),
        "seconds_taken": round(took_s, 2),
        "rate_hz": take.rate_hz,
        "soundfont": take.soundfont,
        "model": _model_facts(ensemble),
        "performance": {"seed": SEED, **asdict(conditions)},
    }
    draw(folder / "demo.png", report, ensemble, take, truth, played, rights)
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    _write_text(folder / "demo.json", text)
    return report


def true_parts(score: Performance, ensemble: Ensemble) -> list[int]:
    """Track of the score -> index of the part that plays its voice. [any]"""
    parts = []
    for track in score.tracks:
        voice = track.name.casefold()
        players = [i for i, part in enumerate(ensemble.parts) if voice in part.voices]
        if not players:
            raise RipienoError(
                f"{ensemble.name}: no part plays the {voice}, so the demo cannot be judged; "
                "choose an ensemble whose parts have voices"
            )
        parts.append(players[0])
    return parts


def _in_real_time(
    keyboard: Performance,
    settings: Settings,
    wav: Path,
    say: Callable[[str], None],
    watch: Callable[[Session], None],
) -> Take | None:
    """Play through the sound device, `watch` called ten times a second; None if there is none."""
    from engine.devices import AUTO, open_device
    from engine.session import Session

    try:
        device = open_device(AUTO)
    except RipienoError:
        say("There is no sound device: the demo is rendered, through the same callback.")
        return None
    log = NoteLog()
    with open_wav(wav, device.rate_hz) as file:

        def on_audio(audio: np.ndarray) -> None:
            file.write(audio[:, :2])

        with Session(
            settings, say=say, on_results=log.add, on_audio=on_audio, device=device
        ) as session:
            say(f"Playing {TITLE} through {device.description}.")
            session.set("master_gain_db", MASTER_GAIN_DB)
            first_frame = session.engine.now_frame() + START_FRAMES
            player = session.inputs.play_file(keyboard, first_frame)
            while not player.wait(0.1):
                watch(session)
            time.sleep(TAIL_S)
            statistics = session.statistics()
            found = Take(
                log.notes,
                first_frame,
                session.engine.rate_hz,
                "real time",
                device.description,
                round(1000.0 * device.latency_frames / device.rate_hz, 2),
                session.engine.soundfont.name,
                statistics,
            )
    log.end_all(first_frame + int(keyboard.seconds * found.rate_hz))
    return found


def _offline(
    keyboard: Performance,
    ensemble: Ensemble,
    sound: str | None,
    chord_window_ms: float | None,
    soundfont: Path | None,
    wav: Path,
    say: Callable[[str], None],
) -> Take:
    say(f"Rendering {TITLE}.")
    engine = new_engine(ensemble, RATE_HZ, chord_window_ms, soundfont)
    engine.set("master_gain_db", MASTER_GAIN_DB)
    log = NoteLog()
    try:
        with open_wav(wav, RATE_HZ) as file, played_offline(engine, ensemble, sound, say) as late:

            def on_chunk(audio: np.ndarray, results: np.ndarray) -> None:
                nonlocal late
                skipped = min(late, len(audio))
                late -= skipped
                file.write(audio[skipped:, :2])
                log.add(results)

            first_frame = engine.frame
            feeder = keyboard_feeder(engine, keyboard)
            play_offline(engine, [feeder], on_chunk, tail_s=TAIL_S)
        log.end_all(engine.frame)
        statistics = asdict(engine.stats())
        return Take(
            log.notes,
            first_frame,
            RATE_HZ,
            "offline",
            "none",
            0.0,
            engine.soundfont.name,
            statistics,
        )
    finally:
        engine.close()


def _rights(
    keyboard: Performance, played: list[PlayedNote], truth: list[int], notes: list[Note]
) -> list[bool]:
    """For each played note: whether it went to a part that has it in the score."""
    if len(notes) != len(played):
        raise RipienoError(f"{len(played)} notes were played and {len(notes)} sounded")
    given = parts_of_notes(keyboard, notes)
    return [
        part in {truth[track] for track in note.parts}
        for part, note in zip(given, played, strict=True)
    ]


def _percent(rights: list[bool]) -> float:
    return round(100.0 * sum(rights) / len(rights), 2)


def write_notes(path: Path, take: Take, ensemble: Ensemble) -> None:
    """The notes as they sounded, a track a part; another for what it played by itself. [any]"""
    rows = []
    tracks = part_tracks(ensemble)
    parts = sorted({note.part for note in take.notes if note.how == ENSEMBLE})
    alone = {part: len(tracks) + place for place, part in enumerate(parts)}
    for note in take.notes:
        track = alone[note.part] if note.how == ENSEMBLE else note.part
        start_s = (note.start_frame - take.first_frame) / take.rate_hz
        end_s = (note.end_frame - take.first_frame) / take.rate_hz
        rows.append((max(0.0, start_s), bytes((NOTE_ON, note.pitch, note.velocity)), track))
        rows.append((max(0.0, end_s), bytes((NOTE_OFF, note.pitch, MIDDLE_VELOCITY)), track))
    events = in_playing_order(new_events(rows))
    tempo = TempoMap.steady(TEMPO_BPM)
    write_midi(path, with_ensemble(tracks, parts), events, tempo, title=TITLE)


def draw(
    path: Path,
    report: dict[str, Any],
    ensemble: Ensemble,
    take: Take,
    truth: list[int],
    played: list[PlayedNote],
    rights: list[bool],
) -> None:
    """The picture: what the ensemble played, and the same notes in their true parts. [main]"""
    given = []
    by_pitch: dict[int, list[Note]] = {}
    for note in sorted(take.notes, key=lambda n: n.note):
        by_pitch.setdefault(note.pitch, []).append(note)
    for struck, right in zip(played, rights, strict=True):
        note = by_pitch[struck.pitch].pop(0)
        given.append(
            RollNote(
                (note.start_frame - take.first_frame) / take.rate_hz,
                (note.end_frame - take.first_frame) / take.rate_hz,
                note.pitch,
                note.part,
                wrong=not right,
            )
        )
    true = []
    for struck in played:
        first, *others = (truth[track] for track in struck.parts)
        also = others[0] if others else None
        true.append(RollNote(struck.start_s, struck.end_s, struck.pitch, first, also=also))
    accuracy, window_ms = report["accuracy_percent"], report["chord_window_ms"]
    right = sum(rights)
    caption = (
        f"One keyboard, {len(rights)} notes, each given to its part as it was struck "
        f"(chord window {window_ms:g} ms): {right} right, {len(rights) - right} not. "
        f"This performance with no delay {accuracy['zero_delay']:.1f} %, "
        f"with a 45 ms window {accuracy['window_45_ms']:.1f} %."
    )
    rolls = [(f"{ensemble.name}, as it played", given), ("The true parts", true)]
    draw_rolls(path, rolls, [part.name for part in ensemble.parts], TITLE, caption)


def _model_facts(ensemble: Ensemble) -> dict[str, str]:
    from models import registry

    model = registry.find(ensemble.model)
    return {"name": model.name, "sha256": model.sha256}


def _seconds_of(wav: Path) -> float:
    import soundfile

    return float(soundfile.info(str(wav)).duration)


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RipienoError(f"{path}: cannot be written: {error.strerror}") from error
