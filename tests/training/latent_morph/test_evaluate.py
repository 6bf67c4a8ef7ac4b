"""The tables and pictures: made of a network that has hardly learnt, for what they hold."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.morph.spectrum import FLOOR_DB
from tests.training.latent_morph.tones import made_corpus
from training.latent_morph import evaluate, held_out, pictures
from training.latent_morph.network import Pair, Shape
from training.latent_morph.sources import EIGHT, HEADS, NAMES, TEST_PITCH, TEST_TAKE
from training.latent_morph.told import dynamics_of_each


@pytest.fixture
def made():
    """Return a corpus of every instrument, to change as a test likes."""
    return made_corpus()


@pytest.fixture(scope="module")
def network() -> Pair:
    torch.manual_seed(1)
    return Pair(Shape("B", 8, 16, 16, 16)).eval()


def test_labels_are_counted_for_keys_and_takes_apart(made, network: Pair) -> None:
    made.split[made.pitch == 60] = held_out.TRAIN
    made.split[(made.pitch == 60) & (made.dynamics == 3)] = TEST_TAKE
    found = evaluate.labels(network, made, "test")
    assert found["pitches"]["notes"] == 2 * len(NAMES)
    assert found["takes"]["notes"] == len(NAMES)
    for head in HEADS:
        assert 0 <= found["pitches sustain"][f"{head} note"] <= 100
        assert 0 <= found["pitches eight"][f"{head} frame"] <= 100
    assert np.sum(found["takes dynamics"]) == len(NAMES)


def test_levels_that_are_right_have_no_error(made) -> None:
    take = 5
    true = made.levels[made.rows(take)].astype(np.float32)
    assert held_out.level_error_db(made, take, true) == 0
    assert held_out.level_error_db(made, take, true - 2) == pytest.approx(2, abs=0.3)


def test_levels_are_compared_both_ways(made, network: Pair) -> None:
    found = evaluate.levels(network, made, "test")
    assert found["ratio"] == pytest.approx(found["labels"] / found["autoencoded"])


def test_a_silent_label_is_not_counted(made, network: Pair) -> None:
    made.dynamics[made.instrument == 0] = -1
    told = held_out.labels_told(held_out.heard(network, made, TEST_PITCH), made)
    assert len(told.notes["dynamics"][0]) == len(told.notes["octave"][0]) - 2


def test_dynamics_are_counted_of_each_instrument_that_has_labels_of_them(
    made, network: Pair
) -> None:
    made.dynamics[made.instrument == 0] = -1
    said = held_out.heard(network, made, TEST_PITCH)
    each = dynamics_of_each(said, made)
    assert list(each) == list(NAMES[1:])
    whole = held_out.labels_told(said, made)
    for of in ("frame", "note"):
        mean = np.mean([one[of] for one in each.values()])
        assert mean == pytest.approx(whole.right("dynamics", of + "s"))
    assert sum(one["notes"] for one in each.values()) == len(whole.notes["dynamics"][0])


def test_a_take_between_two_keys_is_not_asked_for_its_key(made, network: Pair) -> None:
    own = np.flatnonzero(made.split == TEST_PITCH)
    made.split[made.pitch == 60] = TEST_TAKE
    made.f0_hz[own[0]] *= 2 ** (0.55 / 12)
    said = held_out.heard(network, made, TEST_PITCH)
    told = held_out.labels_told(said, made)
    assert len(told.notes["class"][0]) == len(told.notes["octave"][0]) == len(own) - 1
    assert len(told.notes["instrument"][0]) == len(own)
    every = held_out.labels_told(said, made, in_tune=False)
    assert len(every.notes["class"][0]) == len(own)
    found = evaluate.labels(network, made, "test")["pitches"]
    assert found["out of tune"] == 1
    assert found["every class note"] == every.right("class", "notes")


def test_eight_instruments_are_told_that_it_is_one_of_them(made, network: Pair) -> None:
    said = held_out.heard(network, made, TEST_PITCH)
    told = held_out.labels_told(said, made, names=EIGHT)
    asked = {NAMES.index(name) for name in EIGHT}
    assert set(told.instrument.tolist()) == asked
    assert set(told.frames["instrument"][1].tolist()) <= asked


def test_dynamics_and_instrument_are_the_mean_of_three_readings_and_keys_are_not(
    made, network: Pair
) -> None:
    spectra = made.spectra[:5].astype(np.float32)
    once, thrice = (
        held_out.logits_of(network, spectra, how) for how in (held_out.ONCE, held_out.THRICE)
    )
    moved = []
    for bins in (-4, 0, 4):
        other = np.roll(spectra, bins, axis=1)
        if bins:
            other[:, slice(bins, None) if bins < 0 else slice(0, bins)] = FLOOR_DB
        moved.append(held_out.logits_of(network, other))
    for place, head in enumerate(HEADS):
        if head in ("octave", "class"):
            assert np.array_equal(once[place], thrice[place])
        else:
            mean = np.mean([logits[place] for logits in moved], 0)
            assert thrice[place] == pytest.approx(mean, abs=1e-5)
            assert thrice[place] != pytest.approx(once[place], abs=1e-4)


class Heard:
    """A take that says it was listened to."""

    def __init__(self, place: int, heard: list[int]) -> None:
        self.place, self.heard = place, heard

    def audio(self) -> np.ndarray:
        self.heard.append(self.place)
        return np.sin(np.arange(12_000) / 20).astype(np.float32)


@pytest.mark.parametrize(("short", "pitches"), [((59,), {56, 60}), (range(55, 61), {59})])
def test_the_nearest_take_lasts_as_long_where_there_is_one(made, short, pitches) -> None:
    take = int(np.flatnonzero(made.pitch == 58)[1])
    lengths = np.where(np.isin(made.pitch, list(short)), 5, 30)
    lengths[take] = 30
    corpus = replace(made, first=np.concatenate([[0], np.cumsum(lengths)]))
    heard: list[int] = []
    takes = [Heard(place, heard) for place in range(len(made.pitch))]
    held_out.nearest(corpus, takes, take)  # pyright: ignore[reportArgumentType]
    assert len(heard) == 1
    assert made.pitch[heard[0]] in pitches
    assert made.instrument[heard[0]] == made.instrument[take]


def test_pictures_are_drawn(made, network: Pair, tmp_path: Path) -> None:
    told = held_out.labels_told(held_out.heard(network, made, TEST_PITCH), made)
    pictures.confusions(told, tmp_path / "labels.png")
    tone = np.sin(np.arange(24000) / 10).astype(np.float32)
    pictures.draw_sounds({"one": tone, "two": tone}, tmp_path / "sounds.png")
    for name in ("labels", "sounds"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
