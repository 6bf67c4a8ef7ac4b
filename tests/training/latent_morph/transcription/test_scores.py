"""What notes are worth: scores, confusions, the baseline, and the live notes' moments."""

import numpy as np
import pytest

from engine.transcription.notes import FOUND
from tests.engine.transcription.test_notes import C4, frames, note
from tests.engine.transcription.tones import HELD_S, MELODY, melody
from training.latent_morph.transcription import baseline
from training.latent_morph.transcription.confusions import confusion, draw
from training.latent_morph.transcription.live import live_notes
from training.latent_morph.transcription.phrases import NOTE
from training.latent_morph.transcription.scores import matched, score

TRUE = np.array([(start_s, start_s + HELD_S, key, 2, 0) for start_s, key in MELODY], NOTE)


def found(shift_s: float = 0.0, longer_s: float = 0.0) -> np.ndarray:
    rows = [(s + shift_s, s + HELD_S + longer_s, key, 80, 1.0) for s, key in MELODY]
    return np.array(rows, FOUND)


def test_the_right_notes_are_100_percent():
    scores = score([(TRUE, found(), np.full(len(TRUE), 2))])
    assert scores.onset == scores.onset_offset == scores.onset_player == 100
    assert scores.frame > 99
    assert scores.notes == len(TRUE)


def test_what_is_wrong_costs_where_it_is_wrong():
    assert score([(TRUE, found(0.06), None)]).onset == 0
    late = score([(TRUE, found(longer_s=0.2), None)])
    assert (late.onset, late.onset_offset) == (100, 0)
    half = score([(TRUE, found()[::2], np.full(3, 1))])
    assert half.precision == 100
    assert half.recall == 50
    assert half.onset_player == 0


def test_scores_are_summed_over_recordings():
    nothing = np.zeros(0, FOUND)
    both = score([(TRUE, found(), None), (TRUE, nothing, None)])
    assert both.onset == pytest.approx(100 * 2 / 3)
    assert matched(TRUE, nothing) == []
    assert score([(np.zeros(0, NOTE), nothing, None)]).onset == 0


def test_the_baseline_hears_a_melody():
    notes = baseline.transcribe(melody(24000))
    assert score([(TRUE, notes, None)]).onset > 80
    assert len(baseline.transcribe(np.zeros(24000, np.float32))) == 0


def test_live_notes_are_where_the_frames_tell():
    heard = frames(40)
    note(heard, C4, 10, 20)
    notes = live_notes(heard, lag=-1)
    assert notes["pitch"].tolist() == [60]
    assert notes["start_s"][0] == pytest.approx(11 * 512 / 24000)
    assert notes["start_s"][0] < notes["end_s"][0]
    assert live_notes(heard, -1, delay_s=0.1)["start_s"][0] == pytest.approx(0.1 + 11 * 512 / 24000)


def test_confusions_are_counted_and_drawn(tmp_path):
    matrix = confusion([(0, 0), (0, 1), (1, 1), (9, 1)], 2)
    assert matrix.tolist() == [[1, 1], [0, 1]]
    pairs = [(0, 0), (1, 2)]
    parts: dict[str, list[tuple[int, int]]] = dict.fromkeys(
        ("octave", "pitch class", "dynamics", "instrument"), pairs
    )
    draw(tmp_path / "picture.png", parts, ("one", "two", "three"), ("p", "mf", "f"))
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
