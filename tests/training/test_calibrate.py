"""The temperature found is the one that makes confidence right."""

import numpy as np

from models import registry
from tests.training.test_evaluate import SCORE
from training.part_separation import calibrate
from training.part_separation.evaluate import play
from training.part_separation.live import LIVE
from training.part_separation.prepare import Chorale


def performances():
    return play([Chorale("a", SCORE), Chorale("b", SCORE + np.array([0, 0, 2, 0]))], LIVE, 1, 1)


def test_errors_are_those_of_each_temperature():
    found = calibrate.calibrated(registry.load("chorales"), performances())
    assert tuple(found) == calibrate.TEMPERATURES
    assert len({round(sum(errors), 6) for errors in found.values()}) > 5


def test_the_best_goes_into_the_file_and_nothing_else_changes(tmp_path, monkeypatch, capsys):
    weights = {k: v for k, v in registry.load("chorales").items() if k != "temperature"}
    for name in ("chorales", "chorales_unseen"):
        np.savez(tmp_path / f"{name}.npz", allow_pickle=False, **weights)
    asked = {}

    def load(path, split):
        asked["split"] = split
        return [Chorale(str(i), SCORE[:40]) for i in range(2 * calibrate.PIECES + 5)]

    monkeypatch.setattr(calibrate, "load", load)
    monkeypatch.setattr(calibrate, "TEMPERATURES", (1.0, 1.2, 1.4))
    errors = {1.0: (3.0, 3.0), 1.2: (1.0, 4.0), 1.4: (1.5, 2.0)}

    def calibrated(weights, played):
        asked["played"] = len(played)
        return errors

    monkeypatch.setattr(calibrate, "calibrated", calibrated)
    monkeypatch.setattr("sys.argv", ["calibrate", "chorales", "--build", str(tmp_path)])
    calibrate.main()
    assert asked == {"split": "valid", "played": calibrate.PIECES + 3}  # every other one
    assert "temperatures 1.2 alone, 1.4 in a chord" in capsys.readouterr().out
    with np.load(tmp_path / "chorales.npz") as file:
        written = dict(file)
    assert written.pop("temperature").tolist() == [np.float32(1.2), np.float32(1.4)]
    assert written.keys() == weights.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(written[name], array)
