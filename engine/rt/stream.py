"""The stream: events in frame order, sound between them; the same code live and offline. [audio]

A block is cut wherever an event is due and at every multiple of QUANTUM, so voices and mixer never
see an event inside a segment, and the same events give the same samples for any size of block.
"""

import numpy as np

from engine.rt.chains import tend_chains
from engine.rt.clock_in import watch_clock
from engine.rt.floor import begin_floor, frames_to_floor, tend_floor
from engine.rt.fluid import render_fluid
from engine.rt.handover import present
from engine.rt.layout import (
    DIRECT,
    FROM_COMMAND,
    FROM_EVENT,
    MAX_PARTS,
    MIDI,
    PART_MIDI,
    QUANTUM,
    QUEUE,
    QUITTED,
)
from engine.rt.mixer import (
    MASTER_LEFT,
    aim_all,
    clear_mix,
    mix_segment,
    update_meters,
)
from engine.rt.morph import begin_morphs
from engine.rt.morph_mixing import render_morphs
from engine.rt.native import load_acquire, rt, store_release
from engine.rt.notes import end_source
from engine.rt.queue import drop_first, schedule
from engine.rt.results import emit
from engine.rt.rings import LOST_OFFS, READ, WRITE, done_event, pop_event
from engine.rt.router import handle
from engine.rt.transport import frames_to_time, keep_time, render_click, show
from engine.rt.voices import free_banks, render_voices, tidy_voices

VIBRATO_HZ = 5.5
KEPT_FREE = 1024  # places in the queue for what the callback schedules itself


@rt
def process(rig, frames):
    """Render the next `frames` frames into rig.outputs; `rig`: the present one. [audio]"""
    state = rig.state[0]
    state.network_left = state.network_serial
    _make_up_for_lost_offs(rig)
    _take_in(rig, rig.command_words, rig.command_values, rig.command_cursor, FROM_COMMAND)
    _take_in(rig, rig.event_words, rig.event_values, rig.event_cursor, FROM_EVENT)
    begin_floor(rig)
    at = 0
    while at < frames:
        _act(rig)
        if state.table_due != 0:  # what else is due is the new network's
            state.table_due = 0
            rig = present(rig)
            continue
        grid = state.frame % QUANTUM
        if grid == 0:
            _begin_quantum(rig)
        count = min(frames - at, QUANTUM - grid)
        if state.queued > 0:
            count = min(count, rig.queue[0].frame - state.frame)
        count = min(count, frames_to_time(rig))
        if rig.floor[0].memory != 0:
            count = min(count, frames_to_floor(rig))
        clear_mix(rig, count)
        render_voices(rig, count)
        render_morphs(rig, count)
        render_click(rig, count)
        mix_segment(rig, at, count)
        _tap(rig, count)
        state.frame += count
        at += count
    show(rig)


@rt
def _take_in(rig, words, values, cursor, origin):
    """Move a ring's events to the queue, counting those whose frame has passed. [audio]"""
    state = rig.state[0]
    while state.queued < QUEUE - KEPT_FREE:
        slot = pop_event(words, cursor)
        if slot < 0:
            return
        frame = words[slot + 1]
        if frame < state.frame:
            if frame >= 0 and origin == FROM_EVENT:
                rig.stats[0].late_events += 1
            frame = state.frame
        if origin == FROM_EVENT and cursor[READ] < state.void_before and _strikes(words[slot + 2]):
            rig.stats[0].dropped_events += 1
        else:
            schedule(rig, frame, origin, words[slot + 2], values[slot + 3])
        done_event(words, cursor)


@rt
def _make_up_for_lost_offs(rig):
    """A producer found no room for a note-off: no note begun or sent before may hang. [audio]

    Which note was meant nobody knows: all that sound end, all that were sent do not begin.
    """
    state = rig.state[0]
    lost = load_acquire(rig.event_cursor, LOST_OFFS)
    if lost == state.lost_offs:
        return
    state.lost_offs = lost
    state.void_before = load_acquire(rig.event_cursor, WRITE)
    for source in range(DIRECT + 1):
        end_source(rig, source, -1)
    for i in range(state.queued):
        if _strikes(rig.queue[i].packed):
            rig.queue[i].packed = 0  # no event
            rig.stats[0].dropped_events += 1


@rt
def _strikes(packed):
    """Return whether an event is a note-on. [audio]"""
    kind = packed & 0xFF
    note_on = packed >> 8 & 0xF0 == 0x90 and packed >> 24 & 0x7F != 0
    return kind in (MIDI, PART_MIDI) and note_on


@rt
def _act(rig):
    """Do everything that is due at this frame. [audio]"""
    state = rig.state[0]
    if rig.transport[0].rolling != 0:  # a beat's tick goes before its notes
        keep_time(rig)
    while state.queued > 0 and rig.queue[0].frame <= state.frame and state.table_due == 0:
        packed = rig.queue[0].packed
        value = rig.queue[0].value
        drop_first(rig)
        handle(rig, packed, value)
        if rig.transport[0].moved != 0 and rig.transport[0].rolling != 0:
            keep_time(rig)
    if rig.transport[0].rolling == 0:
        keep_time(rig)
    if rig.floor[0].memory != 0:
        tend_floor(rig)


@rt
def _begin_quantum(rig):
    """What happens on the absolute grid: FluidSynth, bends, meters, tidying up. [audio]"""
    state = rig.state[0]
    for index in range(MAX_PARTS):
        part = rig.parts[index]
        if part.used != 0:
            period = np.int64(state.rate_hz / VIBRATO_HZ)
            phase = 2.0 * np.pi * (state.frame % period) / period
            part.ratio = part.bend * 2.0 ** (part.vibrato * 0.5 / 12.0 * np.sin(phase))
    tidy_voices(rig)
    begin_morphs(rig)
    free_banks(rig)
    if state.chains_on != 0:
        tend_chains(rig)
        if state.aim_due != 0:
            aim_all(rig)
    update_meters(rig)
    watch_clock(rig)
    render_fluid(rig)
    if state.quit == 1 and state.frame >= state.quit_frame:
        state.quit = 2
        emit(rig, QUITTED, -1, -1, 0, np.float32(0.0), 0, 0, 0)
        state.quit_done = 1


@rt
def _tap(rig, count):
    """Leave master and stems for the recorder; count what it was too slow for. [audio]"""
    state = rig.state[0]
    if state.tap == 0:
        return
    capacity = rig.tap.shape[1]
    write = rig.tap_cursor[WRITE]
    if write + count - load_acquire(rig.tap_cursor, READ) > capacity:
        rig.stats[0].underruns += count
        return
    for channel in range(rig.tap.shape[0]):
        row = MASTER_LEFT + channel if channel < 2 else channel - 2
        if channel >= 2 and rig.parts[(channel - 2) >> 1].used == 0:
            for n in range(count):
                rig.tap[channel, (write + n) % capacity] = np.float32(0.0)
            continue
        for n in range(count):
            rig.tap[channel, (write + n) % capacity] = rig.mix[row, n]
    store_release(rig.tap_cursor, WRITE, write + count)
