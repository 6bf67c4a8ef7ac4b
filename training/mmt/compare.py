"""Compares networks of equal training on the same held-out pieces, piece by piece.

    python -m training.mmt.compare --weights build/mmt/tiny4-paper.npz build/mmt/tiny4-turn.npz ...

Files that end in -seed2, -seed3 ... are other seeds of the network without it: each piece counts
with the mean of its seeds. For every network, nats a row of each field in the opening of every
piece, and what the first forty notes cost a note, which all representations can hold; each as the
mean of the pieces with its 95 % confidence, and as the difference from the first network, paired
by piece: what pieces have in common, hard or easy, is not in that. Then the measures of music made
from nothing, beside the same pieces', how long it is and how fast it was made, a piece after
another with a cache: by the dissertation's draws; with `--share 1`, as the networks would have
it; with `--share 1 --min-p 0.02`, as `ripieno continue` draws.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.mmt.representation import FIELDS, SIZES
from training.mmt.data import KINDS, Corpus, padded
from training.mmt.evaluate import of_made, one_stream, same_openings
from training.mmt.generate import A_TENTH, Draw, generate, kind_of
from training.mmt.metrics import measured, with_confidence
from training.mmt.network import Network
from training.mmt.prepare import BUILD, CORPUS
from training.mmt.train import load_network

ALL, NOTE = "all", "a note, same notes"
Told = dict[str, np.ndarray]  # what is told -> nats of each piece


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, nargs="+", required=True)
    parser.add_argument("--data", type=Path, default=CORPUS)
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--pieces", type=int, default=0, help="held-out pieces; 0: all")
    parser.add_argument("--samples", type=int, default=50, help="pieces each file makes; 0: none")
    parser.add_argument("--share", type=float, default=A_TENTH.share, help="drawn from; 1: all")
    parser.add_argument("--min-p", type=float, default=0.0, help="of the likeliest; 0: any")
    parser.add_argument("--seed", type=int, default=1, help="of what is made")
    parser.add_argument("--json", type=Path, metavar="FILE", default=BUILD / "compare.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    corpus = Corpus(options.data, options.split)
    wanted = min(options.pieces or len(corpus.pieces), len(corpus.pieces))
    chosen = np.linspace(0, len(corpus.pieces) - 1, wanted).round().astype(int)
    draw = Draw(options.share, options.min_p)
    truth = measured([corpus.pieces[i] for i in chosen])
    rows: list[dict[str, Any]] = [{"network": "ground truth"} | listed(truth)]
    first: Told = {}
    for name, paths in by_network(options.weights).items():
        networks = [load_network(path) for path in paths]
        each = [nats(network, corpus, chosen) for network in networks]
        told = mean_of(each)
        first = first or told
        rows.append(
            {
                "network": name,
                "parameters": sum(p.numel() for p in networks[0].parameters()),
                "nats": listed({key: with_confidence(value) for key, value in told.items()}),
                "less than the first": listed(differences(told, first)),
                "seeds": [{key: float(np.nanmean(one[key])) for key in one} for one in each],
            }
        )
        if options.samples:
            made = [
                piece
                for number, network in enumerate(networks)
                for piece in generate(network, options.samples, options.seed + number, draw=draw)[0]
            ]
            rows[-1] |= listed(of_made(made))
            rows[-1]["notes/s"] = one_stream(networks[0], options.seed, draw)
        print(table(rows[-1]), flush=True)
    print(table(rows[0]))
    text = json.dumps({"bench": "mmt at equal training", "rows": rows, "reach": {}}, indent=1)
    options.json.write_text(text + "\n", encoding="utf-8")


def by_network(paths: list[Path]) -> dict[str, list[Path]]:
    """Return the files of each network, named without the number of its seed, in their order."""
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(re.sub(r"-seed\d+$", "", path.stem), []).append(path)
    return found


@torch.inference_mode()
def nats(network: Network, corpus: Corpus, chosen: np.ndarray) -> Told:
    """Return what each piece costs: nats a row of each field, and a note of the same notes.

    nan where a piece cannot be compared. The fields are those of the rows of the MMT.
    """
    kind = KINDS[kind_of(network)]
    told: dict[str, list[float]] = {}
    if network.shape.sizes == SIZES:
        for piece in chosen:
            excerpt = corpus.excerpt(int(piece), 0, kind, network.shape.rows)
            fields = network.nll(*padded([excerpt], None)).tolist()
            for name, value in zip((*FIELDS, ALL), (*fields, sum(fields)), strict=True):
                told.setdefault(name, []).append(value / (len(excerpt) - 1))
    told[NOTE] = []
    for notes in same_openings(corpus, chosen):
        known = notes is not None
        cost = network.nll(*padded([kind.encode(notes, False)], None)).sum() if known else 0.0
        told[NOTE].append(float(cost) / len(notes) if notes is not None else float("nan"))
    return {name: np.array(values) for name, values in told.items()}


def mean_of(seeds: list[Told]) -> Told:
    """Return the mean of several seeds, piece by piece."""
    return {name: np.mean([seed[name] for seed in seeds], axis=0) for name in seeds[0]}


def differences(told: Told, first: Told) -> dict[str, tuple[float, float]]:
    """Return by how much less than in the first network each costs, with confidence by pieces."""
    return {name: with_confidence(first[name] - told[name]) for name in told if name in first}


def listed(values: dict[str, tuple[float, float]]) -> dict[str, list[float]]:
    return {name: [round(float(part), 5) for part in value] for name, value in values.items()}


def table(row: dict[str, Any]) -> str:
    """Return the lines that show a network."""
    lines = [str(row["network"])]
    for name, value in row.items():
        if isinstance(value, dict):
            cells = "  ".join(
                f"{key} {cell[0]:.4f} +- {cell[1]:.4f}" for key, cell in value.items()
            )
            lines.append(f"  {name}: {cells}")
        elif isinstance(value, list) and value and isinstance(value[0], float):
            lines.append(f"  {name} {value[0]:.4g} +- {value[1]:.2g}")
        elif name == "notes/s":
            lines.append(f"  {name} {value:.4g}")
        elif name == "seeds":
            lines.append("  seeds: " + ", ".join(f"{seed.get(ALL, 0):.4f}" for seed in value))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
