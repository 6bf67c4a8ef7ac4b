"""Measures the live models beside the chorales' on held-out pieces, with the code that ships.

    python -m training.part_separation.others quartets --json FILE

As evaluate.py does, onsets up to 15 ms early or late; the first 2,000 notes of a piece. Of the
general model's pieces the player has taken out the classes they do not have, once, at the start.

``with entry hints``: the player takes a part out for as long as it rests, where that is two seconds
or longer, and brings it in ENTERS_S before its next note. ``every rest of a second``: the same from
a second on.

Of the pop model's classes the piano's four are one part to the figures, as in the paper's data.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from models import registry
from training.part_separation.evaluate import Network, play
from training.part_separation.live import ABSENT, CLEAN, RATE_HZ, Conditions, Performance
from training.part_separation.live_corpora import BASS, PIANO, PLACES
from training.part_separation.prepare import BUILD, Chorale, load
from training.part_separation.robustness import PLAYED, WINDOWS_MS, measure
from training.part_separation.study.corpora import MOST_NOTES

SEED = 7
RESTS_S = {"live, with entry hints": 2.0, "live, hints at every rest of a second": 1.0}
ENTERS_S = 0.1
GROUPS = {"pop": ((0,), (1,), tuple(range(PIANO, BASS + 1)))}  # classes that are one part
HINTED = ("quartets",)
DATA = {"chorales": "corpus.npz"} | {n: f"corpus_{n}.npz" for n in ("quartets", "pop", "general")}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=("quartets", "pop", "general"))
    parser.add_argument("--weights", type=Path, help="an .npz file instead of the shipped weights")
    parser.add_argument("--data", type=Path, default=BUILD)
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    weights = (
        registry.read_weights(options.weights.read_bytes(), str(options.weights))
        if options.weights
        else registry.load(options.model)
    )
    pieces = load(options.data / DATA[options.model], options.split)
    rows = table(options.model, Network(weights), pieces)
    for row in rows:
        print("  ".join(f"{k} {v:.2f}" if isinstance(v, float) else f"{v}" for k, v in row.items()))
    if options.json:
        found = {"bench": f"part_separation_{options.model}", "rows": rows, "reach": {}}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def as_played(
    name: str, pieces: list[Chorale], how: Conditions, seed: int, classes: int
) -> list[Performance]:
    """Return the beginning of every piece, played once for a model, as the module says."""
    cut = [Chorale(piece.name, piece.notes[:MOST_NOTES]) for piece in pieces]
    played = play(cut, how, seed, 1, classes)
    if name == "general":
        played = [only_those_who_play(one) for one in played]
    return [together(one, GROUPS.get(name, ())) for one in played]


def table(name: str, network: Network, pieces: list[Chorale]) -> list[dict[str, str | float]]:
    """Return a row for every kind of piece and condition: accuracy in percent a chord window."""
    kinds = {"all": pieces}
    if name == "general":
        parts = [len(np.unique(piece.notes[:MOST_NOTES, 3])) for piece in pieces]
        for n in PLACES:
            kinds[f"{n} parts"] = [piece for piece, m in zip(pieces, parts, strict=True) if m == n]
    rows: list[dict[str, str | float]] = []
    for kind, some in kinds.items():
        for conditions, how in (("clean", CLEAN), ("live", PLAYED)):
            played = as_played(name, some, how, SEED, network.classes)
            rows.append(_row(kind, conditions, network, played))
            if name in HINTED and conditions == "live":
                for hinted, rests_s in RESTS_S.items():
                    told = [told_who_rests(one, rests_s) for one in played]
                    rows.append(_row(kind, hinted, network, told))
    return rows


def _row(
    kind: str, conditions: str, network: Network, played: list[Performance]
) -> dict[str, str | float]:
    row: dict[str, str | float] = {
        "pieces": kind,
        "conditions": conditions,
        "by": "network",
        "notes": sum(len(one.voices) for one in played),
    }
    for window_ms in WINDOWS_MS:
        row[f"{window_ms} ms"], error = measure(network, played, window_ms)
        row[f"{window_ms} ms, error of confidence"] = error
    return row


def together(performance: Performance, groups: tuple[tuple[int, ...], ...]) -> Performance:
    """Return a performance in which any class of a note's group is right."""
    voices = performance.voices.copy()
    for group in groups:
        voices[:, list(group)] = performance.voices[:, list(group)].any(1, keepdims=True)
    return Performance(performance.events, voices)


def only_those_who_play(performance: Performance) -> Performance:
    """Return a performance that begins by saying which classes it does not have."""
    absent = _bits(np.logical_not(performance.voices.any(0)))
    first = np.array([[0, ABSENT + absent]])
    return Performance(np.concatenate([first, performance.events]), performance.voices)


def told_who_rests(performance: Performance, rests_s: float) -> Performance:
    """Return a performance whose player takes out who rests so long; see the module."""
    classes = performance.voices.shape[1]
    turns: list[tuple[int, int, bool]] = []  # frame, class, whether it goes
    for k in range(classes):
        starts, ends = _sounding(performance, k)
        quiet_from = np.maximum.accumulate(np.concatenate([[0], ends]))
        for start, end in zip(quiet_from, starts, strict=False):
            if end - start >= rests_s * RATE_HZ:
                turns += [(int(start), k, True), (int(end - ENTERS_S * RATE_HZ), k, False)]
        turns.append((int(quiet_from[-1]), k, True))
    out = np.zeros(classes, bool)
    told = []
    for frame, k, goes in sorted(turns):
        out[k] = goes
        told.append((frame, ABSENT + _bits(out)))
    if not told:
        return performance
    events = np.concatenate([np.array(told, np.int64), performance.events])
    return Performance(events[np.argsort(events[:, 0], kind="stable")], performance.voices)


def _sounding(performance: Performance, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return first frame and end of each of a class's notes, in order of arrival."""
    starts, ends = [], []
    down: dict[int, list[int]] = {}
    note = 0
    for frame, key in performance.events.tolist():
        if 0 <= key < ABSENT:
            place = -1
            if performance.voices[note, k]:
                place = len(starts)
                starts.append(frame)
                ends.append(frame)
            down.setdefault(key, []).append(place)
            note += 1
        elif key < 0 and down.get(-1 - key):
            place = down[-1 - key].pop(0)
            if place >= 0:
                ends[place] = frame
    return np.array(starts, np.int64), np.array(ends, np.int64)


def _bits(classes: np.ndarray) -> int:
    return int(classes.astype(np.int64) @ (1 << np.arange(len(classes))))


if __name__ == "__main__":
    main()
