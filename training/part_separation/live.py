"""Turns a score into what a keyboard player would send, and that into the network's input.

Used for training, where every pass hears another performance, and for the figures, where the
performances are seeded. All features come from engine.rt.features, the code the callback runs.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from engine.rt.features import (
    MAX_TOKENS,
    new_memory,
    remember_note_off,
    remember_note_on,
    revise_chord,
    write_features,
)
from engine.rt.history import believe

RATE_HZ = 48000
SCORE_TEMPO_BPM = 120
CLASSES = 4  # where nothing else is said
ABSENT = 1 << 10  # of an event's key: what is above says which classes do not play, bit k class k


@dataclass(frozen=True)
class Conditions:
    """How far a performance strays from the score."""

    jitter_ms: float = 0.0  # every onset moves by up to this, earlier or later
    tempo_octaves: float = 0.0  # one tempo a piece, 120 * 2 ** up to this, up or down
    rubato: float = 0.0  # share by which the tempo wanders
    articulation: tuple[float, float] = (1.0, 1.0)  # sounding share of the written length, a piece
    spread_ms: float = 0.0  # chords broken, upwards or downwards, over up to this
    merge_unisons: bool = False  # one key cannot be struck for two voices
    arpeggio: float = (
        0.0  # share of the time to the next that chords are broken over, 0.4 s at most
    )
    wrong: float = 0.0  # share of notes struck one or two keys away
    split: float = 0.0  # share of notes, quavers or longer, struck twice

    def __post_init__(self) -> None:
        for name, low, high in (
            ("jitter_ms", 0, 100),
            ("tempo_octaves", 0, 3),
            ("rubato", 0, 0.5),
            ("spread_ms", 0, 500),
            ("arpeggio", 0, 1),
            ("wrong", 0, 1),
            ("split", 0, 1),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be {low} to {high}, got {getattr(self, name)}")
        if not 0 < self.articulation[0] <= self.articulation[1] <= 4:
            raise ValueError(f"articulation must rise within 0 to 4, got {self.articulation}")


CLEAN = Conditions()
LIVE = Conditions(
    jitter_ms=20, tempo_octaves=1, rubato=0.08, articulation=(0.6, 1.05), merge_unisons=True
)


@dataclass(frozen=True)
class Performance:
    """Keys in the order they come: events (e, 2) int64 of frame and key, -1 - key for a release,
    ABSENT + bits where the player says which classes do not play from then on; voices (n, K) bool,
    the voices each struck key stands for, in order of arrival."""

    events: np.ndarray
    voices: np.ndarray

    @property
    def struck(self) -> np.ndarray:
        """The events of keys going down."""
        return self.events[(self.events[:, 1] >= 0) & (self.events[:, 1] < ABSENT)]

    @property
    def pitches(self) -> np.ndarray:
        return self.struck[:, 1]


def perform(
    notes: np.ndarray,
    conditions: Conditions,
    random: np.random.Generator,
    classes: int = CLASSES,
) -> Performance:
    """Play notes (n, 4) int of onset, duration (ticks of 1/480 quarter), pitch, part < classes."""
    voices = np.eye(classes, dtype=bool)[notes[:, 3]]
    if conditions.wrong:
        notes = _mistaken(notes, conditions.wrong, random)
    if conditions.merge_unisons:
        notes, voices = _merged(notes, voices)
    if conditions.split:
        notes, voices = _split(notes, voices, conditions.split, random)
    seconds = _clock(int((notes[:, 0] + notes[:, 1]).max()) + 1, conditions, random)
    ticks = np.arange(len(seconds)) * _GRID_TICKS
    on = np.interp(notes[:, 0], ticks, seconds)
    length = np.interp(notes[:, 0] + notes[:, 1], ticks, seconds) - on
    share = random.uniform(*conditions.articulation) * _jittered(len(notes), conditions, random)
    if conditions.spread_ms:
        on += _spread(notes, conditions, random)
    if conditions.arpeggio:
        on += _arpeggiated(notes, np.interp(notes[:, 0], ticks, seconds), conditions, random)
    on += random.uniform(-1, 1, len(on)) * conditions.jitter_ms / 1000
    off = on + np.maximum(length * share, 0.02 if conditions.jitter_ms else 0.0)
    on_frames = np.round((on + 0.5) * RATE_HZ).astype(np.int64)
    off_frames = np.round((off + 0.5) * RATE_HZ).astype(np.int64)
    if conditions.merge_unisons:
        _lift_before_striking(notes[:, 2], on_frames, off_frames)
    return _events(notes[:, 2], on_frames, off_frames, voices)


_GRID_TICKS = 120


def _clock(ticks: int, conditions: Conditions, random: np.random.Generator) -> np.ndarray:
    """Return the second at which every 120th tick falls: one tempo, wandering by the rubato."""
    octaves = random.uniform(-1, 1) * conditions.tempo_octaves
    tempo_bpm = SCORE_TEMPO_BPM * 2**octaves
    count = ticks // _GRID_TICKS + 2
    knots = np.arange(0, count + 16, 16)  # four beats
    wander = random.uniform(-1, 1, len(knots)) * conditions.rubato
    factor = 1 + np.interp(np.arange(count), knots, wander)
    durations = 60 / (tempo_bpm * factor) * _GRID_TICKS / 480
    return np.concatenate([[0.0], np.cumsum(durations)])


def _jittered(n: int, conditions: Conditions, random: np.random.Generator) -> np.ndarray:
    """Return how each note's length differs from the piece's articulation."""
    return random.uniform(0.9, 1.1, n) if conditions.jitter_ms else np.ones(n)


def _merged(notes: np.ndarray, voices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return notes and voices with those of equal onset and pitch made one, the longer."""
    _, first, which = np.unique(
        notes[:, 0].astype(np.int64) * 128 + notes[:, 2], return_index=True, return_inverse=True
    )
    merged = notes[first].copy()
    np.maximum.at(merged[:, 1], which, notes[:, 1])
    together = np.zeros((len(first), voices.shape[1]), bool)
    np.logical_or.at(together, which, voices)
    return merged, together


def _mistaken(notes: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Return notes, some of them on a neighbouring key."""
    notes = notes.copy()
    wrong = random.random(len(notes)) < share
    notes[:, 2] += np.where(wrong, random.choice([-2, -1, 1, 2], len(notes)), 0).astype(np.int32)
    return notes


def _split(
    notes: np.ndarray, voices: np.ndarray, share: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return notes and voices with some notes struck again a semiquaver after they began."""
    twice = (random.random(len(notes)) < share) & (notes[:, 1] >= _QUAVER_TICKS)
    again = notes[twice].copy()
    again[:, 0] += _QUAVER_TICKS // 2
    again[:, 1] -= _QUAVER_TICKS // 2
    notes = notes.copy()
    notes[twice, 1] = _QUAVER_TICKS // 2
    notes = np.concatenate([notes, again])
    order = np.lexsort((notes[:, 2], notes[:, 0]))
    return notes[order], np.concatenate([voices, voices[twice]])[order]


_QUAVER_TICKS = 240


def _arpeggiated(
    notes: np.ndarray, on: np.ndarray, conditions: Conditions, random: np.random.Generator
) -> np.ndarray:
    """Return seconds to add to onsets so that chords of three or more keys are played one by one.

    `on` (n,): the second each note is written at.
    """
    _, which, sizes = np.unique(notes[:, 0], return_inverse=True, return_counts=True)
    starts = np.zeros(len(sizes))
    starts[which] = on
    width = np.minimum(np.diff(starts, append=starts[-1] + 1) * conditions.arpeggio, 0.4)
    width[sizes < 3] = 0
    rank = np.zeros(len(notes))
    order = np.lexsort((notes[:, 2], which))
    rank[order] = np.arange(len(notes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = rank / np.maximum(sizes - 1, 1)[which]
    downwards = random.random(len(sizes))[which] < 0.3
    return np.where(downwards, 1 - place, place) * width[which]


def _spread(notes: np.ndarray, conditions: Conditions, random: np.random.Generator) -> np.ndarray:
    """Return seconds to add to onsets so that each chord rolls upwards or downwards."""
    _, which = np.unique(notes[:, 0], return_inverse=True)
    chords = which.max() + 1
    low = np.full(chords, 127)
    high = np.zeros(chords, int)
    np.minimum.at(low, which, notes[:, 2])
    np.maximum.at(high, which, notes[:, 2])
    height = (notes[:, 2] - low[which]) / np.maximum(high - low, 1)[which]
    downwards = random.random(chords)[which] < 0.3
    width = random.uniform(0, conditions.spread_ms / 1000, chords)[which]
    return np.where(downwards, 1 - height, height) * width


def _lift_before_striking(pitches: np.ndarray, on: np.ndarray, off: np.ndarray) -> None:
    """Move releases to before the same key is struck again, in place."""
    order = np.lexsort((on, pitches))
    following = order[1:]
    before = order[:-1]
    again = pitches[following] == pitches[before]
    off[before[again]] = np.minimum(off[before[again]], on[following[again]] - 1)


def _events(
    pitches: np.ndarray, on: np.ndarray, off: np.ndarray, voices: np.ndarray
) -> Performance:
    frames = np.concatenate([off, on])
    keys = np.concatenate([-1 - pitches, pitches]).astype(np.int64)
    order = np.argsort(frames, kind="stable")  # releases first, then the order of the score
    struck = order[order >= len(off)] - len(off)
    return Performance(np.stack([frames, keys], axis=1)[order], voices[struck])


def features(
    performance: Performance, beliefs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return tokens (n, MAX_TOKENS) int16, -1 beyond each note's last, and chord and onset (n,).

    beliefs (n, K) float32: log-probabilities of each note's classes, as if the network had said
    so; the tokens of the notes after it follow from them.
    """
    n, classes = beliefs.shape
    tokens = np.full((n, MAX_TOKENS), -1, np.int16)
    onsets = np.zeros(n, np.int64)
    chords = np.zeros(n, np.int64)
    memory = new_memory(RATE_HZ, classes)
    _write_all(memory, performance.events, beliefs, tokens, chords, onsets)
    return tokens, chords, onsets


@njit(cache=True)
def _write_all(memory, events, beliefs, tokens, chords, onsets):
    row = np.zeros(MAX_TOKENS, np.int64)
    i = 0
    for e in range(len(events)):
        frame, key = events[e]
        if key < 0:
            remember_note_off(memory, -1 - key)
            continue
        revise_chord(memory, frame)
        count = write_features(memory, key, frame, row)
        for j in range(count):
            tokens[i, j] = row[j]
        remember_note_on(memory, key, frame)
        believe(memory, beliefs[i])
        chords[i] = memory[0].chord
        onsets[i] = frame
        i += 1


@njit(cache=True)
def decisions(onsets, window_frames, classes):
    """Return for each note the number of its chord decision: notes within `window_frames` of the
    first, at most `classes` of them. onsets (n,) rising int64."""
    numbers = np.zeros(len(onsets), np.int64)
    number = -1
    first = np.int64(0)
    count = 0
    for i in range(len(onsets)):
        if count == 0 or count == classes or onsets[i] - first > window_frames:
            number += 1
            first = onsets[i]
            count = 0
        count += 1
        numbers[i] = number
    return numbers
