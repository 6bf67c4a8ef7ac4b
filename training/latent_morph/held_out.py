"""Labels and sounds of held-out takes: what evaluate.py asks of one trained network.

Signal to symbol: every frame from 40 ms on, and notes: the mean of what their frames say, as log
probabilities, to which for dynamics what their course says is added (course.py). What has learnt
from transposed spectra is asked for dynamics and instrument three times: as it was recorded, a
semitone lower and a semitone higher. A recording that is nearer to another key than to its own is
not asked for its octave and pitch class.
Symbol to signal: labels alone give the latent point; the levels are rendered at the note's
measured frequency and level, and compared with the recording beside its own autoencoding, beside
analysis and resynthesis, and beside the nearest take that was learnt from, transposed.
"""

from dataclasses import dataclass

import numpy as np
import torch

from models.morph.voice_model import HARMONICS, conditioning
from training.latent_morph.analysis import HOP, HOP_S, analyse, from_onset
from training.latent_morph.course import CourseReader, dynamics_told
from training.latent_morph.data import STEP, shifted, unobserved
from training.latent_morph.laws import velocity_of
from training.latent_morph.metrics import (
    confusion,
    distances_db,
    flux_db,
    rise_ms,
    spectrogram,
)
from training.latent_morph.network import Classifier, Pair, labels_of
from training.latent_morph.prepare import Corpus
from training.latent_morph.render import render
from training.latent_morph.sources import HEADS, INSTRUMENTS, NAMES, TRAIN, UNKNOWN, Take

FIRST_FRAME = 4
ONCE, THRICE = (0,), (-1, 0, 1)  # semitones by which spectra are moved to be read
FURTHEST_CENTS = 50.0
_FORTE = 3
_QUIET_DB = -60.0


@dataclass(frozen=True)
class Labels:
    """What a network says of some takes: for each head the true and the found label."""

    frames: dict[str, tuple[np.ndarray, np.ndarray]]
    notes: dict[str, tuple[np.ndarray, np.ndarray]]
    instrument: np.ndarray  # of each note

    def right(self, head: str, of: str = "frames") -> float:
        """Return the % of labels that are right."""
        true, found = getattr(self, of)[head]
        return 100 * float((true == found).mean())

    def near(self, of: str = "frames") -> float:
        """Return the % of dynamics that are right or one class off."""
        true, found = getattr(self, of)["dynamics"]
        return 100 * float((abs(true - found) <= 1).mean())

    def confusion(self, head: str) -> np.ndarray:
        """Return notes by (true, found)."""
        return confusion(*self.notes[head], HEADS[head])


Heard = list[tuple[int, list[np.ndarray]]]  # takes, and of each head its (frames, labels)


def heard(
    network: torch.nn.Module, corpus: Corpus, split: int, semitones: tuple[int, ...] = ONCE
) -> Heard:
    """Return what a network says of every frame of the takes of a split."""
    found = []
    for take in np.flatnonzero(corpus.split == split).tolist():
        spectra = corpus.spectra[corpus.rows(take)].astype(np.float32)
        found.append((take, logits_of(network, spectra, semitones)))
    return found


def labels_told(
    said: Heard,
    corpus: Corpus,
    sustain: bool = False,
    in_tune: bool = True,
    names: tuple[str, ...] = NAMES,
    courses: dict[int, np.ndarray] | None = None,
) -> Labels:
    """Return the labels a network gave takes; `sustain`: of their 0.32 to 0.8 s only.

    `in_tune` false: takes that are nearer to another key are asked for their key all the same.
    `names`: takes of these instruments alone, told that it is one of them. `courses`: what is said
    of the dynamics of each take's course, which counts as much as all of its frames together.
    """
    asked = [NAMES.index(name) for name in names]
    others = np.setdiff1d(np.arange(len(NAMES)), asked)
    off = abs(corpus.cents_off) > FURTHEST_CENTS
    said = [(take, logits) for take, logits in said if corpus.instrument[take] in asked]
    frames, notes = {head: ([], []) for head in HEADS}, {head: ([], []) for head in HEADS}
    for take, whole in said:
        length = len(whole[0])
        first, last = (int(0.32 / HOP_S), int(0.8 / HOP_S)) if sustain else (FIRST_FRAME, length)
        true = true_labels(corpus, np.array([take]), known=False)[0].numpy()
        if in_tune and off[take]:
            true[:2] = UNKNOWN
        for column, (head, every) in enumerate(zip(HEADS, whole, strict=True)):
            if true[column] == UNKNOWN:
                continue
            logits = every[min(first, length - 1) : last].copy()
            if head == "instrument":
                logits[:, others] = -np.inf
            frames[head][0].append(np.full(len(logits), true[column]))
            frames[head][1].append(logits.argmax(1))
            notes[head][0].append([true[column]])
            note = logits.mean(0)
            if courses is not None and head == "dynamics":
                note = note + courses[take]
            notes[head][1].append([note.argmax()])

    def joined(table: dict) -> dict:
        return {h: tuple(np.concatenate(side) for side in sides) for h, sides in table.items()}

    instrument = corpus.instrument[[take for take, _ in said]]
    return Labels(joined(frames), joined(notes), instrument)


def courses_heard(
    reader: CourseReader, corpus: Corpus, split: int, semitones: tuple[int, ...] = THRICE
) -> dict[int, np.ndarray]:
    """Return what is said of the dynamics of the course of each take of a split, (5,)."""
    return {
        take: dynamics_told(reader, corpus.spectra[corpus.rows(take)], semitones)
        for take in np.flatnonzero(corpus.split == split).tolist()
    }


def logits_of(
    network: torch.nn.Module, spectra: np.ndarray, semitones: tuple[int, ...] = ONCE
) -> list[np.ndarray]:
    """Return the log probabilities of each head, (frames, labels).

    Those of dynamics and instrument are means over the spectra moved by so many semitones.
    """
    whole = _read(network, spectra)
    if semitones == ONCE:
        return whole
    moved = [_read(network, shifted(spectra, np.full(len(spectra), by * STEP))) for by in semitones]
    for place, head in enumerate(HEADS):
        if head in ("dynamics", "instrument"):
            whole[place] = np.mean([logits[place] for logits in moved], 0)
    return whole


def _read(network: torch.nn.Module, spectra: np.ndarray) -> list[np.ndarray]:
    with torch.no_grad():
        read = torch.from_numpy(spectra)
        if isinstance(network, Classifier):
            found = network(read)
        else:
            assert isinstance(network, Pair)
            found = network.symbol(network.of_signal(read)[0])
        return [torch.log_softmax(logits, 1).numpy() for logits in found]


def true_labels(corpus: Corpus, takes: np.ndarray, known: bool = True) -> torch.Tensor:
    """Return the labels (n, 4) of takes; `known`: dynamics that lack are forte."""
    dynamics = corpus.dynamics[takes].astype(int)
    if known:
        dynamics = np.where(dynamics == UNKNOWN, _FORTE, dynamics)
    columns = (corpus.pitch[takes].astype(int), dynamics, corpus.instrument[takes].astype(int))
    return labels_of(*(torch.from_numpy(column) for column in columns))


def levels_both_ways(network: Pair, corpus: Corpus, take: int) -> tuple[np.ndarray, np.ndarray]:
    """Return levels (T, 88) of a take by its own latent points, and by its labels alone."""
    rows = corpus.rows(take)
    spectra = torch.from_numpy(corpus.spectra[rows].astype(np.float32))
    age = np.arange(len(spectra)) * HOP_S
    dynamics = np.where(corpus.dynamics[[take]] == UNKNOWN, _FORTE, corpus.dynamics[[take]])
    velocity = 127 * velocity_of(dynamics)
    told = torch.from_numpy(conditioning(float(corpus.pitch[take]), velocity, age))
    with torch.no_grad():
        own = network.signal(network.of_signal(spectra)[0], told)
        z = network.of_symbol(true_labels(corpus, np.array([take])))[0]
        other = network.signal(z.expand(len(age), -1), told)
    return np.maximum(own.numpy(), -100), np.maximum(other.numpy(), -100)


def level_error_db(corpus: Corpus, take: int, levels: np.ndarray) -> float:
    """Return the RMS error of levels a take, over those that are in its range and above -60 dB."""
    true = corpus.levels[corpus.rows(take)].astype(np.float32)
    hidden = np.zeros(true.shape, bool)
    hidden[:, :HARMONICS] = unobserved(corpus.pitch[[take]])
    gap = np.maximum(true, _QUIET_DB) - np.maximum(levels, _QUIET_DB)
    heard = ~hidden & ((true > _QUIET_DB) | (levels > _QUIET_DB))
    return float(np.sqrt((gap[heard] ** 2).mean()))


def sounds(network: Pair, corpus: Corpus, takes: list[Take], take: int) -> dict[str, np.ndarray]:
    """Return a take's sound: recorded, analysed, autoencoded, from its labels, and the nearest."""
    true = recorded(corpus, takes, take)
    decays = INSTRUMENTS[corpus.instrument[take]].decays
    frames = analyse(true, corpus.pitch[take], decays)
    own, other = levels_both_ways(network, corpus, take)
    level, f0 = corpus.level_db[take], float(corpus.f0_hz[take])
    return {
        "recorded": true,
        "analysed": render(frames.levels_db, frames.f0_hz, frames.stretch),
        "autoencoded": render(own + level, f0),
        "labels": render(other + level, f0),
        "nearest": nearest(corpus, takes, take)[: len(true)],
    }


def recorded(corpus: Corpus, takes: list[Take], take: int) -> np.ndarray:
    """Return a take's sound from its onset to its last frame."""
    rows = corpus.rows(take)
    return from_onset(takes[take].audio())[: (rows.stop - rows.start) * HOP]


def nearest(corpus: Corpus, takes: list[Take], take: int) -> np.ndarray:
    """Return the nearest take learnt from, transposed and brought to this one's level.

    It is one that lasts as long, where there is one.
    """
    own = np.flatnonzero((corpus.split == TRAIN) & (corpus.instrument == corpus.instrument[take]))
    length = np.diff(corpus.first)[own]
    wanted = corpus.first[take + 1] - corpus.first[take]
    if (length >= wanted).any():
        own, length = own[length >= wanted], length[length >= wanted]
    away = np.abs(corpus.pitch[own].astype(int) - int(corpus.pitch[take])) * 100
    away = away + np.abs(corpus.dynamics[own].astype(int) - int(corpus.dynamics[take])) * 10
    best = int(own[np.lexsort((-length, away))[0]])
    audio = from_onset(takes[best].audio())
    ratio = float(corpus.f0_hz[take] / corpus.f0_hz[best])
    place = np.arange(0, len(audio) - 1, ratio)
    gain = 10 ** ((corpus.level_db[take] - corpus.level_db[best]) / 20)
    return (_resampled(audio, place) * gain).astype(np.float32)


def _resampled(audio: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return audio at fractional samples, by 16 neighbours under a raised cosine."""
    padded = np.pad(audio.astype(np.float64), 8)
    whole = place.astype(int)
    share = place - whole
    found = np.zeros(len(place))
    for tap in range(-7, 9):
        at = tap - share
        found += padded[whole + tap + 8] * np.sinc(at) * (0.5 + 0.5 * np.cos(np.pi * at / 8))
    return found


def distances(found: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Return what each way of making a take's sound is away from the recording."""
    true = found["recorded"]
    rise = rise_ms(true)
    table = {}
    for way, audio in found.items():
        mel, fine = distances_db(true, audio)
        table[way] = {
            "mel": mel,
            "fine": fine,
            "rise": abs(rise_ms(audio) - rise),
            "flux": flux_db(spectrogram(audio)),
        }
    return table


def some(corpus: Corpus, split: int, most: int) -> list[int]:
    """Return at most so many takes of each instrument, spread over its keys and dynamics."""
    random = np.random.default_rng(7)
    chosen = []
    for place in range(len(INSTRUMENTS)):
        own = np.flatnonzero((corpus.split == split) & (corpus.instrument == place))
        chosen += sorted(random.permutation(own)[:most].tolist())
    return chosen
