"""Draws Figures 4.2 to 4.6 from the runs' checkpoints: the true parts, below them what was heard.

Every picture is of a held-out piece; crosses mark the errors. Which stretch is shown is settled
by rule: of Bach the beginning of the piece on which the LSTM does as on most, of the others the
stretch with all parts in which it errs most. Written to training/part_separation/figures.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from training.part_separation.prepare import Chorale
from training.part_separation.study import learn
from training.part_separation.study.corpora import BUILD, MOST_NOTES, STEPS, Corpus, load
from training.part_separation.study.models import new_model, of_piece
from training.part_separation.study.runs import find

FIGURES = Path(__file__).parents[1] / "figures"
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")
ERROR = "#d00000"


@dataclass(frozen=True)
class Picture:
    """What is drawn: file, corpus, rows of (title, run), length of the stretch, how it is found."""

    file: str
    corpus: str
    rows: tuple[tuple[str, str], ...]
    quarters: int
    hardest: bool


PICTURES = (
    Picture("4-2-bach", "bach", (("LSTM", "lstm"), ("BiLSTM", "bilstm")), 20, False),
    Picture("4-3-quartets", "quartets", (("LSTM", "lstm"), ("BiLSTM", "bilstm")), 24, True),
    Picture("4-4-game", "game", (("LSTM", "lstm"), ("BiLSTM", "bilstm")), 24, True),
    Picture("4-5-pop", "pop", (("LSTM", "lstm"), ("BiLSTM", "bilstm")), 24, True),
    Picture(
        "4-6-pop-hints",
        "pop",
        (("LSTM", "lstm"), ("BiLSTM, entry hints", "bilstm-eh")),
        48,
        False,
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=BUILD)
    parser.add_argument("--out", type=Path, default=FIGURES)
    options = parser.parse_args()
    mpl.use("Agg")
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        runs = [f"{picture.corpus}-{run}-s1" for _, run in picture.rows]
        if all((BUILD / "checkpoints" / f"{run}.pt").exists() for run in runs):
            corpus = load(picture.corpus, options.data)
            path = options.out / f"{picture.file}.png"
            print(path, draw(picture, corpus, [heard(run, corpus) for run in runs], path))


def heard(name: str, corpus: Corpus) -> list[np.ndarray]:
    """Return parts (n,) a run gives the notes of each held-out piece."""
    run = find(name)
    classes = len(corpus.parts)
    model = new_model(run.model, run.inputs, classes, 0.0)
    saved = torch.load(BUILD / "checkpoints" / f"{name}.pt", weights_only=True)
    model.load_state_dict(saved["model"])
    return [
        learn.predicted(model, of_piece(piece.notes[:MOST_NOTES], classes), run.steps)
        for piece in corpus.test
    ]


def draw(picture: Picture, corpus: Corpus, labels: list[list[np.ndarray]], path: Path) -> str:
    """Draw a picture; return what it shows."""
    piece, start = stretch(picture, corpus.test, labels[0])
    chosen = corpus.test[piece]
    notes = chosen.notes[:MOST_NOTES]
    shown = (notes[:, 0] >= start) & (notes[:, 0] < start + picture.quarters * STEPS)
    notes = notes[shown]
    titles = ["as written", *(title for title, _ in picture.rows)]
    parts = [notes[:, 3], *(by_run[piece][shown] for by_run in labels)]
    figure, axes = plt.subplots(len(parts), 1, figsize=(9, 2.1 * len(parts)), sharex=True)
    for axis, title, part in zip(axes, titles, parts, strict=True):
        roll(axis, notes, part)
        right = 100 * np.mean(part == notes[:, 3])
        axis.set_title(title if part is parts[0] else f"{title}: {right:.0f} %", loc="left")
    axes[-1].set_xlabel("quarter notes from the beginning")
    keys = [Line2D([], [], color=COLOURS[k], lw=3) for k in range(len(corpus.parts))]
    keys.append(Line2D([], [], color=ERROR, marker="x", lw=0))
    figure.legend(keys, [*corpus.parts, "error"], ncols=len(keys), loc="lower right", frameon=False)
    figure.suptitle(f"{chosen.name}, from quarter {start // STEPS}", x=0.01, ha="left")
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return f"{chosen.name} from quarter {start // STEPS}"


def roll(axis: Axes, notes: np.ndarray, part: np.ndarray) -> None:
    """Draw notes as a piano roll in their parts' colours."""
    onset, length, pitch = notes[:, 0] / STEPS, notes[:, 1] / STEPS, notes[:, 2]
    ends = onset + np.maximum(length - 0.08, 0.08)
    lines = np.stack([np.stack([onset, pitch], 1), np.stack([ends, pitch], 1)], axis=1)
    axis.add_collection(
        LineCollection(list(lines), colors=[COLOURS[k] for k in part], lw=3, capstyle="butt")
    )
    wrong = part != notes[:, 3]
    axis.plot(onset[wrong], pitch[wrong], "x", color=ERROR, ms=5, mew=1.2)
    axis.set_xlim(onset.min() - 0.3, ends.max() + 0.3)
    axis.set_ylim(pitch.min() - 3, pitch.max() + 3)
    axis.set_ylabel("MIDI key")
    axis.spines[["top", "right"]].set_visible(False)


def stretch(picture: Picture, pieces: list[Chorale], labels: list[np.ndarray]) -> tuple[int, int]:
    """Return number of the piece and first step of the stretch that is shown."""
    wrong = [row != piece.notes[: len(row), 3] for piece, row in zip(pieces, labels, strict=True)]
    if not picture.hardest:
        share = np.array([row.mean() for row in wrong])
        return int(np.argsort(share, kind="stable")[len(share) // 2]), 0
    best, found = -1.0, (0, 0)
    span = picture.quarters * STEPS
    for number, (piece, row) in enumerate(zip(pieces, wrong, strict=True)):
        onset, part = piece.notes[: len(row), 0], piece.notes[: len(row), 3]
        for start in range(0, max(1, int(onset.max()) - span), 4 * STEPS):
            shown = (onset >= start) & (onset < start + span)
            inside = row[shown]
            everyone = len(np.unique(part[shown])) == len(np.unique(part))
            if len(inside) >= 40 and everyone and inside.mean() > best:
                best, found = float(inside.mean()), (number, start)
    return found


if __name__ == "__main__":
    main()
