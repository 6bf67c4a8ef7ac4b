"""The paper's form on onnxruntime: what is read, what is refused, what ships."""

import sys
from pathlib import Path

import numpy as np
import pytest

from models import registry
from models.errors import ModelError
from models.morph.bins import levels_of
from models.morph.paper_model import PaperModel, load
from models.morph.spectrum import FLOOR_DB
from models.morph.voice_model import HARMONICS
from models.morph.voice_model import load as load_live
from tests.models.morph.paper_onnx import INSTRUMENTS, small_file

NAME = "morph_paper"


@pytest.fixture(scope="module")
def small() -> PaperModel:
    return PaperModel(small_file(), "small")


def test_labels_give_points_and_points_give_bins(small: PaperModel) -> None:
    assert (small.instruments, small.latent, small.provider) == (INSTRUMENTS, 4, "CPU")
    points, deviations = small.points(1)
    assert points.shape == deviations.shape == (128, 5, 4)
    assert (deviations > 0).all()
    np.testing.assert_array_equal(points[:50], np.broadcast_to(points[50], (50, 5, 4)))
    np.testing.assert_array_equal(points[91], points[90])
    assert not np.array_equal(points[60], points[61])
    bins = small.bins(points[60])
    assert bins.shape == (5, 410)
    assert bins.min() >= FLOOR_DB
    np.testing.assert_allclose(small.bins(points[60, :1]), bins[:1], rtol=1e-4)


def test_what_decays_falls_faster_the_higher_it_is(small: PaperModel) -> None:
    falls = small.falls_db_s()
    assert not falls[0].any()
    np.testing.assert_allclose(falls[1, [48, 60, 72]], [5, 10, 20])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"nothing", "small cannot be run: "),
        (small_file(rise_s=None), "small: its tables cannot be read: 'rise_s'"),
        (
            small_file(rise_s=[1.0]),
            r"small: its tables cannot be read: rise_s has the shape \(1,\)",
        ),
        (small_file(low_keys=[40, float("nan")]), "low_keys is not finite"),
        (small_file(instruments=["one"]), "low_keys has the shape"),
    ],
)
def test_what_is_no_such_model_is_refused_in_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence) as error:
        PaperModel(content, "small")
    assert "\n" not in str(error.value)


def test_an_unknown_instrument_is_told_what_there_is(small: PaperModel) -> None:
    with pytest.raises(ModelError, match="small knows no instrument 'gong'; it has: horn, harp"):
        small.index("gong")


def test_without_onnxruntime_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match="needs onnxruntime, which is not installed"):
        PaperModel(small_file(), "small")


def test_a_device_that_is_not_there_is_passed_over() -> None:
    model = PaperModel(small_file(), "small", ("NoSuchProvider", "CPUExecutionProvider"))
    assert model.provider == "CPU"


@pytest.mark.gpu
def test_cuda_says_the_same() -> None:
    pytest.importorskip("onnxruntime")
    there, plain = load(NAME), load(NAME, providers=("CPUExecutionProvider",))
    assert there.provider == "CUDA"
    points = plain.points(0)[0][60]
    np.testing.assert_allclose(there.bins(points), plain.bins(points), atol=0.2)


def test_what_ships_is_whole_and_its_card_names_it() -> None:
    entry = registry.find_paper_morph(NAME)
    assert entry.file.stat().st_size < 4_000_000
    card = Path(entry.card).read_text(encoding="utf-8")
    for word in (entry.sha256, "Philharmonia", "Splendid", "FluidR3", "GPL-3.0-or-later"):
        assert word in card
    assert load(NAME).instruments == load_live("morph_orchestra").instruments


def test_its_notes_have_their_keys_and_differ_by_instrument() -> None:
    model = load(NAME)
    edges = load_live("morph_orchestra").band_edges_hz
    found = []
    for place in range(len(model.instruments)):
        bins = model.bins(model.points(place)[0][64, 2:3])
        own = levels_of(bins, 440 * 2 ** (-5 / 12), edges)[0, :HARMONICS]
        other = levels_of(bins, 440 * 2 ** (-2 / 12), edges)[0, :HARMONICS]
        assert own[:8].max() > other[:8].max() + 3, model.instruments[place]
        found.append(np.maximum(own[:12] - own[:12].max(), -50))
    gaps = [
        np.sqrt(((one - other) ** 2).mean()) for i, one in enumerate(found) for other in found[:i]
    ]
    assert min(gaps) > 1
