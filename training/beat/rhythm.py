"""Learns from scores how rhythms go on: the table `models/weights/beat_rhythm.npz` of the tracker.

    python -m training.beat.rhythm --data DIR --out models/weights/beat_rhythm.npz

`--data` is the pack sym_lieder_openscore (songs of OpenScore, CC0; voice and piano as one
player). For each metre (beats in a bar, each of two halves or three thirds) and each twelfth of
a beat in it: how far it is to the next onset; whether onsets there are chords or lone notes,
with a bass or not; how often a piece begins there. Pieces of its test split are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from engine.beat_rhythm import FEATURES, KINDS_OF_STEP, LONGEST, METRES, STEPS, TICKS, feature_of

ENTRY = """kind = "rhythm"
description = "How rhythms go on: what the beat tracker weighs its guesses with"
file = "{}"
sha256 = "{}"
licence = "CC0-1.0"
"""
QUARTER = 480
LEAST_ONSETS = 40
ADDED = 0.5  # to each count that is a multiple of a half or a third of a beat
ADDED_ELSEWHERE = 0.05
BACKING = 10.0  # onsets the rhythm counts for whatever came before
FLOOR = 2e-4  # of the probability of any next place


def metre_of(numerator: int, denominator: int) -> tuple[int, float] | None:
    """Number of the metre and ticks of a quarter in its beat; None if the table has none."""
    unit = 4 * QUARTER / denominator
    if numerator in (6, 9, 12):
        beats, thirds, beat = numerator // 3, True, 3 * unit
    else:
        beats, thirds, beat = numerator, False, unit
    return (METRES.index((beats, thirds)), beat) if (beats, thirds) in METRES else None


def sections(row: dict) -> list[tuple[int, int, int, float]]:
    """(first tick, end, metre, ticks of a beat) of a piece, where the table has its metre."""
    changes = [(int(at), *map(int, name.split("/"))) for at, name in row["time_sigs"]]
    ends = [*(at for at, *_ in changes), row["end_tick"] + 1][1:]
    found = []
    for (start, numerator, denominator), end in zip(changes, ends, strict=True):
        metre = metre_of(numerator, denominator)
        if metre is not None and end > start:
            found.append((start, end, *metre))
    return found


def bar_offset(onset: np.ndarray, weight: np.ndarray, beats: int) -> int:
    """Twelfths by which the bars of a section are late: an upbeat, by the weight of what begins."""
    bar = beats * TICKS
    choices = np.arange(0, bar, TICKS // 2)
    share = [weight[(onset - choice) % bar == 0].sum() for choice in choices]
    share[0] *= 1.15
    return int(choices[int(np.argmax(share))])


def count(data: Path) -> dict[str, np.ndarray]:
    """Counts over a pack: next (metre, place, distance), features, places, firsts, pieces."""
    columns = dict(np.load(data / "notes.npz"))
    rows = [json.loads(line) for line in (data / "index.jsonl").read_text("utf-8").splitlines()]
    longest = max(beats for beats, _ in METRES) * TICKS
    following = np.zeros((len(METRES), longest, KINDS_OF_STEP, LONGEST + 1))
    features = np.zeros((len(METRES), longest, FEATURES))
    firsts = np.zeros((len(METRES), longest))
    pieces = np.zeros(len(METRES))
    for index, row in enumerate(rows):
        if row["split"] == "test":
            continue
        first, last = columns["offsets"][index : index + 2]
        ticks, pitch, length = (
            columns[name][first:last].astype(np.int64) for name in ("onset", "pitch", "duration")
        )
        for start, end, metre, beat in sections(row):
            inside = (ticks >= start) & (ticks < end) & (length > 0)
            onset = np.round((ticks[inside] - start) * TICKS / beat).astype(np.int64)
            if len(np.unique(onset)) < LEAST_ONSETS:
                continue
            bar = METRES[metre][0] * TICKS
            weight = np.minimum(length[inside] / beat, 2.0)
            onset = onset - bar_offset(onset, weight, METRES[metre][0])
            places, group = np.unique(onset, return_inverse=True)
            pieces[metre] += 1
            firsts[metre, places[0] % bar] += 1
            distance = np.minimum(np.diff(places), LONGEST)
            before = np.searchsorted(STEPS, distance[:-1])
            np.add.at(following[metre], (places[1:-1] % bar, before, distance[1:]), 1)
            sizes = np.bincount(group)
            lowest = np.full(len(places), 127)
            np.minimum.at(lowest, group, pitch[inside])
            middle = 60.0
            for place, size, low in zip(places % bar, sizes, lowest, strict=True):
                features[metre, place, feature_of(int(size), float(low), middle)] += 1
                middle += 0.1 * (low - middle)
    return {"following": following, "features": features, "firsts": firsts, "pieces": pieces}


def table(counts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Log-probabilities of the tracker from counts."""
    longest = counts["following"].shape[1]
    following = np.full((len(METRES), longest, KINDS_OF_STEP, LONGEST + 1), -30.0)
    features = np.zeros((len(METRES), longest, FEATURES))
    first = np.full((len(METRES), longest), -30.0)
    for metre, (beats, thirds) in enumerate(METRES):
        bar = beats * TICKS
        place = np.arange(bar)[:, None] + np.arange(LONGEST + 1)[None]
        even = place % (TICKS // 3 if thirds else TICKS // 2) == 0
        its = counts["following"][metre, :bar]
        added = its.sum(1) + np.where(even, ADDED, ADDED_ELSEWHERE)
        added[:, 0] = 0.0
        usual = (added / added.sum(1, keepdims=True))[:, None]
        share = (its + BACKING * usual) / (its.sum(2, keepdims=True) + BACKING)
        share[..., 1:] = (1 - FLOOR * LONGEST) * share[..., 1:] + FLOOR
        following[metre, :bar, :, 1:] = np.log(share[..., 1:])
        seen = counts["features"][metre, :bar]
        usual = seen.sum(0) / seen.sum()
        its = (seen + 20.0 * usual) / (seen.sum(1, keepdims=True) + 20.0)
        features[metre, :bar] = np.log(its) - np.log(usual)
        placed = seen.sum(1) + 3.0 * counts["firsts"][metre, :bar] + 0.1
        first[metre, :bar] = np.log(placed / placed.sum())
    metres = np.log(counts["pieces"] / counts["pieces"].sum())
    found = {"following": following, "features": features, "first": first, "metres": metres}
    return {name: array.astype(np.float32) for name, array in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="the folder sym_lieder_openscore")
    parser.add_argument("--out", type=Path, required=True, help="the table to be written")
    arguments = parser.parse_args()
    counts = count(arguments.data)
    np.savez_compressed(arguments.out, allow_pickle=False, **table(counts))
    digest = hashlib.sha256(arguments.out.read_bytes()).hexdigest()
    arguments.out.with_suffix(".toml").write_text(ENTRY.format(arguments.out.name, digest))
    print(dict(zip(METRES, counts["pieces"].astype(int).tolist(), strict=True)))


if __name__ == "__main__":
    main()
