"""Piano rolls coloured by part: what was played above, the true parts below, errors marked.

Called by the demo, `continue` and `compose` on the main thread, after the music. matplotlib is
imported inside, since it is slow to import and draws to a file only (Agg), never to a screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

# From warm to cool and alternating in lightness, so that neighbours stay apart for colour-blind
# eyes and in grey.
PALETTE = (
    "#D1495B",
    "#F2A93B",
    "#4FB3D9",
    "#1D4E89",
    "#8338D6",
    "#4F3A14",
    "#2A9D6F",
    "#6C757D",
    "#E4859B",
    "#F5CF7A",
    "#9AD3E8",
    "#6C8EBF",
    "#86CBAA",
    "#D8B6D1",
    "#BFA27C",
    "#ADB5BD",
)
INK, PAPER, FAINT, ROW = "#22262B", "#FFFFFF", "#8A9099", "#F1F3F6"
GIVEN = "#FFF3D6"  # the ground of what was not made
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
BLACK_KEYS = (1, 3, 6, 8, 10)


@dataclass(frozen=True)
class RollNote:
    """A bar of the roll; `wrong` marks it, `also` is a second part in unison."""

    start_s: float
    end_s: float
    pitch: int
    part: int
    wrong: bool = False
    also: int | None = None


def part_colour(part: int) -> str:
    """The colour of a part everywhere in the project. [any]"""
    return PALETTE[part % len(PALETTE)]


def draw_rolls(
    path: Path,
    rolls: list[tuple[str, list[RollNote]]],
    part_names: list[str],
    title: str,
    caption: str = "",
    seam_s: float | None = None,
) -> None:
    """Write a PNG with one roll above the other, on one time axis. [main]

    What lies before the seam, if there is one, is marked off as given.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    everything = [note for _, notes in rolls for note in notes]
    low = min((n.pitch for n in everything), default=60) - 2
    high = max((n.pitch for n in everything), default=72) + 2
    end_s = max((n.end_s for n in everything), default=1.0)
    style: dict[Any, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "svg.hashsalt": "ripieno",
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(14.0, 1.5 + 3.6 * len(rolls)), dpi=140, facecolor=PAPER)
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(rolls), 1, sharex=True, squeeze=False)[:, 0]
        height_in = figure.get_figheight()
        figure.subplots_adjust(
            left=0.045, right=0.985, top=1 - 0.98 / height_in, bottom=0.55 / height_in, hspace=0.17
        )
        for axis, (name, notes) in zip(axes, rolls, strict=True):
            _draw_roll(axis, name, notes, low, high, end_s)
            if seam_s is not None:
                axis.axvspan(0, seam_s, color=GIVEN, alpha=0.5, linewidth=0, zorder=0.2)
                axis.axvline(seam_s, color=INK, linewidth=1.2, linestyle=(0, (5, 3)), zorder=5)
        axes[-1].set_xlabel("seconds", color=FAINT, labelpad=3)
        axes[-1].tick_params(labelbottom=True)
        top = 1 - 0.30 / height_in
        figure.text(0.045, top, title, fontsize=15, weight="bold", color=INK, va="center")
        figure.text(0.045, top - 0.27 / height_in, caption, fontsize=10, color=FAINT, va="center")
        _draw_legend(figure, axes[0], part_names, any(n.wrong for n in everything))
        figure.savefig(path, metadata={"Software": "Ripieno"})


def _draw_roll(
    axis: Any, name: str, notes: list[RollNote], low: int, high: int, end_s: float
) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import FancyBboxPatch, Rectangle

    rows = [Rectangle((0, p - 0.5), end_s, 1) for p in range(low, high + 1) if p % 12 in BLACK_KEYS]
    axis.add_collection(PatchCollection(rows, facecolor=ROW, edgecolor="none", zorder=0))
    for pitch in range(low, high + 1):
        if pitch % 12 == 0:
            axis.axhline(pitch - 0.5, color="#D5D9DF", linewidth=0.8, zorder=0.5)
    for note in sorted(notes, key=lambda n: n.wrong):
        width_s = max(note.end_s - note.start_s, 0.03)
        rounding_s = min(0.05, width_s / 3)
        axis.add_patch(
            FancyBboxPatch(
                (note.start_s, note.pitch - 0.45),
                width_s,
                0.9,
                boxstyle=f"round,pad=0,rounding_size={rounding_s}",
                mutation_aspect=8.0,
                facecolor=part_colour(note.part),
                edgecolor=INK if note.wrong else PAPER,
                linewidth=1.4 if note.wrong else 0.5,
                zorder=3 if note.wrong else 2,
            )
        )
        if note.also is not None:
            lower = (note.start_s, note.pitch - 0.42), width_s, 0.42
            axis.add_patch(Rectangle(*lower, facecolor=part_colour(note.also), zorder=2.5))
        if note.wrong:
            axis.plot(
                note.start_s + width_s / 2,
                note.pitch + 1.15,
                marker="x",
                markersize=5.5,
                markeredgewidth=1.7,
                color=INK,
                zorder=4,
            )
    axis.set_xlim(0, end_s)
    axis.set_ylim(low - 0.5, high + 0.5)
    octaves = [p for p in range(low, high + 1) if p % 12 == 0]
    axis.set_yticks(octaves, [f"{NAMES[p % 12]}{p // 12 - 1}" for p in octaves])
    axis.tick_params(length=0, labelcolor=FAINT)
    for side in axis.spines.values():
        side.set_visible(False)
    axis.set_title(name, loc="left", fontsize=11, color=INK, pad=5)


def _draw_legend(figure: Any, axis: Any, part_names: list[str], errors: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Patch(facecolor=part_colour(i), label=name) for i, name in enumerate(part_names)
    ]
    if errors:
        handles.append(
            Line2D(
                [],
                [],
                linestyle="none",
                marker="x",
                color=INK,
                markeredgewidth=1.6,
                markersize=6,
                label="went to another part",
            )
        )
    axis.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=min(len(handles), 9),
        frameon=False,
        handlelength=1.0,
        handleheight=1.0,
        borderaxespad=0.0,
        borderpad=0.25,
        columnspacing=1.4,
        labelcolor=INK,
    )
