"""Recordings in any format libsndfile reads, piece by piece, as mono. [worker]"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from engine.errors import RipienoError
from models.morph.resampling import FASTEST_HZ, SLOWEST_HZ

PIECE_S = 10.0
SHORTEST_S = 0.1
LONGEST_S = 6 * 3600.0
QUIETEST = 1e-4  # -80 dB: nothing louder is silence


class SoundFileError(RipienoError):
    """A file that holds no sound we can read."""


@dataclass(frozen=True)
class Recording:
    """A file whose sound has been looked through once."""

    path: Path
    rate_hz: int
    channels: int
    frames: int
    peak: float

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return self.frames / self.rate_hz

    def pieces(self) -> Iterator[np.ndarray]:
        """Yield its sound as mono, (n,) float32, a few seconds at a time."""
        yield from _pieces(self.path)


def open_recording(path: str | Path) -> Recording:
    """Look through a file; SoundFileError if it is no sound, too short or long, or silent."""
    path = Path(path)
    try:
        info = soundfile.info(str(path))
    except (OSError, soundfile.SoundFileError) as error:
        if not path.is_file():
            what = "it is a folder" if path.is_dir() else "there is no such file"
            raise SoundFileError(f"{path}: {what}") from error
        raise SoundFileError(
            f"{path}: not a sound file we can read (WAV, FLAC, Ogg, MP3, AIFF)"
        ) from error
    if not SLOWEST_HZ <= info.samplerate <= FASTEST_HZ:
        raise SoundFileError(
            f"{path}: its sampling rate is {info.samplerate} Hz; "
            f"{SLOWEST_HZ} to {FASTEST_HZ} Hz can be read"
        )
    seconds = info.frames / info.samplerate
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise SoundFileError(
            f"{path}: it lasts {seconds:.4g} s; {SHORTEST_S:g} s to {LONGEST_S / 3600:g} hours "
            "can be transcribed"
        )
    frames, peak = 0, 0.0
    for piece in _pieces(path):
        frames += len(piece)
        peak = max(peak, float(np.abs(piece).max(initial=0.0)))
    if peak < QUIETEST:
        raise SoundFileError(f"{path}: it is silent")
    return Recording(path, info.samplerate, info.channels, frames, peak)


def _pieces(path: Path) -> Iterator[np.ndarray]:
    try:
        with soundfile.SoundFile(str(path)) as file:
            size = round(PIECE_S * file.samplerate)
            while len(block := file.read(size, dtype="float32", always_2d=True)):
                yield np.nan_to_num(block.mean(axis=1), posinf=0.0, neginf=0.0)
    except soundfile.SoundFileError as error:
        raise SoundFileError(f"{path}: it is damaged: {error}") from error
