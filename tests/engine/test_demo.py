"""The demo live through JACK, and its judgement of right and wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from engine import demo
from engine.ensembles import load_ensemble
from engine.errors import RipienoError
from engine.midi.files import read_midi
from engine.notes import Note
from engine.paths import presets_folder
from engine.playing import at_the_keyboard, perform
from engine.soundfonts import bundled_soundfont
from tests import servers

SCORE = presets_folder() / "demo" / demo.PIECE
OPENING = 24


@pytest.mark.jack
@pytest.mark.slow
def test_in_real_time_it_plays_what_it_renders(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(demo, "perform", lambda *arguments: perform(*arguments)[:OPENING])
    monkeypatch.setattr(demo, "TAIL_S", 1.0)
    reports, said, watched = [], [], []
    with servers.jack_server() as server:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
        for offline in (False, True):
            report = demo.run_demo(
                tmp_path / str(offline),
                offline=offline,
                soundfont=bundled_soundfont(),
                say=said.append,
                watch=watched.append,
            )
            reports.append(report)
    live, rendered = reports
    assert (live["mode"], rendered["mode"]) == ("real time", "offline")
    assert "JACK" in live["device"]
    assert live["device_latency_ms"] > 0
    assert len(watched) > 20
    assert live["notes"] == rendered["notes"] == OPENING
    assert live["accuracy_percent"] == rendered["accuracy_percent"]
    assert (live["late_events"], live["dropped_events"]) == (0, 0)
    names = [(tmp_path / str(offline) / "demo.mid") for offline in (False, True)]
    first, second = (read_midi(name).notes() for name in names)
    assert (first[["pitch", "velocity", "track"]] == second[["pitch", "velocity", "track"]]).all()
    assert abs(first["start_seconds"] - second["start_seconds"]).max() < 0.002
    audio, rate_hz = soundfile.read(tmp_path / "False" / "demo.wav")
    assert abs(audio).max() > 0.05
    assert len(audio) / rate_hz > first["end_seconds"].max()
    assert json.loads((tmp_path / "False" / "demo.json").read_text(encoding="utf-8")) == live


def given(parts: list[int], pitches: list[int]) -> list[Note]:
    return [
        Note(i, part, pitch, 80, i * 100, i * 100 + 50, 0, 1.0, "network")
        for i, (part, pitch) in enumerate(zip(parts, pitches, strict=True))
    ]


def test_a_unison_is_right_in_either_part() -> None:
    played = perform(read_midi(SCORE))
    keyboard = at_the_keyboard("demo", played)
    pitches = [note.pitch for note in played]
    truth = [0, 1, 2, 3]
    first = given([note.parts[0] for note in played], pitches)
    last = given([note.parts[-1] for note in played], pitches)
    assert first != last
    assert all(demo._rights(keyboard, played, truth, first))
    assert all(demo._rights(keyboard, played, truth, last))
    wrong = [replace(note, part=(note.part + 2) % 4) for note in first]
    unisons = sum(len(note.parts) > 1 for note in played)
    assert sum(demo._rights(keyboard, played, truth, wrong)) <= unisons


def test_a_lost_note_is_no_silent_success() -> None:
    played = perform(read_midi(SCORE))
    keyboard = at_the_keyboard("demo", played)
    notes = given([0] * (len(played) - 1), [note.pitch for note in played[1:]])
    with pytest.raises(RipienoError, match=r"190 notes were played and 189 sounded"):
        demo._rights(keyboard, played, [0, 1, 2, 3], notes)


def test_the_true_parts_follow_the_voices() -> None:
    score = read_midi(SCORE)
    assert demo.true_parts(score, load_ensemble("string_quartet")) == [0, 1, 2, 3]
    assert demo.true_parts(score, load_ensemble("organ_pedal")) == [0, 0, 0, 1]
    strings = load_ensemble("string_quartet")
    dumb = replace(strings, parts=tuple(replace(part, voices=()) for part in strings.parts))
    with pytest.raises(RipienoError, match="no part plays the soprano"):
        demo.true_parts(score, dumb)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RipienoError, match="file"):
        demo.run_demo(tmp_path / "file" / "demo", offline=True)
