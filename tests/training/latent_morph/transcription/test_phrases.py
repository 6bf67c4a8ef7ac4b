"""Phrases: lines of real pieces, notes of real takes, and a truth that can be heard."""

import numpy as np
import pytest

from models.morph.spectrum import bin_of, vqt
from tests.training.latent_morph.transcription.packs import write_all
from training.latent_morph.sources import NAMES, RATE_HZ, read_takes
from training.latent_morph.transcription.lines import LONGEST_S, PACK, excerpt, read_pieces
from training.latent_morph.transcription.phrases import TAKES_OF, Orchestra, audible, phrase


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("packs")
    write_all(path)
    return path


@pytest.fixture(scope="module")
def pieces(folder):
    return read_pieces(folder / PACK)


@pytest.fixture(scope="module")
def orchestra(folder):
    return Orchestra(read_takes(folder, 100), "train")


def test_pieces_under_other_licences_are_left_out(pieces):
    assert {split: [p.name for p in found] for split, found in pieces.items()} == {
        "train": ["p0"],
        "valid": ["p1"],
        "test": ["p2"],
    }


def test_lines_are_single_voices_of_one_place(pieces):
    lines = excerpt(pieces["train"], 2, 6.0, np.random.default_rng(0))
    assert len(lines) == 2
    for line in lines:
        assert (line[1:, 0] >= line[:-1, 1] - 1e-9).all()
        assert (line[:, 1] - line[:, 0] <= LONGEST_S).all()
        assert line[-1, 0] < 6.0
    assert 55 not in np.concatenate(lines)[:, 2]


def test_an_orchestra_plays_the_takes_of_its_split(folder, orchestra):
    assert all(take.split in TAKES_OF["train"] for take in orchestra.sounds)
    test = Orchestra(read_takes(folder, 100), "test")
    assert not set(test.sounds) & set(orchestra.sounds)


def test_what_is_out_of_reach_is_moved_by_octaves_then_to_the_nearest_key(orchestra):
    cello = NAMES.index("cello")
    moved = orchestra.playable(cello, np.array([74, 76, 78]))
    assert ((moved - np.array([74, 76, 78])) % 12 == 0).all()
    assert orchestra.playable(cello, np.array([50, 100])).max() <= 64


def test_a_phrase_sounds_when_and_where_it_says(orchestra, pieces):
    cello = NAMES.index("cello")
    made = phrase(orchestra, pieces["train"], 6.0, np.random.default_rng(3), (cello,))
    assert len(made.audio) == 6 * RATE_HZ
    assert np.abs(made.audio).max() <= 1
    assert len(made.notes) >= 2
    levels = vqt(made.audio)
    for note in made.notes:
        assert 0 <= note["start_s"] < note["end_s"] <= 6
        middle = round((note["start_s"] + note["end_s"]) / 2 * RATE_HZ / 256)
        around = round(bin_of(int(note["pitch"])))
        near = levels[middle, around - 3 : around + 4].max()
        assert near > levels[middle].max() - 20


def test_the_same_seed_is_the_same_phrase(orchestra, pieces):
    one, other = (
        phrase(orchestra, pieces["train"], 4.0, np.random.default_rng(5)) for _ in range(2)
    )
    np.testing.assert_array_equal(one.audio, other.audio)
    np.testing.assert_array_equal(one.notes, other.notes)


def test_what_is_audible_of_a_take():
    sound = np.zeros(RATE_HZ)
    sound[6000:12000] = 0.5
    sound[12000:18000] = 0.001
    assert audible(sound) == pytest.approx((0.25, 0.5), abs=0.006)
