"""Courses of notes, and what reads dynamics from them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.morph.spectrum import FLOOR_DB
from tests.training.latent_morph.tones import made_corpus
from training.latent_morph import course, held_out, told
from training.latent_morph.network import Pair, Shape
from training.latent_morph.sources import TEST_PITCH, TRAIN, UNKNOWN


def swelling(rise_frames: int, length: int = 60) -> np.ndarray:
    """Return spectra (length, 410) of a bin that rises by 40 dB and then wavers by 3 dB."""
    spectra = np.full((length, 410), -80, np.float32)
    spectra[:, 100] = -20 - 40 * np.clip(1 - np.arange(length) / rise_frames, 0, 1)
    spectra[:, 100] += 3 * (-1.0) ** np.arange(length)
    return spectra


def test_a_course_tells_how_a_note_begins_and_wavers() -> None:
    slow, fast = (course.course_of(swelling(frames)) for frames in (12, 1))
    assert slow.shape == (course.PARTS, 410)
    assert slow[1, 100] < fast[1, 100] - 10
    assert fast[-1, 100] == pytest.approx(3, abs=0.1)
    assert fast[0, 100] == pytest.approx(-20, abs=0.5)
    assert not fast[1:, 99].any()


def test_a_course_says_nothing_of_how_loud_a_note_is_but_in_its_first_part() -> None:
    soft, loud = course.course_of(swelling(5)), course.course_of(swelling(5) + 10)
    assert loud[0] == pytest.approx(soft[0] + 10)
    assert loud[1:] == pytest.approx(soft[1:], abs=1e-4)


@pytest.mark.parametrize("length", [1, 3, 8, 20])
def test_notes_of_any_length_have_a_course_and_stretches_of_it(length: int) -> None:
    random = np.random.default_rng(1)
    spectra = swelling(4, length)
    for _ in range(20):
        assert np.isfinite(course.course_of(spectra, random)).all()
    assert np.isfinite(course.course_of(spectra)).all()


def test_a_moved_course_is_that_of_the_moved_spectra() -> None:
    spectra = swelling(6)
    own = course.moved_by(course.course_of(spectra)[None], np.array([2]))[0]
    other = np.roll(spectra, 8, 1)
    other[:, :8] = FLOOR_DB
    assert own == pytest.approx(course.course_of(other), abs=1e-3)


def test_what_is_held_out_or_has_no_label_is_not_learnt_from() -> None:
    corpus = made_corpus()
    corpus.dynamics[corpus.instrument == 2] = UNKNOWN
    courses = course.Courses(corpus)
    assert (corpus.split[courses.takes] == TRAIN).all()
    assert not (corpus.instrument[courses.takes] == 2).any()
    found, dynamics, instrument = courses.batch(300, np.random.default_rng(0))
    assert found.shape == (300, course.PARTS, 410)
    assert set(dynamics.tolist()) == {1, 3}
    assert 2 not in instrument.tolist()


def test_a_reader_learns_dynamics_and_a_seed_gives_the_same_one(tmp_path: Path) -> None:
    corpus = made_corpus()
    for take in np.flatnonzero(corpus.dynamics == 1).tolist():  # soft notes begin slowly
        corpus.spectra[corpus.rows(take)][:8] -= 30
    courses = course.Courses(corpus)
    reader = course.train(courses, 1, 80)
    said = held_out.courses_heard(reader, corpus, TEST_PITCH)
    assert told.of_courses_alone(said, corpus) > 90
    once, again = (course.train(courses, 2, 3).parameters() for _ in range(2))
    assert all(torch.equal(one, two) for one, two in zip(once, again, strict=True))
    torch.save(reader.state_dict(), tmp_path / "course-1.pt")
    take = next(iter(said))
    again = held_out.courses_heard(course.restored(tmp_path / "course-1.pt"), corpus, TEST_PITCH)
    assert np.array_equal(again[take], said[take])
    with pytest.raises(SystemExit, match=r"course-2\.pt is missing"):
        course.restored(tmp_path / "course-2.pt")


def test_a_notes_course_counts_as_much_as_its_frames_and_for_dynamics_alone() -> None:
    corpus = made_corpus()
    torch.manual_seed(1)
    network = Pair(Shape("B", 8, 16, 16, 16)).eval()
    said = held_out.heard(network, corpus, TEST_PITCH)
    alone = held_out.labels_told(said, corpus)
    sure = np.log(np.array([0.01, 0.01, 0.01, 0.01, 0.96]))
    both = held_out.labels_told(said, corpus, courses={take: sure for take, _ in said})
    assert (both.notes["dynamics"][1] == 4).all()
    for head in ("octave", "class", "instrument"):
        assert np.array_equal(both.notes[head][1], alone.notes[head][1])
    assert np.array_equal(both.frames["dynamics"][1], alone.frames["dynamics"][1])
    unsure = {take: np.log(np.full(5, 0.2)) for take, _ in said}
    same = held_out.labels_told(said, corpus, courses=unsure)
    assert np.array_equal(same.notes["dynamics"][1], alone.notes["dynamics"][1])
    for take, logits in said[:3]:
        against = {take: -2.0 * logits[2][held_out.FIRST_FRAME :].mean(0) for take, logits in said}
        turned = held_out.labels_told([(take, logits)], corpus, courses=against)
        mean = logits[2][held_out.FIRST_FRAME :].mean(0)
        assert turned.notes["dynamics"][1][0] == (-mean).argmax()


def test_whose_notes_are_read_of_their_courses() -> None:
    heard = [kind for kind in told.KINDS if told.hears_courses(kind)]
    assert heard == ["B", "classifier"]
