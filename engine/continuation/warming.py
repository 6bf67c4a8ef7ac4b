"""The worker's start: the network from the registry, every compiled path run once, its speed.

The compiled code is kept in the cache of numba: only the first start ever takes longer. [worker]
"""

import time

import numpy as np

from models.mmt.decoder import Decoder, shipped
from models.mmt.drawing import Taste, limits
from models.mmt.stream import Stream

MODEL = "mmt_small"
_NOTES = 24  # drawn for the speed, behind as many rows
_VOICES = [(41, 0, 127, -(1 << 40), -1, 0)] * 4


def load() -> Decoder:
    """Return the network that ships. ModelError if it is missing or damaged."""
    return shipped(MODEL)


def warm(decoder: Decoder) -> None:
    """Run everything once, so that nothing is compiled or read while music plays."""
    stream = Stream(decoder.twin(), [41])
    for beat in range(8):
        for key in (48, 55, 64):
            stream.add(12 * beat, key, 12, 41)
    _draw(stream, 4)


def notes_per_s(decoder: Decoder) -> float:
    """Return how many notes a second are drawn and fed."""
    stream = Stream(decoder.twin(), [41])
    _draw(stream, _NOTES)
    began_s = time.perf_counter()
    _draw(stream, _NOTES)
    return _NOTES / (time.perf_counter() - began_s)


def _draw(stream: Stream, notes: int) -> None:
    wanted = limits(Taste(), np.array(_VOICES, np.int64))
    random = np.random.default_rng(0)
    for _ in range(notes):
        while stream.work():
            pass
        stream.draw(wanted, 0, random)
