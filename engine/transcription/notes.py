"""Frames to notes: where each key of a recording begins and ends, how loud, and who it may be.

`Listening` keeps of every frame what notes are made of, little enough for hours: onsets and what
sounds of all keys, loudness and instruments only of keys that sound. `find_notes` reads it when all
is heard. [any]
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from models.transcription.network import HOP_S, KEYS, LOWEST_KEY, VELOCITIES, Heard

WORTH_KEEPING = 0.2  # a key that sounds less surely plays no part in a note's loudness
NEAREST_ONSETS = 3  # frames between two onsets of a key
RISING = 3  # frames after an onset in which the key must be heard to sound
MOST_FRAMES = 5  # of a note count when its instrument is asked
LEAST_LIKELY = -5.0  # the most that a frame may speak against an instrument
FOUND = np.dtype(
    [
        ("start_s", "f8"),
        ("end_s", "f8"),
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("sureness", "f4"),
    ]
)


@dataclass(frozen=True)
class Thresholds:
    """Probabilities between 0 and 1, chosen on phrases that are neither trained on nor tested."""

    onset: float = 0.4
    sounding: float = 0.4  # some frame of a note
    going_on: float = 0.6  # every frame of it
    unstruck: float = 0.9  # a note without an onset: all its frames
    unstruck_frames: int = 5

    def __post_init__(self) -> None:
        for name in ("onset", "sounding", "going_on", "unstruck"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        if self.unstruck_frames < 1:
            raise ValueError(f"unstruck_frames must be 1 or more, got {self.unstruck_frames}")


@dataclass
class Listening:
    """What was heard so far, frame by frame."""

    onset: list[np.ndarray] = field(default_factory=list)  # (n, 88) float16
    sounding: list[np.ndarray] = field(default_factory=list)
    places: list[np.ndarray] = field(default_factory=list)  # frame * 88 + key, rising
    dynamics: list[np.ndarray] = field(default_factory=list)  # (places, 5) logarithms
    instrument: list[np.ndarray] = field(default_factory=list)
    spectra: list[np.ndarray] = field(default_factory=list)  # (n, 410) uint8, for the judge
    frames: int = 0

    def add(self, heard: Heard) -> None:
        """Take the next frames."""
        at = np.flatnonzero(heard.sounding.reshape(-1) >= WORTH_KEEPING)
        self.places.append(at + self.frames * KEYS)
        for kept, part in ((self.dynamics, heard.dynamics), (self.instrument, heard.instrument)):
            kept.append(part.reshape(-1, part.shape[2])[at].astype(np.float16))
        self.onset.append(heard.onset.astype(np.float16))
        self.sounding.append(heard.sounding.astype(np.float16))
        self.frames += len(heard)


def find_notes(
    listening: Listening, lag: int = 0, thresholds: Thresholds | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return notes (n,) of FOUND by rising start, and what speaks for each instrument, (n, k).

    The frames are `lag` late: those before the sound began are no notes.
    """
    thresholds = thresholds or Thresholds()
    onset = np.concatenate(listening.onset).astype(np.float32)
    sounding = np.concatenate(listening.sounding).astype(np.float32)
    places, dynamics, instrument = (
        np.concatenate(parts)
        for parts in (listening.places, listening.dynamics, listening.instrument)
    )
    rows, evidence = [], []
    for key in np.flatnonzero((sounding >= thresholds.sounding).any(axis=0)):
        own = np.flatnonzero(places % KEYS == key)
        own_frames = places[own] // KEYS
        for begin, end in _spans(onset[:, key], sounding[:, key], thresholds):
            inside = own[np.searchsorted(own_frames, begin) : np.searchsorted(own_frames, end)]
            if len(inside) == 0:
                continue
            loud = np.exp(dynamics[inside].astype(np.float32)).mean(axis=0)
            velocity = float(loud @ VELOCITIES / loud.sum())
            start_s = max(0.0, (_exact(onset[:, key], begin) - lag) * HOP_S)
            end_s = (end - 0.5 - lag) * HOP_S
            if end_s <= start_s:
                continue
            sure = float(sounding[begin:end, key].mean())
            pitch = LOWEST_KEY + key
            rows.append((start_s, end_s, pitch, round(velocity), sure))
            spoken = np.maximum(instrument[inside].astype(np.float32), LEAST_LIKELY)
            evidence.append(spoken.mean(axis=0) * min(len(inside), MOST_FRAMES))
    notes = np.array(rows, FOUND)
    order = np.lexsort((notes["pitch"], notes["start_s"]))
    return notes[order], np.array(evidence).reshape(len(rows), instrument.shape[1])[order]


def _spans(
    onset: np.ndarray, sounding: np.ndarray, thresholds: Thresholds
) -> list[tuple[int, int]]:
    """Return the first frame of each note of one key and the one after its last."""
    starts = _onsets(onset, sounding, thresholds)
    goes_on = sounding >= thresholds.going_on
    stops = np.flatnonzero(~goes_on & ~np.append(goes_on[1:], False))  # two frames of silence
    spans = []
    for begin, following in itertools.pairwise([*starts, len(onset)]):
        risen = begin + int(np.argmax(goes_on[begin : begin + RISING + 1]))
        later = stops[np.searchsorted(stops, risen) :]
        spans.append((begin, min(following, int(later[0]) if len(later) else len(onset))))
    return _with_unstruck(spans, sounding, thresholds)


def _onsets(onset: np.ndarray, sounding: np.ndarray, thresholds: Thresholds) -> list[int]:
    """Return the frames where an onset is likeliest and the key is heard to sound."""
    before, after = np.append(0, onset[:-1]), np.append(onset[1:], 0)
    peaks = np.flatnonzero((onset >= thresholds.onset) & (onset >= before) & (onset > after))
    kept: list[int] = []
    for frame in peaks.tolist():
        if sounding[frame : frame + RISING + 1].max() < thresholds.sounding:
            continue
        if kept and frame - kept[-1] < NEAREST_ONSETS:
            if onset[frame] > onset[kept[-1]]:
                kept[-1] = frame
            continue
        kept.append(frame)
    return kept


def _with_unstruck(
    spans: list[tuple[int, int]], sounding: np.ndarray, thresholds: Thresholds
) -> list[tuple[int, int]]:
    """Add what surely sounds for long without an onset: a note that swelled."""
    surely = sounding >= thresholds.unstruck
    for begin, end in spans:
        surely[max(0, begin - 2) : end + 1] = False
    edges = np.diff(np.concatenate([[0], surely.astype(np.int8), [0]]))
    runs = zip(np.flatnonzero(edges > 0), np.flatnonzero(edges < 0), strict=True)
    long = [(int(a), int(b)) for a, b in runs if b - a >= thresholds.unstruck_frames]
    return sorted([*spans, *long])


def _exact(onset: np.ndarray, frame: int) -> float:
    """Return where between frames an onset lies: the middle of what is likely around it."""
    first = max(0, frame - 1)
    around = onset[first : frame + 2]
    weight = float(around.sum())
    if weight < 0.2:
        return float(frame)
    return float(around @ np.arange(first, first + len(around))) / weight
