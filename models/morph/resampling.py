"""Sound of any usual rate to the 24 kHz of the sound models, piece by piece. Numpy only.

A low-pass filter of 34 samples either side, of the slower rate, under a Kaiser window: flat to
0.92 of the slower rate's half, what would fold back below that is 80 dB down. It is centred, so an
output sample stands for exactly its own moment. Called by `models.morph.spectrum`.
"""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np

from models.errors import ModelError

RATE_HZ = 24000
SLOWEST_HZ, FASTEST_HZ = 4000, 400_000
_REACH = 34  # samples of the slower rate, either side
_KAISER_BETA = 7.9
_LARGEST_RATIO = 640  # 11.025 kHz needs 320; odd rates are met within 3 in a million
_BLOCK = 64  # output samples made at once, at least


class Resampler:
    """A stream of mono sound at one rate in, at `RATE_HZ` out."""

    def __init__(self, rate_hz: float) -> None:
        """ModelError unless `rate_hz` is 4,000..400,000. [any]"""
        if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
            raise ModelError(
                f"the sampling rate must be {SLOWEST_HZ} to {FASTEST_HZ} Hz, got {rate_hz:g}"
            )
        self._ratio = Fraction(RATE_HZ / Fraction(rate_hz)).limit_denominator(_LARGEST_RATIO)
        self._reach, self._in, self._table = _filter(self._ratio)
        self._begin()

    @property
    def latency_s(self) -> float:
        """Seconds of sound it must have heard after a moment to give that moment. [any]"""
        if self._ratio == 1:
            return 0.0
        return (self._reach + self._in) / float(RATE_HZ / self._ratio)

    def push(self, audio: np.ndarray) -> np.ndarray:
        """Take mono `audio` (n,); return what can be given of it at 24 kHz, float32. [any]"""
        audio = np.asarray(audio, np.float32)
        if audio.ndim != 1:
            raise ModelError(f"the sound must be mono, (frames,), got {audio.shape}")
        self._taken += len(audio)
        if self._ratio == 1:
            self._given += len(audio)
            return audio
        self._pending = np.concatenate([self._pending, audio])
        taps = len(self._table)
        count = (len(self._pending) - taps) // self._in + 1
        if count <= 0:
            return np.zeros(0, np.float32)
        rows = np.lib.stride_tricks.sliding_window_view(self._pending, taps)[:: self._in][:count]
        out = (np.ascontiguousarray(rows) @ self._table).reshape(-1)
        self._pending = self._pending[count * self._in :].copy()
        self._given += len(out)
        return out

    def finish(self) -> np.ndarray:
        """Return the rest, which silence follows, and be as new. [any]"""
        due = -((-self._taken * self._ratio.numerator) // self._ratio.denominator) - self._given
        rest = self.push(np.zeros(0 if self._ratio == 1 else 2 * len(self._table), np.float32))
        self._begin()
        return rest[:due]

    def _begin(self) -> None:
        self._pending = np.zeros(self._reach, np.float32)
        self._taken = self._given = 0


@functools.cache
def _filter(ratio: Fraction) -> tuple[int, int, np.ndarray]:
    """Return (reach, input samples a block, table (inputs seen, outputs) float32)."""
    blocks = -(-_BLOCK // ratio.numerator)
    outputs, inputs = blocks * ratio.numerator, blocks * ratio.denominator
    slower = min(1.0, float(ratio))  # of the input's rate
    width = _REACH / slower
    reach = int(np.ceil(width))
    seen = np.arange(inputs + 2 * reach)[:, None] - reach
    away = seen - np.arange(outputs) / float(ratio)  # input samples
    inside = np.clip(1 - (away / width) ** 2, 0, None)
    window = np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA) * (inside > 0)
    table = slower * np.sinc(slower * away) * window
    return reach, inputs, table.astype(np.float32)
