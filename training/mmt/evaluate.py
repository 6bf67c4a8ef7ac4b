"""Measures trained networks on held-out pieces and on music they make: Tables 3.2 and 3.3.

    python -m training.mmt.evaluate --weights build/mmt/mmt.npz build/mmt/turn.npz --json FILE

For each file: nats a row of every field over the openings of the test pieces (of the int8 step as
well, where the network is an MMT); pitch class entropy, scale and groove consistency of made
pieces beside those of the test pieces, with 95 % confidence; how long the made pieces are and how
fast they were made. Across representations compares what a network pays for the same notes: the
first forty of every test piece, where all representations can hold them, with the header.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.mmt.decoder import from_floats
from models.mmt.representation import FIELDS, LENGTH, ONSET, SIZES, TICKS
from training.mmt.data import KINDS, Corpus, padded
from training.mmt.generate import A_TENTH, Draw, generate, kind_of
from training.mmt.metrics import measured, opening, with_confidence
from training.mmt.network import Network, exported
from training.mmt.prepare import BUILD, CORPUS
from training.mmt.train import load_network, nll_of

SAME_NOTES, SAME_ROWS, SAME_BEATS = 40, 250, 60
TEMPO_BPM = 120.0  # none is represented: what seconds are told at
STREAMED = 5  # pieces made one after another, for the speed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, nargs="+", default=[BUILD / "mmt.npz"])
    parser.add_argument("--data", type=Path, default=CORPUS)
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--pieces", type=int, default=0, help="held-out pieces; 0: all")
    parser.add_argument("--int8-pieces", type=int, default=20, help="for the int8 step; 0: none")
    parser.add_argument("--samples", type=int, default=100, help="pieces to make; 0: none")
    parser.add_argument("--batch", type=int, default=25, help="made side by side")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    if options.device == "cpu":
        torch.set_num_threads(1)
    corpus = Corpus(options.data, options.split)
    wanted = min(options.pieces or len(corpus.pieces), len(corpus.pieces))
    chosen = np.linspace(0, len(corpus.pieces) - 1, wanted).round().astype(int)
    rows = [truth_row([corpus.pieces[i] for i in chosen])]
    for path in options.weights:
        network = load_network(path, options.device)
        rows.append({"network": path.stem} | figures(network, corpus, chosen, options))
    for row in rows:
        print("  ".join(f"{name} {_cell(value)}" for name, value in row.items()), flush=True)
    if options.json:
        text = json.dumps({"bench": "mmt", "rows": rows, "reach": {}}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return f"{value[0]:.4g} +- {value[1]:.2g}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def truth_row(pieces: list[np.ndarray]) -> dict[str, Any]:
    """Return the measures of the held-out pieces themselves."""
    told = {name: list(value) for name, value in measured(pieces).items()}
    return {"network": "ground truth"} | told


def figures(
    network: Network, corpus: Corpus, chosen: np.ndarray, options: argparse.Namespace
) -> dict[str, Any]:
    """Return everything measured of one network."""
    kind = kind_of(network)
    excerpts = [corpus.excerpt(int(i), 0, KINDS[kind], network.shape.rows) for i in chosen]
    device = network.starts.device
    batches = [padded(excerpts[i : i + 4], None) for i in range(0, len(excerpts), 4)]
    told = nll_of(network, batches, device, torch.inference_mode)
    row: dict[str, Any] = {
        "representation": kind,
        "parameters": sum(p.numel() for p in network.parameters()),
        "nll": sum(told.values()),
    }
    if kind == "mmt":
        row |= {f"nll, {name}": value for name, value in told.items()}
        if options.int8_pieces:
            row |= int8_figures(network, excerpts[:: -(-len(excerpts) // options.int8_pieces)])
    row["nll a note"] = nll_a_note(network, excerpts, sum(told.values()))
    row["nll a note, same notes"] = nll_of_same_notes(network, corpus, chosen)
    if options.samples:
        pieces: list[np.ndarray] = []
        speeds = []
        for begin in range(0, options.samples, options.batch):
            count = min(options.batch, options.samples - begin)
            made, notes_per_s = generate(network, count, options.seed + begin)
            pieces += made
            speeds.append(notes_per_s)
        row |= {name: list(value) for name, value in of_made(pieces).items()}
        row["notes/s, all at once"] = float(np.mean(speeds))
        row["notes/s, one stream"] = one_stream(network, options.seed)
    return row


def of_made(pieces: list[np.ndarray]) -> dict[str, tuple[float, float]]:
    """Return the measures of made pieces and how long they are, with their confidence."""
    beats = [float((p[:, ONSET] + p[:, LENGTH]).max()) / TICKS if len(p) else 0 for p in pieces]
    return measured(pieces) | {
        "length, s": with_confidence(b * 60 / TEMPO_BPM for b in beats),
        "length, beats": with_confidence(beats),
        "notes a piece": with_confidence(float(len(p)) for p in pieces),
        "notes in 64 beats": with_confidence(float(len(opening(p))) for p in pieces),
    }


def one_stream(network: Network, seed: int, draw: Draw = A_TENTH) -> float:
    """Return the notes a second of pieces made one after another; on a CPU, of its own time."""
    clock = time.process_time if network.starts.device.type == "cpu" else time.monotonic
    generate(network, 1, seed, 32, draw)  # nothing is measured while it warms up
    began = clock()
    made = [generate(network, 1, seed + number, draw=draw)[0][0] for number in range(STREAMED)]
    return sum(map(len, made)) / (clock() - began)


def nll_a_note(network: Network, excerpts: list[np.ndarray], nll: float) -> float:
    """Return the nats that all rows cost, divided by the notes they hold: across representations.

    Note that the excerpts differ: the baselines' hold fewer notes.
    """
    rows = sum(len(excerpt) - 1 for excerpt in excerpts)
    if network.shape.sizes == SIZES:
        notes = sum(int((excerpt[:, 0] == 3).sum()) for excerpt in excerpts)
    else:
        from training.mmt.baselines import MMM, REMI

        first = MMM.note_on if kind_of(network) == "mmm" else REMI.pitch
        notes = sum(
            int(((excerpt >= first) & (excerpt < first + 128)).sum()) for excerpt in excerpts
        )
    return nll * rows / max(1, notes)


def nll_of_same_notes(network: Network, corpus: Corpus, chosen: np.ndarray) -> float:
    """Return the nats a note that the openings cost which every representation can hold."""
    kind = KINDS[kind_of(network)]
    openings = [notes for notes in same_openings(corpus, chosen) if notes is not None]
    made = [kind.encode(notes, False) for notes in openings]
    if not made or network.shape.rows < SAME_ROWS:
        return float("nan")
    batches = [padded(made[i : i + 8], None) for i in range(0, len(made), 8)]
    told = nll_of(network, batches, network.starts.device, torch.inference_mode)
    return sum(told.values()) * sum(len(rows) - 1 for rows in made) / sum(map(len, openings))


def same_openings(corpus: Corpus, chosen: np.ndarray) -> list[np.ndarray | None]:
    """Return the first notes of each piece; None where some representation cannot hold them."""
    openings = [corpus.pieces[i][:SAME_NOTES] for i in chosen]
    return [
        notes
        if notes[-1, ONSET] < SAME_BEATS * TICKS
        and all(len(kind.encode(notes, False)) <= SAME_ROWS for kind in KINDS.values())
        else None
        for notes in openings
    ]


def int8_figures(network: Network, excerpts: list[np.ndarray]) -> dict[str, float]:
    """Return the NLL of the compiled int8 step and of the float32 network on the same rows."""
    decoder = from_floats(exported(network), network.shape)
    told = np.concatenate([decoder.log_probabilities(excerpt) for excerpt in excerpts])
    batches = [padded([excerpt], None) for excerpt in excerpts]
    exact = nll_of(network, batches, network.starts.device, torch.inference_mode)
    mine = -float(told.sum()) / len(told)
    assert told.shape[1] == len(FIELDS)
    return {"nll, int8": mine, "int8 worse, %": 100 * (mine / sum(exact.values()) - 1)}


if __name__ == "__main__":
    main()
