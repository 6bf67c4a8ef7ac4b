"""Real violin with the notes others aligned to it, to measure by: never trained on.

The folder audio_bach_violin (or its archive): recordings under CC BY alone. The alignments are
automatic, on a grid of 32 ms, so even a perfect transcription would not reach 100 %.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from models.morph.resampling import Resampler
from training.latent_morph.sources import NAMES, UNKNOWN, folder_of
from training.latent_morph.transcription.phrases import NOTE

PACK = "audio_bach_violin"
PLAYERS = ("john-garner", "minji-kim")  # CC BY 3.0


def read_violin(data: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield (name, mono sound at RATE_HZ, notes) of each recording."""
    unpacked = data / PACK
    there = (unpacked / "delivered_audio.json").is_file()
    folder = unpacked if there else folder_of(PACK, data)
    listed = json.loads((folder / "delivered_audio.json").read_text(encoding="utf-8"))
    for row in listed:
        if not row["file"].startswith(PLAYERS):
            continue
        audio, rate_hz = soundfile.read(folder / "audio" / row["file"], dtype="float32")
        resampler = Resampler(rate_hz)
        mono = audio.mean(axis=1) if audio.ndim == 2 else audio
        sound = np.concatenate([resampler.push(mono), resampler.finish()])
        written = _columns(folder / row["notes_csv"], 4)
        times = _columns(folder / row["alignment"], 2)
        notes = np.zeros(min(len(written), len(times)), NOTE)
        notes["start_s"], notes["end_s"] = times[: len(notes)].T
        notes["pitch"] = written[: len(notes), 2]
        notes["instrument"], notes["dynamics"] = NAMES.index("violin"), UNKNOWN
        yield Path(row["file"]).stem, sound, np.sort(notes, order="start_s")


def _columns(path: Path, count: int) -> np.ndarray:
    """Return the first columns of a table with or without a line of names."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = line.split(",")[:count]
        try:
            rows.append([float(cell) for cell in cells])
        except ValueError:
            continue
    return np.array(rows)
