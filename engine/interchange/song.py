"""A take laid out from bar 1: what every kind of export writes down. [worker]

Read from a take's folder by `song_of_take`. Everything in it counts from the bar line at or before
the take's first note, so that its bars are those of the program it is opened in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from engine.disk import FAILURES
from engine.errors import RipienoError
from engine.interchange.bars import find_bars
from engine.keeping import MASTER_STEM, read_blocks, stems_of
from engine.midi.performance import Track
from engine.midi.tempo import TempoMap
from engine.takes import (
    TakeInfo,
    found_end,
    in_use,
    read_journal,
    results_to_events,
    take_tracks,
    transport_of,
)
from engine.waves import GrowingWave, file_name


class ExportError(RipienoError):
    """A take that cannot be exported."""


@dataclass(frozen=True)
class Song:
    """`events` (n,) of EVENT, seconds from bar 1; `programs` are changes (second, track, bank,
    program); `markers` (beat, name); `stems` the recorded sound by track, -1 the master."""

    title: str
    started: str
    rate_hz: int
    lead_frames: int  # from bar 1 to the first recorded frame
    frames: int  # from bar 1 to the end
    tracks: Sequence[Track]
    events: np.ndarray
    programs: tuple[tuple[float, int, int, int], ...]
    tempo: TempoMap
    time_signatures: tuple[tuple[float, int, int], ...]
    markers: tuple[tuple[float, str], ...]
    stems: dict[int, Path]
    delay_frames: dict[int, int]  # of stems: by how much they lag behind the notes

    @property
    def seconds(self) -> float:
        return self.frames / self.rate_hz

    @property
    def sounding(self) -> dict[int, Path]:
        """The stems to mix: one a part, or the master where only that was recorded."""
        parts = {track: path for track, path in self.stems.items() if track != MASTER_STEM}
        return parts or self.stems


def song_of_take(folder: Path) -> Song:
    """Lay out a take that has ended. RipienoError in one sentence if that cannot be. [worker]"""
    info, results = TakeInfo.load(folder), read_journal(folder)
    if info.end_frame is None and in_use(folder):
        raise ExportError(f"{folder}: the take is still being recorded or copied")
    start_frame, end_frame = info.start_frame, found_end(folder, info, results)
    bars = find_bars(transport_of(info, results), info.rate_hz, start_frame, end_frame)
    first_frame = bars.first_frame
    tracks = take_tracks(info)

    def seconds(frame: int) -> float:
        return (max(frame, start_frame) - first_frame) / info.rate_hz

    return Song(
        title=folder.name,
        started=info.started,
        rate_hz=info.rate_hz,
        lead_frames=start_frame - first_frame,
        frames=end_frame - first_frame,
        tracks=tracks,
        events=results_to_events(results, info.rate_hz, first_frame, end_frame),
        programs=tuple(
            (seconds(frame), number, part.bank, part.program)
            for frame, _, parts in info.ensembles[1:]
            for number, part in enumerate(parts)
        ),
        tempo=bars.tempo,
        time_signatures=bars.time_signatures,
        markers=tuple(
            (float(bars.tempo.to_beats(seconds(frame))), name) for frame, name, _ in info.ensembles
        ),
        stems={number: path for number, path in stems_of(folder) if number < len(tracks)},
        delay_frames={number - 1: frames for number, frames in enumerate(info.delay_frames)},
    )


def stem_names(song: Song) -> dict[int, str]:
    """A file name for each stem that is legal everywhere and says which part it is. [any]"""
    return {
        number: f"{number + 1:02d} {file_name(song.tracks[number].name)}.wav"
        if number != MASTER_STEM
        else "00 Mix.wav"
        for number in song.stems
    }


def write_stem(song: Song, number: int, path: Path) -> None:
    """The sound of one stem from bar 1 to the song's end, 24 bit. OSError, SoundFileError. [worker]

    Sample n of the recording is sample `lead_frames` + n of the file, bit by bit, or so much sooner
    as the stem lagged behind the notes. If it cannot be written whole there is no file.
    """
    wave = GrowingWave(path, song.rate_hz, soundfile.info(song.stems[number]).channels, "24-bit")
    place = song.lead_frames - song.delay_frames.get(number, 0)  # of the recording's first sample
    skipped = max(-place, 0)
    try:
        for at, block in read_blocks(song.stems[number], skipped, song.frames - place - skipped):
            wave.write(block, place + at)
        wave.close(song.frames)
    except BaseException:
        with contextlib.suppress(*FAILURES):
            wave.close()
        path.unlink(missing_ok=True)
        raise
