"""Performed pieces with the beats of their scores: reads the pack score_performance_pairs.

A row of the pack is a performance whose notes are matched with a score's. The beat of the score
is the beat of its time signature, except where a bar has 6, 9, 12 or 24 of them: there it is
three (in 24/16 six) of them, as people count. Its time is where the notes on it were played, on
average; a beat on which nothing begins lies on the line between its neighbours. Ornaments
without a length in the score are heard but say nothing about the beat. Read by `evaluate` and
`tune`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TICKS = 480  # a beat of the time signature
GRACE = 8  # bit of `artic`
GROUPS = {6: 3, 9: 3, 12: 3, 24: 6}  # beats of a bar -> how many are counted as one
LONGEST_GAP_BEATS = 8.0  # over which beats are laid on a line
LEAST_PERIOD_S = 0.05


@dataclass(frozen=True)
class Performance:
    """One performance; notes in the order they were played, seconds from the first on."""

    name: str
    piece: str
    composer: str
    split: str
    robust: bool  # the pack's own judgement of its alignment
    onset_s: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    beat_s: np.ndarray  # rising

    def __post_init__(self) -> None:
        if np.any(np.diff(self.onset_s) < 0) or np.any(np.diff(self.beat_s) <= 0):
            raise ValueError(f"{self.name}: onsets must be in order and beats must rise")

    def until(self, seconds: float) -> Performance:
        """Its first seconds, counted from the first note."""
        end_s = self.onset_s[0] + seconds
        notes = self.onset_s < end_s
        return dataclasses.replace(
            self,
            onset_s=self.onset_s[notes],
            pitch=self.pitch[notes],
            velocity=self.velocity[notes],
            beat_s=self.beat_s[self.beat_s < end_s],
        )


class Pack:
    """The pack in a folder: what is in it, and its performances one at a time."""

    def __init__(self, folder: Path) -> None:
        for name in ("index.jsonl", "pairs.npz"):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder} holds no {name}: unpack score_performance_pairs")
        lines = (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()
        self.rows = [json.loads(line) for line in lines]
        self._columns: dict[str, np.ndarray] = dict(np.load(folder / "pairs.npz"))

    def performance(self, index: int) -> Performance:
        """The performance of a row."""
        row, first, last = self.rows[index], *self._columns["offsets"][index : index + 2]
        column = {
            name: self._columns[name][first:last]
            for name in (
                *("score_onset", "perf_onset_ms", "pitch", "velocity", "measure"),
                *("artic", "score_duration"),
            )
        }
        onset_s = 0.001 * (column["perf_onset_ms"] - column["perf_onset_ms"].min())
        counted = ((column["artic"] & GRACE) == 0) & (column["score_duration"] > 0)
        order = np.argsort(onset_s, kind="stable")
        return Performance(
            name=row["id"],
            piece=row["piece"],
            composer=row.get("composer") or row["piece"].split("/")[-1].split("_")[0],
            split=row["split"],
            robust=row["robust"] in ("1.0", None),
            onset_s=onset_s[order],
            pitch=column["pitch"][order].astype(np.int64),
            velocity=column["velocity"][order].astype(np.int64),
            beat_s=beats_of(
                column["score_onset"][counted], onset_s[counted], column["measure"][counted]
            ),
        )

    def performances(self, indices: list[int]) -> Iterator[Performance]:
        """Those of several rows."""
        return (self.performance(index) for index in indices)


def beats_of(score_ticks: np.ndarray, onset_s: np.ndarray, bar: np.ndarray) -> np.ndarray:
    """When the beats of a performance were, from its notes' places in the score and their bars."""
    places, times = line_of(score_ticks, onset_s)
    beats = counted_places(score_ticks, bar)
    beats = beats[(beats >= places[0]) & (beats <= places[-1])]
    after = np.minimum(np.searchsorted(places, beats), len(places) - 1)
    near = places[after] - places[np.maximum(after - 1, 0)] <= LONGEST_GAP_BEATS * TICKS
    on_one = places[after] == beats
    found = np.interp(beats[near | on_one], places, times)
    keep = np.concatenate([[True], np.diff(found) > LEAST_PERIOD_S])
    return found[keep]


def line_of(score_ticks: np.ndarray, onset_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the score and when each was played; those that would go back in time left out."""
    places, index = np.unique(score_ticks, return_inverse=True)
    times = np.bincount(index, onset_s) / np.bincount(index)
    latest = np.maximum.accumulate(times)
    soonest = np.minimum.accumulate(times[::-1])[::-1]
    good = (times >= latest) & (times <= soonest)
    return places[good], times[good]


def counted_places(score_ticks: np.ndarray, bar: np.ndarray) -> np.ndarray:
    """Ticks of the beats people count, bar by bar."""
    bars = np.unique(bar)
    starts = np.array([score_ticks[bar == number].min() for number in bars]) // TICKS * TICKS
    starts = np.unique(np.maximum.accumulate(starts))
    lengths = np.diff(starts, append=score_ticks.max() + 1) // TICKS
    usual = np.bincount(lengths[lengths > 0]).argmax() if np.any(lengths > 0) else 1
    group = GROUPS.get(int(usual), 1)
    places = []
    for start, end, beats in zip(
        starts, [*starts[1:], score_ticks.max() + 1], lengths, strict=True
    ):
        if beats in GROUPS or beats in (2, 3, 4):
            group = GROUPS.get(int(beats), 1)
        places.append(np.arange(start, end, group * TICKS))
    return np.concatenate(places)
