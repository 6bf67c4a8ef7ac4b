"""Melodic lines of real pieces, for phrases: who plays what when, without a sound.

Reads a folder of notes.npz and index.jsonl (sym_string_quartets: the rows under CC0). A line is
the top voice of a part, in seconds; pieces stay on one side of the split their index gives them.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PACK = "sym_string_quartets"
TICKS = 480  # a quarter note
SPLITS = ("train", "valid", "test")
LONGEST_S = 4.0  # no take lasts longer


@dataclass(frozen=True)
class Piece:
    """Notes (n, 4) of onset, duration in ticks, pitch, part; by rising onset."""

    name: str
    notes: np.ndarray
    parts: int


def read_pieces(folder: Path) -> dict[str, list[Piece]]:
    """Return the pieces of each split."""
    with np.load(folder / "notes.npz") as archive:
        columns = {name: archive[name] for name in archive.files}
    pieces: dict[str, list[Piece]] = {split: [] for split in SPLITS}
    with (folder / "index.jsonl").open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            row = json.loads(line)
            if row["licence"] != "CC0":
                continue
            rows = slice(columns["offsets"][number], columns["offsets"][number + 1])
            names = ("onset", "duration", "pitch", "part")
            notes = np.stack([columns[name][rows].astype(np.int64) for name in names], axis=1)
            notes = notes[np.argsort(notes[:, 0], kind="stable")]
            pieces[row["split"]].append(Piece(row["id"], notes, len(row["parts"])))
    return pieces


def excerpt(
    pieces: list[Piece], voices: int, seconds: float, random: np.random.Generator
) -> list[np.ndarray]:
    """Return `voices` lines of one place in a piece: (n, 3) of start, end in seconds, pitch."""
    while True:
        piece = pieces[random.integers(len(pieces))]
        if piece.parts < voices:
            continue
        beat_s = 60 / random.uniform(55, 150)
        ticks = seconds / beat_s * TICKS
        begin = piece.notes[random.integers(len(piece.notes)), 0]
        inside = (piece.notes[:, 0] >= begin) & (piece.notes[:, 0] < begin + ticks)
        notes = piece.notes[inside]
        parts = random.permutation(piece.parts)[:voices]
        lines = [_line(notes[notes[:, 3] == part], begin, beat_s) for part in parts]
        if all(len(line) >= 2 for line in lines):
            return lines


def _line(notes: np.ndarray, begin: int, beat_s: float) -> np.ndarray:
    """Return the highest note of each onset, ended where the next begins."""
    highest = {}
    for onset, duration, pitch, _ in notes:
        if pitch >= highest.get(onset, (0, 0))[1]:
            highest[onset] = (duration, pitch)
    onsets = np.array(sorted(highest), float)
    if len(onsets) == 0:
        return np.zeros((0, 3))
    ends = onsets + [highest[onset][0] for onset in onsets]
    ends[:-1] = np.minimum(ends[:-1], onsets[1:])
    start_s = (onsets - begin) / TICKS * beat_s
    end_s = np.minimum((ends - begin) / TICKS * beat_s, start_s + LONGEST_S)
    line = np.stack([start_s, end_s, [highest[onset][1] for onset in onsets]], axis=1)
    return line[line[:, 1] - line[:, 0] >= 0.06]
