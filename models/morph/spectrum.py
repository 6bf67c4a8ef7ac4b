"""The spectrum that the sound models read: a variable-Q transform of 410 bins, offline and live.

48 bins an octave from 30 Hz to 11 kHz at 24 kHz. A bin's window is a Hann of as many samples as its
Q asks for, held between 512 and 4096, so low notes are read slowly and attacks fast. Frame *i* is
centred exactly on second ``i * hop / 24000`` of the input, at any input rate. A value is in dB: 0
is a sine of amplitude 1 in the middle of its bin, nothing is below ``FLOOR_DB``.

`vqt` and `VqtStream` share every step: `vqt` is a stream that is given everything at once. Numpy
only; training, `ripieno transcribe` and the live transcription call it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from models.errors import ModelError
from models.morph.resampling import RATE_HZ, Resampler

BINS = 410
BINS_PER_OCTAVE = 48  # a semitone is 4 bins
LOWEST_HZ = 30.0
SHORTEST_WINDOW, LONGEST_WINDOW = 512, 4096  # samples at RATE_HZ
HOP = 256  # samples at RATE_HZ
HOP_S = HOP / RATE_HZ
FLOOR_DB = -100.0
HALF = LONGEST_WINDOW // 2
_GROUP = 16  # bins that share a product of matrices
_SMALLEST_WEIGHT = 1e-4  # of a bin's largest: what is less is left out
_FRAMES_AT_ONCE = 256


def frequencies_hz() -> np.ndarray:
    """Return the middle of every bin, (410,) float64. [any]"""
    return LOWEST_HZ * 2.0 ** (np.arange(BINS) / BINS_PER_OCTAVE)


def bin_of(pitch: float) -> float:
    """Return the bin, with its fraction, of a MIDI key's fundamental. [any]"""
    hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    return BINS_PER_OCTAVE * float(np.log2(hz / LOWEST_HZ))


def windows() -> np.ndarray:
    """Return the length of every bin's window in samples, (410,) float64. [any]"""
    q = 1 / (2.0 ** (1 / BINS_PER_OCTAVE) - 1)
    return np.clip(q * RATE_HZ / frequencies_hz(), SHORTEST_WINDOW, LONGEST_WINDOW)


def lead_frames() -> np.ndarray:
    """Return by how many hops of `HOP` each bin is ahead in an early spectrum, (410,). [any]"""
    return ((HALF - windows() / 2) // HOP).astype(int)


def vqt(
    audio: np.ndarray, rate_hz: float = RATE_HZ, hop_s: float = HOP_S, *, early: bool = False
) -> np.ndarray:
    """Return (frames, 410) float32 in dB of mono `audio` (n,): a frame a hop, 1 + n // hop. [any]

    `hop_s` is rounded to samples at 24 kHz. `early`: see `VqtStream`.
    """
    stream = VqtStream(rate_hz, hop_s, early=early)
    return np.concatenate([stream.push(audio), stream.finish()])


class VqtStream:
    """The same spectrum of sound that arrives piece by piece.

    A frame comes `latency_s` after the sound at its centre: half of the longest window and of the
    resampler's filter. An `early` spectrum reads each bin `lead_frames` hops later than the frame's
    centre: the most that the frame's last sample allows, so attacks show 75 ms sooner than the
    lowest notes. That is the same matrix with its columns moved.
    """

    def __init__(
        self, rate_hz: float = RATE_HZ, hop_s: float = HOP_S, *, early: bool = False
    ) -> None:
        """ModelError unless `rate_hz` is 4,000..400,000 and `hop_s` 0.001..1. [any]"""
        if not 0.001 <= hop_s <= 1:
            raise ModelError(f"hop_s must be 0.001 to 1 s, got {hop_s}")
        self.hop = round(hop_s * RATE_HZ)
        self._resampler = Resampler(rate_hz)
        self._kernels = _kernels(early)
        self._begin()

    @property
    def latency_s(self) -> float:
        """Seconds from a sound to the frame that has it in its middle. [any]"""
        return HALF / RATE_HZ + self._resampler.latency_s

    def push(self, audio: np.ndarray) -> np.ndarray:
        """Take mono `audio` (n,); return the frames (m, 410) that it completes. [any]"""
        return self._frames(self._resampler.push(audio))

    def finish(self) -> np.ndarray:
        """Return the last frames, after which nothing sounds, and be as new. [any]"""
        rest = self._resampler.finish()
        due = 1 + (self._taken + len(rest)) // self.hop - self._made
        frames = self._frames(np.concatenate([rest, np.zeros(LONGEST_WINDOW, np.float32)]))
        self._begin()
        return frames[:due]

    def _begin(self) -> None:
        self._pending = np.zeros(HALF, np.float32)  # what the next frame begins with
        self._taken = self._made = self._skip = 0

    def _frames(self, audio: np.ndarray) -> np.ndarray:
        """Return the frames that `audio`, at RATE_HZ, completes."""
        self._taken += len(audio)
        skipped = min(self._skip, len(audio))
        self._skip -= skipped
        pending = np.concatenate([self._pending, audio[skipped:]])
        count = max(0, (len(pending) - LONGEST_WINDOW) // self.hop + 1)
        frames = np.empty((count, BINS), np.float32)
        if count:
            views = np.lib.stride_tricks.sliding_window_view(pending, LONGEST_WINDOW)[:: self.hop]
            for begin in range(0, count, _FRAMES_AT_ONCE):
                part = slice(begin, min(begin + _FRAMES_AT_ONCE, count))
                frames[part] = _levels_db(views[part], self._kernels)
        gone = count * self.hop
        self._skip += max(0, gone - len(pending))  # a hop longer than the window
        self._pending = pending[gone:].copy()
        self._made += count
        return frames


@dataclass(frozen=True)
class _Kernels:
    """Weights of the Fourier transform's bins `first` onwards for the bins of `group`."""

    group: slice
    first: int
    weights: np.ndarray  # (Fourier bins, bins of the group) complex64


def _levels_db(blocks: np.ndarray, kernels: tuple[_Kernels, ...]) -> np.ndarray:
    """Return (n, 410) of `blocks` (n, 4096)."""
    spectrum = np.fft.rfft(blocks, axis=1)
    magnitude = np.empty((len(blocks), BINS), np.float32)
    for kernel in kernels:
        columns = slice(kernel.first, kernel.first + len(kernel.weights))
        magnitude[:, kernel.group] = np.abs(spectrum[:, columns] @ kernel.weights)
    tiny = np.float32(10 ** (FLOOR_DB / 20 - 1))
    return np.maximum(20 * np.log10(np.maximum(magnitude, tiny)), np.float32(FLOOR_DB))


@functools.cache
def _kernels(early: bool) -> tuple[_Kernels, ...]:
    """Every bin's window and oscillation, as the Fourier transform of a block sees them."""
    lead = lead_frames() * HOP if early else np.zeros(BINS)
    sample = np.arange(LONGEST_WINDOW)
    found = []
    for begin in range(0, BINS, _GROUP):
        group = slice(begin, min(begin + _GROUP, BINS))
        at = sample - HALF - lead[group, None]
        length = windows()[group, None]
        window = np.where(np.abs(at) < length / 2, 1 + np.cos(2 * np.pi * at / length), 0)
        window *= 2 / window.sum(axis=1, keepdims=True)
        turning = np.exp(2j * np.pi * frequencies_hz()[group, None] / RATE_HZ * at)
        weights = np.fft.fft(window * turning)[:, : HALF + 1].conj() / LONGEST_WINDOW
        size = np.abs(weights)
        weights[size < _SMALLEST_WEIGHT * size.max(axis=1, keepdims=True)] = 0
        used = np.flatnonzero(weights.any(axis=0))
        first, last = int(used[0]), int(used[-1])
        columns = np.ascontiguousarray(weights[:, first : last + 1].T, np.complex64)
        found.append(_Kernels(group, first, columns))
    return tuple(found)
