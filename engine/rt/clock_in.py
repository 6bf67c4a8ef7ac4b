"""MIDI clock coming in: tempo and place, found in ticks that come early and late. [audio]

A line is laid through the last ticks by least squares: over two bars of 4/4 the tempo is then known
to a few hundredths of a beat a minute when each tick is off by a millisecond. When the newest ticks
leave that line, as after a change of tempo, fewer of them are asked. Two bars after any change
nothing of what was before it is left. Start, continue and stop, and the song position, count in
ticks, as every follower does: what is due at a tick stays there, however late the tick comes.
"""

import numpy as np

from engine.rt.layout import MIDI_CLOCK, TICKS_KEPT
from engine.rt.native import rt
from engine.rt.transport import (
    CONTINUE,
    NEAR,
    SONG_POSITION,
    START,
    STOP,
    TICK,
    TICKS,
    TICKS_OF_POSITION,
    beat_at,
    locate,
    roll,
    set_anchor,
    tell,
    tell_if_new,
)

LONGEST, SHORTEST = 8 * TICKS, 12  # ticks a line is laid through
NEWEST = 12  # ticks that must lie on it
SURE = 5.0  # standard deviations of their mean
SMALLEST_JITTER_S = 1e-4
MEMORY = 32  # ticks the jitter is averaged over
LOST_S = 0.35  # without a tick; a tick at 20 bpm comes every 0.125 s
SLOWEST_TICK_S = 0.15


@rt
def clock_message(rig, status, data1, data2):
    """Act on a system message of a clock at this frame. [audio]"""
    clock = rig.clock_in[0]
    t = rig.transport[0]
    leads = t.source == MIDI_CLOCK
    if status == TICK:
        _tick(rig)
    elif status in (START, CONTINUE):
        if status == START:
            clock.song_tick = 0
        clock.place = 0
        clock.start = 1
        clock.known = clock.period if clock.count >= 2 * SHORTEST else 0.0
        clock.count = 0  # many clocks begin anew here: their tempo holds, not their phase
        if leads and t.rolling != 0:
            roll(rig, 0)
        if leads and status == START:
            locate(rig, 0.0)
    elif status == STOP:
        clock.start = 0
        if leads:
            roll(rig, 0)
            clock.song_tick = np.int64(np.ceil(beat_at(rig, rig.state[0].frame) * TICKS - NEAR))
    elif status == SONG_POSITION:
        clock.song_tick = (data1 | data2 << 7) * TICKS_OF_POSITION
        clock.place = 0
        if leads:
            locate(rig, clock.song_tick / TICKS)


@rt
def _tick(rig):
    """A tick has come: find out what it says, and lead the transport if that is asked. [audio]"""
    clock = rig.clock_in[0]
    t = rig.transport[0]
    state = rig.state[0]
    if clock.count > 0 and state.frame - clock.last_frame > SLOWEST_TICK_S * state.rate_hz:
        clock.count = 0
        clock.known = 0.0
    if clock.count == 0 and clock.known == 0.0:
        clock.period = t.frames_per_beat / TICKS
    clock.frames[clock.write & (TICKS_KEPT - 1)] = state.frame
    clock.write += 1
    clock.count = min(clock.count + 1, LONGEST)
    clock.last_frame = state.frame
    _estimate(rig)
    if t.source != MIDI_CLOCK:
        if clock.start != 0 and clock.place == 0:
            clock.song_tick += 1
        return
    if clock.place != 0:
        clock.song_tick = np.int64(np.round(beat_at(rig, state.frame) * TICKS))
        clock.place = 0
    found = t.locked == 0
    t.locked = 1
    if clock.start != 0:
        clock.start = 0
        set_anchor(rig, np.float64(state.frame), clock.song_tick / TICKS)
        roll(rig, 1)
    _lead(rig)
    if found:
        tell(rig)
    else:
        tell_if_new(rig)


@rt
def _lead(rig):
    """Let the transport go as the clock says. [audio]"""
    clock = rig.clock_in[0]
    t = rig.transport[0]
    t.moved = 1
    t.frames_per_beat = clock.period * TICKS
    if t.rolling != 0:
        set_anchor(rig, clock.phase, clock.song_tick / TICKS)
        clock.song_tick += 1


@rt
def watch_clock(rig):
    """Notice that the ticks stay away; the transport goes on at its tempo. [audio]"""
    clock = rig.clock_in[0]
    t = rig.transport[0]
    state = rig.state[0]
    if t.source != MIDI_CLOCK or t.locked == 0:
        return
    if state.frame - clock.last_frame > LOST_S * state.rate_hz:
        t.locked = 0
        clock.count = 0
        clock.place = 1 if t.rolling != 0 else 0
        tell(rig)


@rt
def _estimate(rig):
    """Find period and phase of the ticks so far. [audio]"""
    clock = rig.clock_in[0]
    newest = np.float64(clock.last_frame)
    if clock.count < 2:
        clock.phase = newest
        return
    if clock.count > 2:
        _learn_jitter(clock)
    smallest = SMALLEST_JITTER_S * rig.state[0].rate_hz
    limit = SURE * np.sqrt(max(clock.jitter, smallest * smallest) / NEWEST)
    ticks = clock.count
    while True:
        offset, period, astray = _line(clock, ticks)
        if clock.known > 0.0:
            unsure = limit * np.sqrt(12.0 * NEWEST / ticks) / ticks
            if ticks < 2 * SHORTEST and abs(period - clock.known) <= unsure:
                offset += 0.5 * (ticks - 1) * (clock.known - period)
                period = clock.known
            else:
                clock.known = 0.0
        if ticks < 2 * SHORTEST or abs(astray) <= limit:
            break
        ticks //= 2
    clock.period = period
    clock.phase = newest + offset


@rt
def _learn_jitter(clock):
    """Average the jitter's variance from second differences, which no steady tempo has. [audio]"""
    last = clock.write - 1
    kept = TICKS_KEPT - 1
    second = (
        clock.frames[last & kept]
        - 2 * clock.frames[(last - 1) & kept]
        + clock.frames[(last - 2) & kept]
    )
    counted = MEMORY if clock.known > 0.0 else min(clock.count - 2, MEMORY)
    clock.jitter += (second * second / 6.0 - clock.jitter) / counted


@rt
def _line(clock, ticks):
    """Return (place of the last tick off its frame, period, mean error of the newest ticks)."""
    kept = TICKS_KEPT - 1
    first = clock.write - ticks
    middle = 0.5 * (ticks - 1)
    newest = clock.last_frame
    mean = 0.0
    moment = 0.0
    for i in range(ticks):
        frame = np.float64(clock.frames[(first + i) & kept] - newest)
        mean += frame
        moment += (i - middle) * frame
    mean /= ticks
    period = 12.0 * moment / (ticks * (ticks * ticks - 1.0))
    count = min(NEWEST, ticks)
    astray = 0.0
    for i in range(ticks - count, ticks):
        frame = np.float64(clock.frames[(first + i) & kept] - newest)
        astray += frame - mean - period * (i - middle)
    return mean + period * middle, period, astray / count
