"""What ways of following tell, strictly in order of time; and beats read off aligned scores."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.engine.test_beat_tracking import MUSIC
from training.beat import evaluate, metrics, pieces
from training.beat.following import FixedTempo, SimplestRule, Tracker, follow, follow_as_engine

BEATS = np.array([beat for beat, _ in MUSIC])
KEYS = np.array([key for _, key in MUSIC])
LOUD = np.full(len(MUSIC), 64)


def played(tempo_bpm: float = 90.0, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of the notes of MUSIC, as a person plays, and of its 64 beats."""
    random = np.random.default_rng(seed)
    onset_s = np.sort(BEATS * 60.0 / tempo_bpm + random.normal(0.0, 0.008, len(BEATS)))
    return onset_s - onset_s[0], np.arange(63) * 60.0 / tempo_bpm


def test_the_fixed_tempo_is_right_in_its_tempo_only() -> None:
    onset_s, beat_s = played(90.0)
    right = follow(FixedTempo(90.0), onset_s, KEYS, LOUD)
    assert metrics.f_measure(beat_s, right.beat_s) > 0.97
    wrong = follow(FixedTempo(100.0), onset_s, KEYS, LOUD)
    assert metrics.f_measure(beat_s, wrong.beat_s) < 0.5


def test_the_simplest_rule_folds_the_median_into_an_octave() -> None:
    rule = SimplestRule()
    for i in range(8):
        told = rule.note(0.25 * i, 60, 64)
    assert told == (0.0, 0.5)


def test_the_tracker_and_the_engines_transport_follow_where_the_simplest_rule_does_not() -> None:
    onset_s, beat_s = played(97.0)
    true = metrics.counted(beat_s)
    found = {
        "rule": follow(SimplestRule(), onset_s, KEYS, LOUD),
        "tracker": follow(Tracker(), onset_s, KEYS, LOUD),
        "engine": follow_as_engine(onset_s, KEYS, LOUD),
    }
    f = {name: metrics.f_measure(true, metrics.counted(its.beat_s)) for name, its in found.items()}
    assert f["tracker"] > 0.9, f
    assert f["engine"] > 0.85, f
    assert f["rule"] < 0.7, f
    assert np.all(np.diff(found["engine"].beat_s) > 0.0)


def test_beats_are_told_before_what_they_are_told_from_is_known() -> None:
    """Cutting the music off changes no beat before the cut."""
    onset_s, _ = played()
    whole = follow(Tracker(), onset_s, KEYS, LOUD)
    half = len(onset_s) // 2
    cut = follow(Tracker(), onset_s[:half], KEYS[:half], LOUD[:half])
    before = whole.beat_s[whole.beat_s <= onset_s[half - 1]]
    assert cut.beat_s.tolist() == before.tolist()


def test_beats_of_a_score_are_where_its_notes_were_played() -> None:
    ticks = np.array([0, 480, 480, 720, 1440, 1920])  # nothing on the third beat
    onset_s = np.array([0.0, 0.5, 0.52, 0.75, 1.5, 2.1])
    found = pieces.beats_of(ticks, onset_s, np.array([1, 1, 1, 1, 1, 2]))
    assert found == pytest.approx([0.0, 0.51, 1.0, 1.5, 2.1])


def test_six_beats_in_a_bar_are_counted_as_two() -> None:
    ticks = np.arange(0, 12 * 480, 240)
    found = pieces.beats_of(ticks, ticks / 960.0, 1 + ticks // 2880)
    assert found == pytest.approx([0.0, 1.5, 3.0, 4.5])


def test_what_goes_back_in_time_is_left_out() -> None:
    places, times = pieces.line_of(np.array([0, 480, 960, 1440]), np.array([0.0, 1.4, 1.0, 1.5]))
    assert places.tolist() == [0, 1440]
    assert times.tolist() == [0.0, 1.5]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pack of four performances of MUSIC."""
    rows = [
        {"piece": "A/1", "split": "train", "composer": "Bach"},
        {"piece": "A/1_no_repeat", "split": "test", "composer": "Bach"},
        {"piece": "B/2", "split": "test", "composer": "Haydn"},
        {"piece": "C/3", "split": "train", "composer": "Ravel"},
    ]
    lines = [json.dumps({"id": f"p{i}", "robust": "1.0"} | row) for i, row in enumerate(rows)]
    (tmp_path / "index.jsonl").write_text("\n".join(lines))
    onset_s, _ = played()
    count, ticks = len(BEATS), (BEATS * 480).astype(np.int32)
    columns = {
        "score_onset": ticks,
        "score_duration": np.full(count, 240),
        "pitch": KEYS.astype(np.uint8),
        "perf_onset_ms": np.round(1000.0 * onset_s).astype(np.int32) + 700,
        "velocity": LOUD.astype(np.uint8),
        "artic": np.zeros(count, np.uint8),
        "measure": (1 + ticks // 1920).astype(np.int16),
    }
    tiled = {name: np.tile(column, len(rows)) for name, column in columns.items()}
    offsets = np.arange(len(rows) + 1) * count
    np.savez(tmp_path / "pairs.npz", allow_pickle=False, offsets=offsets, **tiled)
    return tmp_path


def test_what_is_held_out_was_developed_on_in_no_version(folder: Path) -> None:
    pack = pieces.Pack(folder)
    assert evaluate.chosen(pack, "develop") == [0]
    assert evaluate.chosen(pack, "test") == [2, 3]


def test_a_table_of_a_pack(folder: Path) -> None:
    pack = pieces.Pack(folder)
    rows = evaluate.evaluate(pack, evaluate.chosen(pack, "test"), seconds=30.0)
    found = evaluate.summary(rows)
    assert found["tracker"]["f"][0] > 0.9
    assert found["tracker"]["lock_s"] < 10.0
    text = evaluate.table(found)
    assert text.startswith("| | fixed tempo | simplest rule | tracker |")
    assert "| CMLt, % |" in text


def test_a_folder_without_the_pack_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="unpack score_performance_pairs"):
        pieces.Pack(tmp_path)
