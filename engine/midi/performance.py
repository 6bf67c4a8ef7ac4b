"""A performance: timed channel messages with their tracks, as read from a file or to be written.

Pure values and pure functions [any]. Files fill it, the player plays it, `demo` and `arrange`
reduce it to what one keyboard can play.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engine.midi.messages import (
    CONTROL_CHANGE,
    DATA_BYTES,
    MIDDLE_VELOCITY,
    NOTE_OFF,
    NOTE_ON,
    PITCH_BEND,
)
from engine.midi.tempo import TempoMap

DRUM_CHANNEL = 10  # of 1..16
UNISON_SECONDS = 0.045  # one key struck for two voices: notes of a pitch that start this close
SHORTEST_SECONDS = 0.001  # a note's off never falls together with its on
EVENT = np.dtype(
    [
        ("seconds", "f8"),
        ("status", "u1"),
        ("a", "u1"),
        ("b", "u1"),
        ("track", "i2"),  # index into Performance.tracks
        ("tracks", "u8"),  # bit n: the note stands in track n (after merging: in all of these)
    ]
)
NOTE = np.dtype(
    [
        ("start_seconds", "f8"),
        ("end_seconds", "f8"),
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("release", "u1"),
        ("channel", "u1"),  # 1..16
        ("track", "i2"),
        ("tracks", "u8"),
    ]
)


@dataclass(frozen=True)
class Track:
    """One line of a file: a track, or one channel of a track that holds several."""

    name: str
    program: int = 0  # General MIDI, 0..127
    bank: int = 0
    channel: int = 1  # 1..16

    @property
    def drums(self) -> bool:
        """Whether its keys are drums, not pitches."""
        return self.channel == DRUM_CHANNEL


@dataclass(frozen=True)
class Performance:
    """`events` (n,) of EVENT by rising seconds: notes, controllers, bends and pressure.

    Programs and banks are facts of the tracks, not events. `remarks` says in sentences what was
    left out or mended on the way here.
    """

    name: str
    events: np.ndarray
    tracks: tuple[Track, ...]
    tempo: TempoMap = field(default_factory=TempoMap)
    time_signatures: tuple[tuple[float, int, int], ...] = ((0.0, 4, 4),)  # beat, upper, lower
    key_signatures: tuple[tuple[float, str], ...] = ()  # beat, name such as "Eb" or "F#m"
    remarks: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """When the last event happens."""
        return float(self.events["seconds"][-1]) if len(self.events) else 0.0

    def messages(self) -> list[bytes]:
        """The complete MIDI message of every event."""
        return [
            bytes((status, a, b)[: 1 + DATA_BYTES[status]])
            for status, a, b in zip(
                self.events["status"].tolist(),
                self.events["a"].tolist(),
                self.events["b"].tolist(),
                strict=True,
            )
        ]

    def notes(self) -> np.ndarray:
        """The notes (n,) of NOTE by start; one that is never ended ends with the performance."""
        return paired_notes(self.events, self.seconds)


def paired_notes(events: np.ndarray, end_seconds: float) -> np.ndarray:
    """Pair ons and offs of each track, channel and pitch, first on with first off. [any]"""
    notes: list[tuple] = []
    open_notes: dict[tuple[int, int, int], list[int]] = {}
    for seconds, status, pitch, velocity, track, tracks in events.tolist():
        kind, channel = status & 0xF0, (status & 0x0F) + 1
        waiting = open_notes.setdefault((track, channel, pitch), [])
        if kind == NOTE_ON and velocity > 0:
            waiting.append(len(notes))
            notes.append(
                (seconds, end_seconds, pitch, velocity, MIDDLE_VELOCITY, channel, track, tracks)
            )
        elif kind in (NOTE_ON, NOTE_OFF) and waiting:
            begun = notes[waiting[0]]
            release = velocity if kind == NOTE_OFF else MIDDLE_VELOCITY
            notes[waiting.pop(0)] = (begun[0], seconds, *begun[2:4], release, *begun[5:])
    return np.array(notes, NOTE)


def note_events(notes: np.ndarray) -> np.ndarray:
    """The ons and offs of `notes` as EVENT records in playing order, no off at its on. [any]"""
    events = np.zeros(2 * len(notes), EVENT)
    ons, offs = events[: len(notes)], events[len(notes) :]
    ons["seconds"] = notes["start_seconds"]
    offs["seconds"] = np.maximum(notes["end_seconds"], ons["seconds"] + SHORTEST_SECONDS)
    ons["status"], offs["status"] = NOTE_ON + notes["channel"] - 1, NOTE_OFF + notes["channel"] - 1
    ons["b"], offs["b"] = notes["velocity"], notes["release"]
    for half in (ons, offs):
        half["a"], half["track"], half["tracks"] = notes["pitch"], notes["track"], notes["tracks"]
    return in_playing_order(events)


def in_playing_order(events: np.ndarray) -> np.ndarray:
    """By seconds; at one moment note-offs first, then controllers, then note-ons. [any]"""
    kind = events["status"] & 0xF0
    rank = np.where(kind == NOTE_OFF, 0, np.where(kind == NOTE_ON, 2, 1))
    return events[np.lexsort((rank, events["seconds"]))]


def without_drums(performance: Performance) -> Performance:
    """The performance without its drum tracks, and a remark if there were any. [any]"""
    drums = np.array([track.drums for track in performance.tracks] + [False])
    is_drum = drums[performance.events["track"]]
    struck = int(np.count_nonzero(is_drum & (performance.events["status"] & 0xF0 == NOTE_ON)))
    if not is_drum.any():
        return performance
    remark = f"{performance.name}: {struck} drum notes (channel {DRUM_CHANNEL}) are left out."
    return replace(
        performance,
        events=performance.events[~is_drum],
        remarks=(*performance.remarks, remark),
    )


def merged_to_keyboard(performance: Performance) -> Performance:
    """What one keyboard would play of this: everything on channel 1, drums left out. [any]

    A key sounds once at a time: notes of a pitch that start together are one note (its `tracks` has
    the bit of each track that had it), a later one strikes the key again. Pedal, bend and the like
    are kept only when all tracks play the same instrument, as the two hands of a piano do.
    """
    pitched = without_drums(performance)
    notes = np.sort(pitched.notes(), order=["start_seconds", "pitch"])
    events = note_events(_one_key_each(notes))
    programs = {pitched.tracks[track].program for track in np.unique(notes["track"]).tolist()}
    if len(programs) == 1:
        kind = pitched.events["status"] & 0xF0
        gestures = pitched.events[(kind >= CONTROL_CHANGE) & (kind <= PITCH_BEND)].copy()
        gestures["status"] &= 0xF0
        events = in_playing_order(np.concatenate([events, gestures]))
    return replace(pitched, events=events)


def _one_key_each(notes: np.ndarray) -> np.ndarray:
    kept: list[int] = []
    last_of_pitch: dict[int, int] = {}
    notes = notes.copy()
    notes["channel"] = 1
    for index, note in enumerate(notes):
        last = last_of_pitch.get(int(note["pitch"]))
        if last is not None and note["start_seconds"] < notes["end_seconds"][last]:
            if note["start_seconds"] - notes["start_seconds"][last] <= UNISON_SECONDS:
                notes["tracks"][last] |= note["tracks"]
                notes["end_seconds"][last] = max(notes["end_seconds"][last], note["end_seconds"])
                notes["velocity"][last] = max(notes["velocity"][last], note["velocity"])
                continue
            notes["end_seconds"][last] = note["start_seconds"]
        last_of_pitch[int(note["pitch"])] = index
        kept.append(index)
    return notes[kept]


def new_events(rows: Sequence[tuple[float, bytes, int]]) -> np.ndarray:
    """EVENT records of (seconds, message, track). [any]"""
    events = np.array(
        [(seconds, *(*message, 0)[:3], track, 0) for seconds, message, track in rows], EVENT
    )
    events["tracks"] = track_bit(events["track"])
    return events


def track_bit(track: np.ndarray) -> np.ndarray:
    """The bit of each track number in a `tracks` mask; tracks from 63 on share the last. [any]"""
    return np.uint64(1) << np.minimum(track, 63).astype(np.uint64)
