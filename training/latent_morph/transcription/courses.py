"""Courses of notes for the judge to learn from, of phrases and of single notes."""

import numpy as np

from models.morph.course import course_of
from models.morph.spectrum import FLOOR_DB, HOP_S
from models.transcription.judge import ATTACK, COURSE_FACTS, HELD, SEEN, course_inputs
from training.latent_morph import prepare as single
from training.latent_morph.sources import UNKNOWN
from training.latent_morph.transcription.prepare import STEPS_A_DB
from training.latent_morph.transcription.train import Phrases

TAKEN = 3  # times each note's course is taken, the onset up to two frames of HOP_S off
USUAL_DB = -11.0  # of a single note's loudest frame, the loudest sample being 0.5
SEMITONES, LOUDER_DB = 2, 3.0
Courses = tuple[np.ndarray, np.ndarray]  # (n, TAKEN, inputs) float16 and dynamics (n,)


def courses_of_phrases(phrases: Phrases) -> Courses:
    """Return what is read of the courses of all notes whose dynamics are known."""
    random, read, dynamics = np.random.default_rng(3), [], []
    for number in range(len(phrases.spectra)):
        levels = phrases.spectra[number] / np.float32(STEPS_A_DB) + np.float32(FLOOR_DB)
        for note in phrases.notes_of(number):
            if note["dynamics"] == UNKNOWN:
                continue
            start = note["start_s"] / HOP_S
            end = min(note["end_s"] / HOP_S, len(levels))
            ways = [levels[_slice(start, end, random)] for _ in range(TAKEN)]
            lasts_s = float(note["end_s"] - note["start_s"])
            read.append(course_read(ways, int(note["pitch"]), lasts_s))
            dynamics.append(note["dynamics"])
    return np.array(read), np.array(dynamics, np.int16)


def courses_of_takes(corpus: single.Corpus, takes: np.ndarray) -> Courses:
    """Return the same of single notes, as loud as a recording usually is."""
    random, read = np.random.default_rng(4), []
    takes = takes[corpus.dynamics[takes] != UNKNOWN]
    for take in takes.tolist():
        spectra = corpus.spectra[corpus.rows(take)].astype(np.float32)
        levels = np.maximum(spectra + USUAL_DB - corpus.level_db[take], FLOOR_DB)
        ways = [levels[_slice(0, len(levels), random)] for _ in range(TAKEN)]
        read.append(course_read(ways, int(corpus.pitch[take]), len(levels) * HOP_S))
    return np.array(read), corpus.dynamics[takes]


def _slice(start: float, end: float, random: np.random.Generator) -> slice:
    """Return a frame in two of a note, from up to two frames before its onset to one after it."""
    first = max(0, min(int(start) + int(random.integers(-2, 2)), int(end) - 1))
    return slice(first, max(first + 1, int(end)), 2)


def course_read(ways: list[np.ndarray], pitch: int, lasts_s: float) -> np.ndarray:
    """Return what is read of the courses of one note, (n, inputs)."""
    courses = np.stack([course_of(way, ATTACK, (HELD, None)) for way in ways])
    count = len(ways)
    read = course_inputs(courses, np.full(count, pitch), np.full(count, lasts_s))
    return read.astype(np.float16)


def some(
    courses: Courses, count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and dynamics of some courses, a little louder and of a key near by."""
    chosen = random.integers(0, len(courses[1]), count)
    read = courses[0][chosen, random.integers(0, TAKEN, count)].astype(np.float32)
    read[:, :SEEN] += random.uniform(-LOUDER_DB, LOUDER_DB, (count, 1)).astype(np.float32) / 25
    key = read[:, -COURSE_FACTS] + random.integers(-SEMITONES, SEMITONES + 1, count) / 24
    read[:, -COURSE_FACTS], read[:, 1 - COURSE_FACTS] = key, key * key
    return read, courses[1][chosen]
