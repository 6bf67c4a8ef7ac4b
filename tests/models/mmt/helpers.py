"""Small networks and made rows for the tests of the fast step."""

import itertools

import numpy as np
import pytest

from models.mmt.decoder import Decoder, from_floats
from models.mmt.representation import encode
from models.mmt.shape import IN_TURN, LEARNED, ROTARY, TOGETHER, Shape, random_weights

SMALL = {"layers": 2, "width": 128, "inner": 192, "turn_width": 64, "turn_inner": 64, "rows": 160}
KINDS = [
    Shape(heads=heads, positions=positions, **SMALL)  # pyright: ignore[reportArgumentType]
    for heads, positions in itertools.product((TOGETHER, IN_TURN), (LEARNED, ROTARY))
]
each_kind = pytest.mark.parametrize("shape", KINDS, ids=lambda s: f"{s.heads}-{s.positions}")


def decoder(shape: Shape, seed: int = 1) -> Decoder:
    """Return a decoder with lively weights."""
    return from_floats(random_weights(shape, seed), shape)


def music(rows: int = 120, seed: int = 0) -> np.ndarray:
    """Return the first rows (rows, 6) of a made piece for three players."""
    random = np.random.default_rng(seed)
    notes = [
        (beat * 12 + tick, 48 + int(random.integers(0, 30)), 6, int(random.choice([1, 25, 27])))
        for beat in range(rows)
        for tick in (0, 6)
    ]
    return encode(np.array(notes))[:rows].astype(np.int64)
