"""Found notes are judged by their own frames."""

import numpy as np

from engine.transcription.judging import judged, kept
from engine.transcription.notes import FOUND
from models.morph.spectrum import BINS, FLOOR_DB
from models.transcription.judge import COURSE_FACTS, FACTS, PARTS, SEEN, Judge
from models.transcription.network import HOP_S, VELOCITIES

LOUD_DB = -20.0
COURSE = PARTS * SEEN + COURSE_FACTS


def level_judge() -> Judge:
    """A judge of two instruments that hears the first in soft frames, the second in loud ones."""
    weights = {
        "w0": np.zeros((SEEN + FACTS, 2), np.float32),
        "b0": np.array([0, 0], np.float32),
        "w1": np.eye(2, dtype=np.float32),
        "b1": np.zeros(2, np.float32),
        "w2": np.zeros((2, 7), np.float32),
        "b2": np.zeros(7, np.float32),
    }
    sizes = {"w0": (COURSE, 1), "b0": (1,), "w1": (1, 1), "b1": (1,), "w2": (1, 5), "b2": (5,)}
    weights |= {f"course_{name}": np.zeros(size, np.float32) for name, size in sizes.items()}
    weights["w0"][48, 0] = 1  # the fundamental's level above -60 dB, in 25 dB
    weights["w2"][0, [4, 6]] = 20
    weights["b2"][[0, 5]] = 10
    return Judge(weights, ("soft", "loud"))


def test_each_note_is_asked_at_its_own_place() -> None:
    spectra = np.full((100, BINS), FLOOR_DB, np.float32)
    spectra[50:] = LOUD_DB
    notes = np.zeros(2, FOUND)
    notes["pitch"] = 60
    notes["start_s"], notes["end_s"] = [5 * HOP_S, 60 * HOP_S], [20 * HOP_S, 90 * HOP_S]
    found, evidence = judged(notes, kept(spectra), level_judge())
    assert found["velocity"].tolist() == [VELOCITIES[0], VELOCITIES[4]]
    assert evidence[0].argmax() == 0
    assert evidence[1].argmax() == 1
    assert notes["velocity"].tolist() == [0, 0], "what was given stays"


def test_spectra_are_kept_to_half_a_decibel() -> None:
    levels = np.linspace(FLOOR_DB, 20, 400, dtype=np.float32)
    back = kept(levels) * 0.5 + FLOOR_DB
    assert abs(back - levels).max() <= 0.25


def test_a_note_after_the_last_frame_is_asked_there() -> None:
    notes = np.zeros(1, FOUND)
    notes["pitch"], notes["start_s"], notes["end_s"] = 60, 5.0, 5.2
    spectra = kept(np.full((10, BINS), LOUD_DB, np.float32))
    found, evidence = judged(notes, spectra, level_judge())
    assert found["velocity"][0] == VELOCITIES[4]
    assert np.isfinite(evidence).all()


def test_a_note_that_swells_is_told_by_its_course() -> None:
    judge = level_judge()
    w = judge.weights
    w["w2"][:], w["b2"][:] = 0, 0  # frames say nothing
    w["course_w0"][SEEN + 48, 0] = -1  # the fundamental's level at the onset less that held
    w["course_w1"][0, 0] = 1
    w["course_w2"][0] = [20, 0, 0, 0, 0]
    w["course_b2"][4] = 10
    spectra = np.full((100, BINS), FLOOR_DB, np.float32)
    spectra[10:40] = LOUD_DB
    spectra[60:90] = LOUD_DB
    spectra[60] = -70.0
    notes = np.zeros(2, FOUND)
    notes["pitch"] = 60
    notes["start_s"], notes["end_s"] = [10.2 * HOP_S, 60.2 * HOP_S], [40 * HOP_S, 90 * HOP_S]
    found, _ = judged(notes, kept(spectra), judge)
    assert found["velocity"].tolist() == [VELOCITIES[4], VELOCITIES[0]]
