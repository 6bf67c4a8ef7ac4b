"""The study's multilayer perceptron after Valk and Weyde: a note, its chord, each part's last note.

It decides note by note, from features that hold the parts given to earlier notes: the true ones
while it learns and for the oracle, its own otherwise, so that its errors propagate. Which part
enters where is told, as in the paper. Three layers of 128 units, ReLU between. The features:
pitch, position in the bar's beat, number in the chord and the chord's size, steps to the notes
below and above; of each part whether it has entered and enters now, sounds, already has a note of
this chord, and how far away its last note lies in pitch, onset and release.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from numba import njit
from torch import nn

from training.part_separation.prepare import Chorale
from training.part_separation.study.corpora import (
    BUILD,
    LONGEST_STEPS,
    MOST_NOTES,
    PARTS,
    RESULTS,
    STEPS,
    Corpus,
    load,
)
from training.part_separation.study.rules import first_notes

HIDDEN = 128
OF_NOTE, OF_PART = 7, 7  # features
BATCH, RATE = 512, 2e-3
MOST_PIECES = 100  # are measured, as in the paper


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(PARTS))
    parser.add_argument("--data", type=Path, default=BUILD)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--updates", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.names:
        corpus = load(name, options.data)
        began = time.process_time()
        weights = train(corpus, options.updates, options.seed)
        cpu_s = time.process_time() - began
        for oracle in (False, True):
            run = f"{name}-mlp{'-oracle' if oracle else ''}-s{options.seed}"
            result: dict[str, object] = {"run": run, "updates": options.updates}
            for side, pieces in (("valid", corpus.valid), ("test", corpus.test)):
                right = np.concatenate(
                    [piece_right(piece, weights, oracle) for piece in pieces[:MOST_PIECES]]
                )
                result[side] = round(100 * float(right.mean()), 2)
                result[f"{side}_notes"] = len(right)
            result["train_cpu_s"] = round(cpu_s, 1)
            path = options.out / f"{run}.json"
            path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            print(result, flush=True)


def train(corpus: Corpus, updates: int, seed: int) -> list[np.ndarray]:
    """Return weights (inputs, units) and biases (units,) in turn, trained on true histories."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    classes = len(corpus.parts)
    model = nn.Sequential(
        nn.Linear(OF_NOTE + OF_PART * classes, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, classes),
    )
    optimiser = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, updates)
    for update in range(updates):
        if update % 100 == 0:
            x, y = some_notes(corpus.train, classes, random)
        chosen = torch.from_numpy(random.integers(len(y), size=BATCH))
        loss = nn.functional.cross_entropy(model(x[chosen]), y[chosen])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    return [np.ascontiguousarray(p.detach().numpy().T) for p in model.parameters()]


def some_notes(
    pieces: list[Chorale], classes: int, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return features and parts of the notes of pieces drawn at random, in any key."""
    xs, ys = [], []
    while sum(map(len, ys)) < 20_000:
        notes = pieces[random.integers(len(pieces))].notes.astype(np.int64)
        notes[:, 2] = np.clip(notes[:, 2] + random.integers(-5, 7), 0, 127)
        xs.append(true_features(notes, entries(notes, classes), classes))
        ys.append(notes[:, 3])
    return torch.from_numpy(np.concatenate(xs)), torch.from_numpy(np.concatenate(ys))


def entries(notes: np.ndarray, classes: int) -> np.ndarray:
    """Return (K,) the onset of each part's first note, one far off for a part without."""
    return np.array(
        [
            notes[notes[:, 3] == k, 0].min() if (notes[:, 3] == k).any() else np.int64(1) << 40
            for k in range(classes)
        ]
    )


def piece_right(piece: Chorale, weights: list[np.ndarray], oracle: bool) -> np.ndarray:
    """Return (n,) bool: which of a piece's notes, its first 2000, get their part."""
    notes = piece.notes[:MOST_NOTES].astype(np.int64)
    classes = len(weights[-1])
    enters = entries(piece.notes.astype(np.int64), classes)
    if oracle:
        labels = logits(true_features(notes, enters, classes), weights).argmax(-1)
    else:
        labels = own_history(notes, first_notes(notes), enters, weights)
    return labels == notes[:, 3]


@njit(cache=True)
def true_features(notes, enters, classes):
    """Return (n, features) float32 with the true parts as history."""
    x = np.zeros((len(notes), OF_NOTE + OF_PART * classes), np.float32)
    history = np.full((classes, 3), -1, np.int64)
    for i in range(len(notes)):
        write(notes, i, enters, history, x[i])
        remember(notes, i, notes[i, 3], history)
    return x


def own_history(
    notes: np.ndarray, told: np.ndarray, enters: np.ndarray, weights: list[np.ndarray]
) -> np.ndarray:
    """Return parts (n,) decided one after the other; a part's first note is told."""
    labels = np.zeros(len(notes), np.int64)
    x = np.zeros(len(weights[0]), np.float32)
    history = np.full((len(enters), 3), -1, np.int64)
    for i in range(len(notes)):
        if told[i]:
            labels[i] = notes[i, 3]
        else:
            write(notes, i, enters, history, x)
            labels[i] = logits(x, weights).argmax()
        remember(notes, i, labels[i], history)
    return labels


def logits(x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """x (..., features) -> (..., K)"""
    for i in range(0, len(weights) - 2, 2):
        x = np.maximum(x @ weights[i] + weights[i + 1], 0)
    return x @ weights[-2] + weights[-1]


@njit(cache=True)
def write(notes, i, enters, history, x):
    """Fill a note's features. history (K, 3): pitch, onset, end of each part's last note, or -1."""
    x[:] = 0
    onset, _, pitch, _ = notes[i]
    first = last = i
    while first > 0 and notes[first - 1, 0] == onset:
        first -= 1
    while last + 1 < len(notes) and notes[last + 1, 0] == onset:
        last += 1
    x[0] = (pitch - 60) / 24
    x[1] = onset % STEPS / STEPS
    x[2] = (i - first) / 4
    x[3] = (last - i) / 4
    x[4] = (pitch - notes[i - 1, 2]) / 12 if i > first else -1
    x[5] = (notes[i + 1, 2] - pitch) / 12 if i < last else -1
    x[6] = onset % (4 * STEPS) == 0
    for k in range(len(enters)):
        at = OF_NOTE + OF_PART * k
        x[at] = onset >= enters[k]
        x[at + 1] = onset == enters[k]
        if history[k, 0] >= 0:
            x[at + 2] = np.exp(-abs(pitch - history[k, 0]) / 6)
            x[at + 3] = min(abs(onset - history[k, 1]), LONGEST_STEPS) / LONGEST_STEPS
            x[at + 4] = min(max(onset - history[k, 2], 0), LONGEST_STEPS) / LONGEST_STEPS
            x[at + 5] = history[k, 2] > onset and history[k, 1] < onset
            x[at + 6] = history[k, 1] == onset


@njit(cache=True)
def remember(notes, i, part, history):
    history[part, 0] = notes[i, 2]
    history[part, 1] = notes[i, 0]
    history[part, 2] = notes[i, 0] + notes[i, 1]


if __name__ == "__main__":
    main()
