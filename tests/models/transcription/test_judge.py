"""The judge of notes: what it reads is the note, wherever it lies; what ships is whole."""

import numpy as np
import pytest

from models import registry
from models.errors import ModelError
from models.morph.spectrum import BINS, FLOOR_DB, bin_of
from models.transcription.judge import (
    BELOW,
    COURSE_FACTS,
    MOST_FRAMES,
    PARTS,
    SEEN,
    Judge,
    asked,
    course_inputs,
    inputs,
    random_judge,
    shipped,
)
from models.transcription.network import shipped as network

NAME = "transcription_judge"


def test_a_note_looks_the_same_at_every_key() -> None:
    spectra = np.full((3, BINS), FLOOR_DB, np.float32)
    pitches = np.array([40, 52, 71])
    for row, pitch in enumerate(pitches):
        place = round(bin_of(pitch))
        spectra[row, [place, place + 48]] = -10, -20
    read = inputs(spectra, pitches, np.zeros(3))
    np.testing.assert_array_equal(read[0, :SEEN], read[1, :SEEN])
    np.testing.assert_array_equal(read[0, :SEEN], read[2, :SEEN])
    assert read[0, :SEEN].argmax() == BELOW
    assert len(np.unique(read[:, SEEN])) == 3


def test_beyond_the_spectrum_is_silence() -> None:
    read = inputs(np.zeros((2, BINS), np.float32), np.array([24, 108]), np.array([0.0, 1.0]))
    silent = np.float32((FLOOR_DB + 60) / 25)
    assert read[0, 0] == silent
    assert read[1, SEEN - 1] == silent
    assert np.isfinite(read).all()


def test_the_frames_that_are_asked_lie_within_the_note() -> None:
    for first, last in ((3, 3), (3, 4), (0, 10), (5, 400)):
        found = asked(first, last)
        assert 1 <= len(found) <= MOST_FRAMES
        assert found.min() >= first
        assert found.max() < max(last, first + 1)
        assert (np.diff(found) > 0).all()


def test_it_says_probabilities() -> None:
    judge = random_judge(1)
    read = inputs(np.full((4, BINS), -40, np.float32), np.full(4, 60), np.arange(4) / 10)
    for found, size in zip(judge.frames(read), (5, 3), strict=True):
        assert found.shape == (4, size)
        np.testing.assert_allclose(np.exp(found).sum(1), 1, rtol=1e-5)


def test_a_course_looks_the_same_at_every_key() -> None:
    courses = np.zeros((2, PARTS, BINS), np.float32)
    courses[:, 0] = FLOOR_DB
    pitches = np.array([45, 66])
    for row, pitch in enumerate(pitches):
        courses[row, :, round(bin_of(pitch))] = -10, -30, -20, -5, 3
    read = course_inputs(courses, pitches, np.array([0.5, 9.0]))
    assert read.shape == (2, PARTS * SEEN + COURSE_FACTS)
    np.testing.assert_array_equal(read[0, : PARTS * SEEN], read[1, : PARTS * SEEN])
    parts = read[0, : PARTS * SEEN].reshape(PARTS, SEEN)
    np.testing.assert_allclose(parts[:, BELOW], [2, -3.75, -2.5, -0.625, 0.375])
    assert not parts[1:, :BELOW].any()
    assert read[1, -2] == 2.0, "what lasts longer is the same"
    told = random_judge(1).courses(read)
    np.testing.assert_allclose(np.exp(told).sum(1), 1, rtol=1e-5)


def test_wrong_weights_are_named() -> None:
    weights = random_judge(1).weights
    with pytest.raises(ModelError, match="lack the array 'w1'"):
        Judge({k: v for k, v in weights.items() if k != "w1"}, ("a", "b", "c"))
    with pytest.raises(ModelError, match=r"'w2' must be \(8, 7\)"):
        Judge(weights, ("a", "b"))
    with pytest.raises(ModelError, match="of finite numbers"):
        Judge({**weights, "b1": weights["b1"] * np.nan}, ("a", "b", "c"))


def test_what_ships_knows_the_instruments_of_the_network_beside_it() -> None:
    assert shipped(NAME).instruments == network("transcription").instruments
    entry = registry.find_judge(NAME)
    assert entry.sha256 in entry.card.read_text(encoding="utf-8")
    assert entry.file.stat().st_size < 2_000_000
