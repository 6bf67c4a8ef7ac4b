"""Draws what single notes were taken for: octave, pitch class, dynamics, instrument."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
OCTAVES = tuple(str(octave) for octave in range(9))


def draw(
    path: Path,
    parts: Mapping[str, Sequence[tuple[int, int]]],
    instruments: Sequence[str],
    dynamics: Sequence[str],
) -> None:
    """Write a PNG of four matrices; a row is what it was, a column what was heard, in %."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 12.5), dpi=110)
    FigureCanvasAgg(figure)
    places = figure.subplots(2, 2)
    wanted = (
        ("octave", OCTAVES),
        ("pitch class", PITCH_CLASSES),
        ("dynamics", tuple(dynamics)),
        ("instrument", tuple(instruments)),
    )
    for axis, (name, labels) in zip(places.flat, wanted, strict=True):
        matrix = confusion(parts[name], len(labels))
        share = 100 * matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
        axis.imshow(share, cmap="magma_r", vmin=0, vmax=100)
        right = 100 * np.trace(matrix) / max(1, matrix.sum())
        axis.set_title(f"{name}: {right:.1f} % of {matrix.sum()} notes", fontsize=11)
        axis.set_xticks(range(len(labels)), labels, rotation=90, fontsize=8)
        axis.set_yticks(range(len(labels)), labels, fontsize=8)
        axis.set_ylabel("played")
        axis.set_xlabel("heard")
        for (row, column), value in np.ndenumerate(share):
            if value >= 1:
                colour = "white" if value > 55 else "black"
                axis.text(
                    column, row, f"{value:.0f}", ha="center", va="center", fontsize=6, color=colour
                )
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": "Ripieno"})


def confusion(pairs: Sequence[tuple[int, int]], count: int) -> np.ndarray:
    """Return (count, count) of how often each was taken for each; what is beyond is left out."""
    matrix = np.zeros((count, count), int)
    for was, heard in pairs:
        if 0 <= was < count and 0 <= heard < count:
            matrix[was, heard] += 1
    return matrix
