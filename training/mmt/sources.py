"""Readers of music for training: MIDI and MusicXML files, and the layouts of SOD, LMD and PDMX.

Each gives notes as models.mmt.representation has them (onset, key, duration in twelfths of a
quarter, instrument code) with drums and what has no instrument left out. A file that cannot be
read is passed over and counted, as corpora of that size hold some.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from models.mmt.instruments import CODE_OF_PROGRAM
from models.mmt.representation import DURATIONS, LENGTH, ONSET, TICKS, duration_codes

DRUMS = 9  # the MIDI channel
Row = tuple[int, int, int, int]


@dataclass(frozen=True)
class Piece:
    """A piece of music and the work it belongs to: works stay on one side of a split."""

    name: str
    work: str
    notes: np.ndarray  # (n, 4), sorted, each once


def in_order(rows: Iterable[Row]) -> np.ndarray:
    """Return notes sorted by onset, key, duration and player, each once, from beat 0 on.

    Durations become those the representation has.
    """
    notes = np.array(list(rows), np.int32).reshape(-1, 4)
    notes[:, LENGTH] = DURATIONS[duration_codes(notes[:, LENGTH]) - 1]
    notes = np.unique(notes, axis=0)
    if len(notes):
        notes[:, ONSET] -= notes[0, ONSET] // TICKS * TICKS
    return notes


def read_midi(path: Path) -> np.ndarray:
    """Return the notes of a MIDI file; ValueError if it is none or counts in seconds."""
    import mido

    try:
        midi = mido.MidiFile(path, clip=True)
    except (OSError, EOFError, ValueError, LookupError, mido.KeySignatureError) as error:
        raise ValueError(f"{path} is not a MIDI file: {error}") from error
    if not 0 < midi.ticks_per_beat < 0x8000:
        raise ValueError(f"{path} counts in seconds, not in beats")
    rows: list[Row] = []
    for track in midi.tracks:
        rows += _track(track, Fraction(TICKS, midi.ticks_per_beat))
    return in_order(rows)


def _track(track: Iterable[Any], scale: Fraction) -> Iterator[Row]:
    """Yield the notes of a track; a key struck again while it sounds is let go first."""
    now = 0
    program = [0] * 16
    sounding: dict[tuple[int, int], tuple[int, int]] = {}
    for message in track:
        now += message.time
        if message.type == "program_change":
            program[message.channel] = message.program
        elif message.type in ("note_on", "note_off") and message.channel != DRUMS:
            place = (message.channel, message.note)
            if place in sounding:
                yield from _note(*sounding.pop(place), now, message.note, scale)
            if message.type == "note_on" and message.velocity > 0:
                sounding[place] = (now, program[message.channel])
    for (_, key), (begin, used) in sounding.items():
        yield from _note(begin, used, now, key, scale)


def _note(begin: int, program: int, end: int, key: int, scale: Fraction) -> Iterator[Row]:
    code = int(CODE_OF_PROGRAM[program])
    if code:
        yield round(begin * scale), key, max(1, round((end - begin) * scale)), code


def read_musicxml(path: Path) -> np.ndarray:
    """Return the notes of a MusicXML file, repeats not played; ValueError if it is none."""
    from music21 import converter, exceptions21

    try:
        score: Any = converter.parse(path, format="musicxml", forceSource=True)
    except (exceptions21.Music21Exception, OSError, ValueError, KeyError, SyntaxError) as error:
        raise ValueError(f"{path} is not a MusicXML file: {error}") from error
    rows: list[Row] = []
    for part in score.parts:
        instrument = part.getInstrument(returnDefault=True)
        channel, program = instrument.midiChannel, instrument.midiProgram or 0
        code = 0 if channel == DRUMS else int(CODE_OF_PROGRAM[program])
        for note in part.toSoundingPitch().stripTies().flatten().notes:
            length = note.duration.quarterLength
            if code == 0 or length == 0:  # a grace note has none
                continue
            onset, ticks = round(note.offset * TICKS), max(1, round(length * TICKS))
            rows += [(onset, pitch.midi, ticks, code) for pitch in note.pitches]
    return in_order(rows)


def read_musicrender(path: Path) -> np.ndarray:
    """Return the notes of a PDMX piece in JSON (MusicRender); ValueError if it is none."""
    try:
        music = json.loads(path.read_text(encoding="utf-8"))
        scale = Fraction(TICKS, int(music["resolution"]))
        rows: list[Row] = []
        for track in music["tracks"]:
            code = 0 if track["is_drum"] else int(CODE_OF_PROGRAM[int(track["program"])])
            for note in track["notes"]:
                if code and not note.get("is_grace"):
                    ticks = max(1, round(int(note["duration"]) * scale))
                    rows.append((round(int(note["time"]) * scale), int(note["pitch"]), ticks, code))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{path} is not a piece of PDMX: {error}") from error
    return in_order(rows)


READERS: dict[str, Callable[[Path], np.ndarray]] = {
    ".mid": read_midi,
    ".midi": read_midi,
    ".xml": read_musicxml,
    ".mxl": read_musicxml,
    ".musicxml": read_musicxml,
    ".json": read_musicrender,
}


def sod(folder: Path) -> list[tuple[Path, str]]:
    """Return file and work of the Symbolic Orchestral Database: one folder a work."""
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".mid", ".xml", ".mxl"))
    return [(path, path.parent.relative_to(folder).as_posix()) for path in files]


def lmd(folder: Path) -> list[tuple[Path, str]]:
    """Return file and work of the Lakh MIDI Dataset.

    lmd_full names files by their content; lmd_matched has a folder of versions for each song.
    """
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".mid", ".midi"))
    matched = [path.parent.name.startswith("TR") for path in files]
    return [
        (path, path.parent.name if song else path.stem)
        for path, song in zip(files, matched, strict=True)
    ]


def pdmx(folder: Path) -> list[tuple[Path, str]]:
    """Return file and work of PDMX's deduplicated subset without doubt about its licence.

    PDMX.csv names them; a work is what has the same composer and title.
    """
    table = folder / "PDMX.csv"
    try:
        with table.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except OSError as error:
        raise SystemExit(f"{table} cannot be read: {error.strerror}") from error
    wanted = ("subset:no_license_conflict", "subset:deduplicated")
    found = []
    for row in rows:
        if all(row.get(column, "True") == "True" for column in wanted):
            names = [row[column] for column in ("mid", "path") if row.get(column)]
            path = next((folder / name for name in names if (folder / name).is_file()), None)
            if path is not None:
                work = f"{row.get('composer_name', '')}/{row.get('title', '')}".strip("/").lower()
                found.append((path, work or path.stem))
    return found


LAYOUTS = {"sod": sod, "lmd": lmd, "pdmx": pdmx}


def read_corpus(layout: str, folder: Path, workers: int = 1) -> tuple[list[Piece], Counter[str]]:
    """Return the pieces of a corpus in one of LAYOUTS, and how many files ended how."""
    files = LAYOUTS[layout](folder)
    if not files:
        raise SystemExit(f"{folder} holds no music in the layout of {layout}")
    paths = [path for path, _ in files]
    pieces, ends = [], Counter()
    with ProcessPoolExecutor(workers) as pool:
        chunk = max(1, min(64, len(files) // (4 * workers)))
        results = pool.map(_read, paths, chunksize=chunk)
        for (path, work), notes in zip(files, tqdm(results, layout, len(files)), strict=True):
            if isinstance(notes, str):
                ends[notes] += 1
            else:
                ends["read"] += 1
                name = f"{layout}/{path.relative_to(folder).as_posix()}"
                pieces.append(Piece(name, f"{layout}/{work}", notes))
    return pieces, ends


def _read(path: Path) -> np.ndarray | str:
    try:
        return READERS[path.suffix.lower()](path)
    except ValueError:
        return "unreadable"
