"""The shipped morph voice: whole, small, documented, and it behaves as an instrument must."""

import numpy as np
import pytest

from models import registry
from models.morph.voice_model import HARMONICS, MorphModel, conditioning, load

NAME = "morph_orchestra"


@pytest.fixture(scope="module")
def model() -> MorphModel:
    return load(NAME)


def total_db(levels: np.ndarray) -> np.ndarray:
    power = 10 ** (levels / 10)
    return 10 * np.log10(power[..., :HARMONICS].sum(-1) / 2 + power[..., HARMONICS:].sum(-1))


def keys_of(model: MorphModel, place: int) -> range:
    return range(int(model.low_keys[place]), int(model.high_keys[place]) + 1, 3)


def test_it_is_small_and_its_card_names_the_file(model: MorphModel) -> None:
    entry = registry.find_morph(NAME)
    assert entry.file.stat().st_size < 3_000_000
    card = entry.card.read_text(encoding="utf-8")
    assert entry.sha256 in card
    for word in ("Philharmonia", "Splendid", "FluidR3", "GPL-3.0-or-later", *model.instruments):
        assert word in card


def test_it_has_strings_woodwinds_brass_plucked_ones_and_a_piano(model: MorphModel) -> None:
    assert len(model.instruments) >= 12
    assert {"cello", "flute", "trumpet", "harp", "piano", "organ", "choir"} <= set(
        model.instruments
    )


def test_harder_keys_are_louder_and_brighter_on_every_instrument(model: MorphModel) -> None:
    velocities = np.arange(16, 128, 12)
    middles = (model.band_edges_hz[1:] + model.band_edges_hz[:-1]) / 2
    for place, name in enumerate(model.instruments):
        steps = []
        for key in keys_of(model, place):
            z = np.tile(model.anchors[place, key, 2], (len(velocities), 1))
            levels = model.decode(z, conditioning(key, velocities, 0.3))
            harmonics = 440 * 2 ** ((key - 69) / 12) * np.arange(1, HARMONICS + 1)
            hz = np.concatenate([harmonics, middles])
            power = 10 ** (levels / 10) * (hz < 11000)
            power[:, :HARMONICS] /= 2
            centre = (power * np.log2(hz)).sum(1) / power.sum(1)
            law = [model.level_db(place, key, float(velocity)) for velocity in velocities]
            steps += [*(np.diff(centre) > 0), *(np.diff(total_db(levels) + law) > 0)]
        assert np.mean(steps) >= 0.9, name


def test_held_sounds_stay_and_plucked_ones_die_away(model: MorphModel) -> None:
    age = np.array([0.3, 8.0, 15.0])
    for place, name in enumerate(model.instruments):
        key = keys_of(model, place)[len(keys_of(model, place)) // 2]
        z = np.tile(model.anchors[place, key, 2], (3, 1))
        level = total_db(model.decode(z, conditioning(key, 80, age)))
        if name in ("guitar", "harp", "piano"):
            assert level[2] < level[0] - 30, name
            assert level[1] < level[0] - 20, name
        else:
            assert abs(level[2] - level[0]) < 8, name


def test_attacks_begin_low_and_are_done_within_a_second(model: MorphModel) -> None:
    age = np.arange(0, 1, 256 / 24000)
    for place, name in enumerate(model.instruments):
        key = keys_of(model, place)[len(keys_of(model, place)) // 2]
        z = np.tile(model.anchors[place, key, 2], (len(age), 1))
        level = total_db(model.decode(z, conditioning(key, 80, age)))
        assert level[0] < level.max() - 6, name
        assert level[:60].max() > level.max() - 3, name


def test_the_way_between_two_instruments_is_even(model: MorphModel) -> None:
    one, two = (model.anchors[model.index(name), 60, 3] for name in ("cello", "flute"))
    share = np.linspace(0, 1, 100)[:, None]
    levels = np.maximum(
        model.decode((1 - share) * one + share * two, conditioning(60, 90, 0.6)), -60
    )
    steps = np.sqrt((np.diff(levels, axis=0) ** 2).mean(1))
    whole = np.sqrt(((levels[-1] - levels[0]) ** 2).mean())
    assert whole > 2
    assert steps.max() < whole / 10


def test_instruments_are_told_apart(model: MorphModel) -> None:
    levels = np.maximum(model.decode(model.anchors[:, 60, 2], conditioning(60, 80, 0.6)), -60)
    for place, own in enumerate(levels):
        others = np.delete(levels, place, 0)
        assert np.sqrt(((others - own) ** 2).mean(1)).min() > 1.5
