"""What a trained network attends to: mean relative attention and its gain, eqs. 3.1 and 3.2.

    python -m training.mmt.attention --weights build/mmt/mmt.npz --out build/mmt

Over the last layer and 100 test pieces: for beat, position and pitch, how much each head looks at
rows whose value is k more than its own, and how much more than if it looked everywhere alike.
Only notes are counted, since other rows have no values. Beat differences are of the beats as
written, also where the network reads advances.
"""

import argparse
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from tqdm import tqdm

from models.mmt.representation import BEAT, NOTE, PITCH, POSITION, TYPE
from training.mmt.data import KINDS, Corpus
from training.mmt.network import Layer, Network
from training.mmt.prepare import BUILD, CORPUS
from training.mmt.train import load_network

SPANS = {"beat": (BEAT, -64, 0), "position": (POSITION, -11, 11), "pitch": (PITCH, -24, 24)}
CONSONANT = (3, 4, 5, 7, 8, 9, 12)  # semitones: thirds, fourth, fifth, sixths, octave


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, default=BUILD / "mmt.npz")
    parser.add_argument("--data", type=Path, default=CORPUS)
    parser.add_argument("--pieces", type=int, default=100)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--out", type=Path, default=BUILD)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    network = load_network(options.weights, options.device)
    corpus = Corpus(options.data, "test")
    rows = min(options.rows, network.shape.rows)
    chosen = np.linspace(0, len(corpus.pieces) - 1, min(options.pieces, len(corpus.pieces)))
    excerpts = (corpus.excerpt(int(i), 0, KINDS["mmt"], rows) for i in chosen.round())
    gains = gains_of(network, tqdm(excerpts, "attention", len(chosen)))
    name = options.weights.stem
    draw(gains, options.out / f"{name}.attention.png")
    figures = {"bench": "mmt attention", "rows": summary(gains), "reach": checks(gains)}
    path = options.out / f"{name}.attention.json"
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for row in figures["rows"]:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    for claim, entry in figures["reach"].items():
        print(f"{'reached' if entry['ok'] else 'MISSED'} {claim}: {entry['value']:.5f}")


@torch.inference_mode()
def gains_of(network: Network, excerpts) -> dict[str, np.ndarray]:
    """Return field -> mean relative attention gain (heads, differences): those of SPANS."""
    layer = network.layers[-1]
    assert isinstance(layer, Layer)
    layer.watched = True
    heads = network.shape.width // 64
    weighed = {name: np.zeros((heads, high - low + 1)) for name, (_, low, high) in SPANS.items()}
    counted = {name: np.zeros(high - low + 1) for name, (_, low, high) in SPANS.items()}
    totals = {name: [np.zeros(heads), 0.0] for name in SPANS}
    device = network.starts.device
    for rows in excerpts:
        table = torch.from_numpy(rows.astype(np.int64))[None].to(device)
        network(table)
        assert layer.attention is not None
        notes = np.flatnonzero(rows[:, TYPE] == NOTE)
        attention = layer.attention[0].cpu().numpy()[:, notes][:, :, notes].astype(np.float64)
        earlier = np.tril(np.ones((len(notes), len(notes)), bool), -1)  # s > t
        pairs = attention[:, earlier]
        for name, (field, low, high) in SPANS.items():
            values = rows[notes, field].astype(np.int64)
            difference = (values[None, :] - values[:, None])[earlier]  # x_t - x_s
            inside = (difference >= low) & (difference <= high)
            place = difference[inside] - low
            size = high - low + 1
            counted[name] += np.bincount(place, minlength=size)
            for head in range(heads):
                weighed[name][head] += np.bincount(place, pairs[head, inside], size)
            totals[name][0] += pairs.sum(1)
            totals[name][1] += pairs.shape[1]
    layer.watched = False
    return {
        name: weighed[name] / totals[name][0][:, None] - counted[name] / totals[name][1]
        for name in SPANS
    }


def mean_gain(gains: dict[str, np.ndarray], name: str, differences: list[int]) -> float:
    """Return the gain at some differences, mean over them and all heads."""
    low = SPANS[name][1]
    return float(gains[name][:, [k - low for k in differences]].mean())


def checks(gains: dict[str, np.ndarray]) -> dict[str, dict]:
    """Return what the dissertation finds, as claims: gains at 4N beats and consonances above 0."""
    beats = mean_gain(gains, "beat", [-4 * n for n in range(1, 5)])
    other = mean_gain(gains, "beat", [-k for k in range(1, 17) if k % 4])
    intervals = mean_gain(gains, "pitch", [s * k for k in CONSONANT for s in (-1, 1)])
    rest = mean_gain(
        gains, "pitch", [s * k for k in range(1, 13) if k not in CONSONANT for s in (-1, 1)]
    )
    values = {
        "gain 4, 8, 12 and 16 beats away": beats,
        "gain there above that of the other beats up to 16": beats - other,
        "gain at consonant intervals up to an octave": intervals,
        "gain there above that of dissonant ones": intervals - rest,
        "gain at the same position": mean_gain(gains, "position", [0]),
    }
    return {k: {"value": v, "bar": 0.0, "ok": v > 0} for k, v in values.items()}


def summary(gains: dict[str, np.ndarray]) -> list[dict]:
    """Return for each field the differences of highest gain, mean over the heads."""
    rows = []
    for name, gain in gains.items():
        mean = gain.mean(0)
        best = np.argsort(-mean)[:6]
        told = ", ".join(f"{k + SPANS[name][1]:+d}: {mean[k]:.4f}" for k in best)
        rows.append({"field": name, "highest gains": told})
    return rows


def draw(gains: dict[str, np.ndarray], path: Path) -> None:
    """Draw Figure 3.3: a map of heads and differences for each field, red above 0, blue below."""
    figure, axes = plt.subplots(3, 1, figsize=(10, 7), layout="constrained")
    for axis, (name, gain) in zip(axes, gains.items(), strict=True):
        _, low, high = SPANS[name]
        top = np.abs(gain).max() or 1.0
        axis.imshow(
            gain,
            cmap="RdBu_r",
            vmin=-top,
            vmax=top,
            aspect="auto",
            extent=(low - 0.5, high + 0.5, len(gain) + 0.5, 0.5),
        )
        stars = {"beat": range(-64, 0, 4), "pitch": (-12, -7, -5, 5, 7, 12)}.get(name, (0,))
        for k in stars:
            axis.annotate("*", (k, 0.5), ha="center", va="bottom", annotation_clip=False)
        axis.set(ylabel="head", xlabel=f"difference in {name}", yticks=range(1, len(gain) + 1))
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main()
