"""The tables: cells, orderings, gaps; and the stretch of a piece that is drawn."""

import json

import numpy as np

from training.part_separation.study import tables
from training.part_separation.study.corpora import Chorale
from training.part_separation.study.pictures import Picture, stretch


def results(folder, **tests):
    for name, test in tests.items():
        run = name.replace("_", "-")
        (folder / f"{run}.json").write_text(json.dumps({"run": run, "test": test}))
    (folder / "live_separation.json").write_text('{"rows": []}')
    return tables.read(folder)


def test_seeds_of_a_run_share_a_cell(tmp_path):
    found = results(tmp_path, bach_mlp_s1=90.0, bach_mlp_s2=92.0, bach_mlp_oracle_s1=99.0)
    assert tables.cell(found["bach", "mlp"]) == "91.00 (90.00 to 92.00)"
    assert tables.cell(found["bach", "mlp-oracle"]) == "99.00"
    assert tables.cell(found.get(("pop", "mlp"))) == ""


def test_orderings_hold_or_not_or_are_too_close(tmp_path):
    found = results(
        tmp_path, bach_lstm_s1=90.0, bach_zones=70.0, game_lstm_s1=60.0, game_zones=70.0,
        pop_lstm_s1=70.4, pop_zones=70.0,
    )  # fmt: skip
    line = next(row for row in tables.orderings(found).splitlines() if "zones" in row)
    assert line == "| LSTM beats zones | holds (+20.0) |  | does not (-10.0) | even (+0.4) |"


def test_what_the_paper_does_not_claim_is_no_gap_in_the_table(tmp_path):
    found = results(tmp_path, bach_lstm_s1=90.0, bach_lstm_eh_s1=80.0, quartets_lstm_s1=70.0)
    (line,) = (row for row in tables.orderings(found).splitlines() if "do not help else" in row)
    assert line == "| entry hints do not help elsewhere | holds (+10.0) |  | - | - |"


def test_what_should_be_reached_is_said_to_be_missed(tmp_path):
    text = tables.reach(results(tmp_path, bach_lstm_long_s1=92.99, bach_zones=73.1))
    assert "| 93.0 | 92.99 | NO |" in text
    assert "| 73.1 | 73.10 | yes |" in text


def test_the_hardest_stretch_is_the_one_with_most_errors():
    onset = np.arange(400) * 12
    notes = np.stack([onset, onset * 0 + 12, onset * 0 + 60, onset * 0], axis=1)
    wrong = np.zeros(400, np.int64)
    wrong[200:260] = 1
    picture = Picture("x", "bach", (), 24, True)
    number, start = stretch(picture, [Chorale("a", notes), Chorale("b", notes)], [onset * 0, wrong])
    assert number == 1
    assert 200 * 12 - 24 * 4 <= start <= 220 * 12
    assert stretch(Picture("x", "bach", (), 24, False), [Chorale("a", notes)], [wrong]) == (0, 0)
