"""Finds the temperatures of a live network, writes them into build/NAME.npz, for ship.py.

    python -m training.part_separation.calibrate quartets

A network believes too firmly what it has learnt. Divided by the temperature, its log-probabilities
tell how often it is right (engine.rt.assignment); what it decides stays the same. There is one for
a note that sounds at once and one for the notes of a chord together, each that with the least
error of confidence, at once and in the mean of all windows, on the validation pieces, played live,
of NAME_unseen.npz: the weights train.py kept before it began to learn from those pieces.
"""

import argparse
from pathlib import Path

import numpy as np

from training.part_separation.evaluate import Network
from training.part_separation.live import Performance
from training.part_separation.others import DATA, as_played
from training.part_separation.prepare import BUILD, load
from training.part_separation.robustness import PLAYED, WINDOWS_MS, measure

TEMPERATURES = tuple(round(1 + 0.1 * i, 1) for i in range(13))
SEED = 1
PIECES = 40  # are enough, of more every second, third...


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", default="chorales")
    parser.add_argument("--build", type=Path, default=BUILD, help="has NAME.npz, NAME_unseen.npz")
    options = parser.parse_args()
    name, build = options.name, options.build
    unseen = dict(np.load(build / f"{name}_unseen.npz"))
    classes = len(unseen["output_bias"])
    pieces = load(build / DATA[name], "valid")
    some = pieces[:: max(1, len(pieces) // PIECES)]
    played = as_played(name, some, PLAYED, SEED, classes)
    found = calibrated(unseen, played)
    for temperature, errors in found.items():
        print(temperature, " ".join(f"{error:.2f}" for error in errors), flush=True)
    best = [min(found, key=lambda temperature: found[temperature][i]) for i in (0, 1)]
    print(f"{name}: temperatures {best[0]} alone, {best[1]} in a chord")
    weights = dict(np.load(build / f"{name}.npz"))
    weights["temperature"] = np.array(best, np.float32)
    np.savez(build / f"{name}.npz", allow_pickle=False, **weights)


def calibrated(
    weights: dict[str, np.ndarray], played: list[Performance]
) -> dict[float, tuple[float, float]]:
    """Return temperature -> error of confidence in points, at once and in a window's mean."""
    found = {}
    for temperature in TEMPERATURES:
        network = Network(weights | {"temperature": np.array([temperature] * 2, np.float32)})
        at_once, *waiting = [measure(network, played, ms)[1] for ms in WINDOWS_MS]
        found[temperature] = (at_once, float(np.mean(waiting)))
    return found


if __name__ == "__main__":
    main()
