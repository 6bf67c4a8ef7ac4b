"""Tones for tests: harmonics that fall by 4 dB each, a soft attack, an end."""

from collections.abc import Iterable

import numpy as np

MELODY = ((0.5, 60), (1.0, 64), (1.5, 67), (2.0, 72), (2.6, 55), (3.2, 79))  # second, key
HELD_S = 0.45


def tone(pitch: float, seconds: float, rate_hz: int) -> np.ndarray:
    """Return one note (n,)."""
    at_s = np.arange(round(seconds * rate_hz)) / rate_hz
    hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    harmonics = [h for h in range(1, 9) if h * hz < min(11_000, 0.45 * rate_hz)]
    sound = sum(np.sin(2 * np.pi * h * hz * at_s) * 10 ** (-h * 4 / 20) for h in harmonics)
    return sound * np.clip(at_s / 0.01, 0, 1) * np.clip((seconds - at_s) / 0.03, 0, 1)


def melody(
    rate_hz: int, notes: Iterable[tuple[float, float]] = MELODY, seconds: float = 4.2
) -> np.ndarray:
    """Return notes as mono sound (n,) float32, its loudest sample at 0.5."""
    audio = np.zeros(round(seconds * rate_hz))
    for start_s, pitch in notes:
        note, begin = tone(pitch, HELD_S, rate_hz), round(start_s * rate_hz)
        audio[begin : begin + len(note)] += note
    return (0.5 * audio / np.abs(audio).max()).astype(np.float32)
