"""Continuations of held-out pieces: the measures by hand, and a whole run on a made corpus."""

import json

import numpy as np
import pytest

from models.mmt.representation import NOTE, TICKS
from models.mmt.shape import IN_TURN, ROTARY, Shape, random_weights
from training.mmt import continuations as c
from training.mmt.network import imported
from training.mmt.train import save_weights

SHAPE = Shape(1, 64, 64, 128, IN_TURN, ROTARY, 64, 64)


def notes(*rows: tuple[float, int]) -> np.ndarray:
    table = [(round(beat * TICKS), key, TICKS, 1) for beat, key in rows]
    return np.array(table, np.int64).reshape(-1, 4)


def test_bars_heard_before_are_those_with_the_same_onsets_and_keys():
    bar = [(0, 60), (1, 62), (2, 64), (3, 65)]
    again = [(beat + 4, key) for beat, key in bar]
    other = [(beat + 8, key + (beat == 3)) for beat, key in bar]
    assert c.repeated(notes(*bar)) == 0
    assert c.repeated(notes(*bar, *again)) == 1 / 2
    assert c.repeated(notes(*bar, *again, *other)) == 1 / 3
    assert c.repeated(notes()) == 0


def test_the_scale_is_that_of_what_was_given():
    c_major = notes(*[(beat, key) for beat, key in enumerate((60, 62, 64, 65, 67, 69, 71))])
    assert c.in_scale_of(c_major, notes((0, 60), (1, 61), (2, 62), (3, 66))) == 0.5


def test_twice_as_busy_and_half_as_busy_are_a_doubling_apart():
    made, true = ([{c.BUSY: busy} for busy in side] for side in ((2.0, 2.0), (4.0, 1.0)))
    assert c.apart(made, true) == 1
    assert c.apart(made, made) == 0


def test_measures_of_a_bar():
    told = c.figures(notes((0, 60)), notes((0, 60), (0, 64), (1.5, 62), (3, 60)))
    assert told["notes a beat"] == 1
    assert told["notes an onset"] == pytest.approx(4 / 3)
    assert told["onsets on the beat"] == pytest.approx(2 / 3)
    assert told["longest rest, beats"] == 1.5
    assert told["length of a note, beats"] == 1
    assert c.figures(notes((0, 60)), notes())["notes a beat"] == 0


@pytest.mark.slow
def test_a_run_writes_music_pictures_and_figures(corpus, tmp_path, monkeypatch, capsys):
    weights = random_weights(SHAPE, 3)
    weights["turn0.logits_bias"][NOTE] += 4
    weights["turn1.logits_bias"][1:3] += 8
    save_weights(tmp_path / "a.npz", imported(SHAPE, weights))
    command = ["continuations", "--weights", str(tmp_path / "a.npz"), "--data", str(corpus)]
    command += ["--pieces", "2", "--measured", "3", "--given", "8", "--made", "16"]
    monkeypatch.setattr("sys.argv", [*command, "--out", str(tmp_path / "out")])
    c.main()
    written = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert len(written["rows"]) == 2
    for row in written["rows"]:
        for end in ("mid", "png"):
            assert (tmp_path / "out" / f"{row['piece']}.{end}").stat().st_size > 200
    assert set(written["means"]) > {"pitch class entropy", "in the scale given"}
    assert "true" in capsys.readouterr().out
