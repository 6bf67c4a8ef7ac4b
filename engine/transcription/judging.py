"""Asks the judge of found notes how loud each is and who plays it: of the note's own spectra. [any]

`transcribing` calls it when all is heard. What the network that found the notes says of them counts
no more: beside the judge it made both worse on the phrases that choices are made by.
"""

from __future__ import annotations

import numpy as np

from engine.transcription.notes import LEAST_LIKELY, MOST_FRAMES
from models.morph.course import course_of
from models.morph.spectrum import FLOOR_DB
from models.transcription.judge import ATTACK, HELD, Judge, asked, course_inputs, inputs
from models.transcription.network import HOP_S, VELOCITIES

STEP_DB = 0.5  # of kept spectra
_AT_ONCE = 512  # notes


def kept(levels_db: np.ndarray) -> np.ndarray:
    """Return spectra in dB as they are kept until the notes are known, uint8."""
    return np.clip((levels_db - FLOOR_DB) / STEP_DB + 0.5, 0, 255).astype(np.uint8)


def judged(notes: np.ndarray, spectra: np.ndarray, judge: Judge) -> tuple[np.ndarray, np.ndarray]:
    """Return notes of FOUND with their velocities judged, and what speaks for each instrument.

    `spectra` (frames, 410) as `kept` leaves them, one every HOP_S. Evidence: (n, instruments).
    """
    notes, evidence = notes.copy(), np.zeros((len(notes), len(judge.instruments)))
    for begin in range(0, len(notes), _AT_ONCE):
        part = notes[begin : begin + _AT_ONCE]
        spans = [
            np.clip(asked(int(a / HOP_S), int(b / HOP_S)), 0, len(spectra) - 1)
            for a, b in zip(part["start_s"], part["end_s"], strict=True)
        ]
        note = np.repeat(np.arange(len(part)), [len(span) for span in spans])
        frame = np.concatenate(spans)
        levels = _levels(spectra[frame])
        age_s = np.maximum(frame * HOP_S - part["start_s"][note], 0)
        loud, who = judge.frames(inputs(levels, part["pitch"][note].astype(int), age_s))
        count = np.bincount(note, minlength=len(part))[:, None]
        courses = np.stack([_course(spectra, a, b) for a, b in part[["start_s", "end_s"]].tolist()])
        lasts_s = part["end_s"] - part["start_s"]
        told = judge.courses(course_inputs(courses, part["pitch"].astype(int), lasts_s))
        share = np.exp(_means(loud, note, count) + told)
        share /= share.sum(1, keepdims=True)
        notes["velocity"][begin : begin + len(part)] = np.rint(share @ VELOCITIES)
        spoken = _means(np.maximum(who, LEAST_LIKELY), note, count)
        evidence[begin : begin + len(part)] = spoken * np.minimum(count, MOST_FRAMES)
    return notes, evidence


def _course(spectra: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    """Return the course of what lasts from `start_s` to `end_s`."""
    first = min(int(start_s / HOP_S), len(spectra) - 1)
    last = max(first + 1, int(end_s / HOP_S))
    return course_of(_levels(spectra[first:last]), ATTACK, (HELD, None))


def _levels(spectra: np.ndarray) -> np.ndarray:
    """Return in dB what `kept` left."""
    return spectra * np.float32(STEP_DB) + np.float32(FLOOR_DB)


def _means(values: np.ndarray, note: np.ndarray, count: np.ndarray) -> np.ndarray:
    sums = np.zeros((len(count), values.shape[1]))
    np.add.at(sums, note, values)
    return sums / count
