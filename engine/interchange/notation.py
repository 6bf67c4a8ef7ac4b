"""From notes in beats to what a staff holds: steps, voices, bars, note values, clefs. [any]

Pure functions, for writers of scores. A step is a 24th of a quarter note. Every quarter is read in
twos (down to 32nds) or in threes (down to sixteenths of a triplet), as its onsets are nearer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STEPS = 24  # a quarter
IN_TWOS, IN_THREES = 3, 4  # the shortest notes, in steps
VOICES = 4
VALUES = ((96, "whole"), (48, "half"), (24, "quarter"), (12, "eighth"), (6, "16th"), (3, "32nd"))
TRIPLETS = ((16, "quarter"), (8, "eighth"), (4, "16th"))
SHARPS = ("F", "C", "G", "D", "A", "E", "B")
VIOLA = 41


@dataclass(frozen=True)
class Sound:
    """A note on the staff, in steps from the beginning."""

    start: int
    end: int
    pitch: int
    velocity: int = 80


@dataclass(frozen=True)
class Value:
    """A written length: so many steps, a note's name, its dots, whether it is of a triplet."""

    steps: int
    name: str
    dots: int = 0
    triplet: bool = False


@dataclass(frozen=True)
class Bar:
    """A measure: its steps and, where they change, its meter."""

    start: int
    end: int
    meter: tuple[int, int] | None = None


def on_staff(beats: np.ndarray, ends: np.ndarray, pitch: np.ndarray, velocity: np.ndarray):
    """The sounds of notes given in beats, sorted, each at least one shortest note long. [any]"""
    threes = _quarters_in_threes(np.maximum(beats, 0.0))
    sounds = set()
    rows = zip(beats.tolist(), ends.tolist(), pitch.tolist(), velocity.tolist(), strict=True)
    for beat, end_beat, key, struck in rows:
        start = _snapped(max(beat, 0.0), threes)
        end = max(_snapped(max(end_beat, 0.0), threes), _next_place(start, threes))
        sounds.add(Sound(start, end, int(key), int(struck)))
    return sorted(sounds, key=lambda sound: (sound.start, sound.end, sound.pitch))


def _quarters_in_threes(beats: np.ndarray) -> set[int]:
    """The quarters whose onsets lie nearer to thirds than to eighths of them."""
    off: dict[int, list[float]] = {}
    for beat in beats.tolist():
        at = beat * STEPS
        quarter = int((at + 1.0) // STEPS)
        errors = off.setdefault(quarter, [0.0, 0.0])
        for place, unit in enumerate((IN_TWOS, IN_THREES)):
            errors[place] += abs(at - round(at / unit) * unit)
    return {quarter for quarter, (twos, threes) in off.items() if threes < twos - 0.25}


def _snapped(beat: float, threes: set[int]) -> int:
    at = beat * STEPS
    unit = IN_THREES if int((at + 1.0) // STEPS) in threes else IN_TWOS
    return round(at / unit) * unit


def _next_place(start: int, threes: set[int]) -> int:
    return start + (IN_THREES if start // STEPS in threes else IN_TWOS)


def bars(signatures: Sequence[tuple[float, int, int]], end: int) -> list[Bar]:
    """The measures up to `end` steps; a meter that changes within one cuts it short. [any]"""
    changes = {round(beat * STEPS): (upper, lower) for beat, upper, lower in signatures}
    places = sorted(place for place in changes if place > 0)
    meter = changes.get(0, (4, 4))
    found: list[Bar] = []
    start, told = 0, False
    while start < end or not found:
        if start in changes:
            meter, told = changes[start], False
        length = max(4 * STEPS * meter[0] // meter[1], IN_TWOS)
        following = next((place for place in places if start < place < start + length), None)
        stop = start + length if following is None else following
        found.append(Bar(start, stop, None if told else meter))
        start, told = stop, True
    return found


def voices_of(sounds: Sequence[Sound]) -> list[list[list[Sound]]]:
    """Chords of sounds shared among voices, in each one after the other, VOICES at most. [any]

    Where more overlap, the one that ends first is cut short.
    """
    chords: dict[tuple[int, int], list[Sound]] = {}
    for sound in sounds:
        chords.setdefault((sound.start, sound.end), []).append(sound)
    found: list[list[list[Sound]]] = []
    for (start, _), chord in sorted(chords.items()):
        free = next((voice for voice in found if voice[-1][0].end <= start), None)
        if free is None and len(found) < VOICES:
            found.append(free := [])
        elif free is None:
            free = min(found, key=lambda voice: (voice[-1][0].start == start, voice[-1][0].end))
            if free[-1][0].start == start:
                free[-1] += [Sound(start, free[-1][0].end, s.pitch, s.velocity) for s in chord]
                continue
            free[-1] = [Sound(s.start, start, s.pitch, s.velocity) for s in free[-1]]
        free.append(list(chord))
    return found


def values(start: int, end: int) -> list[Value]:
    """The written lengths that fill a stretch of steps; tied together they are one note. [any]"""
    found: list[Value] = []
    while start < end:
        quarter_end = (start // STEPS + 1) * STEPS
        inside = min(end, quarter_end)
        if start % IN_TWOS or (inside % IN_TWOS and inside < quarter_end):
            found += _of_threes(inside - start)
            start = inside
            continue
        best = _of_twos(start, end)
        found.append(best)
        start += best.steps
    return found


def _of_twos(start: int, end: int) -> Value:
    """The longest value from `start` that leaves the rest of its last quarter writable."""
    room = end - start
    if (end % STEPS) % IN_TWOS:  # the last quarter is in threes: stop before it
        room = end // STEPS * STEPS - start
    for steps, name in VALUES:
        if steps * 3 // 2 <= room and steps * 3 // 2 * 2 == steps * 3 and steps > IN_TWOS:
            return Value(steps * 3 // 2, name, 1)
        if steps <= room:
            return Value(steps, name)
    return Value(room, "32nd")


def _of_threes(steps: int) -> list[Value]:
    """Values of a triplet that fill steps within a quarter."""
    found = []
    for length, name in TRIPLETS:
        while steps >= length:
            found.append(Value(length, name, triplet=True))
            steps -= length
    return found


def spelled(pitch: int, fifths: int) -> tuple[str, int, int]:
    """A key's step, alteration and octave, spelled as near to a key signature as can be. [any]"""
    for distance in range(12):
        for place in (fifths + distance, fifths + 1 - distance):
            step, alter = SHARPS[place % 7], place // 7
            natural = "C D EF G A B".index(step)
            if (natural + alter - pitch) % 12 == 0 and abs(alter) <= 1:
                return step, alter, (pitch - alter - natural) // 12 - 1
    raise ValueError(f"pitch must be a key, got {pitch}")


def clef(pitches: Sequence[int], program: int, low: int, high: int) -> tuple[str, int]:
    """The clef's sign and line by what is played, or by the range of who plays nothing. [any]"""
    middle = float(np.median(pitches)) if len(pitches) else (low + high) / 2
    if program == VIOLA and middle < 72:
        return "C", 3
    return ("G", 2) if middle >= 60 else ("F", 4)
