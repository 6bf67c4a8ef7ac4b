"""Takes on disk: their journal, their description, and the multitrack MIDI made of both. [worker]

A take is a folder: `master.wav`, `stems/`, `take.json` (what played, at which tempo and where in
the bar), `events.journal` (what the callback reported, appended as it happened) and, once the take
has ended, `take.mid`: a track for each part and, where the ensemble played on, one for what it
played in that part by itself. The recorder writes takes; `recover_takes` finishes those whose
program died; `list_takes` shows them; `engine.interchange` takes them elsewhere.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from engine.errors import RipienoError
from engine.midi.files import write_midi
from engine.midi.messages import MIDDLE_VELOCITY, NOTE_OFF
from engine.midi.messages import NOTE_ON as NOTE_ON_STATUS
from engine.midi.performance import Track, new_events
from engine.midi.tempo import HIGHEST_TEMPO_BPM, LOWEST_TEMPO_BPM, TempoMap
from engine.rt.layout import BY_ENSEMBLE, CONTROLLER, MOVED, NOTE_ON, PANICKED, RESULT, TRANSPORT
from engine.rt.layout import NOTE_OFF as NOTE_ENDED

MASTER, STEMS, MIDI, JOURNAL, DESCRIPTION = (
    "master.wav",
    "stems",
    "take.mid",
    "events.journal",
    "take.json",
)
JOURNAL_HEADER = b"RIPIENO1" + RESULT.itemsize.to_bytes(8, "little")
FORMAT = 1


class TakeError(RipienoError):
    """A take that cannot be read."""


@dataclass(frozen=True)
class TakePart:
    """A part as it is written into MIDI files."""

    name: str
    program: int = 0
    bank: int = 0
    channel: int = 1  # 1..16


@dataclass(frozen=True)
class TransportPoint:
    """What the clock said at a frame: `beat` is its position there and means nothing at rest."""

    frame: int
    tempo_bpm: float = 120.0
    beat: float = 0.0  # quarter notes since the transport's bar 1
    rolling: bool = False
    beats_per_bar: int = 4

    def __post_init__(self) -> None:
        if not LOWEST_TEMPO_BPM <= self.tempo_bpm <= HIGHEST_TEMPO_BPM:
            raise ValueError(
                f"tempo_bpm must be {LOWEST_TEMPO_BPM:g} to {HIGHEST_TEMPO_BPM:g}, "
                f"got {self.tempo_bpm!r}"
            )
        if not 1 <= self.beats_per_bar <= 64:
            raise ValueError(f"beats_per_bar must be 1 to 64, got {self.beats_per_bar!r}")


@dataclass
class TakeInfo:
    """What `take.json` holds; frames are the stream's own, `start_frame` is the take's first."""

    started: str  # local time, ISO 8601
    rate_hz: int
    start_frame: int
    ensembles: list[tuple[int, str, list[TakePart]]]  # from frame, name, parts
    transport: list[TransportPoint] = field(default_factory=lambda: [TransportPoint(0)])  # at first
    end_frame: int | None = None
    dropped_frames: int = 0
    delay_frames: list[int] = field(default_factory=list)
    """By how much the sound of the master, then of each part, lags behind the notes: chains of
    plugins, and waiting for them. As it was when the take began."""

    def save(self, folder: Path) -> None:
        """Write `take.json`, whole or not at all. OSError if that fails."""
        data = {
            "format": FORMAT,
            "started": self.started,
            "rate_hz": self.rate_hz,
            "start_frame": self.start_frame,
            "end_frame": self.end_frame,
            "dropped_frames": self.dropped_frames,
            "delay_frames": self.delay_frames,
            "transport": [vars(point) for point in self.transport],
            "ensembles": [
                {"frame": frame, "name": name, "parts": [vars(part) for part in parts]}
                for frame, name, parts in self.ensembles
            ],
        }
        part = folder / (DESCRIPTION + ".part")
        part.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(part, folder / DESCRIPTION)

    @classmethod
    def load(cls, folder: Path) -> TakeInfo:
        """Read `take.json`; TakeError if it is missing or not ours."""
        path = folder / DESCRIPTION
        try:
            data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if data["format"] != FORMAT:
                raise TakeError(f"{path}: format {data['format']}; this program reads {FORMAT}")
            return cls(
                started=str(data["started"]),
                rate_hz=int(data["rate_hz"]),
                start_frame=int(data["start_frame"]),
                ensembles=[
                    (int(e["frame"]), str(e["name"]), [TakePart(**part) for part in e["parts"]])
                    for e in data["ensembles"]
                ],
                transport=_transport(data),
                end_frame=data["end_frame"],
                dropped_frames=int(data["dropped_frames"]),
                delay_frames=[max(int(frames), 0) for frames in data.get("delay_frames", [])],
            )
        except OSError as error:
            raise TakeError(f"{path}: cannot be read: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise TakeError(f"{path}: not the description of a take: {error!r}") from error


@dataclass(frozen=True)
class Take:
    """One take, as listed."""

    folder: Path
    started: str
    seconds: float
    notes: int
    ensemble: str
    complete: bool  # has its MIDI file


def read_journal(folder: Path) -> np.ndarray:
    """The RESULT records of a take; one cut short at the end is left out. Raises TakeError."""
    path = folder / JOURNAL
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TakeError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not data.startswith(JOURNAL_HEADER):
        raise TakeError(f"{path}: not a journal of this version")
    records = len(data) - len(JOURNAL_HEADER)
    return np.frombuffer(data, RESULT, records // RESULT.itemsize, len(JOURNAL_HEADER))


def results_to_events(
    results: np.ndarray,
    rate_hz: int,
    start_frame: int = 0,
    end_frame: int | None = None,
    alone: Mapping[int, int] | None = None,
) -> np.ndarray:
    """EVENT records of what sounded: a track per part, seconds from `start_frame`. [any]

    A note that moved to another part is written where it ended up, from its beginning; one never
    ended ends at `end_frame`, or with the last record. `alone`: part -> the track of what the
    ensemble played in it by itself.
    """
    if end_frame is None:
        end_frame = int(results["frame"].max(initial=start_frame))
    notes: dict[int, list] = {}  # id -> [start, end, part, pitch, velocity, release]
    rows: list[tuple[float, bytes, int]] = []

    def seconds(frame: int) -> float:
        return max(frame - start_frame, 0) / rate_hz

    for record in results.tolist():
        frame, note, _, _, part, kind, a, b, c = record[:9]
        if kind == NOTE_ON:
            notes[note] = [frame, None, part, a, b, MIDDLE_VELOCITY, c == BY_ENSEMBLE]
        elif kind == NOTE_ENDED and note in notes:
            notes[note][1], notes[note][5] = frame, b
        elif kind == MOVED and note in notes:
            notes[note][2] = part
        elif kind == CONTROLLER:
            rows.append((seconds(frame), bytes((a & 0xF0, b, c)), part))
        elif kind == PANICKED:
            for open_note in notes.values():
                open_note[1] = frame if open_note[1] is None else open_note[1]
    for start, end, part, pitch, velocity, release, by_itself in notes.values():
        if alone and by_itself:
            part = alone[part]
        end = max(end_frame if end is None else end, start + 1)
        rows.append((seconds(start), bytes((NOTE_ON_STATUS, pitch, velocity)), part))
        rows.append((seconds(end), bytes((NOTE_OFF, pitch, release)), part))
    return new_events(rows)


def transport_point(record: tuple) -> TransportPoint:
    """What a record of kind TRANSPORT says, see `engine.rt.layout`. [any]"""
    frame, whole_beats, part_of_beat, tempo_bpm, _, _, flags, _, beats_per_bar = record[:9]
    return TransportPoint(
        frame,
        float(np.format_float_positional(np.float32(tempo_bpm))),  # as it was before it was packed
        whole_beats + part_of_beat / 2**30,
        bool(flags & 1),
        min(max(beats_per_bar, 1), 64),
    )


def transport_of(info: TakeInfo, results: np.ndarray) -> list[TransportPoint]:
    """What the clock said when a take began and whenever it changed. [any]"""
    changes = results[results["kind"] == TRANSPORT].tolist()
    return sorted([*info.transport, *map(transport_point, changes)], key=lambda point: point.frame)


def write_take_midi(folder: Path) -> Path:
    """Make `take.mid` of a take's journal and description. Raises RipienoError. [worker]"""
    info, results = TakeInfo.load(folder), read_journal(folder)
    rate_hz, start = info.rate_hz, info.start_frame
    programs = [
        (max(frame - start, 0) / rate_hz, number, part.bank, part.program)
        for frame, _, parts in info.ensembles[1:]
        for number, part in enumerate(parts)
    ]
    clock = transport_of(info, results)
    changes = [(max(at.frame - start, 0) / rate_hz, at.tempo_bpm) for at in clock]
    tracks = take_tracks(info)
    alone = {part: len(tracks) + place for place, part in enumerate(parts_alone(results))}
    programs += [
        (second, alone[n], bank, program) for second, n, bank, program in programs if n in alone
    ]
    return write_midi(
        folder / MIDI,
        with_ensemble(tracks, alone),
        results_to_events(results, rate_hz, start, info.end_frame, alone),
        TempoMap.from_seconds(changes),
        title=folder.name,
        programs=programs,
    )


def parts_alone(results: np.ndarray) -> list[int]:
    """The parts in which the ensemble played by itself. [any]"""
    begun = results[(results["kind"] == NOTE_ON) & (results["c"] == BY_ENSEMBLE)]
    moved = results[(results["kind"] == MOVED) & np.isin(results["note"], begun["note"])]
    return sorted({*begun["part"].tolist(), *moved["part"].tolist()})


def with_ensemble(tracks: Sequence[Track], parts: Iterable[int]) -> list[Track]:
    """The tracks, and behind them those of what the ensemble played by itself in parts. [any]"""
    alone = [replace(tracks[part], name=f"{tracks[part].name} (ensemble)") for part in parts]
    return [*tracks, *alone]


def recover_takes(
    takes_folder: Path, on_message: Callable[[str], None] = lambda sentence: None
) -> list[Path]:
    """Finish the takes whose program died; the folders finished. [main]

    Takes another program is recording at this moment are left alone. A take that cannot be read is
    told of in one sentence and left as it is.
    """
    finished: list[Path] = []
    for folder in _take_folders(takes_folder):
        if (folder / MIDI).exists() or not (folder / JOURNAL).exists() or in_use(folder):
            continue
        try:
            info, results = TakeInfo.load(folder), read_journal(folder)
            info.end_frame = found_end(folder, info, results)
            info.save(folder)
            write_take_midi(folder)
        except (RipienoError, OSError) as error:
            on_message(f"A take could not be recovered: {error}")
        else:
            finished.append(folder)
            on_message(f"Recovered the take {folder.name}, which had no orderly end.")
    return finished


def list_takes(takes_folder: Path) -> list[Take]:
    """The takes there are, newest first; folders that are no takes are passed over. [any]"""
    takes = []
    for folder in _take_folders(takes_folder):
        with contextlib.suppress(TakeError):
            info, results = TakeInfo.load(folder), read_journal(folder)
            end_frame = info.end_frame or int(results["frame"].max(initial=info.start_frame))
            takes.append(
                Take(
                    folder=folder,
                    started=info.started,
                    seconds=(end_frame - info.start_frame) / info.rate_hz,
                    notes=int(np.count_nonzero(results["kind"] == NOTE_ON)),
                    ensemble=info.ensembles[0][1] if info.ensembles else "",
                    complete=(folder / MIDI).exists(),
                )
            )
    return sorted(takes, key=lambda take: (take.started, take.folder.name), reverse=True)


def found_end(folder: Path, info: TakeInfo, results: np.ndarray) -> int:
    """The frame a take ends at; for one that had no orderly end, where its files end. [any]"""
    if info.end_frame is not None:
        return info.end_frame
    last_frame = int(results["frame"].max(initial=info.start_frame))
    return max(last_frame, info.start_frame + _wave_frames(folder / MASTER))


def lock_journal(descriptor: int) -> bool:
    """Mark an open journal as in use until it is closed; False if another program has. [any]"""
    try:
        fcntl: Any = importlib.import_module("fcntl")
    except ImportError:  # Windows: nobody else can be told
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def in_use(folder: Path) -> bool:
    with (folder / JOURNAL).open("rb") as journal:
        return not lock_journal(journal.fileno())


def _take_folders(takes_folder: Path) -> list[Path]:
    if not takes_folder.is_dir():
        return []
    return sorted(path.parent for path in takes_folder.glob(f"*/{DESCRIPTION}"))


def take_tracks(info: TakeInfo) -> Sequence[Track]:
    """A track per part of the largest ensemble; its name has the names of all that played it.

    [any]
    """
    tracks = []
    for number in range(max((len(parts) for _, _, parts in info.ensembles), default=0)):
        played = [parts[number] for _, _, parts in info.ensembles if number < len(parts)]
        name = ", ".join(dict.fromkeys(part.name for part in played))
        part = played[0]
        tracks.append(Track(name, part.program, part.bank, part.channel))
    return tracks


def _transport(data: dict[str, Any]) -> list[TransportPoint]:
    """The points of the clock; takes of earlier versions know the tempo alone."""
    if "transport" not in data:
        return [TransportPoint(int(p["frame"]), float(p["tempo_bpm"])) for p in data["tempos"]]
    return [
        TransportPoint(
            int(point["frame"]),
            float(point["tempo_bpm"]),
            float(point["beat"]),
            bool(point["rolling"]),
            int(point["beats_per_bar"]),
        )
        for point in data["transport"]
    ]


def _wave_frames(path: Path) -> int:
    try:
        return soundfile.info(str(path)).frames
    except soundfile.SoundFileError:
        return 0
