"""Frames to notes: spans, exact onsets, repeated keys, swells, and who plays them."""

import numpy as np
import pytest

from engine.transcription.notes import Listening, Thresholds, find_notes
from engine.transcription.players import assign
from models.transcription.network import HOP_S, KEYS, LOWEST_KEY, Heard

C4 = 60 - LOWEST_KEY


def frames(count: int, instruments: int = 3) -> Heard:
    """Silence, to be written into."""
    return Heard(
        np.zeros((count, KEYS), np.float32),
        np.zeros((count, KEYS), np.float32),
        np.log(np.full((count, KEYS, 5), 0.2, np.float32)),
        np.log(np.full((count, KEYS, instruments), 1 / instruments, np.float32)),
    )


def note(heard: Heard, key: int, begin: int, end: int, struck: bool = True) -> None:
    heard.sounding[begin:end, key] = 0.85
    if struck:
        heard.onset[begin, key] = 0.9


def found(heard: Heard, lag: int = 0, split: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    listening = Listening()
    for part in [heard] if split is None else [part_of(heard, 0, split), part_of(heard, split)]:
        listening.add(part)
    return find_notes(listening, lag)


def part_of(heard: Heard, begin: int, end: int | None = None) -> Heard:
    at = slice(begin, end)
    return Heard(heard.onset[at], heard.sounding[at], heard.dynamics[at], heard.instrument[at])


def test_a_note_has_its_frames():
    heard = frames(40)
    note(heard, C4, 10, 20)
    notes, _ = found(heard)
    assert notes["pitch"].tolist() == [60]
    assert notes["start_s"][0] == pytest.approx(10 * HOP_S)
    assert notes["end_s"][0] == pytest.approx(19.5 * HOP_S)


def test_where_the_pieces_are_cut_does_not_matter():
    heard = frames(40)
    note(heard, C4, 10, 20)
    note(heard, C4 + 7, 14, 33)
    whole = found(heard)
    for split in (10, 15, 25):
        for one, other in zip(found(heard, split=split), whole, strict=True):
            np.testing.assert_array_equal(one, other)


def test_an_onset_lies_between_frames():
    heard = frames(40)
    note(heard, C4, 10, 20)
    heard.onset[10:12, C4] = 0.9, 0.45
    assert found(heard)[0]["start_s"][0] == pytest.approx((10 + 1 / 3) * HOP_S)


def test_a_key_struck_again_is_two_notes():
    heard = frames(40)
    note(heard, C4, 10, 30)
    heard.onset[20, C4] = 0.9
    notes, _ = found(heard)
    assert len(notes) == 2
    assert notes["end_s"][0] <= notes["start_s"][1]


def test_onsets_that_are_too_near_are_one():
    heard = frames(40)
    note(heard, C4, 10, 30)
    heard.onset[12, C4] = 0.6
    assert len(found(heard)[0]) == 1


def test_an_onset_without_sound_is_no_note():
    heard = frames(40)
    heard.onset[10, C4] = 0.9
    assert len(found(heard)[0]) == 0


def test_a_swell_is_a_note_when_it_is_sure():
    heard = frames(40)
    note(heard, C4, 10, 20, struck=False)
    heard.sounding[10:20, C4] = 0.95
    note(heard, C4 + 5, 10, 20, struck=False)
    assert found(heard)[0]["pitch"].tolist() == [60]


def test_frames_that_lag_tell_of_earlier_moments():
    heard = frames(40)
    note(heard, C4, 10, 20)
    note(heard, C4 + 1, 1, 3)
    notes, _ = found(heard, lag=4)
    assert notes["pitch"].tolist() == [60]
    assert notes["start_s"][0] == pytest.approx(6 * HOP_S)


def test_loudness_is_the_mean_of_what_it_may_be():
    heard = frames(40)
    note(heard, C4, 10, 20)
    heard.dynamics[10:20, C4] = np.log([0.001, 0.001, 0.001, 0.001, 0.996])
    assert found(heard)[0]["velocity"][0] == 112


def test_every_note_speaks_for_instruments():
    heard = frames(40)
    note(heard, C4, 10, 20)
    note(heard, C4 + 7, 10, 20)
    heard.instrument[:, C4] = np.log([0.8, 0.1, 0.1])
    heard.instrument[:, C4 + 7] = np.log([0.1, 0.1, 0.8])
    _, evidence = found(heard)
    assert evidence.argmax(axis=1).tolist() == [0, 2]


def test_nothing_heard_is_no_notes():
    notes, evidence = found(frames(5))
    assert len(notes) == 0
    assert evidence.shape == (0, 3)


def test_thresholds_are_probabilities():
    with pytest.raises(ValueError, match="onset must be between 0 and 1, got 1"):
        Thresholds(onset=1)
    with pytest.raises(ValueError, match="unstruck_frames must be 1 or more, got 0"):
        Thresholds(unstruck_frames=0)


def test_one_player_when_nothing_speaks_for_two():
    evidence = np.tile([-1.0, -20.0, -21.0], (10, 1))
    evidence[3] = [-3, -2, -20]
    assert assign(evidence).tolist() == [0] * 10


def test_two_players_when_much_does():
    evidence = np.array([[-1.0, -40, -40], [-40, -40, -1.0]] * 5)
    assert assign(evidence).tolist() == [0, 2] * 5
    assert set(assign(evidence, most=1).tolist()) == {0}


def test_who_is_named_plays():
    evidence = np.array([[-1.0, -9, -5], [-1.0, -5, -9]])
    assert assign(evidence, among=[1, 2]).tolist() == [2, 1]
    assert assign(np.zeros((0, 3))).tolist() == []
