"""Turns the packs into frames: build/latent_morph/frames.npz, made once.

    python -m training.latent_morph.prepare --data FOLDER

Of every take, from its onset to where it is let go (or has died away): the spectrum the encoder
reads, the levels the decoder tells, relative to the loudest frame, and the labels.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from models.morph.spectrum import vqt
from training.latent_morph.analysis import analyse, from_onset, total_db
from training.latent_morph.sources import BUILD, INSTRUMENTS, RATE_HZ, Take, read_takes

FRAMES = BUILD / "frames.npz"
LONGEST_S = 3.0
MOST = 380  # takes of an instrument
_LET_GO_DB, _DIED_DB = 12.0, 55.0


@dataclass(frozen=True)
class Corpus:
    """Every frame of every take. Rows of a take stand together, `first[t]` to `first[t + 1]`."""

    spectra: np.ndarray  # (N, 410) float16, dB
    levels: np.ndarray  # (N, 88) float16, dB relative to the take's loudest frame
    first: np.ndarray  # (takes + 1,)
    instrument: np.ndarray  # (takes,) of each take
    pitch: np.ndarray
    dynamics: np.ndarray  # UNKNOWN where there is no label
    split: np.ndarray
    level_db: np.ndarray  # RMS of the loudest frame in the recording
    f0_hz: np.ndarray
    stretch: np.ndarray

    @property
    def take(self) -> np.ndarray:
        """Return the take of each row."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    @property
    def age(self) -> np.ndarray:
        """Return the frames since the onset of each row."""
        return np.arange(self.first[-1]) - self.first[self.take]

    @property
    def cents_off(self) -> np.ndarray:
        """Return how far above its key each take was played, (takes,) in cents."""
        return 1200 * np.log2(self.f0_hz / (440 * 2 ** ((self.pitch.astype(float) - 69) / 12)))

    def rows(self, take: int) -> slice:
        """Return where the rows of a take are."""
        return slice(int(self.first[take]), int(self.first[take + 1]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="where the packs are")
    parser.add_argument("--out", type=Path, default=FRAMES)
    parser.add_argument("--most", type=int, default=MOST, help="takes of an instrument")
    options = parser.parse_args()
    takes = read_takes(options.data, options.most, rest=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save(corpus_of(takes), options.out)
    print(f"{len(takes)} takes, {options.out}")


def corpus_of(takes: list[Take]) -> Corpus:
    """Return the frames of all takes."""
    rows = [rows_of(take) for take in tqdm(takes, "frames", mininterval=5)]
    lengths = [len(row["levels"]) for row in rows]
    return Corpus(
        spectra=np.concatenate([row["spectra"] for row in rows]),
        levels=np.concatenate([row["levels"] for row in rows]),
        first=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        instrument=np.array([take.instrument for take in takes], np.int16),
        pitch=np.array([take.pitch for take in takes], np.int16),
        dynamics=np.array([take.dynamics for take in takes], np.int16),
        split=np.array([take.split for take in takes], np.int16),
        level_db=np.array([row["level_db"] for row in rows], np.float32),
        f0_hz=np.array([row["f0_hz"] for row in rows], np.float32),
        stretch=np.array([row["stretch"] for row in rows], np.float32),
    )


def rows_of(take: Take) -> dict[str, Any]:
    """Return a take's spectra, levels, level, frequency and inharmonicity."""
    decays = INSTRUMENTS[take.instrument].decays
    audio = from_onset(take.audio())[: int(LONGEST_S * RATE_HZ)]
    frames = analyse(audio, take.pitch, decays)
    level = total_db(frames.levels_db)
    end = held_frames(level, decays)
    return {
        "spectra": vqt(audio)[:end].astype(np.float16),
        "levels": (frames.levels_db[:end] - level.max()).astype(np.float16),
        "level_db": float(level.max()),
        "f0_hz": float(np.median(frames.f0_hz)),
        "stretch": frames.stretch,
    }


def held_frames(level_db: np.ndarray, decays: bool) -> int:
    """Return how many frames a note is held, or sounds if it decays."""
    depth = _DIED_DB if decays else _LET_GO_DB
    last = int(np.flatnonzero(level_db > level_db.max() - depth)[-1])
    return last + 1 if decays else max(last - 2, min(8, len(level_db)))


def save(corpus: Corpus, path: Path) -> None:
    """Write a corpus."""
    np.savez(path, **vars(corpus))  # pyright: ignore[reportArgumentType]


def load(path: Path = FRAMES) -> Corpus:
    """Read a corpus; SystemExit if it is not there yet."""
    if not path.is_file():
        raise SystemExit(f"{path} is missing: run python -m training.latent_morph.prepare first")
    with np.load(path) as archive:
        return Corpus(**{name: archive[name] for name in archive.files})


if __name__ == "__main__":
    main()
