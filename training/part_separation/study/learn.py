"""Trains and measures one run of the study; writes results/NAME.json and build/study/NAME.pt.

One thread, no GPU. Stopped, it goes on from its last checkpoint. The weights at the end are
measured; nothing is chosen by the test pieces, and by the validation pieces only the recipes of
runs.py.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from training.part_separation.prepare import Chorale
from training.part_separation.study.corpora import BUILD, MOST_NOTES, RESULTS, Corpus, load
from training.part_separation.study.models import (
    Notes,
    Recurrent,
    Transformer,
    new_model,
    of_piece,
    stacked,
)
from training.part_separation.study.runs import Run, find

WARM_UP = 100
SAVE_EVERY = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--data", type=Path, default=BUILD, help="folder of the corpora's files")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    for name in options.names:
        run = find(name)
        corpus = load(run.corpus, options.data)
        model, cpu_s = train(run, corpus, BUILD / "checkpoints")
        result = measured(run, corpus, model) | {"train_cpu_s": round(cpu_s, 1)}
        options.out.mkdir(parents=True, exist_ok=True)
        path = options.out / f"{name}.json"
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print({key: result[key] for key in ("run", "test", "valid", "train_cpu_s")}, flush=True)


class Crops:
    """Endless seeded batches: a piece, a key and a stretch of it at random."""

    def __init__(self, pieces: list[Chorale], run: Run, classes: int, seed: list[int]) -> None:
        self.pieces = [of_piece(piece.notes, classes) for piece in pieces]
        self.run = run
        self.random = np.random.default_rng(seed)

    def next(self) -> list[Notes]:
        return [self._crop() for _ in range(self.run.batch)]

    def _crop(self) -> Notes:
        piece = self.pieces[self.random.integers(len(self.pieces))]
        low, high = self.run.transpose
        start = int(self.random.integers(max(1, len(piece.pitch) - self.run.steps + 1)))
        cut = piece.cut(start, start + self.run.steps)
        low = max(low, -int(cut.pitch.min()))
        high = min(high, 127 - int(cut.pitch.max()))
        return cut.transposed(int(self.random.integers(low, high + 1)))


def train(run: Run, corpus: Corpus, folder: Path) -> tuple[Recurrent | Transformer, float]:
    """Return the trained network and the CPU seconds it took, earlier sessions' included."""
    torch.set_num_threads(1)
    torch.manual_seed(run.seed)
    classes = len(corpus.parts)
    model = new_model(run.model, run.inputs, classes, run.dropout)
    optimiser = torch.optim.AdamW(model.parameters(), run.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda u: min(1, (u + 1) / WARM_UP) * max(0.0, (run.updates - u) / run.updates),
    )
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / f"{run.name}.pt"
    start, spent_s = 0, 0.0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        start, spent_s = saved["update"], saved["cpu_s"]
    crops = Crops(corpus.train, run, classes, [run.seed, start])
    began = time.process_time()
    model.train()
    bar = tqdm(range(start, run.updates), initial=start, total=run.updates, mininterval=10)
    for update in bar:
        notes, there = stacked(crops.next())
        logits = model(notes, there)
        loss = nn.functional.cross_entropy(logits[there], notes["part"][there])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if update % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}")
        if (update + 1) % SAVE_EVERY == 0 or update + 1 == run.updates:
            cpu_s = spent_s + time.process_time() - began
            save(checkpoint, model, optimiser, schedule, update + 1, cpu_s)
    return model, spent_s + time.process_time() - began


def save(path: Path, model, optimiser, schedule, update: int, cpu_s: float) -> None:
    """Write everything needed to go on, in one move so that no half file remains."""
    parts = {"model": model, "optimiser": optimiser, "schedule": schedule}
    saved = {name: part.state_dict() for name, part in parts.items()}
    torch.save(saved | {"update": update, "cpu_s": cpu_s}, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def measured(run: Run, corpus: Corpus, model: Recurrent | Transformer) -> dict[str, Any]:
    """Return a run's settings and its accuracies in percent."""
    classes = len(corpus.parts)
    right = {}
    for name, pieces in (("valid", corpus.valid), ("test", corpus.test)):
        right[name] = [
            predicted(model, of_piece(piece.notes[:MOST_NOTES], classes), run.steps)
            == piece.notes[:MOST_NOTES, 3]
            for piece in pieces
        ]
    return {
        "run": run.name,
        "settings": dataclasses.asdict(run),
        "parameters": sum(p.numel() for p in model.parameters()),
        "test_notes": sum(len(r) for r in right["test"]),
        **{name: round(100 * float(np.concatenate(r).mean()), 2) for name, r in right.items()},
        "test_by_piece": [round(100 * float(r.mean()), 1) for r in right["test"]],
    }


def predicted(model: Recurrent | Transformer, notes: Notes, steps: int) -> np.ndarray:
    """Return parts (n,) of a piece's notes.

    A Transformer hears windows of the `steps` it was trained with, each half a window later; it
    answers for what a window adds, the encoder for the middle of each.
    """
    model.eval()
    n = len(notes.pitch)
    with torch.no_grad():
        if isinstance(model, Recurrent) or n <= steps:
            return logits_of(model, notes).argmax(-1)
        out = np.zeros(n, np.int64)
        hop = steps // 2
        for start in [*range(0, n - steps, hop), n - steps]:
            labels = logits_of(model, notes.cut(start, start + steps)).argmax(-1)
            skip = 0 if start == 0 else hop if model.causal else hop // 2
            out[start + skip : start + steps] = labels[skip:]
        return out


def logits_of(model: Recurrent | Transformer, notes: Notes) -> np.ndarray:
    columns, there = stacked([notes])
    return model(columns, there)[0].numpy()


if __name__ == "__main__":
    main()
