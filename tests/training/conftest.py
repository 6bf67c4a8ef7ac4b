"""Tests of what only training needs are collected where that is installed (the extra `train`)."""

from importlib.util import find_spec

import numpy as np
import pytest

from training.part_separation.prepare import Chorale

collect_ignore = [
    *(["test_chorales.py"] if find_spec("music21") is None else []),
    *(
        ["test_train.py", *(f"test_study_{name}.py" for name in ("models", "rules", "tables"))]
        if find_spec("torch") is None
        else []
    ),
    *(["test_study_archives.py"] if find_spec("tqdm") is None else []),
]


@pytest.fixture
def random_chorales() -> list[Chorale]:
    """Four pieces of thirty chords about the middles of four voices."""
    random = np.random.default_rng(0)
    pieces = []
    for name in "abcd":
        chords = random.integers(-4, 5, (30, 4)) + np.array([72, 65, 59, 50])
        rows = [(i * 480, 480, p, k) for i, chord in enumerate(chords) for k, p in enumerate(chord)]
        rows.sort(key=lambda row: (row[0], row[2], row[3]))
        pieces.append(Chorale(name, np.array(rows, np.int32)))
    return pieces
