"""Corpora of the live models beside the chorales', from packs of a few notes."""

import json

import numpy as np

from training.part_separation import live_corpora as c
from training.part_separation.prepare import Chorale, load


def pack(folder, rows):
    """Write a pack: rows of id, group, split, part names, notes (onset, duration, pitch, part)."""
    folder.mkdir()
    notes = [np.array(row[4]) for row in rows]
    columns = np.concatenate(notes).T
    np.savez(
        folder / "notes.npz",
        **dict(zip(("onset", "duration", "pitch", "part"), columns, strict=True)),
        offsets=np.cumsum([0, *map(len, notes)]),
    )
    lines = [
        json.dumps({"id": i, "group": g, "split": s, "parts": [{"name": n} for n in names]})
        for i, g, s, names, _ in rows
    ]
    (folder / "index.jsonl").write_text("\n".join(lines))


def voices(pitches):
    """Each part plays its pitch four times, a crotchet each."""
    return [(b * 480, 480, pitch, part) for b in range(4) for part, pitch in enumerate(pitches)]


def test_parts_are_placed_from_the_highest_to_the_lowest_whatever_their_order():
    piece = Chorale("trio", np.array(voices([50, 70, 60]), np.int32))
    placed = c._placed(piece).notes
    assert {(pitch, part) for _, _, pitch, part in placed.tolist()} == {(70, 0), (60, 2), (50, 4)}
    quintet = c._placed(Chorale("five", np.array(voices([70, 65, 60, 55, 50]), np.int32))).notes
    assert set(quintet[:, 3]) == {0, 1, 2, 3, 4}


def test_a_songs_piano_has_chords_and_a_bass():
    notes = [(0, 240, 80, 0), (0, 240, 75, 1), *((0, 240, p, 2) for p in (72, 67, 64, 60, 40))]
    song = c._chorded(Chorale("song", np.array(notes, np.int32)))
    classes = dict(zip(song.notes[:, 2].tolist(), song.notes[:, 3].tolist(), strict=True))
    assert classes == {80: 0, 75: 1, 72: 2, 67: 3, 64: 4, 60: 4, 40: 5}


def test_only_what_may_be_learnt_from_is(tmp_path, monkeypatch):
    strings = ["Violin 1", "Violin 2", "Viola", "Violoncello"]
    works = [f"osq/Composer/Op.{n}" for n in range(20)]
    rows = [(f"osq_{n}", work, "train", strings, voices([76, 69, 62, 48]))
            for n, work in enumerate(works)]  # fmt: skip
    rows += [(f"m21_{n}", f"m21/other/opus{n}", "train", strings, voices([76, 69, 62, 48]))
             for n in range(40, 60)]  # fmt: skip
    pack(tmp_path / "sym_string_quartets", rows)
    pack(
        tmp_path / "sym_baroque_renaissance_kern",
        [
            ("palestrina_Kyrie_1", "a", "train", ["x"] * 5, voices([76, 70, 64, 58, 50])),
            ("vivaldi_vivaldi-op01", "b", "train", ["x"] * 3, voices([76, 70, 50])),
            ("palestrina_Kyrie_2", "c", "test", ["x"] * 6, voices([76, 70, 66, 62, 58, 50])),
        ],
    )
    quartets = c.read_quartets(tmp_path)
    assert {piece.name[:4] for piece, _, side in quartets if side < 2} == {"osq_"}
    assert {piece.name[:4] for piece, _, side in quartets if side == 2} == {"osq_", "m21_"}
    monkeypatch.setattr(c.corpora, "read_bach", list)
    names = {piece.name for piece, _, _ in c.read_general(tmp_path)}
    assert "palestrina_Kyrie_1" in names
    assert not names & {"vivaldi_vivaldi-op01", "palestrina_Kyrie_2"}


def test_what_is_written_is_read_in_ticks(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["x", "--data", str(tmp_path), "--out", str(tmp_path), "pop"])
    song = [*voices([76, 70, 60]), (1920, 240, 45, 2)]
    rows = [(f"{s}", s, s, ["MELODY", "BRIDGE", "PIANO"], song) for s in ("train", "valid", "test")]
    pack(tmp_path / "sym_pop909", rows)
    c.main()
    (piece,) = load(tmp_path / "corpus_pop.npz", "test")
    assert piece.name == "test"
    assert piece.notes[-1].tolist() == [1920, 240, 45, 5]
