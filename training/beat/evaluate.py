"""How well the beat is followed on performed pieces, beside the simplest rule and a fixed tempo.

    python -m training.beat.evaluate --data DIR [--split test] [--seconds 120] [--json FILE]

`--data` is the pack score_performance_pairs. Held out (`test`) are the pack's own test pieces and
everything by HELD_COMPOSERS, less what is played in another version among the development pieces
(`develop`), which chose the tracker's numbers. Of each piece one performance, drawn with a seed
among those whose alignment the pack trusts, its first minutes. Means are over pieces, intervals
(95 %) by drawing pieces anew.
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.beat import metrics
from training.beat.following import TELLERS, Followed, follow, follow_as_engine
from training.beat.pieces import Pack, Performance

HELD_COMPOSERS = ("Prokofiev", "Rachmaninoff", "Ravel", "Schubert", "Scriabin")
VERSION = re.compile(r"(_no|_extra)?(_first|_2)?_repeat$")
SAME = {  # excerpts by their other name
    "Chopin_op10_no3": "Chopin/Etudes_op_10/3",
    "Chopin_op38": "Chopin/Ballades/2",
    "Mozart_K331_1st-mov": "Mozart/Piano_Sonatas/11-1",
}
FEWEST_BEATS = 20
ENGINE = "tracker, as the engine's transport"
COLUMNS = {
    "f": "F, 70 ms",
    "f_of_beat": "F, 15 % of a beat",
    "cml_c": "CMLc",
    "cml_t": "CMLt",
    "aml_c": "AMLc",
    "aml_t": "AMLt",
    "tempo_error": "median tempo error",
    "tempo_error_any_level": "the same at any level",
    "locked": "locked within 10 s",
}
LOCK_S = 10.0


@dataclass(frozen=True)
class Row:
    """One way of following on one performance."""

    way: str
    name: str
    piece: str
    figures: dict[str, float]
    lock_s: float
    notes: int
    cpu_s: float


def work_of(piece: str) -> str:
    """The work a piece of the pack is a version of."""
    return VERSION.sub("", SAME.get(piece, piece))


def chosen(pack: Pack, split: str, seed: int = 0) -> list[int]:
    """Rows of a split, one a piece."""
    held = [row["split"] == "test" or row.get("composer") in HELD_COMPOSERS for row in pack.rows]
    developed = {
        work_of(row["piece"]) for row, is_held in zip(pack.rows, held, strict=True) if not is_held
    }
    by_piece: dict[str, list[int]] = {}
    for index, (row, is_held) in enumerate(zip(pack.rows, held, strict=True)):
        trusted = row["robust"] in ("1.0", None)
        wanted = not is_held if split == "develop" else work_of(row["piece"]) not in developed
        if trusted and wanted:
            by_piece.setdefault(row["piece"], []).append(index)
    random = np.random.default_rng(seed)
    return [int(random.choice(by_piece[piece])) for piece in sorted(by_piece)]


def measure(way: str, followed: Followed, played: Performance, true_s: np.ndarray) -> Row:
    """The figures of one way on one performance."""
    true, found = metrics.counted(true_s), metrics.counted(followed.beat_s)
    error, folded = metrics.tempo_errors(true, followed.tempo_at)
    lock_s = metrics.time_to_lock(true_s, followed.beat_s)
    values = (
        *(metrics.f_measure(true, found), metrics.f_measure_of_beat(true, found)),
        *metrics.continuity(true, found),
        *(error, folded, float(lock_s <= LOCK_S)),
    )
    figures = dict(zip(COLUMNS, values, strict=True))
    return Row(way, played.name, played.piece, figures, lock_s, len(played.onset_s), followed.cpu_s)


def evaluate(pack: Pack, indices: list[int], seconds: float) -> list[Row]:
    """Every way on every performance."""
    rows = []
    for index in indices:
        played = pack.performance(index).until(seconds)
        true_s = played.beat_s
        if len(metrics.counted(true_s)) < FEWEST_BEATS:
            continue
        notes = (played.onset_s, played.pitch, played.velocity)
        for way, teller in TELLERS.items():
            rows.append(measure(way, follow(teller(), *notes), played, true_s))
        rows.append(measure(ENGINE, follow_as_engine(*notes), played, true_s))
        print(f"{played.name}: F {rows[-2].figures['f']:.2f}", flush=True)
    return rows


def summary(rows: list[Row]) -> dict[str, dict]:
    """Means and intervals by way."""
    found = {}
    for way in dict.fromkeys(row.way for row in rows):
        its = [row for row in rows if row.way == way]
        pieces = [work_of(row.piece) for row in its]
        found[way] = {
            name: metrics.interval(np.array([row.figures[name] for row in its]), pieces)
            for name in COLUMNS
        }
        found[way]["tempo_error"] = metrics.interval(
            np.array([row.figures["tempo_error"] for row in its]), pieces, np.median
        )
        found[way]["tempo_error_any_level"] = metrics.interval(
            np.array([row.figures["tempo_error_any_level"] for row in its]), pieces, np.median
        )
        found[way]["lock_s"] = float(np.median([row.lock_s for row in its]))
        found[way]["cpu_ms_a_note"] = 1e3 * sum(r.cpu_s for r in its) / sum(r.notes for r in its)
    return found


def table(found: dict[str, dict]) -> str:
    """The table of the README."""
    lines = ["| | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for name, title in COLUMNS.items():
        cells = [
            f"{100 * mean:.1f} ({100 * low:.1f} to {100 * high:.1f})"
            for mean, low, high in (its[name] for its in found.values())
        ]
        lines.append(f"| {title}, % | " + " | ".join(cells) + " |")
    for name, title in (("lock_s", "time to lock, median s"), ("cpu_ms_a_note", "CPU, ms a note")):
        cells = [
            f"{its[name]:.3g}" if np.isfinite(its[name]) else "never" for its in found.values()
        ]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="how well the beat of performed pieces is followed"
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of score_performance_pairs"
    )
    parser.add_argument("--split", choices=("test", "develop"), default="test")
    parser.add_argument("--seconds", type=float, default=120.0, help="of each performance")
    parser.add_argument("--json", type=Path, help="write figures of each performance there")
    arguments = parser.parse_args()
    pack = Pack(arguments.data)
    rows = evaluate(pack, chosen(pack, arguments.split), arguments.seconds)
    found = summary(rows)
    notes = sum(row.notes for row in rows) // len(found)
    print(f"{len({row.piece for row in rows})} pieces, {notes} notes")
    print(table(found))
    if arguments.json:
        details = [vars(row) for row in rows]
        text = json.dumps({"summary": found, "performances": details}, indent=1)
        arguments.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
