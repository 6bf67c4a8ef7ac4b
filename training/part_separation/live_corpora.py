"""What the live models beside the chorales' learn from: build/corpus_NAME.npz, as prepare.py does.

quartets  two violins, viola, cello: OpenScore's to learn from, music21's too to measure by
pop       melody, bridge and piano of POP909; the piano's low keys are the bass's, the others at
          one moment the first, second and third of the chord's, from the highest
general   three to five parts of any kind: chorales, OpenScore's quartets, masses of Palestrina,
          madrigals of Monteverdi, pieces of the Trecento

``--data DIR`` holds the unpacked folders sym_string_quartets, sym_baroque_renaissance_kern and
sym_pop909. Only what the licences let a shipped model learn from is in train and valid. Splits are
8 : 1 : 1 by work, those of the study (study/corpora.py).

The classes of the general model go from the highest voice to the lowest; three parts have the
first, third and fifth, four all but the third.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from training.part_separation.prepare import BUILD, SPLITS, TICKS, Chorale
from training.part_separation.study import corpora
from training.part_separation.study.corpora import STEPS, read_pack

PLACES = {3: (0, 2, 4), 4: (0, 1, 3, 4), 5: (0, 1, 2, 3, 4)}  # parts -> classes of general
OPEN = ("osq_",)  # rows of quartets in the public domain
PIANO, BASS = 2, 5  # classes of pop from which and up to which the piano's go
BASS_BELOW = 52  # key
FREE_VOCAL = ("palestrina_", "m21_monteverdi", "m21_trecento")
Row = tuple[Chorale, str, int]  # a piece, the work it is of, its split's number


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the sym_* folders")
    parser.add_argument("--out", type=Path, default=BUILD)
    parser.add_argument("names", nargs="*", default=["quartets", "pop", "general"])
    options = parser.parse_args()
    readers: dict[str, Callable[[Path], list[Row]]] = {
        "quartets": read_quartets,
        "pop": read_pop,
        "general": read_general,
    }
    for name in options.names:
        rows = readers[name](options.data)
        corpora.save(options.out / f"corpus_{name}.npz", rows)
        counts = [sum(side == i for _, _, side in rows) for i in range(len(SPLITS))]
        print(f"{name}: {dict(zip(SPLITS, counts, strict=True))} pieces", flush=True)


def read_quartets(folder: Path) -> list[Row]:
    """Return OpenScore's quartets, and of music21's those to measure by."""
    rows = corpora.read_quartets(folder / "sym_string_quartets")
    return [_in_ticks(row) for row in rows if row[2] == 2 or row[0].name.startswith(OPEN)]


def read_pop(folder: Path) -> list[Row]:
    """Return songs of six classes: melody, bridge, three of the piano's chord, its bass."""
    rows = corpora.read_pop(folder / "sym_pop909")
    return [_in_ticks((_chorded(piece), work, side)) for piece, work, side in rows]


def _chorded(piece: Chorale) -> Chorale:
    """Return a song whose piano has four classes; see read_pop."""
    notes = piece.notes.copy()
    chord = (notes[:, 3] == PIANO) & (notes[:, 2] >= BASS_BELOW)
    notes[(notes[:, 3] == PIANO) & ~chord, 3] = BASS
    rows = np.flatnonzero(chord)
    order = rows[np.lexsort((-notes[rows, 2], notes[rows, 0]))]
    onsets = notes[order, 0]
    first = np.maximum.accumulate(
        np.where(np.diff(onsets, prepend=-1) != 0, np.arange(len(order)), 0)
    )
    notes[order, 3] = PIANO + np.minimum(np.arange(len(order)) - first, BASS - PIANO - 1)
    return Chorale(piece.name, notes)


def read_general(folder: Path) -> list[Row]:
    """Return pieces of three to five parts, ordered by how high they lie."""
    rows = [(_placed(piece), work, side) for piece, work, side in corpora.read_bach()]
    rows += [
        (_placed(piece), work, side)
        for piece, work, side in corpora.read_quartets(folder / "sym_string_quartets")
        if piece.name.startswith(OPEN)
    ]
    rows += [
        (_placed(piece), row["group"], SPLITS.index(row["split"]))
        for row, piece in read_pack(folder / "sym_baroque_renaissance_kern")
        if len(np.unique(piece.notes[:, 3])) in PLACES and piece.name.startswith(FREE_VOCAL)
    ]
    return [_in_ticks(row) for row in rows if len(np.unique(row[0].notes[:, 3])) in PLACES]


def _placed(piece: Chorale) -> Chorale:
    """Return a piece whose parts have classes of the general model, the highest first."""
    notes = piece.notes.copy()
    parts = np.unique(notes[:, 3])
    if len(parts) not in PLACES:
        return piece
    height = [notes[notes[:, 3] == part, 2].mean() for part in parts]
    order = np.argsort(height, kind="stable")[::-1]
    for place, i in zip(PLACES[len(parts)], order, strict=True):
        notes[piece.notes[:, 3] == parts[i], 3] = place
    order = np.lexsort((notes[:, 3], notes[:, 1], notes[:, 2], notes[:, 0]))
    return Chorale(piece.name, notes[order])


def _in_ticks(row: Row) -> Row:
    """Return a piece of the study with its times in ticks."""
    piece, work, side = row
    notes = piece.notes.copy()
    notes[:, :2] *= TICKS // STEPS
    return Chorale(piece.name, notes), work, side


if __name__ == "__main__":
    main()
