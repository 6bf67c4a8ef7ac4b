"""The stand-in for a player: seeded, human, and possible with ten fingers."""

import numpy as np
import pytest

from engine.errors import RipienoError
from engine.midi.files import read_midi
from engine.midi.performance import Performance
from engine.paths import presets_folder
from engine.playing import LiveConditions, PlayedNote, at_the_keyboard, perform

PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"


@pytest.fixture(scope="module")
def score() -> Performance:
    return read_midi(PIECE)


@pytest.fixture(scope="module")
def played(score: Performance) -> list[PlayedNote]:
    return perform(score)


def test_the_piece_is_a_chorale_of_four_voices(score: Performance) -> None:
    assert [track.name for track in score.tracks] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert 30 <= score.seconds <= 60
    assert score.key_signatures == ((0.0, "Bm"),)


def test_the_same_seed_is_the_same_performance(score: Performance, played: list) -> None:
    assert perform(score) == played
    assert perform(score, seed=1) != played


def test_every_note_is_played_and_unisons_share_a_key(score: Performance, played: list) -> None:
    assert sum(len(note.parts) for note in played) == len(score.notes())
    assert any(len(note.parts) == 2 for note in played)
    assert len(played) < len(score.notes())


def test_no_key_is_struck_while_it_is_down(played: list[PlayedNote]) -> None:
    up_s: dict[int, float] = {}
    for note in played:
        assert note.start_s > up_s.get(note.pitch, -1.0)
        assert note.end_s > note.start_s
        up_s[note.pitch] = note.end_s


def test_chords_are_neither_together_nor_in_order(played: list[PlayedNote]) -> None:
    first = played[:4]
    assert len({note.start_s for note in first}) == 4
    assert [note.pitch for note in first] != sorted(note.pitch for note in first)
    assert max(note.start_s for note in first) - min(note.start_s for note in first) <= 0.040


def test_without_freedom_it_is_the_score(score: Performance) -> None:
    strict = perform(score, conditions=LiveConditions(jitter_ms=0, rubato_percent=0))
    starts_s = np.unique(score.notes()["start_seconds"])
    assert np.allclose(np.unique([note.start_s for note in strict]) - 0.25, starts_s, atol=1e-3)


def test_the_velocity_is_a_players(played: list[PlayedNote]) -> None:
    velocities = np.array([note.velocity for note in played])
    assert velocities.min() >= 20
    assert velocities.max() <= 115
    assert velocities.std() > 3


def test_it_becomes_midi_of_one_keyboard(played: list[PlayedNote]) -> None:
    keyboard = at_the_keyboard("a name", played)
    notes = keyboard.notes()
    assert len(keyboard.tracks) == 1
    assert len(notes) == len(played)
    assert np.allclose(notes["end_seconds"], [note.end_s for note in played])


@pytest.mark.parametrize("wrong", [{"jitter_ms": 61}, {"rubato_percent": -1}, {"articulation": 2}])
def test_conditions_have_limits(wrong: dict) -> None:
    with pytest.raises(RipienoError, match=next(iter(wrong))):
        LiveConditions(**wrong)
