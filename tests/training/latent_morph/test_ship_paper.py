"""The paper's form as an ONNX file says what the network says."""

import json

import numpy as np
import pytest
import torch

from models.morph.paper_model import PaperModel
from tests.training.latent_morph.tones import made_corpus
from training.latent_morph.network import Pair, Shape, labels_of
from training.latent_morph.ship_paper import exported, tables_of
from training.latent_morph.sources import INSTRUMENTS, NAMES


@pytest.fixture(scope="module")
def network() -> Pair:
    torch.manual_seed(3)
    return Pair(Shape("A", 6, 12, 40, 20)).eval()


def test_the_file_says_what_the_network_says(network: Pair) -> None:
    tables = tables_of(made_corpus())
    model = PaperModel(exported(network, tables), "made")
    assert model.instruments == NAMES
    assert model.latent == 6
    keys = [int(model.low_keys[2]), int(model.high_keys[2])]
    labels = labels_of(torch.tensor(keys), torch.tensor([1, 3]), torch.tensor([2, 2]))
    with torch.no_grad():
        mean, spread = network.of_symbol(labels)
        bins = network.signal(mean, torch.zeros(0)).numpy()
    points, deviations = model.points(2)
    found = np.stack([points[keys[0], 1], points[keys[1], 3]])
    np.testing.assert_allclose(found, mean.numpy(), atol=0.05)
    wide = np.stack([deviations[keys[0], 1], deviations[keys[1], 3]])
    np.testing.assert_allclose(wide, np.exp(spread.numpy() / 2), rtol=0.05)
    np.testing.assert_allclose(model.bins(mean.numpy()), np.maximum(bins, -100), atol=1.0)


def test_weights_are_whole_numbers_of_8_bits(network: Pair) -> None:
    size = len(exported(network, tables_of(made_corpus())))
    numbers = sum(
        p.numel() for p in (*network.symbol_encoder.parameters(), *network.decoder.parameters())
    )
    assert size < 1.6 * numbers + 20_000


def test_what_decays_has_a_fall_and_nothing_else_has() -> None:
    tables = json.loads(json.dumps(tables_of(made_corpus())))
    for instrument, (fall, _) in zip(INSTRUMENTS, tables["fall_db_s"], strict=True):
        assert (fall > 0) == instrument.decays
    assert min(tables["rise_s"]) > 0
