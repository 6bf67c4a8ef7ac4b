"""A corpus of a few notes, made once; tests of what only training needs are collected where that
is installed (the extra `train`), as in all of tests/training: no line of CI says skipped."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.training.latent_morph.tones import write_packs

NEEDS = {
    ("torch", "tqdm"): (
        *("test_course.py", "test_data.py", "test_evaluate.py", "test_mixtures.py"),
        *("test_network.py", "test_ship_paper.py", "transcription/test_train.py"),
    ),
    ("tqdm",): ("test_originals.py", "transcription/test_phrases.py"),
    ("mir_eval",): ("transcription/test_scores.py",),
}
collect_ignore = [
    test
    for modules, tests in NEEDS.items()
    if not all(find_spec(module) for module in modules)
    for test in tests
]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory):
    """Return the frames of the small packs."""
    from training.latent_morph.prepare import corpus_of
    from training.latent_morph.sources import read_takes

    folder: Path = tmp_path_factory.mktemp("packs")
    write_packs(folder)
    return corpus_of(read_takes(folder, 100))
