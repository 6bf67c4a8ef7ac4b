"""Steps, works and splits of the study's corpora, on rows of its own."""

import json

import numpy as np
import pytest

from training.part_separation.study.corpora import (
    Chorale,
    in_steps,
    read_quartets,
    split_by_work,
    work_of,
)


def test_steps_are_24_a_quarter_and_no_note_lasts_none():
    notes = [[0, 1, 60, 1], [239, 481, 72, 0], [0, 1, 60, 1]]
    assert in_steps(np.array(notes)).tolist() == [[0, 1, 60, 1], [12, 24, 72, 0]]


def test_the_order_is_onset_pitch_duration_part():
    notes = np.array([[20, 40, 60, 0], [20, 20, 60, 2], [20, 20, 60, 1], [20, 60, 50, 3]])
    assert in_steps(notes)[:, 3].tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize(
    ("one", "other", "work"),
    [
        (
            "osq/Beethoven,_Ludwig_van/String_Quartet_No.1,_Op.18_No.1",
            "m21/beethoven/opus18no1",
            "beethoven op18no1",
        ),
        ("osq/Beethoven,_L/Grosse_Fuge,_Op.133", "m21/beethoven/opus133.mxl", "beethoven op133"),
        (
            "osq/Haydn,_Joseph/String_Quartet_in_G_major,_Hob.III66,_Op.64,_No.4",
            "m21/haydn/opus64no4",
            "haydn op64no4",
        ),
        ("osq/Mozart,_W/String_Quartet_No.1_in_G_major,_K.8073f", "m21/mozart/k80", "mozart k80"),
        (
            "osq/Mozart,_W/String_Quartet_No.2_in_D_major,_K.155134a",
            "m21/mozart/k155",
            "mozart k155",
        ),
        (
            "osq/Mozart,_W/No.17_in_B-flat_major,_K.458_(Op._10,_No._3)",
            "m21/mozart/k458",
            "mozart k458",
        ),
        (
            "osq/Schumann,_Robert/String_Quartet_No.1,_Op.41_No.1",
            "m21/schumann_robert/opus41no1",
            "schumann op41no1",
        ),
    ],
)
def test_a_work_has_one_name_in_both_sources(one, other, work):
    assert work_of(one) == work_of(other) == work


def test_works_are_on_one_side():
    rows = [(Chorale(f"{i}", np.zeros((1, 4), np.int32)), f"work {i // 3}") for i in range(90)]
    sides = {}
    for _, work, side in split_by_work(rows):
        sides.setdefault(work, set()).add(side)
    assert all(len(side) == 1 for side in sides.values())
    counts = np.bincount([min(side) for side in sides.values()])
    assert counts.tolist() == [24, 3, 3]


def test_only_quartets_of_the_pack_are_read(tmp_path):
    strings = ["Violin I", "Violin II", "Viola", "Violoncello"]
    ensembles = [strings, strings[:3], ["Violin", "Viola", "Viola", "Piano"], strings]
    notes, offsets = [], [0]
    with (tmp_path / "index.jsonl").open("w") as index:
        for i, names in enumerate(ensembles):
            notes += [(0, 480, 60 + k, 0 if i == 3 else k) for k in range(len(names))]
            offsets.append(len(notes))
            parts = [{"name": name} for name in names]
            index.write(json.dumps({"id": f"{i}", "group": f"s/c/op{i}", "parts": parts}) + "\n")
    columns = np.array(notes).T
    keys = ("onset", "duration", "pitch", "part")
    np.savez(tmp_path / "notes.npz", offsets=offsets, **dict(zip(keys, columns, strict=True)))
    assert [piece.name for piece, _, _ in read_quartets(tmp_path)] == ["0"]
