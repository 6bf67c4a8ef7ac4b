"""The plan: what the ensemble will play, and its notes as they sound. [audio]

The plan comes from another process: every record is checked, what makes no sense is counted. Notes
wait in order of their beats; each sounds at its beat's frame by the path of all notes.
"""

import numpy as np
from numba import carray

from engine.rt.heard import (
    NEAR,
    count_word,
    drop_sound,
    hear,
    music_beat,
    music_frame,
)
from engine.rt.layout import BY_ENSEMBLE, FREE, MAX_PARTS, PLAN_SOUNDS, PLANNED, SOUNDING
from engine.rt.native import as_pointer, load_acquire, rt, store_release, view_i64
from engine.rt.notes import end_note, let_go, new_note, sound_note
from engine.rt.plan_memory import (
    ACCOMPANY,
    BAD_RECORDS,
    BEGIN,
    HEADER_WORDS,
    LATE,
    NOTE,
    OFF,
    PENDING,
    PLAN,
    PLAN_AT,
    PLAN_READ,
    PLAN_RECORD,
    PLAN_WRITE,
    PLAYED,
    PLAYED_NOTES,
    PLAYER,
    SCHEDULED,
    SCHEDULED_FRAMES,
    SOUNDED,
    SOUNDED_FRAMES,
    STARVED,
    UNTIL,
    VOID_NOTES,
)

LATE_S = 0.03  # how late a note of the plan may come and still sound
FURTHEST_BEAT, LONGEST_BEATS = 1e9, 1024.0
MASK = PENDING - 1


@rt
def take_plan(rig):
    """Take the records of PLAN that have come, in order. [audio]"""
    floor = rig.floor[0]
    header = view_i64(floor.memory, HEADER_WORDS)
    there = load_acquire(header, PLAN_WRITE) - floor.read
    if there < 0 or there > PLAN:
        count_word(rig, BAD_RECORDS, 1)
        floor.read = load_acquire(header, PLAN_WRITE)
        floor.open = 0
        there = 0
    ring = carray(as_pointer(floor.memory + PLAN_AT), PLAN, PLAN_RECORD)
    for _ in range(there):
        record = ring[floor.read & (PLAN - 1)]
        _take_record(
            rig,
            record.kind,
            record.beat,
            record.duration,
            record.heard,
            np.int64(record.part),
            np.int64(record.pitch),
            np.int64(record.velocity),
        )
        floor.read += 1
    store_release(header, PLAN_READ, floor.read)
    if floor.who == PLAYER:
        drop_past(rig)


@rt
def _take_record(rig, kind, beat, duration, heard, part, pitch, velocity):
    """Take one record of PLAN, which may hold anything. [audio]"""
    floor = rig.floor[0]
    if not abs(beat) <= FURTHEST_BEAT:  # also for NaN
        count_word(rig, BAD_RECORDS, 1)
    elif kind == BEGIN:
        _take_begin(rig, beat, heard)
    elif kind == UNTIL:
        if floor.open != 0:
            floor.until = beat
    elif kind == NOTE:
        legal = beat >= floor.last_beat and 0.0 < duration <= LONGEST_BEATS
        legal = legal and part < MAX_PARTS and pitch < 128 and 0 < velocity < 128
        if floor.open == 0:
            count_word(rig, VOID_NOTES, 1)
        elif not legal:
            count_word(rig, BAD_RECORDS, 1)
        else:
            floor.last_beat = beat
            _expect(rig, beat, duration, part, pitch, velocity)
    else:
        count_word(rig, BAD_RECORDS, 1)


@rt
def _take_begin(rig, beat, heard):
    """A plan begins: it replaces what was planned from there on, if it is made for now. [audio]"""
    floor = rig.floor[0]
    current = heard == floor.heard_notes
    if floor.mode == ACCOMPANY:
        current = 0 <= heard <= floor.heard_notes
    floor.open = 1 if current and floor.mode != OFF else 0
    if floor.open == 0:
        return
    floor.last_beat = beat
    floor.until = beat
    while floor.tail > floor.head and rig.plan_pending[(floor.tail - 1) & MASK].beat >= beat:
        floor.tail -= 1
        count_word(rig, VOID_NOTES, 1)


@rt
def _expect(rig, beat, duration, part, pitch, velocity):
    """Keep a note of the plan until its beat, unless that has passed. [audio]"""
    floor = rig.floor[0]
    state = rig.state[0]
    if floor.who != PLAYER and music_frame(rig, beat) < state.frame:
        count_word(rig, LATE, 1)
        if state.frame - music_frame(rig, beat) > LATE_S * state.rate_hz:
            return
    if floor.tail - floor.head == PENDING:
        count_word(rig, VOID_NOTES, 1)
        return
    note = rig.plan_pending[floor.tail & MASK]
    note.beat = beat
    note.duration = duration
    note.place = floor.read
    note.part = part
    note.pitch = pitch
    note.velocity = velocity
    floor.tail += 1
    if floor.awaiting == 1:
        scheduled(rig)


@rt
def scheduled(rig):
    """The first note since the takeover is there. [audio]"""
    floor = rig.floor[0]
    floor.awaiting = 2
    header = view_i64(floor.memory, HEADER_WORDS)
    header[SCHEDULED_FRAMES] = rig.state[0].frame - floor.took_frame
    store_release(header, SCHEDULED, header[SCHEDULED] + 1)


@rt
def drop_past(rig):
    """Let go of planned notes whose beat has passed while the player had the floor. [audio]"""
    floor = rig.floor[0]
    now = music_beat(rig, rig.state[0].frame) - NEAR
    while floor.head < floor.tail and rig.plan_pending[floor.head & MASK].beat < now - NEAR:
        floor.head += 1
        count_word(rig, VOID_NOTES, 1)


@rt
def sound_due(rig):
    """Sound the notes of the plan whose beat has come. [audio]"""
    floor = rig.floor[0]
    while floor.head < floor.tail:
        i = floor.head & MASK
        if music_frame(rig, rig.plan_pending[i].beat) > rig.state[0].frame:
            break
        floor.head += 1
        if not _play(rig, i):
            count_word(rig, VOID_NOTES, 1)


@rt
def _play(rig, i):
    """Sound one note of the plan; False if it may not be. [audio]"""
    floor = rig.floor[0]
    planned = rig.plan_pending[i]
    index = planned.part
    part = rig.parts[index]
    if part.active == 0 or part.rests != 0 or not part.low <= planned.pitch <= part.high:
        return False
    if floor.mode == ACCOMPANY and planned.beat < part.player_until:
        return False
    if floor.sounding == PLAN_SOUNDS or not _has_room(rig, index, planned.pitch):
        return False
    slot = new_note(rig, PLANNED, index, planned.pitch, planned.velocity)
    rig.notes[slot].how = BY_ENSEMBLE
    sound_note(rig, slot, index)
    sound = rig.plan_sounding[floor.sounding]
    sound.slot = slot
    sound.id = rig.notes[slot].id
    sound.end = planned.beat + planned.duration
    sound.place = planned.place
    floor.sounding += 1
    beat, duration = planned.beat, planned.duration
    hear(rig, PLAYED, beat, duration, planned.place, index, planned.pitch, planned.velocity)
    count_word(rig, PLAYED_NOTES, 1)
    if floor.awaiting == 2:
        floor.awaiting = 0
        header = view_i64(floor.memory, HEADER_WORDS)
        header[SOUNDED_FRAMES] = rig.state[0].frame - floor.took_frame
        store_release(header, SOUNDED, header[SOUNDED] + 1)
    return True


@rt
def _has_room(rig, index, pitch):
    """Return whether the plan may sound a key of a part without a note of the player's ending.

    A key the player holds down is not doubled. [audio]
    """
    players = 0
    for i in range(rig.state[0].live):
        note = rig.notes[rig.live[i]]
        if note.part == index and note.source != PLANNED and note.state >= SOUNDING:
            players += 1
            if note.pitch == pitch and note.released == 0:
                return False
    return players < rig.parts[index].polyphony


@rt
def end_due(rig):
    """End the notes of the plan whose time is over. [audio]"""
    floor = rig.floor[0]
    i = 0
    while i < floor.sounding:
        sound = rig.plan_sounding[i]
        if music_frame(rig, sound.end) <= rig.state[0].frame:
            slot = sound.slot
            alive = _is_alive(rig, i)
            drop_sound(rig, i)
            if alive:
                let_go(rig, slot)
        else:
            i += 1


@rt
def notice_starving(rig):
    """Count when the plan is over while the ensemble has the floor. [audio]"""
    floor = rig.floor[0]
    beat = music_beat(rig, rig.state[0].frame)
    if floor.head < floor.tail or beat <= floor.until + NEAR:
        floor.starved = 0
    elif floor.starved == 0 and floor.awaiting == 0:
        floor.starved = 1
        count_word(rig, STARVED, 1)


@rt
def stop_sounding(rig):
    """Release every note of the plan that sounds. [audio]"""
    floor = rig.floor[0]
    while floor.sounding > 0:
        slot = rig.plan_sounding[0].slot
        if _is_alive(rig, 0):
            end_note(rig, slot)  # which takes it off the list
        else:
            drop_sound(rig, 0)


@rt
def _is_alive(rig, i):
    """Return whether a note of the plan is still the one that was begun. [audio]"""
    sound = rig.plan_sounding[i]
    return rig.notes[sound.slot].id == sound.id and rig.notes[sound.slot].state != FREE
