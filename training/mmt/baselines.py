"""The two rival representations of the dissertation's comparison, as single streams of tokens.

MMM, with beats for bars, writes one instrument after another: start-of-track, instrument, then
notes on, notes off and the time between them, end-of-track. REMI+, without tempo, metre and
chords, writes notes in time order: a beat token where the beat is a new one, then position,
instrument, pitch and duration. Both open with start-of-song and close, where the music really
ends, with end-of-song. Notes are those of models.mmt.representation.
"""

import numpy as np

from models.mmt.instruments import NAMES
from models.mmt.representation import (
    DURATIONS,
    KEY,
    LENGTH,
    ONSET,
    PLAYER,
    TICKS,
    duration_codes,
)

MOST_BEATS = 64  # what a sequence may span
START_OF_SONG, END_OF_SONG = 0, 1


class MMM:
    """Tokens: 0 and 1, start and end of a track, instruments, notes on, notes off, shifts."""

    start_of_track, end_of_track = 2, 3
    instrument = 4 - 1  # plus the code
    note_on = instrument + 1 + len(NAMES)
    note_off = note_on + 128
    shift = note_off + 128 - 1  # plus 1 to 48 ticks
    longest_shift = 48
    size = shift + 1 + longest_shift

    @classmethod
    def encode(cls, notes: np.ndarray, end: bool = True) -> np.ndarray:
        """Return notes (n, 4) as tokens (m,) int16, track by track in the order of codes."""
        tokens = [START_OF_SONG]
        for code in np.unique(notes[:, PLAYER]):
            tokens += [cls.start_of_track, cls.instrument + int(code)]
            tokens += cls._track(notes[notes[:, PLAYER] == code])
            tokens.append(cls.end_of_track)
        return np.array(tokens + [END_OF_SONG] * end, np.int16)

    @classmethod
    def _track(cls, notes: np.ndarray) -> list[int]:
        """Return a track's tokens; a key struck again while it sounds is let go first."""
        ends = notes[:, ONSET] + _lengths(notes)
        for key in np.unique(notes[:, KEY]):
            same = np.flatnonzero(notes[:, KEY] == key)
            same = same[np.argsort(notes[same, ONSET], kind="stable")]
            later = notes[same[1:], ONSET]
            ends[same[:-1]] = np.minimum(ends[same[:-1]], later)
        events = [(int(on), 1, cls.note_on + int(key)) for on, key in notes[:, [ONSET, KEY]]]
        events += [
            (int(end), 0, cls.note_off + int(key))
            for end, key in zip(ends, notes[:, KEY], strict=True)
        ]
        tokens, now = [], 0
        for tick, _, token in sorted(set(events)):
            while tick > now:
                step = min(tick - now, cls.longest_shift)
                tokens.append(cls.shift + step)
                now += step
            tokens.append(token)
        return tokens

    @classmethod
    def decode(cls, tokens: np.ndarray) -> np.ndarray:
        """Return the notes (n, 4) int32 of tokens, sorted; what makes no sense is passed over."""
        notes: list[tuple[int, int, int, int]] = []
        code = now = 0
        sounding: dict[int, int] = {}
        for token in map(int, tokens):
            if token in (cls.start_of_track, cls.end_of_track, END_OF_SONG):
                notes += [(on, key, max(now - on, 1), code) for key, on in sounding.items()]
                sounding, now = {}, 0
                if token == END_OF_SONG:
                    break
            elif cls.instrument < token < cls.note_on:
                code = token - cls.instrument
            elif token > cls.shift:
                now += token - cls.shift
            elif token >= cls.note_off:
                on = sounding.pop(token - cls.note_off, None)
                if on is not None and code:
                    notes.append((on, token - cls.note_off, max(now - on, 1), code))
            elif token >= cls.note_on and code:
                sounding.setdefault(token - cls.note_on, now)
        notes += [(on, key, max(now - on, 1), code) for key, on in sounding.items()]
        return _sorted(notes)


class REMI:
    """Tokens: 0 and 1, beats, positions, instruments, pitches, durations."""

    beats = 1024  # in the vocabulary, whatever a sequence may span
    beat = 2
    position = beat + beats
    instrument = position + TICKS - 1  # plus the code
    pitch = instrument + 1 + len(NAMES)
    duration = pitch + 128 - 1  # plus the code
    size = duration + 1 + len(DURATIONS)

    @classmethod
    def encode(cls, notes: np.ndarray, end: bool = True) -> np.ndarray:
        """Return notes (n, 4) as tokens (m,) int16, sorted as their beats, positions, players."""
        tokens, now = [START_OF_SONG], -1
        order = np.lexsort((notes[:, KEY], notes[:, PLAYER], notes[:, ONSET]))
        codes = duration_codes(notes[:, LENGTH])
        for i in order:
            onset, key, _, player = map(int, notes[i])
            if onset // TICKS != now:
                now = onset // TICKS
                tokens.append(cls.beat + now)
            tokens += [
                cls.position + onset % TICKS,
                cls.instrument + player,
                cls.pitch + key,
                cls.duration + int(codes[i]),
            ]
        return np.array(tokens + [END_OF_SONG] * end, np.int16)

    @classmethod
    def decode(cls, tokens: np.ndarray) -> np.ndarray:
        """Return the notes (n, 4) int32 of tokens, sorted; half notes are passed over."""
        notes: list[tuple[int, int, int, int]] = []
        beat = position = player = key = -1
        for token in map(int, tokens):
            if token == END_OF_SONG:
                break
            if token > cls.duration:
                if min(beat, position, player, key) >= 0:
                    length = int(DURATIONS[token - cls.duration - 1])
                    notes.append((beat * TICKS + position, key, length, player))
                position = player = key = -1
            elif token >= cls.pitch:
                key = token - cls.pitch
            elif token > cls.instrument:
                player = token - cls.instrument
            elif token >= cls.position:
                position = token - cls.position
            elif token >= cls.beat:
                beat = token - cls.beat
        return _sorted(notes)


def _lengths(notes: np.ndarray) -> np.ndarray:
    return np.maximum(notes[:, LENGTH], 1)


def _sorted(notes: list[tuple[int, int, int, int]]) -> np.ndarray:
    return np.array(sorted(set(notes)), np.int32).reshape(-1, 4)
