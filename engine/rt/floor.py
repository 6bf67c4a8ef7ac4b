"""Who has the floor: the player, the ensemble or both; the plan sounds when the ensemble has it.

Takeover: by silence (beats since the player let go of keys and pedal), by a pedal, by command, in a
trade by the bars of the beat, in accompanying with the player's first note. The player's next key
ends every note of the plan in the same block, as a key that is released would; what was planned is
void. Each note of the plan sounds at its beat's frame by the path of all notes, and ends after its
duration. Frames follow from beats alone, so the same plan gives the same samples at any block size.
`engine.rt.plan` takes and sounds the plan, `engine.rt.heard` tells the worker. [audio]
"""

import numpy as np
from numba import carray

from engine.rt.heard import (
    GRACE_BEATS,
    NEVER,
    arm,
    count_word,
    follow_time,
    forget_past,
    hear,
    keys_are_held,
    music_beat,
    music_frame,
    tell_now,
    void_pending,
)
from engine.rt.layout import (
    FLOOR_BARS,
    FLOOR_LENGTH,
    FLOOR_MODE,
    FLOOR_MOVED,
    FLOOR_PEDAL,
    FLOOR_SILENCE,
    FLOOR_TRIGGER,
    FORGET_PAST,
)
from engine.rt.native import as_pointer, rt, view_i64
from engine.rt.plan import (
    FURTHEST_BEAT,
    MASK,
    drop_past,
    end_due,
    notice_starving,
    scheduled,
    sound_due,
    stop_sounding,
    take_plan,
)
from engine.rt.plan_memory import (
    ACCOMPANY,
    BOTH,
    END_BEAT,
    ENSEMBLE,
    FLOOR,
    FLOOR_IS,
    HEADER_WORDS,
    MODE,
    NEXT_BEAT,
    OFF,
    PLAYER,
    TAKEOVERS,
    TRADE,
    VARY,
    YIELDS,
)
from engine.rt.results import emit

# Once a block


@rt
def begin_floor(rig):
    """Tell the worker where the music is, and take what it has planned. [audio]"""
    floor = rig.floor[0]
    if floor.memory == 0:
        return
    follow_time(rig)
    tell_now(rig)
    _tell_aims(rig)
    take_plan(rig)


@rt
def _tell_aims(rig):
    """Leave who has the floor, and until when, for the worker. [audio]"""
    floor = rig.floor[0]
    header = view_i64(floor.memory, HEADER_WORDS)
    words = carray(as_pointer(floor.memory), HEADER_WORDS, np.float64)
    header[FLOOR] = floor.who
    header[MODE] = floor.mode
    words[NEXT_BEAT] = _next_takeover(rig) if floor.who == PLAYER else NEVER
    words[END_BEAT] = floor.ends if floor.who != PLAYER else NEVER


# At each frame where something is due


@rt
def tend_floor(rig):
    """Do what the floor has due at this frame, after the player's own events. [audio]"""
    floor = rig.floor[0]
    follow_time(rig)
    beat = music_beat(rig, rig.state[0].frame)
    held = 1 if keys_are_held(rig) else 0
    if floor.busy != 0:
        floor.quiet_from = beat
    floor.busy = held
    if floor.yields != 0:
        floor.yields = 0
        _stop(rig)
    end_due(rig)
    if floor.who != PLAYER and _has_come(rig, floor.ends):
        _rest(rig)
    if floor.who == PLAYER and _has_come(rig, _next_takeover(rig)):
        _take_over(rig)
    if floor.who != PLAYER:
        sound_due(rig)
        notice_starving(rig)


@rt
def frames_to_floor(rig):
    """Return the frames from now to what the floor has due next; at least 1. [audio]"""
    floor = rig.floor[0]
    due = NEVER
    for i in range(floor.sounding):
        due = min(due, rig.plan_sounding[i].end)
    if floor.who == PLAYER:
        due = min(due, _next_takeover(rig))
    else:
        due = min(due, floor.ends)
        if floor.head < floor.tail:
            due = min(due, rig.plan_pending[floor.head & MASK].beat)
    if due > FURTHEST_BEAT:
        return np.int64(1 << 30)
    return max(music_frame(rig, due) - rig.state[0].frame, 1)


@rt
def _has_come(rig, beat):
    """Return whether a beat (inf: never) has come. [audio]"""
    return beat < FURTHEST_BEAT and music_frame(rig, beat) <= rig.state[0].frame


@rt
def _next_takeover(rig):
    """Return the beat at which the ensemble takes over, if nothing else happens. [audio]"""
    floor = rig.floor[0]
    if floor.armed == 0 or floor.mode == OFF:
        return NEVER
    if floor.mode == TRADE:
        return floor.turn
    if floor.mode == ACCOMPANY:
        return -FURTHEST_BEAT
    return NEVER if floor.busy != 0 else floor.quiet_from + floor.silence


@rt
def _take_over(rig):
    """The ensemble plays from this frame on. [audio]"""
    floor = rig.floor[0]
    frame = rig.state[0].frame
    beat = music_beat(rig, frame)
    bar = np.float64(rig.transport[0].beats_per_bar)
    bars = floor.length_bars
    if floor.mode == TRADE:
        bars = max(floor.bars, 1)
        if floor.armed == 0 or floor.trading == 0:  # asked for, not by the clock
            floor.turn = beat
            floor.trading = 1
        beat = floor.turn
    floor.ends = beat + bars * bar if bars > 0 else NEVER
    floor.armed = 0
    floor.took_frame = frame
    floor.awaiting = 1
    floor.starved = 0
    _give(rig, BOTH if floor.mode == ACCOMPANY else ENSEMBLE)
    count_word(rig, TAKEOVERS, 1)
    drop_past(rig)
    if floor.head < floor.tail:
        scheduled(rig)


@rt
def _give(rig, who):
    """Let somebody have the floor, and say so. [audio]"""
    floor = rig.floor[0]
    state = rig.state[0]
    floor.who = who
    state.control = 0 if who == ENSEMBLE else 1
    hear(rig, FLOOR_IS, music_beat(rig, state.frame), 0.0, 0, who, 0, 0)
    emit(rig, FLOOR_MOVED, -1, -1, 0, np.float32(0.0), who, 0, 0)


@rt
def _rest(rig):
    """The ensemble has played as long as it may: what sounds ends in its own time. [audio]"""
    void_pending(rig)
    rig.floor[0].open = 0
    _give(rig, PLAYER)


@rt
def _stop(rig):
    """The player has the floor from this frame on: the plan's notes are released. [audio]"""
    floor = rig.floor[0]
    void_pending(rig)
    floor.open = 0
    stop_sounding(rig)
    if floor.who != PLAYER:
        count_word(rig, YIELDS, 1)
        _give(rig, PLAYER)


@rt
def player_struck(rig):
    """The player strikes a key: the ensemble yields, but where it accompanies. [audio]

    A last note just after the bar line at which turns change is the end of the player's own.
    """
    floor = rig.floor[0]
    if floor.memory == 0 or floor.who == BOTH:
        return
    if floor.who == ENSEMBLE and floor.mode == TRADE:
        turned = music_beat(rig, rig.state[0].frame) - floor.turn
        if turned < GRACE_BEATS:
            return
    if floor.who != PLAYER or floor.sounding > 0:
        _stop(rig)
    arm(rig)


# What is set


@rt
def set_floor(rig, parameter, value):
    """Set something of the floor from this frame on. [audio]"""
    floor = rig.floor[0]
    number = np.int64(value)
    if parameter == FLOOR_SILENCE:
        floor.silence = value
    elif parameter == FLOOR_BARS:
        floor.bars = number
    elif parameter == FLOOR_LENGTH:
        floor.length_bars = number
    elif parameter == FLOOR_PEDAL:
        floor.pedal = number + 1
    elif floor.memory == 0:
        if parameter == FLOOR_MODE:
            floor.mode = number
    elif parameter == FLOOR_MODE:
        _set_mode(rig, number)
    elif parameter == FLOOR_TRIGGER:
        trigger(rig, number)
    elif parameter == FORGET_PAST:
        forget_past(rig)


@rt
def _set_mode(rig, mode):
    """Play on in another way; who is playing now may be answered. [audio]"""
    floor = rig.floor[0]
    if floor.mode == mode or not OFF <= mode <= VARY:
        return
    _stop(rig)
    floor.mode = mode
    floor.trading = 0
    floor.armed = 0
    if mode != OFF and floor.player_notes > 0:
        arm(rig)


@rt
def trigger(rig, starts):
    """Take over now, or yield now; by itself the ensemble waits for the player. [audio]"""
    floor = rig.floor[0]
    if floor.memory == 0 or floor.mode == OFF:
        return
    if starts == 0:
        _stop(rig)
        floor.armed = 0
    elif floor.who == PLAYER:
        follow_time(rig)
        floor.armed = 0
        _take_over(rig)


@rt
def pedal_moved(rig, controller, value):
    """Return whether a controller is the floor's pedal; pressed, it starts or stops. [audio]"""
    floor = rig.floor[0]
    if floor.memory == 0 or floor.pedal != controller + 1:
        return False
    down = 1 if value >= 64 else 0
    if down != 0 and floor.pedal_down == 0:
        trigger(rig, 1 if floor.who == PLAYER else 0)
    floor.pedal_down = down
    return True
