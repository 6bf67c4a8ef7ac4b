"""JACK's transport: followed at the start of every cycle, or led as its timebase master. [audio]

Following takes bar, beat and tick where a master gives them, else JACK's frame and our own tempo.
Leading, we say what bar and beat it is; whether it rolls, and from where, is JACK's to say, so that
every program's start and stop buttons are ours too.
"""

import numpy as np
from numba import types

from engine.rt.layout import INTERNAL, JACK, JACK_TRANSPORT_QUERY
from engine.rt.native import foreign, rt
from engine.rt.transport import align, beat_at, locate, roll, set_anchor, set_tempo, tell, tempo_bpm

ROLLS = 1  # JackTransportRolling
BBT, BBT_OFFSET = 0x10, 0x40  # what is valid in a position
TICKS_PER_BEAT = 96000.0  # so fine that programs which leave out the offset are right to a frame
QUANTISED = 0.004  # beats; whole ticks of a coarse master are no jump
GAIN = 0.05  # of the correction each cycle
SKIPPED_S = 1.0  # frames JACK ran on without us, not a relocation

_query = foreign(types.int32, types.int64, types.int64)


@rt
def follow_jack(rig, frames):
    """Take over what JACK's transport does from this cycle on. [audio]"""
    t = rig.transport[0]
    state = rig.state[0]
    query = rig.native[JACK_TRANSPORT_QUERY]
    leads = t.source == JACK
    if query == 0 or not (leads or (t.jack_master != 0 and t.source == INTERNAL)):
        return
    rolling = _query(query, (state.jack_client, rig.position.ctypes.data)) == ROLLS
    p = rig.position[0]
    at = np.int64(p.frame)
    known = leads and p.valid & BBT != 0 and p.ticks_per_beat > 0.0 and p.beat_type > 0.0
    if known:
        if p.beats_per_minute > 0.0:
            # a beat of theirs is a note of beat_type
            quarter_bpm = p.beats_per_minute * 4.0 / p.beat_type
            frames_per_beat = 60.0 * state.rate_hz / quarter_bpm
            if frames_per_beat != t.frames_per_beat:
                set_tempo(rig, frames_per_beat)
        if np.int64(p.beats_per_bar * 4.0 / p.beat_type) != t.beats_per_bar:
            t.beats_per_bar = min(max(np.int64(p.beats_per_bar * 4.0 / p.beat_type), 1), 255)
            tell(rig)
        beat = _beat_of(rig, p)
    else:
        beat = _beat_of_frame(rig, at)
    if leads and t.locked != (1 if known else 0):
        t.locked = 1 if known else 0
        tell(rig)
    _go(rig, rolling, beat)
    t.jack_frame = at + (frames if rolling else 0)


@rt
def _beat_of(rig, p):
    """Return the quarter note that a position with bar, beat and tick stands at. [audio]"""
    ticks = p.bar_start_tick
    if ticks <= 0.0:  # some masters leave it out
        ticks = (p.bar - 1) * np.float64(p.beats_per_bar) * p.ticks_per_beat
    ticks += (p.beat - 1) * p.ticks_per_beat + p.tick
    beat = ticks / p.ticks_per_beat * 4.0 / p.beat_type
    if p.valid & BBT_OFFSET != 0:
        beat += p.bbt_offset / rig.transport[0].frames_per_beat
    return beat


@rt
def _beat_of_frame(rig, at):
    """Return our beat at JACK's frame: where we are, unless somebody moved it. [audio]"""
    t = rig.transport[0]
    beat = beat_at(rig, rig.state[0].frame)
    skipped = at - t.jack_frame
    if t.jack_frame < 0 or skipped == 0:
        return beat
    if t.rolling != 0 and 0 < skipped < SKIPPED_S * rig.state[0].rate_hz:
        return beat + skipped / t.frames_per_beat
    return at / t.frames_per_beat


@rt
def _go(rig, rolling, beat):
    """Roll as JACK does, at its beat. [audio]"""
    t = rig.transport[0]
    now = beat_at(rig, rig.state[0].frame)
    if t.rolling != (1 if rolling else 0):
        if abs(beat - now) > QUANTISED:
            locate(rig, beat)
        roll(rig, 1 if rolling else 0)
    elif abs(beat - now) > QUANTISED:
        if rolling:
            align(rig, beat)
        else:
            locate(rig, beat)
    elif rolling and beat != now:
        set_anchor(rig, np.float64(rig.state[0].frame), now + GAIN * (beat - now))


@rt
def write_position(rig, p, moved):
    """Say what bar and beat the next cycle begins with. [audio]"""
    t = rig.transport[0]
    beat = beat_at(rig, rig.state[0].frame)
    if moved and t.source == INTERNAL:
        beat = np.int64(p.frame) / t.frames_per_beat
    beat = max(beat, 0.0)
    bar = np.int64(beat / t.beats_per_bar)
    in_bar = beat - bar * t.beats_per_bar
    whole = np.int64(in_bar)
    ticks = (in_bar - whole) * TICKS_PER_BEAT
    p.valid = BBT | BBT_OFFSET
    p.bar = bar + 1
    p.beat = whole + 1
    p.tick = np.int64(ticks)
    p.bbt_offset = np.int64((ticks - np.int64(ticks)) / TICKS_PER_BEAT * t.frames_per_beat + 0.5)
    p.bar_start_tick = bar * t.beats_per_bar * TICKS_PER_BEAT
    p.beats_per_bar = t.beats_per_bar
    p.beat_type = 4.0
    p.ticks_per_beat = TICKS_PER_BEAT
    p.beats_per_minute = tempo_bpm(rig)
