"""The paper's own sources: MusicNet's quartets, NES-MDB, the Lakh MIDI dataset.

``python -m training.part_separation.study.archives NAME`` fetches the archive into --data (default
build/study), holds it against its sha256, and writes the corpus as quartets.npz, game.npz or
pop.npz. An archive that already lies there is not fetched again.
"""

import argparse
import hashlib
import io
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
from tqdm import tqdm

from training.part_separation.prepare import SPLITS, Chorale
from training.part_separation.study.corpora import (
    BUILD,
    STEPS,
    describe,
    in_steps,
    load,
    save,
    split_by_work,
)

CHUNK = 1 << 16
NES_STEPS_A_SECOND = STEPS * 125 / 60
NES_TRACKS = ("p1", "p2", "tr")  # the noise track has no pitches
FAMILIES = (range(8), range(24, 32), range(32, 40), range(40, 48), range(56, 64))
QUARTET = (40, 40, 41, 42)  # programs, from 0: two violins, viola, cello
PERCUSSION = 9  # channel, from 0
Row = tuple[Chorale, str, int]  # piece, work, number of its split


@dataclass(frozen=True)
class Archive:
    """A corpus's file: where it is, what it must be, and how its members are read."""

    corpus: str
    url: str
    sha256: str
    read: Callable[[Iterator[tuple[str, bytes]]], list[Row]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=sorted(ARCHIVES))
    parser.add_argument("--data", type=Path, default=BUILD, help="folder of the archive")
    parser.add_argument("--out", type=Path, default=BUILD)
    options = parser.parse_args()
    archive = ARCHIVES[options.name]
    path = options.data / archive.url.rsplit("/", 1)[1]
    fetch(archive.url, archive.sha256, path)
    save(options.out / f"{archive.corpus}.npz", archive.read(members(path)))
    print(describe(load(archive.corpus, options.out)))


def fetch(url: str, sha256: str, path: Path) -> None:
    """Download `url` to `path` unless it is there; refuse what does not have the checksum."""
    if path.exists():
        _check(path.name, _digest(path), sha256)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    digest = hashlib.sha256()
    with urllib.request.urlopen(url) as source, part.open("wb") as target:
        length = source.headers.get("Content-Length")
        total = int(length) if length else None
        with tqdm(total=total, unit="B", unit_scale=True, desc=path.name) as bar:
            while block := source.read(CHUNK):
                target.write(block)
                digest.update(block)
                bar.update(len(block))
    try:
        _check(path.name, digest.hexdigest(), sha256)
    except SystemExit:
        part.unlink()
        raise
    part.replace(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(name: str, found: str, sha256: str) -> None:
    if found != sha256:
        raise SystemExit(f"{name}: its sha256 is {found[:12]}..., not {sha256[:12]}...")


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of an archive's MIDI files, by name."""
    with tarfile.open(path) as tar:
        names = sorted(m.name for m in tar if m.isfile() and m.name.endswith((".mid", ".midi")))
        for name in tqdm(names, mininterval=5):
            file = tar.extractfile(name)
            if file is not None:
                yield name, file.read()


def read_musicnet(files: Iterator[tuple[str, bytes]]) -> list[Row]:
    """Return the pieces for two violins, viola and cello, the first violin's track the first;
    movements of one work go together. A name is COMPOSER/NUMBER_WORK_MOVEMENT.mid."""
    rows = []
    for name, content in files:
        midi = midi_of(content)
        if midi is None:
            continue
        tracks = [track for track in tracks_of(midi) if len(track.notes)]
        programs = sorted(track.program for track in tracks)
        if tuple(programs) == QUARTET:
            tracks.sort(key=lambda track: track.program)
            piece = Chorale(name, joined([t.notes for t in tracks], midi.ticks_per_beat))
            composer, title = name.split("/")[-2:]
            rows.append((piece, "/".join((composer, *title.split("_")[1:2]))))
    return split_by_work(rows)


def read_nes(files: Iterator[tuple[str, bytes]]) -> list[Row]:
    """Return the songs in which two of the pulse waves and the triangle wave play, as split."""
    rows = []
    for name, content in files:
        midi = midi_of(content)
        if midi is None:
            continue
        by_name = {track.name: track.notes for track in tracks_of(midi)}
        silent = np.zeros((0, 3), np.int64)
        parts = [by_name.get(part, silent) for part in NES_TRACKS]
        if sum(len(part) > 0 for part in parts) > 1:
            ticks_a_second = midi.ticks_per_beat * 1e6 / tempo_us(midi)
            ticks_a_quarter = ticks_a_second * STEPS / NES_STEPS_A_SECOND
            folder, file = name.split("/")[-2:]
            game = file.split("_")[0]
            rows.append((Chorale(file, joined(parts, ticks_a_quarter)), game, SPLITS.index(folder)))
    return rows


def read_lakh(files: Iterator[tuple[str, bytes]]) -> list[Row]:
    """Return the files with at least two of piano, guitar, bass, strings and brass; unreadable
    files are left out."""
    rows = []
    for name, content in files:
        midi = midi_of(content)
        if midi is None:
            continue
        families: list[list[np.ndarray]] = [[] for _ in FAMILIES]
        for track in tracks_of(midi):
            for k, programs in enumerate(FAMILIES):
                if track.program in programs and not track.percussion:
                    families[k].append(track.notes)
        silent = np.zeros((0, 3), np.int64)
        parts = [np.concatenate([silent, *tracks]) for tracks in families]
        if sum(len(part) > 0 for part in parts) > 1:
            piece = Chorale(name, joined(parts, midi.ticks_per_beat))
            rows.append((piece, hashlib.sha256(piece.notes.tobytes()).hexdigest()))
    return split_by_work(rows)


@dataclass(frozen=True)
class Track:
    """Notes (n, 3) int64 of onset, duration (ticks), pitch, of one track and channel."""

    name: str
    program: int
    percussion: bool
    notes: np.ndarray


def midi_of(content: bytes) -> mido.MidiFile | None:
    """Return a MIDI file, or None if it cannot be read."""
    try:
        midi = mido.MidiFile(file=io.BytesIO(content), clip=True)
    except (OSError, EOFError, ValueError, KeyError, IndexError):
        return None
    return midi if midi.ticks_per_beat > 0 else None


def tracks_of(midi: mido.MidiFile) -> list[Track]:
    """Return each track's channels; a note is its channel's program at its onset."""
    found = []
    for number, track in enumerate(midi.tracks):
        now, name = 0, f"{number}"
        programs = [0] * 16
        sounding: dict[tuple[int, int], list[tuple[int, int]]] = {}
        notes: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        for message in track:
            now += message.time
            if message.type == "track_name":
                name = message.name
            elif message.type == "program_change":
                programs[message.channel] = message.program
            elif message.type in ("note_on", "note_off"):
                key = (message.channel, message.note)
                if message.type == "note_on" and message.velocity:
                    sounding.setdefault(key, []).append((now, programs[message.channel]))
                elif sounding.get(key):
                    onset, program = sounding[key].pop(0)
                    row = (onset, now - onset, message.note)
                    notes.setdefault((message.channel, program), []).append(row)
        for (channel, program), rows in notes.items():
            found.append(Track(name, program, channel == PERCUSSION, np.array(rows, np.int64)))
    return found


def tempo_us(midi: mido.MidiFile) -> int:
    """Return the microseconds a quarter note lasts at the start."""
    for track in midi.tracks:
        for message in track:
            if message.type == "set_tempo":
                return message.tempo
    return 500_000


def joined(parts: list[np.ndarray], ticks: float) -> np.ndarray:
    """Return notes (n, 4) in steps of parts (n, 3) whose quarter has so many ticks."""
    rows = [np.column_stack([part, np.full(len(part), k)]) for k, part in enumerate(parts)]
    return in_steps(np.concatenate(rows), ticks)


ARCHIVES: dict[str, Archive] = {
    "musicnet": Archive(
        "quartets",
        "https://homes.cs.washington.edu/~thickstn/media/musicnet_midis.tar.gz",
        "943cc47731ec5f397bd6fbab4dff78342472890cd484bd30ffb2e16047eef908",
        read_musicnet,
    ),
    "nesmdb": Archive(
        "game",
        "http://deepyeti.ucsd.edu/cdonahue/nesmdb/nesmdb_midi.tar.gz",
        "37610e2ca5fe70359c85170cf1f4982596783bb304c59d9c439f68c24ff4ee93",
        read_nes,
    ),
    "lakh": Archive(
        "pop",
        "http://hog.ee.columbia.edu/craffel/lmd/lmd_full.tar.gz",
        "6fcfe2ac49ca08f3f214cec86ab138d4fc4dabcd7f27f491a838dae6db45a12b",
        read_lakh,
    ),
}


if __name__ == "__main__":
    main()
