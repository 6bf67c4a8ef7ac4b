"""Renders the phrases to train, choose and measure by: their spectra and their notes.

``python -m training.latent_morph.transcription.prepare --data FOLDER`` reads the packs of single
notes (training.latent_morph.sources) and sym_string_quartets, and writes a folder for each split
into build/latent_morph/transcription: spectra.npy (phrases, frames, 410) uint8, a step of 0.39 dB,
a frame every 256 samples at 24 kHz; notes.npy of phrases.NOTE and offsets.npy, the first note of
each phrase. Test phrases are also kept as sound.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from models.morph.spectrum import BINS, FLOOR_DB, HOP, vqt
from training.latent_morph.sources import BUILD, RATE_HZ, folder_of, read_takes
from training.latent_morph.transcription.lines import PACK, SPLITS, read_pieces
from training.latent_morph.transcription.phrases import Orchestra, phrase

TRANSCRIPTION = BUILD / "transcription"
SECONDS = 8.0
FRAMES = 1 + round(SECONDS * RATE_HZ) // HOP
STEPS_A_DB = 255 / -FLOOR_DB
MOST_TAKES = 400  # an instrument
PHRASES = {"train": 4000, "valid": 80, "test": 200}
SEEDS = {"train": 1, "valid": 2, "test": 3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the packs")
    parser.add_argument("--out", type=Path, default=TRANSCRIPTION)
    parser.add_argument("--phrases", type=int, nargs=3, default=list(PHRASES.values()))
    options = parser.parse_args()
    takes = read_takes(options.data, MOST_TAKES)
    unpacked = options.data / PACK
    there = (unpacked / "notes.npz").is_file()
    pieces = read_pieces(unpacked if there else folder_of(PACK, options.data))
    for split, count in zip(SPLITS, options.phrases, strict=True):
        folder = options.out / split
        folder.mkdir(parents=True, exist_ok=True)
        orchestra, random = Orchestra(takes, split), np.random.default_rng(SEEDS[split])
        spectra = np.lib.format.open_memmap(
            folder / "spectra.npy", "w+", np.uint8, (count, FRAMES, BINS)
        )
        notes, offsets = [], [0]
        for number in tqdm(range(count), desc=split, mininterval=5):
            made = phrase(orchestra, pieces[split], SECONDS, random)
            spectra[number] = in_steps(vqt(made.audio))
            notes.append(made.notes)
            offsets.append(offsets[-1] + len(made.notes))
            if split == "test":
                soundfile.write(
                    folder / f"{number:04d}.flac", made.audio, RATE_HZ, subtype="PCM_16"
                )
        spectra.flush()
        np.save(folder / "notes.npy", np.concatenate(notes))
        np.save(folder / "offsets.npy", np.array(offsets))


def in_steps(levels_db: np.ndarray) -> np.ndarray:
    """Return levels as uint8, 0 for the floor, 255 for 0 dB and above."""
    return np.clip((levels_db - FLOOR_DB) * STEPS_A_DB + 0.5, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
