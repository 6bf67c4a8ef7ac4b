"""The continuation in words."""

from gui.mirror.continuation import MODES, matters, next_notes, worker
from gui.mirror.notes import Planned


def test_the_worker_says_its_state_its_model_and_its_speed() -> None:
    told = {"worker": {"state": "ready", "message": "", "model": "small", "notes_per_s": 239.6}}
    assert worker(told).text == "Ready \u00b7 small \u00b7 240 notes a second"
    assert worker(told).colour == "good"
    assert worker({}).text == "Asleep"
    assert worker({"worker": {"state": "failed", "message": "No weights"}}).colour == "bad"
    assert worker({"worker": {"state": "new word"}}).text == "New word"


def test_a_setting_matters_in_its_modes_only() -> None:
    assert [mode for mode in MODES if matters("silence", mode)] == ["takeover"]
    assert [mode for mode in MODES if matters("bars", mode)] == ["trade", "vary"]
    assert all(matters("temperature", mode) for mode in MODES)


def test_the_next_notes_in_words_earliest_first() -> None:
    plan = [
        Planned(1, 62, 80, 9.0, 1.0),
        Planned(0, 60, 80, 8.5, 1.0),
        Planned(0, 59, 80, 7.0, 1.0),
        Planned(7, 64, 80, 10.0, 1.0),
    ]
    assert next_notes(plan, 8.0, ["Viola", "Cello"]) == [
        "in 0.5 beats: C4, Viola",
        "in 1.0 beats: D4, Cello",
        "in 2.0 beats: E4, 8",
    ]
    assert len(next_notes(plan * 9, 0.0, [], most=5)) == 5
