"""Makes the corpus to train on: build/mmt/corpus.npz, a few megabytes, and says what is in it.

    python -m training.mmt.prepare --data FOLDER            # data packs, unpacked or .tar.zst
    python -m training.mmt.prepare --sod FOLDER             # or --lmd, --pdmx

A piece needs at least 50 notes and 40 to 8000 beats. Splits are 8 : 1 : 1 by notes, corpus by
corpus; a work, and whatever nearly repeats a piece of it in any key, is on one side.
"""

import argparse
import hashlib
import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from models.mmt.instruments import CODE_OF_PROGRAM, code_of
from models.mmt.representation import KEY, LENGTH, ONSET, PLAYER, TICKS, duration_codes
from training.mmt import sources
from training.mmt.sources import Piece, in_order

BUILD = Path(__file__).parents[2] / "build" / "mmt"
CORPUS = BUILD / "corpus.npz"
SPLITS = ("train", "valid", "test")
FEWEST_NOTES, FEWEST_BEATS, MOST_BEATS = 50, 40, 8000
PACK_TICKS = 480  # a quarter
VOICES = code_of("voices")
_SECTIONS = {"violins": "violin", "violas": "viola", "violoncellos": "cello"}


@dataclass(frozen=True)
class Pack:
    """A data pack: which of its pieces may be learnt from, and who plays its parts."""

    name: str
    allowed: Callable[[dict], bool] = lambda piece: True
    sung: bool = False  # every part


PACKS = (
    Pack("sym_orchestra_openscore"),
    Pack("sym_string_quartets", lambda piece: piece.get("licence") == "CC0"),
    Pack("sym_lieder_openscore"),
    Pack(
        "sym_baroque_renaissance_kern",
        lambda piece: piece["group"].startswith(("palestrina", "monteverdi", "trecento")),
        sung=True,
    ),
    Pack("sym_pop909"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of the data packs")
    for layout in sources.LAYOUTS:
        parser.add_argument(f"--{layout}", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=CORPUS)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    corpora: dict[str, list[Piece]] = {}
    if options.data:
        for pack in PACKS:
            corpora[pack.name] = list(read_pack(unpacked(options.data, pack.name), pack))
    for layout in sources.LAYOUTS:
        folder = getattr(options, layout)
        if folder:
            corpora[layout], ends = sources.read_corpus(layout, folder, options.workers)
            print(f"{layout}: {dict(ends)}")
    if not corpora:
        parser.error("give --data, --sod, --lmd or --pdmx")
    prepare(corpora, options.out)


def prepare(corpora: dict[str, list[Piece]], out: Path) -> None:
    """Drop what is too short or long, split, write `out` and print what is in it."""
    kept = {
        name: [piece for piece in pieces if long_enough(piece.notes)]
        for name, pieces in corpora.items()
    }
    pieces = [piece for group in kept.values() for piece in group]
    if not pieces:
        raise SystemExit("nothing is left: no piece has 50 notes and 40 to 8000 beats")
    corpus_of = np.repeat(np.arange(len(kept)), [len(group) for group in kept.values()])
    works = group_works(pieces)
    split = np.zeros(len(pieces), np.int8)
    for number in range(len(kept)):
        mine = corpus_of == number
        names = [pieces[i].work for i in np.flatnonzero(mine)]
        sizes = np.array([len(pieces[i].notes) for i in np.flatnonzero(mine)])
        split[mine] = split_works(works[mine], names, sizes)
    split = on_one_side(works, split)
    write(out, pieces, split, corpus_of, list(kept))
    lengths = np.array([len(piece.notes) for piece in pieces])
    for number, name in enumerate(kept):
        counts = []
        for s, side in enumerate(SPLITS):
            members = (split == s) & (corpus_of == number)
            counts.append(f"{side} {members.sum()} pieces, {lengths[members].sum()} notes")
        print(f"{name}: {'; '.join(counts)}; dropped {len(corpora[name]) - len(kept[name])}")
    print(f"{out}: {out.stat().st_size} bytes, {works.max() + 1} works")


def unpacked(folder: Path, name: str) -> Path:
    """Return the folder of a data pack, unpacked into build if it is an archive."""
    if (folder / name / "index.jsonl").is_file():
        return folder / name
    archive = folder / f"{name}.tar.zst"
    if not archive.is_file():
        raise SystemExit(f"{folder} holds neither {name}/ nor {name}.tar.zst")
    target = BUILD.parent / "packs"
    if not (target / name / "index.jsonl").is_file():
        target.mkdir(parents=True, exist_ok=True)
        command = ["tar", "--use-compress-program=zstd", "-xf", str(archive), "-C", str(target)]
        subprocess.run(command, check=True)
    return target / name


def read_pack(folder: Path, pack: Pack) -> Iterator[Piece]:
    """Yield a pack's pieces that may be learnt from."""
    with np.load(folder / "notes.npz") as archive:
        columns = {name: archive[name] for name in archive.files}
    offsets = columns["offsets"]
    lines = (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()
    for i, line in enumerate(tqdm(lines, pack.name)):
        piece = json.loads(line)
        if not pack.allowed(piece):
            continue
        players = np.array([player(part, pack.sung) for part in piece["parts"]])
        rows = slice(offsets[i], offsets[i + 1])
        onset = columns["onset"][rows].astype(np.int64)
        length = columns["duration"][rows].astype(np.int64)
        who = players[columns["part"][rows]]
        notes = np.stack(
            [
                _ticks(onset),
                columns["pitch"][rows].astype(np.int64),
                np.maximum(_ticks(length), 1),
                who,
            ],
            axis=1,
        )[who > 0]
        yield Piece(piece["id"], piece["group"], in_order(map(tuple, notes.tolist())))


def player(part: dict, sung: bool) -> int:
    """Return the instrument code of a pack's part, 0 for one to leave out."""
    if sung or str(part.get("sound")).startswith("voice"):
        return VOICES
    section = str(part.get("instrument")).lower().split(" ")[0]
    if section in _SECTIONS:
        return code_of(_SECTIONS[section])
    if part["is_drum"] or part["program"] is None:
        return 0
    return int(CODE_OF_PROGRAM[part["program"]])


def _ticks(pack_ticks: np.ndarray) -> np.ndarray:
    """Round to twelfths of a quarter, halves up."""
    return (pack_ticks * TICKS * 2 + PACK_TICKS) // (2 * PACK_TICKS)


def long_enough(notes: np.ndarray) -> bool:
    """Whether a piece may be learnt from."""
    if len(notes) < FEWEST_NOTES:
        return False
    return FEWEST_BEATS <= notes[-1, ONSET] // TICKS + 1 <= MOST_BEATS


def group_works(pieces: list[Piece]) -> np.ndarray:
    """Return a number for each piece, the same for those of a work and for near-duplicates.

    Two pieces nearly repeat each other if, of the shorter one's runs of eight moves of the outer
    voices, more than a third also occur in the other. Runs that more than fifty pieces have are
    everybody's (repeated chords, scales) and count for nothing.
    """
    parent = list(range(len(pieces)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[str, int] = {}
    for i, piece in enumerate(pieces):
        parent[root(i)] = root(first.setdefault(piece.work, i))
    runs = [outer_runs(piece.notes) for piece in tqdm(pieces, "runs")]
    for i, j in alike(runs):
        parent[root(i)] = root(j)
    return np.unique([root(i) for i in range(len(pieces))], return_inverse=True)[1]


def alike(runs: list[np.ndarray], share: float = 1 / 3, common: int = 50) -> list[tuple[int, int]]:
    """Return the pairs of which the shorter has more than `share` of its runs in the other."""
    owner = np.repeat(np.arange(len(runs)), [len(run) for run in runs])
    values = np.concatenate(runs) if runs else np.zeros(0, np.uint64)
    order = np.argsort(values, kind="stable")
    edges = np.flatnonzero(np.diff(values[order])) + 1
    shared: Counter[tuple[int, int]] = Counter()
    for begin, end in zip([0, *edges], [*edges, len(values)], strict=True):
        if 2 <= end - begin <= common:
            owners = owner[order[begin:end]].tolist()  # each once, rising: the sort is stable
            shared.update((a, b) for k, a in enumerate(owners) for b in owners[k + 1 :])
    return [(a, b) for (a, b), n in shared.items() if n > share * min(len(runs[a]), len(runs[b]))]


def outer_runs(notes: np.ndarray, moves: int = 8) -> np.ndarray:
    """Return hashes of the runs of moves of highest and lowest new note: free of key and tempo."""
    onsets, begin = np.unique(notes[:, ONSET], return_index=True)
    if len(onsets) <= moves:
        return np.zeros(0, np.uint64)
    keys = notes[:, KEY].astype(np.int64)
    top, low = np.maximum.reduceat(keys, begin), np.minimum.reduceat(keys, begin)
    step = (np.diff(top) + 128) * 65536 + (np.diff(low) + 128) * 256 + (top - low)[1:]
    step = step.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    step ^= step >> np.uint64(29)
    hashes = np.zeros(len(step) - moves + 1, np.uint64)
    for k in range(moves):
        hashes = hashes * np.uint64(0xBF58476D1CE4E5B9) + step[k : len(step) - moves + 1 + k]
    return np.unique(hashes)


def split_works(works: np.ndarray, names: list[str], sizes: np.ndarray) -> np.ndarray:
    """Return 0 train, 1 valid, 2 test a piece: 8 : 1 : 1 by notes, works in an order of chance.

    The order comes from the works' names, so that a corpus that grows keeps most of its splits.
    """
    label = {}
    for work, name in zip(works.tolist(), names, strict=True):
        label[work] = min(name, label.get(work, name))
    order = sorted(label, key=lambda work: hashlib.sha256(label[work].encode()).digest())
    split = np.zeros(len(works), np.int8)
    filled = {2: 0, 1: 0}
    for work in order:
        members = works == work
        size = int(sizes[members].sum())
        for side in filled:
            if filled[side] + size <= sizes.sum() / 10:
                filled[side] += size
                split[members] = side
                break
    return split


def on_one_side(works: np.ndarray, split: np.ndarray) -> np.ndarray:
    """Return the split with works that several corpora share kept whole, on the later side."""
    for work in np.unique(works):
        members = works == work
        split[members] = split[members].max()
    return split


def write(
    path: Path, pieces: list[Piece], split: np.ndarray, corpus_of: np.ndarray, corpora: list[str]
) -> None:
    """Write the corpus; onsets as steps from the note before, so that they pack well."""
    notes = np.concatenate([piece.notes for piece in pieces])
    steps = [np.diff(piece.notes[:, ONSET], prepend=0) for piece in pieces]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        allow_pickle=False,
        step=np.concatenate(steps).astype(np.uint32),
        key=notes[:, KEY].astype(np.uint8),
        duration=duration_codes(notes[:, LENGTH]).astype(np.uint8),
        player=notes[:, PLAYER].astype(np.uint8),
        ends=np.cumsum([len(piece.notes) for piece in pieces]),
        split=split,
        corpus=corpus_of.astype(np.int8),
        corpora=np.array(corpora),
        names=np.array([piece.name for piece in pieces]),
    )


if __name__ == "__main__":
    main()
