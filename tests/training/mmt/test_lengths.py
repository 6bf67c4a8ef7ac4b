"""How much music a sequence holds: by hand, and on a corpus."""

import json

import numpy as np
import pytest

from training.mmt import lengths as n
from training.mmt.data import KINDS


def steady(beats: int) -> np.ndarray:
    """A note a beat, each a beat long, by one player."""
    return np.array([(12 * beat, 60 + beat % 2, 12, 1) for beat in range(beats)])


def test_beats_that_fit_are_counted_in_whole_beats():
    """Header: 3 rows or 1 token or 3. A beat: a row; five tokens; on, shift, off."""
    music = steady(200)
    assert n.held_beats(music, KINDS["mmt"], 103) == 100
    assert n.held_beats(music, KINDS["remi"], 101) == 20
    assert n.held_beats(music, KINDS["remi"], 105) == 20
    assert n.held_beats(music, KINDS["mmm"], 4 + 3 * 30) == 30
    assert n.held_beats(music, KINDS["mmt"], 1024) == 200
    assert n.held_beats(steady(400), KINDS["mmt"], 1024) == 256


def test_only_pieces_that_are_longer_than_all_count():
    told = {row["representation"]: row for row in n.table([steady(200), steady(40)], 64)}
    assert {row["pieces"] for row in told.values()} == {1}
    assert [told[kind]["length, s"][0] for kind in ("mmt", "mmm", "remi")] == [30.5, 10, 6]
    assert told["remi"]["mmt is longer, times"] == pytest.approx(30.5 / 6, abs=1e-3)


def test_a_run(corpus, tmp_path, monkeypatch):
    out = tmp_path / "lengths.json"
    words = ["lengths", "--data", str(corpus), "--split", "valid", "--rows", "64"]
    monkeypatch.setattr("sys.argv", [*words, "--json", str(out)])
    n.main()
    rows = json.loads(out.read_text())["rows"]
    assert [row["representation"] for row in rows] == list(KINDS)
    assert rows[0]["pieces"] > 0
    assert rows[0]["length, s"][0] > rows[2]["length, s"][0]
