"""What the continuation worker hears: the music's beat and the ring HEARD. [audio]

The music's beat is the transport's while it rolls; else it runs freely on at the tempo. Every note
of the player is written down with the part it was given, and whatever of the plan sounded; nothing
of this runs while no worker's memory is attached. `engine.rt.floor` decides who plays.
"""

import numpy as np
from numba import carray

from engine.rt.layout import DIRECT, PLANNED
from engine.rt.native import as_pointer, rt, store_release, view_i64
from engine.rt.plan_memory import (
    ACCOMPANY,
    BEATS_PER_BAR,
    FORGET,
    HEADER_WORDS,
    HEARD,
    HEARD_AT,
    HEARD_NOTES,
    HEARD_RECORD,
    HEARD_WRITE,
    NOTE_OFF,
    NOTE_ON,
    NOW_BEAT,
    NOW_BPM,
    NOW_FRAME,
    NOW_NS,
    STOPPED,
    TEMPO_IS,
    TRADE,
    VOID_NOTES,
)
from engine.rt.transport import SLIP_BEATS, beat_at

NEAR = 1e-6  # beats or frames that are the same
TOLD_TEMPO = 5e-3  # relative, how far the tempo may go untold
NEAR_JUMP_BEATS = 1.0  # a correction of the beat, beyond which it is another place
GRACE_BEATS = 0.25  # how early or late a player is where turns change
NEVER = np.inf


@rt
def music_beat(rig, frame):
    """Return the music's beat at a frame. [audio]"""
    floor = rig.floor[0]
    return floor.line_beat + (frame - floor.line_frame) / floor.line_fpb


@rt
def music_frame(rig, beat):
    """Return the first frame at which a beat (finite) has come. [audio]"""
    floor = rig.floor[0]
    return np.int64(np.ceil(floor.line_frame + (beat - floor.line_beat) * floor.line_fpb - NEAR))


@rt
def follow_time(rig):
    """Keep the music's line on the transport's, or let it run on; see to jumps. [audio]"""
    floor = rig.floor[0]
    t = rig.transport[0]
    frame = rig.state[0].frame
    if floor.line_fpb == 0.0:
        floor.line_frame = np.float64(frame)
        floor.line_beat = beat_at(rig, frame)
        floor.line_fpb = t.frames_per_beat
    if t.rolling != 0:
        moved = beat_at(rig, frame) - music_beat(rig, frame)
        floor.line_frame = t.anchor_frame
        floor.line_beat = t.anchor_beat
        floor.line_fpb = t.frames_per_beat
        if abs(moved) > NEAR_JUMP_BEATS:
            forget_past(rig)
        elif abs(moved) > SLIP_BEATS:
            _void_plan(rig)
    elif floor.rolling != 0 or floor.line_fpb != t.frames_per_beat:
        floor.line_beat = music_beat(rig, frame)
        floor.line_frame = np.float64(frame)
        floor.line_fpb = t.frames_per_beat
    floor.rolling = t.rolling
    if abs(floor.told_fpb - floor.line_fpb) > TOLD_TEMPO * floor.line_fpb:
        floor.told_fpb = floor.line_fpb
        bpm = 60.0 * rig.state[0].rate_hz / floor.line_fpb
        hear(rig, TEMPO_IS, music_beat(rig, frame), bpm, 0, 0, 0, 0)


@rt
def hear(rig, kind, beat, duration, note_id, part, pitch, velocity):
    """Append a record to HEARD, over the oldest; nobody is waited for. [audio]"""
    floor = rig.floor[0]
    ring = carray(as_pointer(floor.memory + HEARD_AT), HEARD, HEARD_RECORD)
    record = ring[floor.heard & (HEARD - 1)]
    record.frame = rig.state[0].frame
    record.beat = beat
    record.duration = duration
    record.id = note_id
    record.kind = kind
    record.part = part
    record.pitch = pitch
    record.velocity = velocity
    floor.heard += 1
    store_release(view_i64(floor.memory, HEADER_WORDS), HEARD_WRITE, floor.heard)


@rt
def count_word(rig, word, count):
    """Add to a count the callback keeps in the header. [audio]"""
    header = view_i64(rig.floor[0].memory, HEADER_WORDS)
    header[word] += count


@rt
def _is_heard(note):
    """Return whether a note is the player's own, not the plan's nor one that doubles. [audio]"""
    return note.source != PLANNED and note.parent < 0


@rt
def heard_on(rig, slot):
    """A note of the player begins to sound: the plan was made without it. [audio]"""
    floor = rig.floor[0]
    note = rig.notes[slot]
    if floor.memory == 0 or not _is_heard(note):
        return
    follow_time(rig)
    beat = music_beat(rig, note.on_frame)
    hear(rig, NOTE_ON, beat, 0.0, note.id, note.part, note.pitch, note.velocity)
    bar = np.float64(rig.transport[0].beats_per_bar)
    rig.parts[note.part].player_until = beat + bar
    if floor.mode == ACCOMPANY:
        floor.heard_notes += 1
        store_release(view_i64(floor.memory, HEADER_WORDS), HEARD_NOTES, floor.heard_notes)
        if floor.length_bars > 0:
            floor.ends = beat + floor.length_bars * bar
    else:
        _void_plan(rig)


@rt
def heard_move(rig, slot):
    """A note of the player has moved to another part. [audio]"""
    note = rig.notes[slot]
    if rig.floor[0].memory != 0 and _is_heard(note):
        beat = music_beat(rig, note.on_frame)
        hear(rig, NOTE_ON, beat, 0.0, note.id, note.part, note.pitch, note.velocity)


@rt
def heard_off(rig, slot):
    """A note's key was released: of the player, with the delay its onset had. [audio]"""
    note = rig.notes[slot]
    if rig.floor[0].memory == 0 or not _is_heard(note):
        return
    follow_time(rig)
    beat = music_beat(rig, rig.state[0].frame - (note.sound_frame - note.on_frame))
    hear(rig, NOTE_OFF, beat, 0.0, note.id, note.part, note.pitch, 0)


@rt
def plan_note_ended(rig, slot):
    """A note of the plan ends before its time, whatever ended it. [audio]"""
    floor = rig.floor[0]
    note = rig.notes[slot]
    for i in range(floor.sounding):
        sound = rig.plan_sounding[i]
        if sound.slot == slot and sound.id == note.id:
            beat = music_beat(rig, rig.state[0].frame)
            hear(rig, STOPPED, beat, 0.0, sound.place, note.part, note.pitch, 0)
            drop_sound(rig, i)
            break


@rt
def drop_sound(rig, i):
    """Take an entry off the notes of the plan that sound. [audio]"""
    floor = rig.floor[0]
    floor.sounding -= 1
    rig.plan_sounding[i] = rig.plan_sounding[floor.sounding]


@rt
def forget_past(rig):
    """What was played does not count any more: the plan is void, the ensemble stops. [audio]"""
    floor = rig.floor[0]
    if floor.memory == 0:
        return
    hear(rig, FORGET, music_beat(rig, rig.state[0].frame), 0.0, 0, 0, 0, 0)
    _void_plan(rig)
    floor.armed = 0
    floor.trading = 0
    floor.yields = 1


@rt
def _void_plan(rig):
    """Another plan is needed from here on: that it has been asked for is counted. [audio]"""
    floor = rig.floor[0]
    void_pending(rig)
    floor.open = 0
    floor.heard_notes += 1
    store_release(view_i64(floor.memory, HEADER_WORDS), HEARD_NOTES, floor.heard_notes)


@rt
def void_pending(rig):
    """Nothing of what is planned will sound. [audio]"""
    floor = rig.floor[0]
    count_word(rig, VOID_NOTES, floor.tail - floor.head)
    floor.head = floor.tail


@rt
def arm(rig):
    """The player strikes a key: the ensemble may answer; in a trade, find the turns. [audio]

    A turn of the player's begins with the bar of his note, unless he keeps to the turns there are.
    """
    floor = rig.floor[0]
    if floor.memory == 0 or floor.armed != 0:
        return
    follow_time(rig)
    floor.armed = 1
    if floor.mode != TRADE:
        return
    bar = np.float64(rig.transport[0].beats_per_bar)
    half = max(floor.bars, 1) * bar
    beat = music_beat(rig, rig.state[0].frame) + GRACE_BEATS
    into = beat - (floor.turn + half)  # the last answer's end
    if floor.trading != 0 and 0.0 <= into < half:
        floor.turn += 2.0 * half
    else:
        floor.turn = np.floor(beat / bar) * bar + half
    floor.trading = 1


@rt
def keys_are_held(rig):
    """Return whether the player holds a key or a sustain pedal. [audio]"""
    down = rig.floor[0].player_notes
    for source in range(DIRECT):
        down += rig.pedals[source, 0]
    return down > 0


@rt
def tell_now(rig):
    """Leave where the music is for the worker. [audio]"""
    floor = rig.floor[0]
    state = rig.state[0]
    t = rig.transport[0]
    header = view_i64(floor.memory, HEADER_WORDS)
    words = carray(as_pointer(floor.memory), HEADER_WORDS, np.float64)
    store_release(header, NOW_FRAME, -1)
    header[NOW_NS] = state.clock_ns
    words[NOW_BEAT] = music_beat(rig, state.frame)
    words[NOW_BPM] = 60.0 * state.rate_hz / floor.line_fpb
    header[BEATS_PER_BAR] = t.beats_per_bar
    store_release(header, NOW_FRAME, state.frame)
