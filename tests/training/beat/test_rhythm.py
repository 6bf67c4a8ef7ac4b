"""Learning rhythms: metres, upbeats, and counts of a small pack."""

import json
from pathlib import Path

import numpy as np

from engine.beat_rhythm import METRES, rhythm_of
from training.beat.rhythm import bar_offset, count, metre_of, sections, table


def test_metres_by_their_time_signature() -> None:
    assert metre_of(4, 4) == (METRES.index((4, False)), 480.0)
    assert metre_of(2, 2) == (METRES.index((2, False)), 960.0)
    assert metre_of(6, 8) == (METRES.index((2, True)), 720.0)
    assert metre_of(5, 4) is None


def test_sections_end_where_the_next_begins() -> None:
    row = {"time_sigs": [[0, "4/4"], [1920, "5/4"], [4320, "3/4"]], "end_tick": 9000}
    assert [found[:2] for found in sections(row)] == [(0, 1920), (4320, 9001)]
    assert sections({"time_sigs": [], "end_tick": 9000}) == []


def test_an_upbeat_is_found_by_what_is_long() -> None:
    onset = np.array([0, *(12 + 48 * bar + beat for bar in range(8) for beat in (0, 24, 36))])
    weight = np.array([1.0, *(2.0, 1.0, 1.0) * 8])
    assert bar_offset(onset, weight, 4) == 12


def test_a_pack_of_waltzes_teaches_waltzes(tmp_path: Path) -> None:
    """A bass, then two chords; the test piece is all quavers and teaches nothing."""
    waltz = [
        (480 * (3 * bar + beat), key)
        for bar in range(20)
        for beat in range(3)
        for key in ((40,) if beat == 0 else (64, 67, 72))
    ]
    quavers = [(240 * i, 60) for i in range(100)]
    both = np.array(waltz + quavers)
    np.savez(
        tmp_path / "notes.npz",
        onset=both[:, 0],
        pitch=both[:, 1],
        duration=np.where(both[:, 1] == 40, 1920, 240),  # the bass is held
        offsets=[0, len(waltz), len(both)],
    )
    rows = [
        {"split": split, "time_sigs": [[0, "3/4"]], "end_tick": 30000}
        for split in ("train", "test")
    ]
    (tmp_path / "index.jsonl").write_text("\n".join(map(json.dumps, rows)))
    counts = count(tmp_path)
    three = METRES.index((3, False))
    assert counts["pieces"].tolist() == [0, 1, 0, 0, 0, 0]
    assert counts["following"][three].sum(1).argmax(1)[[0, 12, 24]].tolist() == [12, 12, 12]
    counts["pieces"] += 1  # the others have none here
    counts["features"] += 1
    rhythm = rhythm_of(table(counts))
    assert rhythm.features[three, 0, 3] > 0.8  # a lone bass is on the first beat
    assert rhythm.features[three, 12, 2] > 0.3
