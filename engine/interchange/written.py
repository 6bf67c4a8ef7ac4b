"""A score as it is written, in beats, and the performance it makes: for readers of scores. [any]

Readers gather into a `Written`; `performance` turns beats into seconds, gives every track what is
its own and refuses what no player could make sense of.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from engine.errors import RipienoError
from engine.midi.files import LONGEST_SECONDS, MOST_EVENTS
from engine.midi.messages import MIDDLE_VELOCITY
from engine.midi.performance import (
    NOTE,
    Performance,
    Track,
    in_playing_order,
    new_events,
    note_events,
    track_bit,
)
from engine.midi.tempo import HIGHEST_TEMPO_BPM, LOWEST_TEMPO_BPM, TempoMap

HIGHEST_BEAT = LONGEST_SECONDS / 60.0 * 1000.0  # beyond what lasts six hours at any usual tempo


class ScoreError(RipienoError):
    """A score that cannot be read."""


@dataclass
class WrittenNote:
    """A note of a track; `velocity` 1..127."""

    start_beat: float
    end_beat: float
    pitch: int
    velocity: int
    track: int
    release: int = MIDDLE_VELOCITY


@dataclass
class Written:
    """What a reader found; `controls` are (beat, message, track), `tempos` (beat, bpm)."""

    path: Path
    tracks: list[Track] = field(default_factory=list)
    notes: list[WrittenNote] = field(default_factory=list)
    controls: list[tuple[float, bytes, int]] = field(default_factory=list)
    tempos: list[tuple[float, float]] = field(default_factory=list)
    signatures: dict[float, tuple[int, int]] = field(default_factory=dict)
    keys: dict[float, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def tempo_map(self) -> TempoMap:
        """The tempos there are; those no file can hold are passed over. [any]"""
        changes = [
            (beat, 60.0 / bpm)
            for beat, bpm in sorted(self.tempos, key=lambda change: change[0])
            if LOWEST_TEMPO_BPM <= bpm <= HIGHEST_TEMPO_BPM and 0.0 <= beat < HIGHEST_BEAT
        ]
        return TempoMap.from_beats(changes)

    def performance(self) -> Performance:
        """The score as it is played. ScoreError if it has no notes or too many. [any]"""
        path, notes = self.path, self.notes
        if not notes:
            raise ScoreError(f"{path}: there are no notes in it")
        if 2 * len(notes) + len(self.controls) > MOST_EVENTS:
            raise ScoreError(f"{path}: more than {MOST_EVENTS} events, the most we read")
        tempo = self.tempo_map()
        last_beat = max(note.end_beat for note in notes)
        if last_beat > HIGHEST_BEAT or tempo.second_at(last_beat) > LONGEST_SECONDS:
            raise ScoreError(
                f"{path}: longer than {LONGEST_SECONDS / 3600:g} hours, the most we read"
            )
        used = sorted({note.track for note in notes})
        place = {track: number for number, track in enumerate(used)}
        tracks = tuple(self.tracks[track] for track in used)
        rows = np.zeros(len(notes), NOTE)
        rows["start_seconds"] = tempo.to_seconds([note.start_beat for note in notes])
        rows["end_seconds"] = tempo.to_seconds([note.end_beat for note in notes])
        rows["track"] = [place[note.track] for note in notes]
        rows["channel"] = np.array([track.channel for track in tracks])[rows["track"]]
        rows["tracks"] = track_bit(rows["track"])
        for name in ("pitch", "velocity", "release"):
            rows[name] = [getattr(note, name) for note in notes]
        controls = [
            (tempo.second_at(beat), self._on_channel(message, track), place[track])
            for beat, message, track in self.controls
            if track in place and 0.0 <= beat <= last_beat
        ]
        return Performance(
            path.stem,
            in_playing_order(np.concatenate([note_events(rows), new_events(controls)])),
            tracks,
            tempo,
            time_signatures=self._time_signatures(),
            key_signatures=tuple(sorted(self.keys.items())),
            remarks=tuple(self.remarks),
        )

    def _on_channel(self, message: bytes, track: int) -> bytes:
        return bytes((message[0] & 0xF0 | self.tracks[track].channel - 1, *message[1:]))

    def _time_signatures(self) -> tuple[tuple[float, int, int], ...]:
        """The legal ones that change something."""
        tidy = {0.0: (4, 4)}
        for beat, (upper, lower) in sorted(self.signatures.items()):
            legal = 1 <= upper <= 255 and lower in (1, 2, 4, 8, 16, 32, 64)
            if legal and (beat == 0.0 or list(tidy.values())[-1] != (upper, lower)):
                tidy[beat] = (upper, lower)
        return tuple((beat, *figures) for beat, figures in tidy.items())


def without_channel(written: Written, track: int, channel: int) -> None:
    """Give a track another channel, 1..16. [any]"""
    written.tracks[track] = replace(written.tracks[track], channel=channel)
