"""The MusicXML reader on scores of its own: ties, chords, voices, names; duplicates and splits."""

import zipfile

import numpy as np
import pytest

from training.part_separation.prepare import (
    Chorale,
    group_duplicates,
    load,
    read_chorales,
    read_file,
    split_groups,
)


def score(*parts):
    """Return MusicXML of (name, [measure, ...]) parts, two divisions a quarter."""
    head = "".join(
        f'<score-part id="P{i}"><part-name>{name}</part-name></score-part>'
        for i, (name, _) in enumerate(parts)
    )
    attributes = "<attributes><divisions>2</divisions></attributes>"
    body = "".join(
        f'<part id="P{i}">'
        + "".join(
            f"<measure>{attributes if j == 0 else ''}{measure}</measure>"
            for j, measure in enumerate(measures)
        )
        + "</part>"
        for i, (_, measures) in enumerate(parts)
    )
    return f"<score-partwise><part-list>{head}</part-list>{body}</score-partwise>"


def note(step, duration, octave=4, alter=0, chord=False, grace=False, ties=()):
    pitch = f"<step>{step}</step><alter>{alter}</alter><octave>{octave}</octave>"
    return (
        "<note>"
        + ("<grace/>" if grace else "")
        + ("<chord/>" if chord else "")
        + ("<rest/>" if step is None else f"<pitch>{pitch}</pitch>")
        + ("" if grace else f"<duration>{duration}</duration>")
        + "".join(f'<tie type="{tie}"/>' for tie in ties)
        + "</note>"
    )


@pytest.fixture
def read(tmp_path):
    def read(*parts):
        path = tmp_path / "piece.xml"
        path.write_text(score(*parts))
        return [tuple(row) for row in read_file(path).notes.tolist()]

    return read


def test_pitches_and_durations(read):
    measure = note("C", 2) + note("F", 1, alter=1) + note(None, 1) + note("B", 4, 3, alter=-1)
    assert read(("Alto", [measure])) == [
        (0, 480, 60, 1),
        (480, 240, 66, 1),
        (960, 960, 58, 1),
    ]


def test_tied_notes_are_one_also_over_several_bars(read):
    bars = [
        note("C", 4, ties=["start"]),
        note("C", 4, ties=["stop", "start"]),
        note("C", 2, ties=["stop"]) + note("C", 2),
    ]
    assert read(("Bass", bars)) == [(0, 2400, 60, 3), (2400, 480, 60, 3)]


def test_a_tie_to_nothing_adjacent_is_not_struck(read):
    bar = note("C", 2, ties=["start"]) + note("D", 2) + note("C", 2, ties=["stop"]) + note("C", 2)
    assert read(("Tenor", [bar])) == [(0, 480, 60, 2), (480, 480, 62, 2), (1440, 480, 60, 2)]


def test_a_tie_that_nothing_answers_is_a_note(read):
    bars = [note("C", 2, ties=["start"]) + note("D", 2), note("E", 2, ties=["start"])]
    assert [row[2] for row in read(("Tenor", bars))] == [60, 62, 64]


def test_grace_notes_are_left_out(read):
    assert read(("Soprano", [note("C", 1, grace=True) + note("D", 2)])) == [(0, 480, 62, 0)]


def test_chords_backup_and_forward(read):
    bar = note("C", 2) + note("E", 2, chord=True) + note("D", 2)
    bar += "<backup><duration>4</duration></backup><forward><duration>2</duration></forward>"
    bar += note("G", 2)
    notes = read(("Alto", [bar, note("A", 2)]))
    assert notes == [
        (0, 480, 60, 1),
        (0, 480, 64, 1),
        (480, 480, 62, 1),
        (480, 480, 67, 1),
        (960, 480, 69, 1),
    ]


def test_doubled_notes_of_a_part_count_once(read):
    bar = note("C", 2) + "<backup><duration>2</duration></backup>" + note("C", 2)
    assert read(("Alto", [bar])) == [(0, 480, 60, 1)]


def test_parts_are_known_by_their_first_word(read):
    bar = [note("C", 2)]
    names = ["SOPRANO", "Alto Violino 2", "Soprano 1", "Horn", "Bass&#13;Continuo", ""]
    assert [row[3] for row in read(*((name, bar) for name in names))] == [0, 1, 3]


def test_equal_onsets_are_in_order_of_pitch_then_length_then_part(read):
    notes = read(
        ("Soprano", [note("C", 4)]),
        ("Alto", [note("C", 2)]),
        ("Tenor", [note("C", 2)]),
        ("Bass", [note("C", 2, 3)]),
    )
    assert [row[3] for row in notes] == [3, 1, 2, 0]


def test_compressed_files_and_pieces_without_voices(tmp_path):
    full = score(*((name, [note("C", 1) * 11]) for name in ("Soprano", "Bass")))
    with zipfile.ZipFile(tmp_path / "a.mxl", "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
        archive.writestr("a.xml", full)
    (tmp_path / "b.xml").write_text(score(("Piano", [note("C", 1) * 20])))
    (tmp_path / "c.xml").write_text(score(("Soprano", [note("C", 1) * 20])))
    (tmp_path / "d.krn").write_text("not read")
    chorales = read_chorales(tmp_path)
    assert [chorale.name for chorale in chorales] == ["a"]
    assert len(chorales[0].notes) == 22


def piece(name, seed, transposed=0):
    random = np.random.default_rng(seed)
    onsets = np.repeat(np.arange(40) * 480, 2)
    pitches = np.where(np.arange(80) % 2, random.integers(67, 80, 80), random.integers(40, 55, 80))
    columns = [onsets, np.full(80, 480), pitches + transposed, np.arange(80) % 2 * -3 + 3]
    return Chorale(name, np.stack(columns, axis=1).astype(np.int32))


def test_the_same_piece_in_another_key_is_a_duplicate():
    pieces = [piece("a", 1), piece("b", 2), piece("c", 1, transposed=3), piece("d", 3)]
    a, b, c, d = group_duplicates(pieces)
    assert a == c
    assert len({a, b, d}) == 3


def test_splits_keep_groups_whole_and_tenths():
    groups = np.concatenate([np.arange(150), np.repeat(np.arange(150, 165), 3)])
    split = split_groups(groups)
    assert all(len(set(split[groups == group])) == 1 for group in range(165))
    assert abs(np.sum(split == 1) - 19.5) <= 1.5
    assert abs(np.sum(split == 2) - 19.5) <= 1.5
    assert (split == split_groups(groups)).all()


def test_what_was_prepared_is_loaded_by_split(tmp_path):
    pieces = [piece("a", 1), piece("b", 2)]
    np.savez(
        tmp_path / "x.npz",
        notes=np.concatenate([p.notes for p in pieces]),
        ends=[80, 160],
        names=["a", "b"],
        split=np.array([0, 2], np.int8),
    )
    (test,) = load(tmp_path / "x.npz", "test")
    assert test.name == "b"
    assert (test.notes == pieces[1].notes).all()
    assert load(tmp_path / "x.npz", "valid") == []
