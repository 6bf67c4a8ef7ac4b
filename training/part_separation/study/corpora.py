"""The four corpora of the study, 24 steps a quarter note; writes build/study/NAME.npz.

bach      chorales of the music21 package, as prepare.py reads them
quartets  string quartets of OpenScore and of music21
game      three close voices (trio sonatas, masses, trecento) in place of a console's two pulse
          waves and triangle
pop       melody, bridge and piano of POP909 in place of five families of General MIDI

``--data DIR`` holds the unpacked folders sym_string_quartets, sym_baroque_renaissance_kern and
sym_pop909, each of notes.npz and index.jsonl; archives.py reads the paper's own sources instead.
Splits are 8 : 1 : 1 by work: whatever tells of the same music is on one side.
"""

import argparse
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.part_separation import prepare
from training.part_separation.prepare import SPLITS, Chorale

STEPS = 24  # a quarter note
BUILD = prepare.BUILD / "study"
RESULTS = Path(__file__).parents[1] / "results"
LONGEST_STEPS = 192  # two breves; longer notes count as this
PARTS = {
    "bach": ("soprano", "alto", "tenor", "bass"),
    "quartets": ("first violin", "second violin", "viola", "cello"),
    "game": ("first", "second", "third"),
    "pop": ("melody", "bridge", "piano"),
}
SPLIT_SEED = 3
MOST_NOTES = 2000  # of a piece are measured, as in the paper


@dataclass(frozen=True)
class Corpus:
    """Pieces of one kind: notes (n, 4) int32 of onset, duration (steps), pitch, part."""

    name: str
    parts: tuple[str, ...]
    train: list[Chorale]
    valid: list[Chorale]
    test: list[Chorale]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the sym_* folders")
    parser.add_argument("--out", type=Path, default=BUILD)
    parser.add_argument("names", nargs="*", default=list(PARTS))
    options = parser.parse_args()
    readers: dict[str, Callable[[], list[tuple[Chorale, str, int]]]] = {
        "bach": read_bach,
        "quartets": lambda: read_quartets(options.data / "sym_string_quartets"),
        "game": lambda: read_trios(options.data / "sym_baroque_renaissance_kern"),
        "pop": lambda: read_pop(options.data / "sym_pop909"),
    }
    for name in options.names:
        rows = readers[name]()
        save(options.out / f"{name}.npz", rows)
        print(describe(load(name, options.out)), flush=True)


def save(path: Path, rows: list[tuple[Chorale, str, int]]) -> None:
    """Write pieces, the work each is of, and its split's number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        notes=np.concatenate([piece.notes for piece, _, _ in rows]),
        ends=np.cumsum([len(piece.notes) for piece, _, _ in rows]),
        names=np.array([piece.name for piece, _, _ in rows]),
        works=np.array([work for _, work, _ in rows]),
        split=np.array([split for _, _, split in rows], np.int8),
    )


def load(name: str, folder: Path = BUILD) -> Corpus:
    """Return a corpus as `main` wrote it."""
    train, valid, test = (prepare.load(folder / f"{name}.npz", split) for split in SPLITS)
    return Corpus(name, PARTS[name], train, valid, test)


def describe(corpus: Corpus) -> dict[str, object]:
    """Return what Table 4.1 says of a corpus."""
    pieces = corpus.train + corpus.valid + corpus.test
    labels = np.bincount(
        np.concatenate([piece.notes[:, 3] for piece in pieces]), minlength=len(corpus.parts)
    )
    quarters = sum(int((piece.notes[:, 0] + piece.notes[:, 1]).max()) for piece in pieces) / STEPS
    return {
        "corpus": corpus.name,
        "hours_at_120": round(quarters / 7200, 2),
        "files": len(pieces),
        "split": [len(corpus.train), len(corpus.valid), len(corpus.test)],
        "notes": int(labels.sum()),
        "parts": list(corpus.parts),
        "shares": [round(100 * float(x), 2) for x in labels / labels.sum()],
    }


def in_steps(notes: np.ndarray, ticks: float = prepare.TICKS) -> np.ndarray:
    """Return notes whose times are in `ticks` a quarter in steps, sorted, none twice.

    The order is the paper's: onset, pitch, duration; of notes equal in all three, by part.
    """
    out = np.array(notes, np.int64)
    out[:, 0] = np.round(out[:, 0] * (STEPS / ticks))
    out[:, 1] = np.maximum(1, np.round(out[:, 1] * (STEPS / ticks)))
    out = np.unique(out, axis=0)
    return out[np.lexsort((out[:, 3], out[:, 1], out[:, 2], out[:, 0]))].astype(np.int32)


def read_bach() -> list[tuple[Chorale, str, int]]:
    """Return the chorales in the split of the live model."""
    chorales = prepare.read_chorales(prepare.corpus_folder())
    groups = prepare.group_duplicates(chorales)
    split = prepare.split_groups(groups)
    return [
        (Chorale(c.name, in_steps(c.notes)), str(group), int(side))
        for c, group, side in zip(chorales, groups, split, strict=True)
    ]


def read_quartets(folder: Path) -> list[tuple[Chorale, str, int]]:
    """Return the pieces for two violins, viola and cello."""
    rows = [
        (piece, work_of(row["group"]))
        for row, piece in read_pack(folder)
        if len(row["parts"]) == 4 and _is_quartet([part["name"] for part in row["parts"]])
    ]
    return split_by_work(rows)


def read_trios(folder: Path) -> list[tuple[Chorale, str, int]]:
    """Return the pieces in three parts."""
    return [
        (piece, row["group"], SPLITS.index(row["split"]))
        for row, piece in read_pack(folder)
        if len(row["parts"]) == 3
    ]


def read_pop(folder: Path) -> list[tuple[Chorale, str, int]]:
    return [(piece, row["group"], SPLITS.index(row["split"])) for row, piece in read_pack(folder)]


def read_pack(folder: Path) -> list[tuple[dict, Chorale]]:
    """Return the rows of a folder's index, each with its piece; pieces of one part are left out."""
    with np.load(folder / "notes.npz") as data:
        columns = np.stack([data[key] for key in ("onset", "duration", "pitch", "part")], axis=1)
        offsets = data["offsets"]
    pieces = []
    lines = (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()
    for i, line in enumerate(lines):
        row = json.loads(line)
        notes = in_steps(columns[offsets[i] : offsets[i + 1]])
        if len(np.unique(notes[:, 3])) > 1:
            pieces.append((row, Chorale(row["id"], notes)))
    return pieces


def _is_quartet(names: list[str]) -> bool:
    return all(
        word in name for word, name in zip(("iol", "iol", "iol", "ello"), names, strict=True)
    )


def work_of(group: str) -> str:
    """Return a name for the work a group of files is of, the same in either source's spelling."""
    parts = group.replace("’", "").split("/")
    composer = re.split(r"[,_]", parts[1])[0].lower()
    title = parts[2].split(".mxl")[0]
    if kochel := re.search(r"[kK]\.?_?(\d+)", title) if composer == "mozart" else None:
        digits = kochel[1]  # a slash is lost before the revised number: 155/134a is "155134a"
        return f"mozart k{digits[:3] if int(digits[:3]) <= 626 else digits[:2]}"
    if opus := re.search(r"[oO]p(?:us|\.)_?(\d+)(?:[,_]*[nN]o\.?_?(\d+))?", title):
        return f"{composer} op{opus[1]}" + (f"no{opus[2]}" if opus[2] else "")
    return f"{composer} {title.lower()}"


def split_by_work(rows: list[tuple[Chorale, str]]) -> list[tuple[Chorale, str, int]]:
    """Return rows with 0 train, 1 valid, 2 test: 8 : 1 : 1 of the works."""
    works = sorted({work for _, work in rows})
    order = np.random.default_rng(SPLIT_SEED).permutation(len(works))
    tenth = round(len(works) / 10)
    side = {works[i]: 2 if at < tenth else 1 if at < 2 * tenth else 0 for at, i in enumerate(order)}
    return [(piece, work, side[work]) for piece, work in rows]


if __name__ == "__main__":
    main()
