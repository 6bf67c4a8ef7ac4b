"""Part separation of a whole file: the live path, unheard, as fast as it goes.

`arrange` and the demo's accuracy figures come from here. It is the engine itself, fed the same
messages at the same frames, so a file is separated exactly as it would be when played. [main]
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.ensembles import Ensemble
from engine.midi.messages import MIDDLE_VELOCITY, NOTE_OFF, NOTE_ON
from engine.midi.performance import (
    Performance,
    Track,
    in_playing_order,
    merged_to_keyboard,
    new_events,
)
from engine.notes import Note, NoteLog
from engine.offline import keyboard_feeder, new_engine, play_offline

RATE_HZ = 48000
AFTER_S = 0.1


@dataclass(frozen=True)
class Arrangement:
    """A file for an ensemble: `events` of `tracks`, a track a part, at the source's own times."""

    tracks: tuple[Track, ...]
    events: np.ndarray
    notes_in_part: tuple[int, ...]
    remarks: tuple[str, ...]


def separate(
    keyboard: Performance, ensemble: Ensemble, chord_window_ms: float | None = None
) -> list[Note]:
    """The notes of a keyboard performance with the part each was given, by onset. [main]"""
    engine = silent_engine(ensemble, chord_window_ms)
    log = NoteLog()
    try:
        feeder = keyboard_feeder(engine, keyboard)
        play_offline(engine, [feeder], lambda _, results: log.add(results), tail_s=AFTER_S)
    finally:
        engine.close()
    log.end_all(engine.frame)
    return log.notes


def silent_engine(ensemble: Ensemble, chord_window_ms: float | None = None) -> Any:
    """An engine to decide, not to be heard: it takes the SoundFont that loads fastest. [main]"""
    from engine.soundfonts import bundled_soundfont

    soundfont = ensemble.soundfont_path or bundled_soundfont()
    return new_engine(ensemble, RATE_HZ, chord_window_ms, soundfont)


def arrange(
    performance: Performance, ensemble: Ensemble, chord_window_ms: float | None = None
) -> Arrangement:
    """Give every note of a file to a part of the ensemble; nothing else of it changes.

    Notes of a pitch that several tracks strike together are one key, hence one note. Pedals and
    the like go to every part. Parts that double another have its notes too. [main]
    """
    keyboard = merged_to_keyboard(performance)
    chosen = parts_of_notes(keyboard, separate(keyboard, _for_a_file(ensemble), chord_window_ms))
    return arranged(keyboard, ensemble, chosen)


def arranged(keyboard: Performance, ensemble: Ensemble, chosen: list[int]) -> Arrangement:
    """The arrangement in which the part `chosen[n]` plays the n-th of keyboard.notes(). [any]"""
    parts: list[int] = []
    rows: list[tuple[float, bytes, int]] = []
    for note, first in zip(keyboard.notes().tolist(), chosen, strict=True):
        start_s, end_s, written, velocity, release = note[:5]
        for part, pitch in [(first, written), *doubles_of(ensemble, first, written)]:
            rows.append((start_s, bytes((NOTE_ON, pitch, velocity)), part))
            rows.append((end_s, bytes((NOTE_OFF, pitch, release or MIDDLE_VELOCITY)), part))
            parts.append(part)
    for event, message in zip(keyboard.events, keyboard.messages(), strict=True):
        if event["status"] & 0xF0 not in (NOTE_ON, NOTE_OFF):
            seconds = float(event["seconds"])
            rows += [(seconds, message, part) for part in range(len(ensemble.parts))]
    return Arrangement(
        tracks=part_tracks(ensemble),
        events=in_playing_order(new_events(rows)),
        notes_in_part=tuple(parts.count(part) for part in range(len(ensemble.parts))),
        remarks=keyboard.remarks,
    )


def _for_a_file(ensemble: Ensemble) -> Ensemble:
    """The ensemble without what is meant for a player's hands: a file's notes all sound."""
    parts = (dataclasses.replace(p, keyswitch=-1, pin_channel=0) for p in ensemble.parts)
    return dataclasses.replace(ensemble, parts=tuple(parts))


def doubles_of(ensemble: Ensemble, part: int, pitch: int) -> list[tuple[int, int]]:
    """The parts, from 0, and keys that double a part's note, as engine.rt.doubling does. [any]"""
    found = []
    for number, other in enumerate(ensemble.parts):
        key = pitch + 12 * other.double_octaves
        itself = (number, key) == (part, pitch)
        wanted = other.playing and other.doubles == part + 1 and not itself
        if wanted and other.low <= key <= other.high:
            found.append((number, key))
    return found


def part_tracks(ensemble: Ensemble) -> tuple[Track, ...]:
    """The ensemble's parts as tracks of a MIDI file. [any]"""
    return tuple(
        Track(part.name, part.program, part.bank, part.midi_channel) for part in ensemble.parts
    )


def parts_of_notes(keyboard: Performance, separated: list[Note]) -> list[int]:
    """The part of each of `keyboard.notes()`: the n-th note of a pitch is the n-th that sounded.

    A note the engine had no room for goes where the one before it on its pitch went. [any]
    """
    by_pitch: dict[int, list[Note]] = {}
    struck = [note for note in separated if note.how != "doubling"]
    for note in sorted(struck, key=lambda note: note.note):
        by_pitch.setdefault(note.pitch, []).append(note)
    parts: list[int] = []
    for pitch in keyboard.notes()["pitch"].tolist():
        queue = by_pitch.get(pitch, [])
        parts.append(queue[0].part if queue else 0)
        if len(queue) > 1:
            queue.pop(0)
    return parts


def tracks_are_parts(performance: Performance, ensemble: Ensemble) -> bool:
    """Whether the tracks bear the names of the ensemble's parts, as `arrange` writes. [any]"""
    names = [part.name.casefold() for part in ensemble.parts]
    return all(track.name.casefold() in names for track in performance.tracks)
