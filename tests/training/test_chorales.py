"""The corpus itself and the figures the shipped weights owe: needs the package music21."""

import numpy as np
import pytest

from models import registry
from training.part_separation.evaluate import Network, accuracy, play
from training.part_separation.live import LIVE
from training.part_separation.prepare import (
    FILES,
    NOTES,
    Chorale,
    corpus_folder,
    group_duplicates,
    read_chorales,
    split_groups,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chorales() -> list[Chorale]:
    return read_chorales(corpus_folder())


def test_the_corpus_is_the_papers(chorales):
    notes = np.concatenate([chorale.notes for chorale in chorales])
    assert (len(chorales), len(notes)) == (FILES, NOTES) == (409, 96605)
    shares = np.bincount(notes[:, 3]) / len(notes) * 100
    np.testing.assert_allclose(shares, [21.78, 25.19, 26.14, 26.89], atol=0.005)


def test_the_shipped_weights_keep_their_promise_on_pieces_they_never_heard(chorales):
    split = split_groups(group_duplicates(chorales))
    held_out = [chorale for chorale, side in zip(chorales, split, strict=True) if side == 2]
    assert len(held_out) == 41
    network = Network(registry.load("chorales"))
    played = play(held_out, LIVE, seed=11, performances=2)
    assert accuracy(network, played, 0) >= 93
    assert accuracy(network, played, 45) >= 97
