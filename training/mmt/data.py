"""The corpus as batches: excerpts from a random beat on, in any key, padded to the longest.

`Corpus` holds all notes of one split in flat arrays; an excerpt is cut out of them without
looking at the rest. Every excerpt begins at some beat of its piece, whatever its length, and ends
after 256 beats or when the rows are full: only one that reaches its piece's end has end-of-song.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from models.mmt.representation import (
    BEATS,
    DURATIONS,
    END,
    INSTRUMENT,
    NOTE,
    PITCH,
    SIZES,
    TICKS,
    TYPE,
    header,
)
from training.mmt.baselines import MMM, MOST_BEATS, REMI
from training.mmt.prepare import SPLITS

LOWEST_SHIFT, HIGHEST_SHIFT = -5, 6  # semitones
Encoder = Callable[[np.ndarray, bool], np.ndarray]


@dataclass(frozen=True)
class Kind:
    """A representation: its vocabularies, its longest excerpt, notes -> rows (n, fields)."""

    sizes: tuple[int, ...]
    beats: int
    encode: Encoder


def _rows(notes: np.ndarray, end: bool) -> np.ndarray:
    """Encode notes that are sorted and whose durations are DURATIONS already."""
    rows = np.empty((len(notes), 6), np.int16)
    rows[:, TYPE] = NOTE
    rows[:, 1] = notes[:, 0] // TICKS + 1
    rows[:, 2] = notes[:, 0] % TICKS + 1
    rows[:, PITCH] = notes[:, 1] + 1
    rows[:, 4] = np.searchsorted(DURATIONS, notes[:, 2]) + 1
    rows[:, INSTRUMENT] = notes[:, 3]
    tail = np.zeros((int(end), 6), np.int16)
    tail[:, TYPE] = END
    return np.concatenate([header(np.unique(notes[:, 3])), rows, tail])


KINDS = {
    "mmt": Kind(SIZES, BEATS, _rows),
    "mmm": Kind((MMM.size,), MOST_BEATS, lambda notes, end: MMM.encode(notes, end)[:, None]),
    "remi": Kind((REMI.size,), MOST_BEATS, lambda notes, end: REMI.encode(notes, end)[:, None]),
}


class Corpus:
    """The pieces of one split; a piece is drawn in proportion to its notes to the `power`.

    0, the dissertation's way: each as often as another. 1: each note as often as another.
    """

    def __init__(
        self, path: Path, split: str, corpora: list[str] | None = None, power: float = 0.0
    ) -> None:
        with np.load(path) as archive:
            data = {name: archive[name] for name in archive.files}
        ends = data["ends"]
        begins = np.concatenate([[0], ends[:-1]])
        chosen = data["split"] == SPLITS.index(split)
        if corpora:
            unknown = set(corpora) - set(data["corpora"].tolist())
            if unknown:
                raise SystemExit(f"{path} holds no corpus {sorted(unknown)}")
            chosen &= np.isin(data["corpora"][data["corpus"]], corpora)
        columns = (data["key"], DURATIONS[data["duration"] - 1], data["player"])
        self.pieces: list[np.ndarray] = []
        self.names: list[str] = []
        for i in np.flatnonzero(chosen):
            rows = slice(begins[i], ends[i])
            onset = np.cumsum(data["step"][rows].astype(np.int64))
            notes = np.stack([onset, *(column[rows] for column in columns)], axis=1)
            self.pieces.append(notes.astype(np.int32))
            self.names.append(str(data["names"][i]))
        if not self.pieces:
            raise SystemExit(f"{path} holds no pieces to {split}")
        self.odds = np.cumsum([len(notes) ** power for notes in self.pieces])

    def excerpt(self, piece: int, beat: int, kind: Kind, rows: int, shift: int = 0) -> np.ndarray:
        """Return rows (n, fields) of a piece from a beat on, `shift` semitones higher."""
        notes = self.pieces[piece]
        begin, end = np.searchsorted(notes[:, 0], [beat * TICKS, (beat + kind.beats) * TICKS])
        reaches_end = end == len(notes) and end - begin < rows
        end = min(end, begin + rows)  # each note is a row at least
        notes = notes[begin:end].copy()
        notes[:, 0] -= beat * TICKS
        notes[:, 1] += shift
        whole = kind.encode(notes[(notes[:, 1] >= 0) & (notes[:, 1] <= 127)], bool(reaches_end))
        return whole[:rows]

    def beats(self, piece: int) -> int:
        """How many beats of a piece an excerpt may begin at: not the last sixteen."""
        return max(1, int(self.pieces[piece][-1, 0]) // TICKS - 15)

    def random_excerpt(self, random: np.random.Generator, kind: Kind, rows: int) -> np.ndarray:
        """Return rows of a random piece from a random beat on in a random key."""
        piece = int(np.searchsorted(self.odds, random.random() * self.odds[-1], side="right"))
        beat = int(random.integers(self.beats(piece)))
        shift = int(random.integers(LOWEST_SHIFT, HIGHEST_SHIFT + 1))
        return self.excerpt(piece, beat, kind, rows, shift)

    def first_excerpts(self, kind: Kind, rows: int) -> Iterator[np.ndarray]:
        """Yield the opening of every piece in its own key."""
        for piece in range(len(self.pieces)):
            yield self.excerpt(piece, 0, kind, rows)


class Excerpts(IterableDataset):
    """Endless seeded batches of random excerpts: rows (batch, n, fields), lengths, rows a batch.

    `pool` batches are drawn together and dealt out by length, in an order of chance, so that less
    is padded; the last number is how many rows that count a batch of the pool has in the mean.
    Batch k is the same however many workers make the batches: each makes its share of the pools.
    """

    def __init__(
        self,
        corpus: Corpus,
        kind: Kind,
        rows: int,
        batch: int,
        seed: tuple[int, ...],
        start: int = 0,
        pool: int = 1,
        multiple: int = 1,
    ) -> None:
        self.corpus, self.kind, self.rows, self.batch = corpus, kind, rows, batch
        self.seed, self.start, self.pool, self.multiple = seed, start, pool, multiple

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, float]]:
        worker = get_worker_info()
        step, first = (worker.num_workers, worker.id) if worker else (1, 0)
        number = self.start // self.pool + first
        while True:
            random = np.random.default_rng([*self.seed, number])
            made = [
                self.corpus.random_excerpt(random, self.kind, self.rows)
                for _ in range(self.batch * self.pool)
            ]
            if self.pool > 1:
                made.sort(key=len)
            counted = sum(len(excerpt) - 1 for excerpt in made) / self.pool
            for k in random.permutation(self.pool):
                part = made[k * self.batch : (k + 1) * self.batch]
                longest = -(-max(map(len, part)) // self.multiple) * self.multiple
                yield (*padded(part, min(longest, self.rows)), counted)
            number += step


def padded(excerpts: list[np.ndarray], rows: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return excerpts as one tensor (batch, rows or the longest, fields), and their lengths."""
    lengths = [len(excerpt) for excerpt in excerpts]
    table = np.zeros((len(excerpts), rows or max(lengths), excerpts[0].shape[1]), np.int64)
    for row, excerpt in zip(table, excerpts, strict=True):
        row[: len(excerpt)] = excerpt
    return torch.from_numpy(table), torch.tensor(lengths)
