"""Preparation: who plays, what is dropped, what is a duplicate, where a work goes, what packs."""

import json

import numpy as np
import pytest

from models.mmt.instruments import code_of
from models.mmt.representation import DURATIONS
from tests.training.mmt.music import piece
from training.mmt import prepare as p
from training.mmt.sources import Piece

PACK = p.Pack("pack", lambda row: row["licence"] == "CC0")


@pytest.fixture
def pack(tmp_path):
    """A pack of two pieces, the second not allowed; drums and an unknown player in the first."""
    folder = tmp_path / "pack"
    folder.mkdir()
    part = {"is_drum": False, "instrument": "x", "sound": None}
    parts = [
        part | {"program": 40},
        part | {"program": 0, "is_drum": True},
        part | {"program": None},
        part | {"program": 68, "sound": "voice.soprano"},
        part | {"program": 48, "instrument": "Violins (section)"},
    ]
    rows = [
        {"id": "one", "group": "g1", "licence": "CC0", "parts": parts},
        {"id": "two", "group": "g2", "licence": "other", "parts": parts},
    ]
    (folder / "index.jsonl").write_text("\n".join(map(json.dumps, rows)))
    count = 5
    np.savez(
        folder / "notes.npz",
        onset=np.array([960, 970, 1440, 1440, 1460] * 2, np.int32),
        duration=np.array([480, 480, 480, 0, 160] * 2, np.int32),
        pitch=np.arange(60, 60 + 2 * count).astype(np.uint8),
        part=np.array([0, 1, 2, 3, 4] * 2, np.uint8),
        offsets=np.array([0, count, 2 * count]),
    )
    return folder


def test_a_pack_is_read(pack):
    pieces = list(p.read_pack(pack, PACK))
    assert [(x.name, x.work) for x in pieces] == [("one", "g1")]
    voices, violin = code_of("voices"), code_of("violin")
    assert pieces[0].notes.tolist() == [
        [0, 60, 12, violin],
        [12, 63, 1, voices],
        [13, 64, 4, violin],
    ]


def test_only_what_is_known_to_be_free_is_learnt_from():
    allowed = {pack.name: pack.allowed for pack in p.PACKS}
    assert allowed["sym_string_quartets"]({"licence": "CC0"})
    assert not allowed["sym_string_quartets"]({"licence": "music21 corpus"})
    kern = allowed["sym_baroque_renaissance_kern"]
    for group in ("palestrina_x", "monteverdi_x", "trecento_x"):
        assert kern({"group": group})
    for group in ("vivaldi_x", "handel_x", "ciconia_x"):
        assert not kern({"group": group})


def test_a_missing_pack_is_told(tmp_path):
    with pytest.raises(SystemExit, match=r"neither sym_pop909/ nor sym_pop909\.tar\.zst"):
        p.unpacked(tmp_path, "sym_pop909")


def test_what_is_too_short_is_dropped():
    assert p.long_enough(piece(0, 40))
    assert not p.long_enough(piece(0, 39))
    assert not p.long_enough(piece(0, 60)[:49])
    long = piece(0, 60)
    long[-1, 0] = 8000 * 12
    assert not p.long_enough(long)


def test_duplicates_are_found_in_any_key_and_tempo():
    pieces = [Piece(str(i), str(i), piece(i)) for i in range(6)]
    other = piece(2)
    other[:, 1] += 3
    other[:, 0] *= 2
    pieces.append(Piece("again", "again", other[len(other) // 4 :]))
    groups = p.group_works(pieces)
    assert groups[6] == groups[2]
    assert len(set(groups)) == 6


def test_a_work_is_a_work_whatever_its_notes():
    pieces = [Piece("a", "w", piece(1)), Piece("b", "w", piece(2)), Piece("c", "x", piece(3))]
    groups = p.group_works(pieces)
    assert groups[0] == groups[1] != groups[2]


def test_splits_are_eight_one_one_by_notes_and_works_stay_whole():
    random = np.random.default_rng(0)
    works = np.repeat(np.arange(200), random.integers(1, 5, 200))
    sizes = random.integers(50, 2000, len(works))
    names = [f"work{w}" for w in works]
    split = p.split_works(works, names, sizes)
    for work in range(200):
        assert len(set(split[works == work])) == 1
    share = [sizes[split == s].sum() / sizes.sum() for s in range(3)]
    assert share == pytest.approx([0.8, 0.1, 0.1], abs=0.01)
    assert np.array_equal(split, p.split_works(works, names, sizes))


def test_a_work_of_two_corpora_is_on_one_side():
    split = p.on_one_side(np.array([0, 0, 1, 1, 2]), np.array([0, 2, 1, 0, 0], np.int8))
    assert split.tolist() == [2, 2, 1, 1, 0]


def test_the_file_holds_everything(corpus, capsys):
    with np.load(corpus) as data:
        assert data["corpora"].tolist() == ["quartets", "songs"]
        assert len(data["names"]) == 40
        first = int(data["ends"][0])
        music = np.unique(piece(0, 50, (25, 27)), axis=0)
        order = np.lexsort((music[:, 3], music[:, 2], music[:, 1], music[:, 0]))
        onset = np.cumsum(data["step"][:first].astype(int))
        assert sorted(onset.tolist()) == music[order][:, 0].tolist()
        assert set(DURATIONS[data["duration"][:first] - 1]) <= {6, 12, 24}
        works = [int(name[5:]) // 2 for name in data["names"]]
        for work in set(works):
            assert len(set(data["split"][np.array(works) == work])) == 1
        assert set(data["split"].tolist()) == {0, 1, 2}


def test_nothing_left_is_told(tmp_path):
    with pytest.raises(SystemExit, match="nothing is left"):
        p.prepare({"a": [Piece("a", "a", piece(0, 10))]}, tmp_path / "c.npz")
