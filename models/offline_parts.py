"""The offline part-separation network: a whole piece in, log-probabilities of its voices out.

Three LSTM layers read forwards and backwards, each followed by a layer normalisation, over what is
known of every note: key, onset and duration in steps of a 24th of a quarter note. In NumPy, on the
thread that asks: 10,000 notes take about a second. training/part_separation/study trains it;
`shapes` is what a weights file holds.
"""

from __future__ import annotations

import numpy as np

from models.errors import ModelError

STEPS = 24  # a quarter note
LONGEST_STEPS = 192  # longer notes count as this
LATEST_BEAT = 4096
UNITS, LAYERS, EMBEDDING = 64, 3, 16
WIDTH = 2 * UNITS
FEATURES = 4 * EMBEDDING + 1
_NORM_EPSILON = 1e-5


def shapes(classes: int) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the arrays of a weights file. [any]"""
    arrays: dict[str, tuple[int, ...]] = {
        "pitch": (128, EMBEDDING),
        "position": (STEPS, EMBEDDING),
        "duration": (LONGEST_STEPS + 1, EMBEDDING),
    }
    for layer in range(LAYERS):
        arrays[f"input_{layer}"] = (2, 4 * UNITS, FEATURES if layer == 0 else WIDTH)
        arrays[f"recurrent_{layer}"] = (2, 4 * UNITS, UNITS)  # forwards, then backwards
        arrays[f"bias_{layer}"] = (2, 4 * UNITS)
        arrays[f"norm_{layer}"] = (2, WIDTH)  # factor, then what is added
    return arrays | {"output": (classes, WIDTH), "output_bias": (classes,)}


def check(weights: dict[str, np.ndarray]) -> int:
    """Return the number of classes. ModelError names an array that is not the network's. [any]"""
    if "output_bias" not in weights:
        raise ModelError("the weights lack the array 'output_bias'")
    classes = len(weights["output_bias"])
    for name, shape in shapes(classes).items():
        if name not in weights:
            raise ModelError(f"the weights lack the array '{name}'")
        if weights[name].shape != shape:
            raise ModelError(f"the array '{name}' must be {shape}, got {weights[name].shape}")
        if not np.isfinite(weights[name]).all():
            raise ModelError(f"the array '{name}' must hold finite numbers")
    return classes


def log_probabilities(
    weights: dict[str, np.ndarray], onset: np.ndarray, duration: np.ndarray, pitch: np.ndarray
) -> np.ndarray:
    """Return (n, K) float32 for notes sorted by onset, then pitch, then duration. [any]

    onset, duration (n,) in steps from the beginning of the piece, pitch (n,) 0..127.
    """
    classes = check(weights)
    if len(pitch) == 0:
        return np.zeros((0, classes), np.float32)
    x = _features(weights, onset, duration, pitch)
    for layer in range(LAYERS):
        x = _both_ways(x, *(weights[f"{kind}_{layer}"] for kind in ("input", "recurrent", "bias")))
        x = _normalised(x, *weights[f"norm_{layer}"])
    logits = x @ weights["output"].T + weights["output_bias"]
    logits -= logits.max(axis=1, keepdims=True)
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def _features(
    weights: dict[str, np.ndarray], onset: np.ndarray, duration: np.ndarray, pitch: np.ndarray
) -> np.ndarray:
    """Return (n, FEATURES): key, its frequency, beat, position in the beat, duration."""
    beat = np.minimum(onset // STEPS, LATEST_BEAT)
    return np.concatenate(
        [
            weights["pitch"][pitch],
            2.0 ** ((pitch[:, None] - 127) / 12),
            _sinusoid(beat),
            weights["position"][onset % STEPS],
            weights["duration"][np.clip(duration, 0, LONGEST_STEPS)],
        ],
        axis=1,
    ).astype(np.float32)


def _sinusoid(beat: np.ndarray) -> np.ndarray:
    """Return (n, EMBEDDING): sines and cosines, from a period of 2 pi to one of 20,000 pi."""
    half = EMBEDDING // 2
    rate = np.exp(np.arange(half) * (-np.log(10000.0) / half))
    angle = beat[:, None] * rate
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


def _both_ways(
    x: np.ndarray, into: np.ndarray, recurrent: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    """Return (n, WIDTH): a layer's hidden values forwards and backwards, side by side."""
    n = len(x)
    gates = np.stack([x @ into[0].T + bias[0], x[::-1] @ into[1].T + bias[1]], axis=1)
    gates[..., : 2 * UNITS] *= 0.5  # sigmoid(x) = 0.5 + 0.5 tanh(x / 2): one call for all gates
    gates[..., 3 * UNITS :] *= 0.5
    turn = np.ascontiguousarray(recurrent.transpose(0, 2, 1))
    turn[..., : 2 * UNITS] *= 0.5
    turn[..., 3 * UNITS :] *= 0.5
    hidden = np.zeros((2, 1, UNITS), np.float32)
    cell = np.zeros((2, UNITS), np.float32)
    out = np.empty((n, 2, UNITS), np.float32)
    for t in range(n):
        g = np.tanh(gates[t] + (hidden @ turn)[:, 0])
        keep = 0.5 + 0.5 * g[:, UNITS : 2 * UNITS]
        cell = keep * cell + (0.5 + 0.5 * g[:, :UNITS]) * g[:, 2 * UNITS : 3 * UNITS]
        out[t] = (0.5 + 0.5 * g[:, 3 * UNITS :]) * np.tanh(cell)
        hidden[:, 0] = out[t]
    return np.concatenate([out[:, 0], out[::-1, 1]], axis=1)


def _normalised(x: np.ndarray, factor: np.ndarray, added: np.ndarray) -> np.ndarray:
    mean = x.mean(axis=1, keepdims=True)
    spread = np.sqrt(x.var(axis=1, keepdims=True) + _NORM_EPSILON)
    return (x - mean) / spread * factor + added
