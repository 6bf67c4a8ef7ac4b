"""The paper's online LSTM under the conditions of robustness.py; writes results/RUN-played.json.

It hears keys in the order they come; the beat it is told is counted at 120 a minute, since nobody
knows the tempo. With a window, keys within it are sorted from the lowest up, as it was trained,
and share the first one's time; its likeliest part is taken.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from training.part_separation import prepare
from training.part_separation.live import CLASSES, RATE_HZ, Performance, decisions
from training.part_separation.robustness import WINDOWS_MS, performances
from training.part_separation.study import learn
from training.part_separation.study.corpora import BUILD, RESULTS, STEPS
from training.part_separation.study.models import Notes, Recurrent, Transformer, new_model
from training.part_separation.study.runs import find


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="bach-lstm-long-s1")
    parser.add_argument("--data", type=Path, default=prepare.BUILD / "corpus.npz")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = find(options.name)
    model = new_model(run.model, run.inputs, CLASSES, 0.0)
    saved = torch.load(BUILD / "checkpoints" / f"{run.name}.pt", weights_only=True)
    model.load_state_dict(saved["model"])
    rows = []
    for name, played in performances(prepare.load(options.data, "test")).items():
        row: dict[str, str | float] = {"conditions": name}
        for window_ms in WINDOWS_MS:
            right = np.concatenate([heard(model, p, window_ms, run.steps) for p in played])
            row[f"{window_ms} ms"] = round(100 * float(right.mean()), 2)
        rows.append(row)
        print(row, flush=True)
    path = options.out / f"{run.name}-played.json"
    path.write_text(json.dumps({"played": run.name, "rows": rows}, indent=1) + "\n", "utf-8")


def heard(
    model: Recurrent | Transformer, performance: Performance, window_ms: float, steps: int
) -> np.ndarray:
    """Return (n,) bool: which keys of a performance get a right part, in the order heard."""
    struck = performance.events[performance.events[:, 1] >= 0]
    frames, pitches = struck[:, 0].copy(), struck[:, 1]
    order = np.arange(len(frames))
    if window_ms:
        chord = decisions(frames, round(window_ms * RATE_HZ / 1000), CLASSES)
        order = np.lexsort((pitches, chord))
        first = np.searchsorted(chord, chord)
        frames = frames[first]
    onset = np.round((frames - frames[0]) / RATE_HZ * 2 * STEPS).astype(np.int64)[order]
    nothing = np.zeros((len(order), CLASSES), np.float32)
    notes = Notes(pitches[order], onset, onset * 0, nothing, nothing, onset * 0)
    labels = learn.predicted(model, notes, steps)
    return performance.voices[order, labels]


if __name__ == "__main__":
    main()
