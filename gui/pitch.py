"""Keys of a keyboard: their names and where they lie on a small picture of one. [any]"""

from __future__ import annotations

NAMES = ("C", "C\u266f", "D", "E\u266d", "E", "F", "F\u266f", "G", "A\u266d", "A", "B\u266d", "B")
BLACK = (1, 3, 6, 8, 10)
WHITE_BEFORE = (0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6)  # white keys of the octave left of each key
LOWEST_PIANO, HIGHEST_PIANO = 21, 108


def pitch_name(pitch: int) -> str:
    """A key's name as musicians write it; 60 is C4. [any]"""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def is_black(pitch: int) -> bool:
    """Whether it is a black key. [any]"""
    return pitch % 12 in BLACK


def white_place(pitch: int) -> float:
    """Where the middle of a key lies, in white keys from MIDI key 0's left edge. [any]"""
    whites = pitch // 12 * 7 + WHITE_BEFORE[pitch % 12]
    return float(whites) if is_black(pitch) else whites + 0.5


def pitch_at(place: float) -> int:
    """The key nearest to a place, in white keys from MIDI key 0's left edge. [any]"""
    return min(range(128), key=lambda pitch: abs(white_place(pitch) - place))


def parse_pitch(text: str) -> int | None:
    """The key meant by "C4", "f#3", "Bb2" or "61"; None if none is. [any]"""
    text = text.strip().replace("\u266f", "#").replace("\u266d", "b")
    if text.isdecimal():
        return int(text) if int(text) <= 127 else None
    steps = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
    if not text or text[0].lower() not in steps:
        return None
    step, rest = steps[text[0].lower()], text[1:]
    while rest and rest[0] in "#b":
        step += 1 if rest[0] == "#" else -1
        rest = rest[1:]
    try:
        pitch = 12 * (int(rest) + 1) + step
    except ValueError:
        return None
    return pitch if 0 <= pitch <= 127 else None
