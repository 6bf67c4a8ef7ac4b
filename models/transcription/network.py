"""The transcription network: a spectrum in, what each of 88 keys does out, frame by frame.

Every key looks at the same places of the spectrum, its harmonics' (`harmonic_bins`), through the
same weights; then at its own past and future frames; a narrow layer tells every key what the
others do. Outputs a key: an onset, sounding, who plays, how loud. Numpy, one frame or thousands at
a time; training/latent_morph/transcription trains it, `engine.transcription` runs it.

Output *j* is given with frame *j* and tells of frame ``j - lag``: a net that may look ahead has a
positive lag, a live one none, or less: its early spectra know of sound after the frame's centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models import registry
from models.errors import ModelError
from models.morph.resampling import RATE_HZ
from models.morph.spectrum import BINS, BINS_PER_OCTAVE, FLOOR_DB, HOP, bin_of

LOWEST_KEY, KEYS = 21, 88
HOP_S = 2 * HOP / RATE_HZ  # 21.3 ms
HARMONICS = (0.5, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12)
AROUND = 2  # bins on either side of each harmonic
SEEN = len(HARMONICS) * (2 * AROUND + 1)
CHANNELS, NARROW, COMMON, SPREAD = 48, 6, 144, 12
FIRST_TAPS, SECOND_TAPS, SECOND_STEP = 3, 3, 3
CONTEXT = FIRST_TAPS - 1 + (SECOND_TAPS - 1) * SECOND_STEP  # frames before the newest
DYNAMICS = ("pp", "p", "mf", "f", "ff")
VELOCITIES = (33, 49, 72, 96, 112)  # what each stands for


def shapes(instruments: int) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the arrays of a weights file. [any]"""
    wide = CHANNELS + SPREAD
    return {
        "timing": (2,),  # 1 for early spectra, lag in frames
        "into": (SEEN, CHANNELS),
        "key": (KEYS, CHANNELS),
        "first": (FIRST_TAPS, CHANNELS, CHANNELS),
        "first_bias": (CHANNELS,),
        "narrow": (CHANNELS, NARROW),
        "narrow_bias": (NARROW,),
        "common": (KEYS * NARROW, COMMON),
        "common_bias": (COMMON,),
        "spread": (COMMON, KEYS * SPREAD),
        "spread_bias": (KEYS * SPREAD,),
        "second": (SECOND_TAPS, wide, CHANNELS),
        "second_bias": (CHANNELS,),
        "out": (CHANNELS, 2 + len(DYNAMICS) + instruments),
        "out_bias": (2 + len(DYNAMICS) + instruments,),
    }


@dataclass(frozen=True)
class Heard:
    """What the network says of n frames: probabilities, and logarithms of them."""

    onset: np.ndarray  # (n, 88)
    sounding: np.ndarray  # (n, 88)
    dynamics: np.ndarray  # (n, 88, 5) logarithms
    instrument: np.ndarray  # (n, 88, instruments) logarithms

    def __len__(self) -> int:
        return len(self.onset)

    def at(self, frame: int) -> Heard:
        """Return one frame of it. [any]"""
        part = slice(frame, frame + 1)
        return Heard(
            self.onset[part], self.sounding[part], self.dynamics[part], self.instrument[part]
        )


@dataclass(frozen=True)
class Network:
    """Checked weights. ModelError names an array that is not the network's."""

    weights: dict[str, np.ndarray]
    instruments: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, shape in shapes(len(self.instruments)).items():
            if name not in self.weights:
                raise ModelError(f"the weights lack the array '{name}'")
            found = self.weights[name]
            if found.shape != shape:
                raise ModelError(f"the array '{name}' must be {shape}, got {found.shape}")
            if not np.isfinite(found).all():
                raise ModelError(f"the array '{name}' must hold finite numbers")

    @property
    def early(self) -> bool:
        """Whether it reads early spectra."""
        return bool(self.weights["timing"][0])

    @property
    def lag(self) -> int:
        """By how many frames its outputs are behind the frame they come with."""
        return int(self.weights["timing"][1])


def shipped(name: str) -> Network:
    """Return a registered network. ModelError if it is missing or damaged. [main]"""
    entry = registry.find_transcription(name)
    return Network(
        registry.read_weights(registry.content(entry), str(entry.file)), entry.instruments
    )


def random_network(seed: int, early: bool = False, lag: int = 0, instruments: int = 3) -> Network:
    """Return an untrained network, the same for the same seed. [any]"""
    generator = np.random.default_rng(seed)
    weights = {
        name: (generator.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))).astype(np.float32)
        for name, shape in shapes(instruments).items()
    }
    weights["timing"] = np.array([early, lag], np.float32)
    return Network(weights, tuple(f"instrument {n}" for n in range(instruments)))


def harmonic_bins() -> np.ndarray:
    """Return (88, SEEN) places in a spectrum with one empty place at its end. [any]"""
    keys = np.array([bin_of(LOWEST_KEY + key) for key in range(KEYS)])
    middle = keys[:, None] + BINS_PER_OCTAVE * np.log2(HARMONICS)
    bins = np.rint(middle)[:, :, None] + np.arange(-AROUND, AROUND + 1)
    bins[(bins < 0) | (bins >= BINS)] = BINS
    return bins.reshape(KEYS, SEEN).astype(int)


class NetworkStream:
    """The network over spectra that arrive piece by piece; silence lies before the first."""

    def __init__(self, network: Network) -> None:
        """A stream of its own state over shared weights. [any]"""
        self._network = network
        self._bins = harmonic_bins()
        self._begin()

    def push(self, levels_db: np.ndarray) -> Heard:
        """Take spectra (n, 410) in dB; return n frames of what they tell. [any]"""
        w = self._network.weights
        x = np.zeros((len(levels_db), BINS + 1), np.float32)
        x[:, :BINS] = (levels_db - FLOOR_DB) / -FLOOR_DB
        x = np.maximum(x[:, self._bins] @ w["into"] + w["key"], 0)
        x, self._first = _over_time(self._first, x, w["first"], 1)
        x = np.maximum(x + w["first_bias"], 0)
        narrow = np.maximum(x @ w["narrow"] + w["narrow_bias"], 0).reshape(len(x), KEYS * NARROW)
        common = np.maximum(narrow @ w["common"] + w["common_bias"], 0)
        spread = np.maximum(common @ w["spread"] + w["spread_bias"], 0)
        x = np.concatenate([x, spread.reshape(len(x), KEYS, SPREAD)], axis=2)
        x, self._second = _over_time(self._second, x, w["second"], SECOND_STEP)
        x = np.maximum(x + w["second_bias"], 0) @ w["out"] + w["out_bias"]
        sure = 0.5 + 0.5 * np.tanh(0.5 * x[:, :, :2])
        loud, who = x[:, :, 2 : 2 + len(DYNAMICS)], x[:, :, 2 + len(DYNAMICS) :]
        return Heard(sure[:, :, 0], sure[:, :, 1], _log_softmax(loud), _log_softmax(who))

    def finish(self) -> Heard:
        """Return the frames still owed, silence following, and be as new. [any]"""
        owed = self.push(np.full((max(0, self._network.lag), BINS), FLOOR_DB, np.float32))
        self._begin()
        return owed

    def _begin(self) -> None:
        self._first = np.zeros((0, KEYS, CHANNELS), np.float32)
        self._second = np.zeros((0, KEYS, CHANNELS + SPREAD), np.float32)
        self.push(np.full((CONTEXT, BINS), FLOOR_DB, np.float32))


def _over_time(
    before: np.ndarray, x: np.ndarray, weights: np.ndarray, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted sum of each frame and those before it, and what the next call needs.

    Fewer frames come out than go in until enough have gone before.
    """
    span = (len(weights) - 1) * step
    x = np.concatenate([before, x])
    count = max(0, len(x) - span)
    total = np.zeros((count, KEYS, weights.shape[2]), np.float32)
    for tap, matrix in enumerate(weights):
        total += x[tap * step : tap * step + count] @ matrix
    return total, x[count:]


def _log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(axis=2, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=2, keepdims=True))
