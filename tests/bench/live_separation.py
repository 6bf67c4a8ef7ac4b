"""Accuracy of the shipped chorale network on live playing, beside the paper's model.

Held-out chorales, played by seeded performers (training/part_separation/robustness.py says how),
through the code that ships; windows of 0, 10, 20 and 45 ms. The paper's model is the online LSTM
of training/part_separation/study under the same performances, its figures from
training/part_separation/results. Needs music21, for its corpus. Takes some minutes.
"""

import json
from typing import Any

from models import registry
from tests.bench.report import arguments, report
from training.part_separation import prepare
from training.part_separation.evaluate import Network
from training.part_separation.robustness import WINDOWS_MS, table
from training.part_separation.study.corpora import RESULTS

PAPERS_MODEL = RESULTS / "bach-lstm-long-s1-played.json"
BARS = (("clean", 45, 98.2), ("live", 0, 94.8), ("live", 20, 96.8), ("live", 45, 98.0))


def main() -> None:
    options = arguments(__doc__)
    papers = {}
    if PAPERS_MODEL.exists():
        rows = json.loads(PAPERS_MODEL.read_text(encoding="utf-8"))["rows"]
        papers = {row["conditions"]: row for row in rows}
    rows: list[dict[str, Any]] = []
    for row in table(Network(registry.load("chorales")), held_out()):
        name = row["conditions"]
        rows.append({"model": "ours", **row})
        if name in papers:
            rows.append({"model": "the paper's", **papers[name]})
    ours = {row["conditions"]: row for row in rows if row["model"] == "ours"}
    reach = {}
    for name, window_ms, bar in BARS:
        value = ours[name][f"{window_ms} ms"]
        reach[f"{name}, within {window_ms} ms, %"] = (value, f">= {bar}", value >= bar)
    for window_ms in WINDOWS_MS:
        key = f"{window_ms} ms"
        if "live" in papers:
            gain = ours["live"][key] - papers["live"][key]
            claim = f"live, within {window_ms} ms, points above the paper's model"
            reach[claim] = (gain, "> 0", gain > 0)
    report("live_separation", rows, reach, options.json)


def held_out() -> list[prepare.Chorale]:
    """Return the chorales the network has not heard, the same as training/ leaves out."""
    chorales = prepare.read_chorales(prepare.corpus_folder())
    split = prepare.split_groups(prepare.group_duplicates(chorales))
    return [chorale for chorale, side in zip(chorales, split, strict=True) if side == 2]


if __name__ == "__main__":
    main()
