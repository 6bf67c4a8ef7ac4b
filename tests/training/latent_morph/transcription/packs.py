"""A folder of small packs: single notes, and a piece of two parts in each split."""

import json
from pathlib import Path

import numpy as np

from tests.training.latent_morph.tones import write_packs

TICKS = 480


def write_all(folder: Path) -> None:
    """Write the packs that transcription is trained on, of sounds and pieces of our own."""
    write_packs(folder)
    pieces = folder / "sym_string_quartets"
    pieces.mkdir()
    rows, offsets, index = [], [0], []
    for number, split in enumerate(("train", "valid", "test")):
        for step in range(60):
            rows.append((step * TICKS // 2, TICKS // 2, 60 + step % 8, 0))
            rows.append((step * TICKS // 2, TICKS // 2, 48 + (step * 5) % 7, 1))
        rows.append((0, 4 * TICKS, 55, 0))  # below the top voice of its part
        offsets.append(len(rows))
        parts = [{"name": "high"}, {"name": "low"}]
        index.append({"id": f"p{number}", "split": split, "parts": parts, "licence": "CC0"})
    index.append({"id": "closed", "split": "train", "parts": [], "licence": "other"})
    offsets.append(len(rows))
    columns = dict(zip(("onset", "duration", "pitch", "part"), np.array(rows).T, strict=True))
    np.savez(pieces / "notes.npz", offsets=np.array(offsets), **columns)
    text = "\n".join(json.dumps(row) for row in index)
    (pieces / "index.jsonl").write_text(text + "\n", encoding="utf-8")
