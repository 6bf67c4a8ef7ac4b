"""Keeping what was played: a take made of what the recorder has lately written. [worker]

`engine.lately` calls `keep_take` on a thread of its own. It joins the recordings that overlap
the wanted span, often many short ones, into one take of which nothing tells that it was asked for
afterwards: samples are copied bit by bit, a note held across a joint is one note, and what was
between two recordings is silence.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path

import numpy as np
import soundfile

from engine.disk import sync
from engine.paths import cache_folder
from engine.rt.layout import CONTROLLER, MOVED, NOTE_OFF, NOTE_ON, PANICKED, RESULT
from engine.takes import (
    JOURNAL,
    JOURNAL_HEADER,
    MASTER,
    STEMS,
    TakeInfo,
    in_use,
    lock_journal,
    read_journal,
    transport_of,
    write_take_midi,
)
from engine.waves import SAMPLE_FORMATS, GrowingWave

KEEP_SECONDS = 600.0
BLOCK_FRAMES = 1 << 16
MASTER_STEM = -1
LEFT_AFTER_S = 2 * KEEP_SECONDS  # a live program would have deleted it by then


@dataclass(frozen=True)
class Segment:
    """A recording on disk; `info.end_frame` is set."""

    folder: Path
    info: TakeInfo

    @property
    def end_frame(self) -> int:
        return self.info.end_frame or self.info.start_frame


def keep_take(
    segments: Sequence[Segment], first_frame: int, end_frame: int, folder: Path, started: str
) -> TakeInfo:
    """Fill `folder` with a take of frames `first_frame` to `end_frame`. OSError, SoundFileError.

    `segments` in rising order. Its journal comes first: should the program die, the notes are there
    and the next start finishes the take. [worker]
    """
    info = _joined_info(segments, first_frame, started)
    info.save(folder)
    with FileIO(folder / JOURNAL, "w") as journal:
        lock_journal(journal.fileno())
        results = _joined_results(segments, first_frame, end_frame)
        journal.write(JOURNAL_HEADER + results.tobytes())
        os.fsync(journal.fileno())
        for stem in sorted({stem for segment in segments for stem, _ in stems_of(segment.folder)}):
            _join_waves(segments, stem, info, first_frame, end_frame, folder)
        info = replace(info, end_frame=end_frame)
        info.save(folder)
        write_take_midi(folder)
    return info


def new_rolling_folder() -> Path:
    """A folder of this process alone for takes that are only to be had for a while. [main]

    What programs that died have left there is deleted.
    """
    rolling = cache_folder() / "rolling"
    for journal in rolling.glob(f"*/*/{JOURNAL}"):
        with contextlib.suppress(OSError):
            if time.time() - journal.stat().st_mtime > LEFT_AFTER_S and not in_use(journal.parent):
                shutil.rmtree(journal.parent, ignore_errors=True)
    for folder in rolling.glob("*"):
        with contextlib.suppress(OSError):
            folder.rmdir()  # if it is empty
    return rolling / f"{os.getpid()}-{time.time_ns()}"


def stems_of(folder: Path) -> list[tuple[int, Path]]:
    """The sound files of a take by part, counted from 0; the master is -1. [any]"""
    found = [(MASTER_STEM, folder / MASTER)] if (folder / MASTER).exists() else []
    for path in sorted((folder / STEMS).glob("*.wav")):
        number = re.match(r"\d+", path.name)
        if number and int(number[0]) > 0:
            found.append((int(number[0]) - 1, path))
    return sorted(found)


def read_blocks(path: Path, first_frame: int, frames: int) -> Iterator[tuple[int, np.ndarray]]:
    """The sound of a file in blocks (place, samples (frames, channels)), silent ones left out.

    The samples are whole numbers where the file's are, so that a copy is the same bits. [worker]
    """
    with soundfile.SoundFile(path) as wave:
        kind = "int32" if wave.subtype.startswith("PCM") else "float32"
        end_frame = min(first_frame + frames, wave.frames)
        place = first_frame
        wave.seek(min(place, wave.frames))
        while place < end_frame:
            block = wave.read(min(BLOCK_FRAMES, end_frame - place), dtype=kind, always_2d=True)
            if not len(block):
                return
            if block.any():
                yield place, block
            place += len(block)


def _joined_info(segments: Sequence[Segment], first_frame: int, started: str) -> TakeInfo:
    ensembles = [row for segment in segments for row in segment.info.ensembles]
    points = [
        point
        for segment in segments
        for point in transport_of(segment.info, read_journal(segment.folder))
    ]
    return TakeInfo(
        started=started,
        rate_hz=segments[0].info.rate_hz,
        start_frame=first_frame,
        ensembles=_in_force(ensembles, [row[0] for row in ensembles], first_frame),
        transport=_in_force(points, [point.frame for point in points], first_frame),
        dropped_frames=sum(segment.info.dropped_frames for segment in segments),
        delay_frames=segments[0].info.delay_frames,
    )


def _in_force(rows: list, frames: list[int], first_frame: int) -> list:
    """The row that holds at `first_frame` and all later ones, each once; `frames` rise."""
    later = rows[max(bisect.bisect_right(frames, first_frame) - 1, 0) :]
    return [row for row, last in zip(later, [None, *later], strict=False) if row != last]


def _joined_results(segments: Sequence[Segment], first_frame: int, end_frame: int) -> np.ndarray:
    """The records of all segments; what each repeats of the one before it is left out.

    Notes and controllers that began before `first_frame` begin with it.
    """
    held: dict[object, tuple] = {}  # at first_frame: note -> its record, control -> its record
    latest: dict[tuple, tuple] = {}  # the newest value of each control
    joined: list[tuple] = []
    begun: set[int] = set()
    for record in itertools.chain.from_iterable(
        read_journal(segment.folder).tolist() for segment in segments
    ):
        frame, note, _, _, part, kind, a, b, c = record[:9]
        control = (part, a, b if a in (0xA0, 0xB0) else 0)
        if frame >= end_frame:
            continue
        if kind == NOTE_ON:
            if note in begun:
                continue
            begun.add(note)
        elif kind == CONTROLLER:
            if latest.get(control) == (b, c):
                continue
            latest[control] = (b, c)
        if frame >= first_frame:
            joined.append(record)
        elif kind == NOTE_ON:
            held[note] = (first_frame, *record[1:])
        elif kind == CONTROLLER:
            held[control] = (first_frame, *record[1:])
        elif kind == MOVED and note in held:
            held[note] = (*held[note][:4], part, *held[note][5:])
        elif kind == NOTE_OFF:
            held.pop(note, None)
        elif kind == PANICKED:
            held = {name: old for name, old in held.items() if old[5] == CONTROLLER}
    return np.array([*held.values(), *joined], RESULT)


def _join_waves(
    segments: Sequence[Segment],
    stem: int,
    info: TakeInfo,
    first_frame: int,
    end_frame: int,
    folder: Path,
) -> None:
    sources = [
        (segment, path)
        for segment in segments
        for number, path in stems_of(segment.folder)
        if number == stem
    ]
    path = folder / MASTER if stem == MASTER_STEM else folder / STEMS / sources[-1][1].name
    path.parent.mkdir(exist_ok=True)
    form = next(k for k, v in SAMPLE_FORMATS.items() if v == soundfile.info(sources[0][1]).subtype)
    wave = GrowingWave(path, info.rate_hz, 2, form)
    try:
        for segment, source in sources:
            start_frame = segment.info.start_frame
            skipped = max(first_frame - start_frame, 0)
            frames = min(end_frame, segment.end_frame) - start_frame - skipped
            for place, block in read_blocks(source, skipped, frames):
                wave.write(block, start_frame + place - first_frame)
    finally:
        wave.close(end_frame - first_frame)
    sync(path)
