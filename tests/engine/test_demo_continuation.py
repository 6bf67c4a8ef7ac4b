"""The demo of playing on: what it writes, and that a seed makes it what it is."""

import json
from pathlib import Path

import pytest
import soundfile

from engine.demo import PIECE, TEMPO_BPM
from engine.demo_continuation import BARS, BEATS, first_bars, run_continuation_demo
from engine.midi.files import read_midi
from engine.paths import presets_folder
from engine.playing import LEAD_IN_S
from engine.soundfonts import bundled_soundfont

BEAT_S = 60.0 / TEMPO_BPM


def test_the_player_plays_eight_bars_in_a_steady_tempo() -> None:
    played = first_bars(read_midi(presets_folder() / "demo" / PIECE))
    starts = [(note.start_s - LEAD_IN_S) / BEAT_S for note in played]
    assert len(played) > 100
    assert max(starts) > BEATS - 2
    assert max((note.end_s - LEAD_IN_S) / BEAT_S for note in played) < BEATS
    assert all(min(abs(beat * 2 % 1), 1 - abs(beat * 2 % 1)) < 0.1 for beat in starts)


@pytest.mark.slow
def test_eight_bars_are_answered_by_eight_the_same_for_the_same_seed(tmp_path: Path) -> None:
    reports = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        reports.append(
            run_continuation_demo(tmp_path / name, seed=seed, soundfont=bundled_soundfont())
        )
    report = reports[0]
    assert report["bars"] == {"played": BARS, "answered": BARS}
    assert report["notes"]["answered"] >= 16
    sounds = [(tmp_path / name / "demo.mid").read_bytes() for name in "abc"]
    assert sounds[0] == sounds[1] != sounds[2]
    audio = [soundfile.read(tmp_path / name / "demo.wav")[0] for name in "ab"]
    assert (audio[0] == audio[1]).all()
    answer = [
        note
        for note in read_midi(tmp_path / "a" / "demo.mid").notes()
        if note["start_seconds"] > LEAD_IN_S + BEATS * BEAT_S - 0.01
    ]
    assert len(answer) == report["notes"]["answered"]
    score = read_midi(tmp_path / "a" / "demo.mid")
    assert {score.tracks[note["track"]].name.endswith("(ensemble)") for note in answer} == {True}
    assert len(score.tracks) > 4
    end_s = LEAD_IN_S + 2 * BEATS * BEAT_S
    assert max(note["start_seconds"] for note in answer) < end_s
    assert (tmp_path / "a" / "demo.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "a" / "demo.json").read_text())["seed"] == 7
