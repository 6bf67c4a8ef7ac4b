"""Finds the beat in what a player plays: a causal tracker of tempo and phase from note onsets.

Many readings of the performance are followed at once. A reading says in which metre, at which
twelfth of a beat of its bar, the last chord was, and holds a Kalman filter over when that place
came and how long a beat is: a switching linear model whose discrete part is searched by a beam,
as in Cemgil and Kappen (Monte Carlo Methods for Tempo Tracking and Rhythm Quantization, JAIR 18,
2003) and Raphael (Automated Rhythm Transcription, ISMIR 2001); several readings at a time since
one alone does not find back (Allen and Dannenberg, Tracking Musical Beats in Real Time, ICMC
1990). How likely a place follows a place, and what kind of onset is found there, is learnt from
scores (`engine.beat_rhythm`). Each chord sends a reading to every place near the observed time;
it may also be an ornament, which moves nothing, or come late after a hold, which keeps the
tempo. Likelihoods fade, so that what was long ago has little say, and fresh readings in half,
double and other tempi are thrown in all the time. What is told is the beat most readings agree
on, by weight; what was told last has a bonus.

Notes of a chord come one by one: each is taken in by going over the chord's step anew, so
nothing waits for a chord to be complete. Memory is fixed and the time a note takes bounded. One
thread.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from engine.beat_readings import (
    CANDIDATES,
    COLUMNS,
    KIND_OF,
    LONGEST_S,
    METRE,
    PLACE,
    SHORTEST_S,
    SLOTS,
    WEIGHT,
    fresh,
    step,
    verdict,
)
from engine.beat_rhythm import METRES, MIDDLE_MEMORY, TICKS, Rhythm, feature_of, load_rhythm

CHORD_S, LONGEST_CHORD_S = 0.035, 0.09  # from its last note, from its first
FIRST_TEMPI, FIRST_PLACES = 24, 42
FIRST_SPREAD = 2.2  # standard deviations of the tempo prior
HINTED_SPREAD = 0.08  # of the tempo when the player has set one
FRESH = 24  # readings thrown in at each chord
MIDDLE_KEY = 60.0


@dataclass(frozen=True)
class Model:
    """What the tracker believes of players; every number was chosen on development pieces."""

    tempo_bpm: float = 88.0  # middle of the tempo prior
    tempo_spread: float = 0.5  # its standard deviation, natural logarithm
    tempo_pull: float = 0.01  # how much of the prior counts again at each chord
    onset_s: float = 0.016  # standard deviation of an onset about its place ...
    onset_beats: float = 0.022  # ... and in beats
    drift: float = 0.08  # of the tempo over a beat, relative
    ornament: float = 0.05  # how likely an onset belongs to no place
    hold: float = 0.01  # how likely one is held back
    hold_beats: float = 0.4  # by how much, on average
    memory: float = 0.985  # of likelihoods, a chord
    kind: float = 0.8  # weight of what kind of onset it is
    rhythm: float = 1.0  # weight of how rhythms go on
    renewal: float = 8.5  # how much less likely fresh readings are than the best
    constancy: float = 1.2  # bonus of what was told last
    kept: int = 256  # readings

    def __post_init__(self) -> None:
        if not 16 <= self.kept <= FIRST_TEMPI * FIRST_PLACES:
            raise ValueError(
                f"kept must be 16 to {FIRST_TEMPI * FIRST_PLACES} readings, got {self.kept}"
            )
        if not 20.0 <= self.tempo_bpm <= 400.0:
            raise ValueError(f"tempo_bpm must be 20 to 400, got {self.tempo_bpm:g}")


@dataclass(frozen=True)
class Beat:
    """What is known at a time: beats go by at a steady pace from there on, until told otherwise."""

    at_s: float
    phase: float  # in beats, 0 on the beat
    period_s: float
    confidence: float  # 0 to 1: the share of readings that agree
    place: float  # beats from the bar line
    beats_per_bar: int

    @property
    def tempo_bpm(self) -> float:
        """Beats a minute."""
        return 60.0 / self.period_s

    def phase_at(self, at_s: float) -> float:
        """The phase at another time, which may be above 1 or below 0."""
        return self.phase + (at_s - self.at_s) / self.period_s


class BeatTracker:
    """Follows one player. Feed it notes in order of time. [one thread]"""

    def __init__(self, model: Model | None = None, rhythm: Rhythm | None = None) -> None:
        self.model = model or Model()
        self._rhythm = rhythm or load_rhythm()
        self._settings = np.array(dataclasses.astuple(self.model), np.float64)
        self._beats = np.array([beats for beats, _ in METRES], np.int64)
        size = FIRST_TEMPI * FIRST_PLACES + FRESH
        self._before = np.zeros((size, COLUMNS))  # readings before the present chord
        self._work = (
            np.zeros((CANDIDATES, COLUMNS)),
            np.zeros((SLOTS, 2), np.int64),
            np.zeros(SLOTS + 1, np.int64),
            np.zeros(CANDIDATES),
        )
        self._found = np.zeros(4)
        self._columns = np.zeros((3, size))
        self.reset()

    def warm_up(self) -> None:
        """Have everything compiled; forgets what was played."""
        for i in range(4):
            self.note(0.5 * i, 60, 64)
        self.reset()

    def reset(self, tempo_bpm: float | None = None) -> None:
        """Forget all that was played; with a tempo, expect one near it."""
        self._count = 0  # readings before the present chord
        self._after = 0  # readings after it, in the working rows
        self._random = 12345
        self._chord: list[tuple[float, int]] = []
        self._chord_s = -math.inf  # of the chord's last note
        self._last_s = -math.inf  # of the chord before
        self._middle = self._middle_before = MIDDLE_KEY
        self._told: Beat | None = None
        self._told_before: Beat | None = None
        self._hint_bpm = tempo_bpm
        self.beat: Beat | None = None

    def note(self, at_s: float, pitch: int, velocity: int) -> Beat | None:
        """Take in a note-on; what is now known of the beat, None before the second chord."""
        first_s = self._chord[0][0] if self._chord else -math.inf
        if at_s - self._chord_s > CHORD_S or at_s - first_s > LONGEST_CHORD_S:
            self._begin_chord()
        self._chord.append((at_s, pitch))
        self._chord_s = at_s
        self._take_chord()
        return self.beat

    # ---- within -----------------------------------------------------------------------------

    def _begin_chord(self) -> None:
        """The last chord is complete: what it led to is what the next one begins with."""
        if not self._chord:
            return
        rows = self._work[0]
        self._before[: self._after] = rows[: self._after]
        self._count = self._after
        gap_s, self._last_s = self._chord[0][0] - self._last_s, self._chord[0][0]
        self._middle = self._middle_before + MIDDLE_MEMORY * (
            min(pitch for _, pitch in self._chord) - self._middle_before
        )
        self._middle_before = self._middle
        self._told_before = self._told
        self._chord = []
        if self._told is not None:
            self._renew(self._told, gap_s)

    def _take_chord(self) -> None:
        lowest = min(pitch for _, pitch in self._chord)
        kind = feature_of(len(self._chord), float(lowest), self._middle)
        at_s = sum(at for at, _ in self._chord) / len(self._chord)
        rows = self._work[0]
        if self._count == 0:
            self._after = self._first(at_s, kind)
            return
        self._after = step(
            *(self._before, self._count, at_s, at_s - self._last_s, kind, self._settings),
            *((self._rhythm.following, self._rhythm.features), self._beats, self._work),
        )
        told = self._told_before
        expected = (0.0, 0.0, 0.0)
        if told is not None:
            expected = (told.period_s, told.phase_at(at_s), 1.0)
        verdict(*(rows, self._after, at_s, expected, self._settings, self._found, self._columns))
        period_s, phase, share, leader = self._found.tolist()
        row = rows[int(leader)]
        self._told = self.beat = Beat(
            at_s=at_s,
            phase=phase - math.floor(phase + 0.5),
            period_s=period_s,
            confidence=share,
            place=float(row[PLACE]) / TICKS,
            beats_per_bar=int(self._beats[int(row[METRE])]),
        )

    def _first(self, at_s: float, kind: int) -> int:
        """All readings of a first chord, into the working rows; how many."""
        model, rhythm = self.model, self._rhythm
        middle_bpm, spread = model.tempo_bpm, model.tempo_spread
        if self._hint_bpm is not None:
            middle_bpm, spread = self._hint_bpm, HINTED_SPREAD
        z = np.linspace(-FIRST_SPREAD, FIRST_SPREAD, FIRST_TEMPI)
        periods = np.clip(60.0 / middle_bpm * np.exp(spread * z), SHORTEST_S, LONGEST_S)
        chance = rhythm.metres[:, None] + rhythm.first + model.kind * rhythm.features[:, :, kind]
        best = np.argsort(-chance, axis=None, kind="stable")[:FIRST_PLACES]
        metre, place = np.unravel_index(best, chance.shape)
        rows = self._work[0][: FIRST_TEMPI * FIRST_PLACES].reshape(FIRST_TEMPI, FIRST_PLACES, -1)
        noise_s = np.hypot(model.onset_s, model.onset_beats * periods)[:, None]
        step_of_tempo = 2.0 * FIRST_SPREAD * spread / FIRST_TEMPI
        rows[..., 0] = -0.5 * z[:, None] ** 2 + chance[metre, place]
        rows[..., 1] = at_s
        rows[..., 2] = periods[:, None]
        rows[..., 3] = noise_s**2
        rows[..., 4] = 0.0
        rows[..., 5] = (0.6 * step_of_tempo * periods[:, None]) ** 2
        rows[..., 6], rows[..., 7] = metre, place
        rows[..., 8] = KIND_OF[TICKS]
        rows[..., WEIGHT] -= rows[..., WEIGHT].max()
        return FIRST_TEMPI * FIRST_PLACES

    def _renew(self, told: Beat, gap_s: float) -> None:
        """Throw in fresh readings of the last chord, in the tempo told or related to it."""
        self._count, self._random = fresh(
            *(self._before, self._count, FRESH, self._last_s, gap_s, told.period_s, self._settings),
            *(self._rhythm.chances, self._rhythm.places, self._random),
        )
