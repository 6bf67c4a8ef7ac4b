"""Endless performances for the live network to learn from, as its own steps would hear them.

Where a class was last is among the network's inputs (engine.rt.history), so what it hears depends
on what it decided. Half of the time it learns from its own decisions (`listened`), half of the time
from beliefs made up near the truth (`taught`): right but for stretches in which two neighbouring
classes are taken for each other. All memory is engine.rt's, the code the callback runs.
"""

from collections.abc import Callable

import numpy as np
from numba import njit

from engine.rt.features import (
    CHORD_MS,
    MAX_TOKENS,
    new_memory,
    remember_note_off,
    remember_note_on,
    reset_memory,
    revise_chord,
    tokens,
    write_features,
)
from engine.rt.history import believe, leave_out_absent
from engine.rt.native import rt
from training.part_separation.live import RATE_HZ, Conditions, Performance, decisions, perform
from training.part_separation.prepare import Chorale

WINDOW_FRAMES = round(CHORD_MS * RATE_HZ / 1000)
LONGEST_NOTES = 400  # of a long piece, so many are cut out, anywhere
AHEAD = 6  # batches listened to at a time: steps of many sequences cost little more than of few
_RESET = 1000  # instead of a key: another piece begins

Batch = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Step = Callable[[np.ndarray, object], tuple[np.ndarray, object]]


class Sequences:
    """Seeded batches: tokens (step, batch, MAX_TOKENS) int64, voices (step, batch, K) bool, the
    numbers of the chord decisions (step, batch), and which classes play at all (batch, K) bool.

    With `tell_absent` the network knows of classes that no note of a piece is of, as the engine
    does of parts that have been taken out; otherwise it takes all to play.
    """

    def __init__(
        self,
        pieces: list[Chorale],
        classes: int,
        seed: int,
        batch: int,
        steps: int,
        tell_absent: bool = False,
    ) -> None:
        self.pieces, self.classes = pieces, classes
        self.random = np.random.default_rng(seed)
        self.batch, self.steps = batch, steps
        self.tell_absent = tell_absent
        self.heard: list[Batch] = []

    def taught(self) -> Batch:
        """Return a batch whose classes were where they were, or nearly."""
        rows = []
        for _ in range(self.batch):
            events, voices, numbers, playing, start = self._sequence()
            row = np.full((self.steps, MAX_TOKENS), tokens(self.classes), np.int64)
            _teach(_memories(playing[None]), events, self._beliefs(voices), start, row)
            cut = slice(start, start + self.steps)
            rows.append((row, voices[cut], numbers[cut], playing))
        told, voices_of, numbers_of, playing_of = zip(*rows, strict=True)
        playing = np.stack(playing_of)
        return np.stack(told, 1), np.stack(voices_of, 1), np.stack(numbers_of, 1), playing

    def listened(self, step: Step) -> Batch:
        """Return a batch whose classes were where the network put them.

        `step` takes tokens (batch, MAX_TOKENS) and its last state, None at first, and returns
        log-probabilities (batch, K) float32 and its state.
        """
        if not self.heard:
            many = [self._sequence(from_start=True) for _ in range(AHEAD * self.batch)]
            playing = np.stack([row[3] for row in many])
            heard = listen([row[0] for row in many], playing, self.steps, step)
            voices = np.stack([row[1][: self.steps] for row in many], 1)
            numbers = np.stack([row[2][: self.steps] for row in many], 1)
            for i in range(0, len(many), self.batch):
                part = slice(i, i + self.batch)
                self.heard.append(
                    (heard[:, part], voices[:, part], numbers[:, part], playing[part])
                )
        return self.heard.pop()

    def _sequence(
        self, from_start: bool = False
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
        """Return events, voices, numbers and playing classes of pieces for the same classes played
        one after the other, of at least `steps` notes from the returned one on."""
        conditions = self._conditions()
        played: list[Performance] = []
        playing = np.ones(self.classes, bool)
        start, missing = 0, self.steps
        while missing > 0:
            piece = self.pieces[self.random.integers(len(self.pieces))].notes
            if self.tell_absent:
                has = np.bincount(piece[:, 3], minlength=self.classes) > 0
                if played and (has != playing).any():
                    continue
                playing = has
            notes = _altered(_transposed(self._cut(piece), self.random), self.random)
            if not len(notes):
                continue
            performance = perform(notes, conditions, self.random, self.classes)
            n = len(performance.voices)
            if not played and not from_start and self.random.random() < 0.5:
                start = int(self.random.integers(n))
            missing -= n - (start if not played else 0)
            played.append(performance)
        events, numbers = [], []
        for performance in played:
            after = numbers[-1][-1] + 1 if numbers else 0
            most = int(playing.sum())
            numbers.append(decisions(performance.struck[:, 0].copy(), WINDOW_FRAMES, most) + after)
            events += [performance.events, np.array([[0, _RESET]])]
        voices = np.concatenate([performance.voices for performance in played])
        return np.concatenate(events), voices, np.concatenate(numbers), playing, start

    def _cut(self, notes: np.ndarray) -> np.ndarray:
        """Return the notes, or an excerpt of a long piece."""
        if len(notes) <= 2 * LONGEST_NOTES:
            return notes
        at = int(self.random.integers(len(notes) - LONGEST_NOTES))
        notes = notes[at : at + LONGEST_NOTES].copy()
        notes[:, 0] -= notes[:, 0].min()
        return notes

    def _beliefs(self, voices: np.ndarray) -> np.ndarray:
        """Return log-probabilities (n, K): the truth, some stretches of it confused."""
        r = self.random
        beliefs = np.where(voices, 0.0, -3.0) + r.normal(0, 0.05, voices.shape)
        at = int(r.geometric(CONFUSED))
        while at < len(voices):
            end = at + int(r.integers(1, 8))
            k = int(r.integers(self.classes - 1))
            beliefs[at:end, [k, k + 1]] = beliefs[at:end, [k + 1, k]]
            at = end + int(r.geometric(CONFUSED))
        return beliefs.astype(np.float32)

    def _conditions(self) -> Conditions:
        r = self.random
        if r.random() < 0.25:
            return Conditions(merge_unisons=bool(r.random() < 0.2))
        low = r.uniform(0.3, 1.3)
        return Conditions(
            jitter_ms=r.uniform(1, 30),
            tempo_octaves=1.1,
            rubato=0.1,
            articulation=(low, low) if r.random() < 0.5 else (0.6, 1.05),
            spread_ms=r.uniform(0, 60) if r.random() < 0.2 else 0.0,
            merge_unisons=True,
        )


CONFUSED = 0.02  # chance that at a note two classes begin to be taken for each other


def _transposed(notes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the notes in any key, -5 to +6 semitones away."""
    notes = notes.copy()
    notes[:, 2] = np.clip(notes[:, 2] + random.integers(-5, 7), 0, 127)
    return notes


def _altered(notes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return, half of the time, the notes with a few left out and a few wrong."""
    if random.random() < 0.5:
        return notes
    kept = notes[random.random(len(notes)) >= random.uniform(0, 0.12)]
    wrong = random.random(len(kept)) < random.uniform(0, 0.04)
    kept[:, 2] += np.where(wrong, random.choice([-2, -1, 1, 2], len(kept)), 0).astype(np.int32)
    np.clip(kept[:, 2], 0, 127, out=kept[:, 2])
    return kept[np.lexsort((kept[:, 3], kept[:, 1], kept[:, 2], kept[:, 0]))]


def listen(events: list[np.ndarray], playing: np.ndarray, steps: int, step: Step) -> np.ndarray:
    """Return the tokens (steps, sequence, MAX_TOKENS) that the network's own decisions make.

    playing (sequence, K) bool: the classes that play.
    """
    longest = max(len(e) for e in events)
    table = np.zeros((len(events), longest, 2), np.int64)
    for i, e in enumerate(events):
        table[i, : len(e)] = e
    memories = _memories(playing)
    at = np.zeros(len(events), np.int64)
    rows = np.full((steps, len(events), MAX_TOKENS), tokens(playing.shape[1]), np.int64)
    state: object = None
    for note in range(steps):
        _write_next(memories, table, at, rows[note])
        logp, state = step(rows[note], state)
        _strike_next(memories, table, at, logp)
    return rows


def _memories(playing: np.ndarray) -> np.ndarray:
    memories = np.concatenate([new_memory(RATE_HZ, playing.shape[1]) for _ in playing])
    memories["absent"] = (~playing).astype(np.int64) @ (1 << np.arange(playing.shape[1]))
    return memories


@njit(cache=True)
def _write_next(memories, events, at, rows):
    for b in range(len(at)):
        at[b] = _next_struck(memories[b : b + 1], events[b], at[b], rows[b])


@njit(cache=True)
def _strike_next(memories, events, at, logp):
    for b in range(len(at)):
        frame, key = events[b, at[b]]
        remember_note_on(memories[b : b + 1], key, frame)
        leave_out_absent(memories[b : b + 1], logp[b])
        believe(memories[b : b + 1], logp[b])
        at[b] += 1


@rt
def _next_struck(memory, events, at, row):
    """Go on to the next key struck and write its tokens; return where it is."""
    while events[at, 1] < 0 or events[at, 1] == _RESET:
        if events[at, 1] == _RESET:
            reset_memory(memory)
        else:
            remember_note_off(memory, -1 - events[at, 1])
        at += 1
    frame, key = events[at]
    revise_chord(memory, frame)
    write_features(memory, key, frame, row)
    return at


@njit(cache=True)
def _teach(memory, events, beliefs, start, rows):
    """Write the tokens of notes from `start` on, every note having been believed as told."""
    scratch = np.zeros(MAX_TOKENS, np.int64)
    at = 0
    for note in range(start + len(rows)):
        at = _next_struck(memory, events, at, rows[note - start] if note >= start else scratch)
        frame, key = events[at]
        remember_note_on(memory, key, frame)
        leave_out_absent(memory, beliefs[note])
        believe(memory, beliefs[note])
        at += 1
