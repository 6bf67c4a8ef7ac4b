"""How much music a sequence holds in each representation: section 3.3.1, without any network.

    python -m training.mmt.lengths --rows 1024

The longest opening of whole beats, of each held-out piece, whose header and notes fit into so many
rows or tokens, 256 beats at most. Pieces that end before all three representations are full tell
nothing and are left out. Seconds are told at 120 beats a minute.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from models.mmt.representation import BEATS, ONSET, TICKS
from training.mmt.data import KINDS, Corpus, Kind
from training.mmt.evaluate import TEMPO_BPM
from training.mmt.metrics import with_confidence
from training.mmt.prepare import CORPUS


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=CORPUS)
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--corpora", nargs="+", metavar="NAME", help="only these (default: all)")
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    rows = table(Corpus(options.data, options.split, options.corpora).pieces, options.rows)
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    if options.json:
        text = json.dumps({"bench": "mmt lengths", "rows": rows, "reach": {}}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")


def table(pieces: list[np.ndarray], rows: int) -> list[dict[str, Any]]:
    """Return a row for each representation; ratios are how many times longer the MMT's is."""
    held = {
        name: np.array([held_beats(piece, kind, rows) for piece in pieces])
        for name, kind in KINDS.items()
    }
    whole = np.array([piece[-1, ONSET] // TICKS + 1 for piece in pieces])
    full = np.max(list(held.values()), 0) < whole
    seconds = {name: beats[full] * 60 / TEMPO_BPM for name, beats in held.items()}
    told = []
    for name in KINDS:
        mean, half = with_confidence(seconds[name])
        times = float(seconds["mmt"].mean() / seconds[name].mean()) if full.any() else float("nan")
        told.append(
            {
                "representation": name,
                "pieces": int(full.sum()),
                "rows": rows,
                "length, s": [round(mean, 2), round(half, 2)],
                "mmt is longer, times": round(times, 3),
            }
        )
    return told


def held_beats(piece: np.ndarray, kind: Kind, rows: int) -> int:
    """Return how many whole beats of the opening of a piece `rows` hold."""
    low, high = 0, min(int(piece[-1, ONSET]) // TICKS + 1, BEATS)
    while low < high:
        middle = (low + high + 1) // 2
        opening = piece[: np.searchsorted(piece[:, ONSET], middle * TICKS)]
        fits = len(opening) < rows and len(kind.encode(opening, False)) <= rows
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


if __name__ == "__main__":
    main()
