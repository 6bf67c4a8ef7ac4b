"""What the part-separation network is told about a note, and the memory that takes.

A note becomes a few tokens: rows of one table whose sum is the network's input. They say which
key was struck, how long ago the notes and chords before it were, which keys around it are down or
were just left, and where each class was last, by the network's own decisions (engine.rt.history).
Nothing refers to beats, to tempo or to the order inside a chord, none of which a live player gives
away.

The callback calls these functions through the network's step; training calls the very same ones,
so that there is one owner of what a feature means. Times are stream frames; ``rate_hz`` in the
memory turns them into milliseconds.
"""

import math

import numpy as np
from numba.extending import register_jitable

from engine.rt import history
from engine.rt.assignment import MAX_CLASSES
from engine.rt.native import rt

CHORD_MS = 45.0  # notes this close to the chord's first belong to the chord
REACH = 24  # semitones to each side in which keys are looked at
MAX_TOKENS = 32 + MAX_CLASSES
HELD_KEY_NATS = 2.0  # a held key's voice is that much unlikelier; chosen on validation pieces

_WIDTH = 2 * REACH + 1
_MS_BUCKETS = 25  # the last one: there was nothing before
_WITHIN_BUCKETS = 6
_COUNTS = 6
_NEAREST = REACH + 2  # interval 0..REACH, then none
_NEARBY_KINDS = 5  # of a key nearby: this chord's; last chord's, down or up; older, down or up

PITCH = 0
GAP = PITCH + 128
WITHIN = GAP + _MS_BUCKETS
PERIOD = WITHIN + _WITHIN_BUCKETS
PERIOD_BEFORE = PERIOD + _MS_BUCKETS
STRUCK_BELOW = PERIOD_BEFORE + _MS_BUCKETS
STRUCK_ABOVE = STRUCK_BELOW + _COUNTS
HELD_BELOW = STRUCK_ABOVE + _COUNTS
HELD_ABOVE = HELD_BELOW + _COUNTS
NEAREST_BELOW = HELD_ABOVE + _COUNTS
NEAREST_ABOVE = NEAREST_BELOW + _NEAREST
NEARBY = NEAREST_ABOVE + _NEAREST
CLASSES_WERE = NEARBY + _NEARBY_KINDS * _WIDTH  # a class's kind and interval, or nowhere

_MAX_OTHER_TOKENS = MAX_TOKENS - MAX_CLASSES

_LONG_AGO = -(1 << 30)

MEMORY = np.dtype(
    [
        ("rate_hz", np.float64),
        ("notes", np.int64),  # struck since the reset
        ("last_onset_frame", np.int64),
        ("chord", np.int64),  # number of the current chord
        ("chord_frame", np.int64),  # onset of its first note
        ("period_frames", np.int64),  # from the last chord's start to this one's; -1 none
        ("period_before_frames", np.int64),
        ("held", np.int32, 128),  # how many times each key is down
        ("key_chord", np.int64, 128),  # the chord in which each key was last struck
        ("key_class", np.int64, 128),  # what each key was given when last struck; -1 undecided
        ("tokens", np.int32, MAX_TOKENS),  # scratch of the network's step
        ("kept_notes", np.int64),  # the same as of the last keep_memory
        ("kept_last_onset_frame", np.int64),
        ("kept_chord", np.int64),
        ("kept_chord_frame", np.int64),
        ("kept_period_frames", np.int64),
        ("kept_period_before_frames", np.int64),
        ("kept_held", np.int32, 128),
        ("kept_key_chord", np.int64, 128),
        *history.FIELDS,
    ]
)


@register_jitable
def tokens(classes):
    """Return how many tokens there are for a network of so many classes. [any]"""
    return CLASSES_WERE + history.KINDS * classes * _WIDTH + classes


def new_memory(rate_hz: float, classes: int) -> np.ndarray:
    """Return a fresh memory, shape (1,), for a stream of `rate_hz` frames a second. [main]"""
    if not 8000 <= rate_hz <= 384000:
        raise ValueError(f"rate_hz must be 8000 to 384000, got {rate_hz}")
    if not 2 <= classes <= MAX_CLASSES:
        raise ValueError(f"classes must be 2 to {MAX_CLASSES}, got {classes}")
    memory = np.zeros(1, MEMORY)
    memory["rate_hz"] = rate_hz
    memory["classes"] = classes
    reset_memory(memory)
    return memory


@rt
def reset_memory(memory):
    """Forget every note; rate and classes stay. [audio]"""
    m = memory[0]
    m.notes = 0
    m.last_onset_frame = 0
    m.chord = 0
    m.chord_frame = 0
    m.period_frames = -1
    m.period_before_frames = -1
    for key in range(128):
        m.held[key] = 0
        m.key_chord[key] = _LONG_AGO
        m.key_class[key] = -1
    history.forget_classes(memory)
    keep_memory(memory)


@rt
def keep_memory(memory):
    """Keep what is remembered now, to go back to. [audio]"""
    m = memory[0]
    m.kept_notes = m.notes
    m.kept_last_onset_frame = m.last_onset_frame
    m.kept_chord = m.chord
    m.kept_chord_frame = m.chord_frame
    m.kept_period_frames = m.period_frames
    m.kept_period_before_frames = m.period_before_frames
    for key in range(128):
        m.kept_held[key] = m.held[key]
        m.kept_key_chord[key] = m.key_chord[key]
    history.keep_classes(memory)


@rt
def swap_memory(memory):
    """Exchange what is remembered with what was kept. [audio]"""
    m = memory[0]
    m.notes, m.kept_notes = m.kept_notes, m.notes
    m.last_onset_frame, m.kept_last_onset_frame = m.kept_last_onset_frame, m.last_onset_frame
    m.chord, m.kept_chord = m.kept_chord, m.chord
    m.chord_frame, m.kept_chord_frame = m.kept_chord_frame, m.chord_frame
    m.period_frames, m.kept_period_frames = m.kept_period_frames, m.period_frames
    before = m.period_before_frames
    m.period_before_frames = m.kept_period_before_frames
    m.kept_period_before_frames = before
    for key in range(128):
        m.held[key], m.kept_held[key] = m.kept_held[key], m.held[key]
        m.key_chord[key], m.kept_key_chord[key] = m.kept_key_chord[key], m.key_chord[key]
    history.swap_classes(memory)


@rt
def begins_chord(memory, onset_frame):
    """Return whether a note struck now is too late to belong to the current chord. [audio]"""
    m = memory[0]
    return m.notes == 0 or onset_frame - m.chord_frame > CHORD_MS * 0.001 * m.rate_hz


@rt
def revise_chord(memory, onset_frame):
    """A key is about to be struck: revise the current chord if that ends it. [audio]

    To be called before write_features. A chord that has a note for every class ends too, for the
    history of classes; what follows within its time has its number.
    """
    m = memory[0]
    if m.open_notes > 0 and (m.open_notes == m.classes or begins_chord(memory, onset_frame)):
        history.revise(memory)


@rt
def remember_note_on(memory, pitch, onset_frame):
    """Take note of a key struck at `onset_frame`. The network's step does so by itself. [audio]"""
    m = memory[0]
    revise_chord(memory, onset_frame)
    if begins_chord(memory, onset_frame):
        if m.notes > 0:
            m.period_before_frames = m.period_frames
            m.period_frames = max(onset_frame - m.chord_frame, 0)
        m.chord += 1
        m.chord_frame = onset_frame
    m.notes += 1
    m.last_onset_frame = onset_frame
    m.held[pitch & 127] += 1
    m.key_chord[pitch & 127] = m.chord
    m.key_class[pitch & 127] = -1
    history.open_note(memory, pitch & 127)


@rt
def remember_note_off(memory, pitch):
    """Take note of a key released. [audio]"""
    m = memory[0]
    if m.held[pitch & 127] > 0:
        m.held[pitch & 127] -= 1


@rt
def remember_class(memory, pitch, label):
    """Take note of the class a struck key was given; -1 takes it back. [audio]"""
    memory[0].key_class[pitch & 127] = label


@rt
def mind_held_keys(memory, n, logp):
    """Make the classes whose keys are still down unlikelier for the first `n` notes. [audio]

    To be called when a chord is decided, none of its own keys having a class yet: by then a voice
    that moved has let go of its last key, in all but overlapping playing. logp (N, K) float32.
    """
    m = memory[0]
    for key in range(128):
        label = m.key_class[key]
        if m.held[key] > 0 and 0 <= label < logp.shape[1] and m.key_chord[key] != m.chord:
            for i in range(n):
                logp[i, label] -= HELD_KEY_NATS


@rt
def ms_bucket(ms):
    """Return the bucket of a time: fine near zero, a third wide above, 4 s the last. [any]"""
    return min(int(2.4 * math.log2(1.0 + 0.2 * max(ms, 0.0))), _MS_BUCKETS - 2)


@rt
def write_features(memory, pitch, onset_frame, row):
    """Write the tokens of a note about to be struck; return how many. Changes no memory. [audio]

    `row` holds at least MAX_TOKENS; each token is 0..tokens(classes)-1. The chord before must have
    been revised (revise_chord).
    """
    m = memory[0]
    pitch &= 127
    to_ms = 1000.0 / m.rate_hz
    new_chord = begins_chord(memory, onset_frame)
    chord = m.chord + 1 if new_chord else m.chord
    none = _MS_BUCKETS - 1

    gap = none
    within = 0
    period = none
    before = none
    if m.notes > 0:
        gap = ms_bucket((onset_frame - m.last_onset_frame) * to_ms)
        since_start = onset_frame - m.chord_frame
        if new_chord:
            period = ms_bucket(since_start * to_ms)
            if m.period_frames >= 0:
                before = ms_bucket(m.period_frames * to_ms)
        else:
            share = max(since_start, 0) * to_ms / CHORD_MS
            within = 1 + min(int(share * (_WITHIN_BUCKETS - 1)), _WITHIN_BUCKETS - 2)
            if m.period_frames >= 0:
                period = ms_bucket(m.period_frames * to_ms)
            if m.period_before_frames >= 0:
                before = ms_bucket(m.period_before_frames * to_ms)

    struck_below = 0
    struck_above = 0
    held_below = 0
    held_above = 0
    nearest_below = _NEAREST - 1
    nearest_above = _NEAREST - 1
    for key in range(128):
        struck = m.key_chord[key] == chord
        held = m.held[key] > 0
        if key < pitch:
            struck_below += struck
            held_below += held
            if held and pitch - key <= REACH:
                nearest_below = pitch - key
        elif key > pitch:
            struck_above += struck
            held_above += held
            if held and nearest_above > REACH and key - pitch <= REACH:
                nearest_above = key - pitch

    row[0] = PITCH + pitch
    row[1] = GAP + gap
    row[2] = WITHIN + within
    row[3] = PERIOD + period
    row[4] = PERIOD_BEFORE + before
    row[5] = STRUCK_BELOW + min(struck_below, _COUNTS - 1)
    row[6] = STRUCK_ABOVE + min(struck_above, _COUNTS - 1)
    row[7] = HELD_BELOW + min(held_below, _COUNTS - 1)
    row[8] = HELD_ABOVE + min(held_above, _COUNTS - 1)
    row[9] = NEAREST_BELOW + nearest_below
    row[10] = NEAREST_ABOVE + nearest_above
    count = 11
    for step in range(_WIDTH):  # nearest keys first: 0, -1, +1, -2, ...
        offset = (step + 1) // 2
        if step & 1:
            offset = -offset
        key = pitch + offset
        if key < 0 or key > 127 or count == _MAX_OTHER_TOKENS:
            continue
        kind = _kind(chord - m.key_chord[key], m.held[key] > 0)
        if kind >= 0:
            row[count] = NEARBY + kind * _WIDTH + offset + REACH
            count += 1
    nowhere = CLASSES_WERE + history.KINDS * m.classes * _WIDTH
    for k in range(m.classes):
        kind, key = history.where(memory, k, chord)
        if kind < 0:
            row[count] = nowhere + k
        else:
            interval = min(max(pitch - key, -REACH), REACH) + REACH
            row[count] = CLASSES_WERE + (kind * m.classes + k) * _WIDTH + interval
        count += 1
    return count


@rt
def _kind(chords_ago, held):
    """Return how a key near the note counts, -1 if not at all. [audio]"""
    if chords_ago == 0:
        return 0
    if chords_ago == 1:
        return 1 if held else 2
    if held:
        return 3
    return 4 if chords_ago <= 3 else -1
