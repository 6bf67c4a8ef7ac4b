"""WAV files that can be opened and played at any moment while they grow. [worker]

Written by the recorder's thread. The header on disk is brought up to date on demand, so a program
that dies leaves all it had written until then. Silence costs nothing: a jump forward leaves a hole,
which reads as zeros, and on most file systems takes no room.
"""

import re
from pathlib import Path

import numpy as np
import soundfile

SAMPLE_FORMATS = {"24-bit": "PCM_24", "float": "FLOAT"}
UPDATE_HEADER_NOW = 0x1060  # libsndfile's SFC_UPDATE_HEADER_NOW


class GrowingWave:
    """One WAV file being written; `frames` is its length so far."""

    def __init__(self, path: Path, rate_hz: int, channels: int, sample_format: str) -> None:
        """Create the file. OSError or soundfile.SoundFileError if that fails."""
        if sample_format not in SAMPLE_FORMATS:
            raise ValueError(
                f"sample_format must be one of {', '.join(SAMPLE_FORMATS)}, got {sample_format!r}"
            )
        self.path = path
        self.frames = 0
        self._channels = channels
        self._file = soundfile.SoundFile(
            str(path),
            "w",
            samplerate=rate_hz,
            channels=channels,
            subtype=SAMPLE_FORMATS[sample_format],
            format="WAV",
        )

    def write(self, audio: np.ndarray, at_frame: int) -> None:
        """Write `audio` (frames, channels) at a place not before the end so far.

        float32, or int32 with the sample in the upper bits, which keeps every bit of a copy.
        """
        if at_frame < self.frames:
            raise ValueError(f"at_frame must be {self.frames} or more, got {at_frame}")
        if at_frame > self.frames:
            self._file.seek(at_frame)
        self._file.write(audio)
        self.frames = at_frame + len(audio)

    def update_header(self) -> None:
        """Make the file on disk say how long it is."""
        library = soundfile._snd  # pyright: ignore[reportAttributeAccessIssue]
        nothing = soundfile._ffi.NULL  # pyright: ignore[reportAttributeAccessIssue]
        library.sf_command(self._file._file, UPDATE_HEADER_NOW, nothing, 0)

    def close(self, frames: int = 0) -> None:
        """Close; silence is added up to `frames`. Idempotent."""
        if self._file.closed:
            return
        try:
            if frames > self.frames:
                self.write(np.zeros((1, self._channels), np.float32), frames - 1)
        finally:
            self._file.close()


def file_name(name: str) -> str:
    """A part's name as a file name that every system takes. [any]"""
    return re.sub(r"[^\w -]+", "_", name).strip(" _") or "part"
