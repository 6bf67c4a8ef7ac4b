"""MIDI files: reading one to a performance, writing a multitrack file a DAW takes. [any]

Reading trusts nothing: size, length and number of events have limits, and whatever the file library
trips over becomes one sentence that names the file. Writing is atomic: the file is complete or not
there.
"""

import io
import itertools
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
from mido.midifiles.meta import KeySignatureError

from engine.errors import RipienoError
from engine.midi.messages import (
    CONTROL_CHANGE,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM_CHANGE,
    is_channel_message,
    normalised,
)
from engine.midi.performance import (
    Performance,
    Track,
    in_playing_order,
    new_events,
    note_events,
    paired_notes,
)
from engine.midi.tempo import TempoMap

LARGEST_FILE_BYTES = 4 * 1024 * 1024
MOST_EVENTS = 1_000_000
LONGEST_SECONDS = 6 * 3600.0
TICKS_PER_BEAT = 960
SLOWEST_TEMPO_US = 0xFFFFFF  # microseconds a beat, 24 bits
BANK_SELECT, BANK_SELECT_LOW, CHANNEL_MODE = 0, 32, 120  # controllers that are not playing
SMPTE_FRAMES = (24, 25, 29, 30)

Line = tuple[int, int]  # track of the file from 0, channel 1..16
Signature = tuple[float, int, int]  # beat, upper and lower figure
LAST_TICK = 1 << 60  # far beyond the longest file at any tempo
NUMBER_WITHOUT_END = re.compile(rb"[\x80-\xff]{4096}")  # would take the library minutes to add up
KEY_SIGNATURE = re.compile(rb"\xff\x59\x02..", re.DOTALL)


class MidiFileError(RipienoError):
    """A MIDI file that cannot be read or written."""


def read_midi(path: str | Path) -> Performance:
    """Read a type 0 or 1 file; each track (each channel of a track with several) is one Track.

    Hanging notes end with the file, notes of no length get a millisecond. Raises MidiFileError for
    what is no MIDI file, damaged, without notes, or beyond the limits above. [any]
    """
    path = Path(path)
    file = _parsed(path)
    ticks_per_beat, has_tempo = _division(path, file.ticks_per_beat)
    rows: list[tuple[float, bytes, Line]] = []
    names: dict[int, str] = {}
    tempos: list[tuple[float, float]] = []
    signatures: list[Signature] = []
    keys: list[tuple[float, str]] = []
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick = min(tick + message.time, LAST_TICK)
            beat = tick / ticks_per_beat
            if message.type == "track_name":
                names.setdefault(number, _decoded(message.name))
            elif message.type == "set_tempo" and has_tempo:
                tempos.append((beat, max(1, message.tempo) / 1e6))
            elif message.type == "time_signature":
                signatures.append((beat, message.numerator, message.denominator))
            elif message.type == "key_signature":
                keys.append((beat, message.key))
            elif not message.is_meta and is_channel_message(data := bytes(message.bytes())):
                rows.append((beat, normalised(data), (number, message.channel + 1)))
    tempo = TempoMap.from_beats(sorted(tempos, key=lambda change: change[0]))
    return replace(
        _performance(path, rows, names, tempo),
        time_signatures=_tidy(signatures),
        key_signatures=tuple(sorted(dict(keys).items())),
    )


def write_midi(
    path: str | Path,
    tracks: Sequence[Track],
    events: np.ndarray,
    tempo: TempoMap | None = None,
    *,
    time_signatures: Iterable[Signature] = ((0.0, 4, 4),),
    key_signatures: Iterable[tuple[float, str]] = (),
    title: str = "",
    programs: Iterable[tuple[float, int, int, int]] = (),
    markers: Iterable[tuple[float, str]] = (),
) -> Path:
    """Write type 1: a track of tempos and signatures, then one per Track with name and program.

    `events` (n,) of EVENT; an event goes to the track its `track` names, on that track's channel.
    `programs` are later changes: (seconds, track, bank, program); `markers` (beat, name). Raises
    MidiFileError when the file cannot be written. [any]
    """
    path = Path(path)
    written_tempo = _whole_microseconds(tempo or TempoMap())
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    conductor = _conductor_track(written_tempo, time_signatures, key_signatures, title, markers)
    file.tracks.append(conductor)
    ordered = in_playing_order(events)
    beats = written_tempo.to_beats(ordered["seconds"])
    changes = [(float(written_tempo.to_beats(change[0])), *change[1:]) for change in programs]
    for number, track in enumerate(tracks):
        own = ordered["track"] == number
        rows = _program_rows(0.0, track.bank, track.program)
        for beat, _, bank, program in (change for change in changes if change[1] == number):
            rows += _program_rows(beat, bank, program)
        messages = Performance("", ordered[own], ()).messages()
        rows += zip(beats[own].tolist(), messages, strict=True)
        file.tracks.append(_part_track(track, rows))
    data = io.BytesIO()
    file.save(file=data)
    _replace(path, data.getvalue())
    return path


def _parsed(path: Path) -> mido.MidiFile:
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise MidiFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > LARGEST_FILE_BYTES:
        raise MidiFileError(f"{path}: larger than {LARGEST_FILE_BYTES >> 20} MiB, the most we read")
    if not data.startswith(b"MThd"):
        what = "it does not begin with MThd" if data else "it is empty"
        raise MidiFileError(f"{path}: not a MIDI file, {what}")
    if NUMBER_WITHOUT_END.search(data):
        raise MidiFileError(f"{path}: damaged MIDI file: a number in it has no end")
    try:
        try:
            file = mido.MidiFile(file=io.BytesIO(data), clip=True)
        except KeySignatureError:  # a key that is none is no reason to refuse the music
            c_major = KEY_SIGNATURE.sub(b"\xff\x59\x02\x00\x00", data)
            file = mido.MidiFile(file=io.BytesIO(c_major), clip=True)
    except Exception as error:  # the library lets through whatever broken bytes provoke
        what = str(error) or "it ends too early"
        raise MidiFileError(f"{path}: damaged MIDI file: {what}") from error
    if file.type not in (0, 1):
        raise MidiFileError(f"{path}: MIDI file type {file.type}; types 0 and 1 can be read")
    if sum(map(len, file.tracks)) > MOST_EVENTS:
        raise MidiFileError(f"{path}: more than {MOST_EVENTS} events, the most we read")
    return file


def _division(path: Path, division: int) -> tuple[float, bool]:
    """Ticks a beat, and whether tempos apply: SMPTE ticks are seconds, counted at 120 bpm."""
    frames, ticks = -(division >> 8), division & 0xFF
    if division > 0:
        return float(division), True
    if division == 0 or frames not in SMPTE_FRAMES or ticks == 0:
        raise MidiFileError(
            f"{path}: the time division is 0x{division & 0xFFFF:04x}; it must be 1 to 32767 ticks "
            f"a quarter note or {SMPTE_FRAMES} frames a second"
        )
    frames_per_second = 30_000 / 1_001 if frames == 29 else frames
    return frames_per_second * ticks / 2, False


def _performance(
    path: Path,
    rows: list[tuple[float, bytes, Line]],
    names: dict[int, str],
    tempo: TempoMap,
) -> Performance:
    """Clean rows of all tracks to paired notes and controllers on the lines that have notes."""
    rows.sort(key=lambda row: row[0])
    lines = sorted({line for _, message, line in rows if message[0] & 0xF0 == NOTE_ON})
    if not lines:
        raise MidiFileError(f"{path}: there are no notes in it")
    place: dict[Line, int] = {}
    for number, line in enumerate(lines):
        place.setdefault((-1, line[1]), number)  # where a channel's stray controllers go
        place[line] = number
    seconds = tempo.to_seconds([beat for beat, _, _ in rows])
    if float(seconds[-1]) > LONGEST_SECONDS:
        raise MidiFileError(
            f"{path}: longer than {LONGEST_SECONDS / 3600:g} hours, the most we read"
        )
    timed: list[tuple[float, bytes, int]] = []
    sounds: dict[int, dict[str, int]] = {number: {} for number in range(len(lines))}
    for second, (_, message, line) in zip(seconds.tolist(), rows, strict=True):
        number = place.get(line, place.get((-1, line[1])))
        if number is None:
            continue
        kind, controller = message[0] & 0xF0, message[1]
        if kind == PROGRAM_CHANGE:
            sounds[number].setdefault("program", controller)
        elif kind == CONTROL_CHANGE and controller == BANK_SELECT:
            sounds[number].setdefault("bank", message[2])
        elif kind != CONTROL_CHANGE or not _is_not_playing(controller):
            timed.append((second, message, number))
    tracks = tuple(
        Track(_line_name(line, lines, names), channel=line[1], **sounds[number])
        for number, line in enumerate(lines)
    )
    events = new_events(timed)
    kind = events["status"] & 0xF0
    is_note = (kind == NOTE_ON) | (kind == NOTE_OFF)
    notes = paired_notes(events[is_note], float(seconds[-1]))
    events = in_playing_order(np.concatenate([note_events(notes), events[~is_note]]))
    return Performance(path.stem, events, tracks, tempo)


def _is_not_playing(controller: int) -> bool:
    return controller in (BANK_SELECT, BANK_SELECT_LOW) or controller >= CHANNEL_MODE


def _line_name(line: Line, lines: list[Line], names: dict[int, str]) -> str:
    name = names.get(line[0], "").strip()
    alone = sum(other[0] == line[0] for other in lines) == 1
    if alone and name:
        return name
    return f"{name or 'Track'} {line[0] + 1 if alone else line[1]}"


def _tidy(signatures: list[Signature]) -> tuple[Signature, ...]:
    """Legal ones by rising beat, one a place, 4/4 where the file says nothing."""
    tidy = {0.0: (4, 4)}
    for beat, upper, lower in sorted(signatures):
        if 1 <= upper <= 255 and lower <= 64:
            tidy[beat] = (upper, lower)
    return tuple((beat, *figures) for beat, figures in tidy.items())


def _decoded(name: str) -> str:
    """The library reads Latin-1; most files are UTF-8."""
    try:
        return name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return name


def _encoded(name: str) -> str:
    return name.encode("utf-8").decode("latin-1")


def _whole_microseconds(tempo: TempoMap) -> TempoMap:
    """The tempo map a file can hold, changes at the same seconds."""
    beats = [0.0]
    rates = [
        min(max(round(rate * 1e6), 1), SLOWEST_TEMPO_US) / 1e6 for rate in tempo.seconds_per_beat
    ]
    for rate, (start, end) in zip(rates, itertools.pairwise(tempo.seconds), strict=False):
        beats.append(beats[-1] + (end - start) / rate)
    return TempoMap(tuple(beats), tempo.seconds, tuple(rates))


def _conductor_track(
    tempo: TempoMap,
    signatures: Iterable[Signature],
    keys: Iterable[tuple[float, str]],
    title: str,
    markers: Iterable[tuple[float, str]],
) -> mido.MidiTrack:
    rows: list[tuple[float, mido.MetaMessage]] = []
    for beat, upper, lower in signatures:
        rows.append((beat, mido.MetaMessage("time_signature", numerator=upper, denominator=lower)))
    for beat, key in keys:
        rows.append((beat, mido.MetaMessage("key_signature", key=key)))
    for beat, rate in zip(tempo.beats, tempo.seconds_per_beat, strict=True):
        rows.append((beat, mido.MetaMessage("set_tempo", tempo=round(rate * 1e6))))
    for beat, name in markers:
        rows.append((beat, mido.MetaMessage("marker", text=_encoded(name))))
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=_encoded(title))])
    track += _with_deltas(sorted(rows, key=lambda row: row[0]))
    return track


def _program_rows(beat: float, bank: int, program: int) -> list[tuple[float, bytes]]:
    select = [(beat, bytes((CONTROL_CHANGE, BANK_SELECT, min(bank, 127))))] if bank else []
    return [*select, (beat, bytes((PROGRAM_CHANGE, program)))]


def _part_track(track: Track, rows: list[tuple[float, bytes]]) -> mido.MidiTrack:
    channel = track.channel - 1
    messages = [
        (beat, mido.Message.from_bytes(bytes((data[0] & 0xF0 | channel, *data[1:]))))
        for beat, data in sorted(rows, key=lambda row: row[0])
    ]
    name = mido.MetaMessage("track_name", name=_encoded(track.name))
    return mido.MidiTrack([name, *_with_deltas(messages)])


def _with_deltas(rows: Sequence[tuple[float, mido.Message | mido.MetaMessage]]) -> list:
    ticks = [round(beat * TICKS_PER_BEAT) for beat, _ in rows]
    deltas = [b - a for a, b in itertools.pairwise([0, *ticks])]
    return [message.copy(time=delta) for (_, message), delta in zip(rows, deltas, strict=True)]


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise MidiFileError(f"{path}: cannot be written: {error.strerror or error}") from error
