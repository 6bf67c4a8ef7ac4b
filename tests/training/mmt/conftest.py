"""A small made corpus; tests of what only training needs are collected where that is installed."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.training.mmt.music import sorted_piece

_TORCH = (
    "network",
    "train",
    "attention",
    "evaluate",
    "data",
    "ship",
    "stream",
    "continuations",
    "compare",
    "lengths",
)
_TQDM = ("prepare", "sources")
_missing = [*(_TORCH if find_spec("torch") is None else ())]
_missing += [*(_TQDM if find_spec("tqdm") is None else ())]
collect_ignore = [f"test_{name}.py" for name in _missing]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty made pieces of two corpora, prepared as any other."""
    from training.mmt.prepare import prepare
    from training.mmt.sources import Piece

    path = tmp_path_factory.mktemp("corpus") / "corpus.npz"
    made = [
        Piece(f"piece{i}", f"work{i // 2}", sorted_piece(i, 50 + i, (25, 27, 1)[: 2 + i % 2]))
        for i in range(40)
    ]
    prepare({"quartets": made[:20], "songs": made[20:]}, path)
    return path
