"""A corpus of a few notes, made once."""

from pathlib import Path

import pytest

from tests.training.latent_morph.tones import write_packs


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory):
    """Return the frames of the small packs."""
    pytest.importorskip("tqdm")
    from training.latent_morph.prepare import corpus_of
    from training.latent_morph.sources import read_takes

    folder: Path = tmp_path_factory.mktemp("packs")
    write_packs(folder)
    return corpus_of(read_takes(folder, 100))
