"""Chains of plugins, as the callback sees them: audio and events out, processed audio in. [audio]

A chain shares memory with its host, a process (shared.py). The callback writes what a strip plays
there and takes what the plugins made of it `lead` frames later. It never waits (but while JACK
freewheels, that is, runs as fast as it can and nobody listens): if the host is late, hangs or is
dead, the chain fades within 64 frames to its dry path, which is equally late, and back when the
host is in time again. A part whose chain is an instrument plays new notes on its own sound
meanwhile; a send is silent. Nothing a host may write there is trusted.
"""

import numpy as np
from numba import carray

from engine.rt.delays import align, at_rest, cross_fade, is_fading, read_line, write_line
from engine.rt.layout import (
    CHAIN_BYPASS,
    CHAIN_FREED,
    MAX_CHAINS,
    MAX_PARTS,
    QUANTUM,
    SEND_A_CHAIN,
    SEND_B_CHAIN,
    SUSTAIN_PEDAL,
    WORK_ROWS,
)
from engine.rt.native import as_pointer, load_acquire, rt, store_release, view_f32, view_i64
from engine.rt.results import emit
from engine.rt.shared import (
    CAPACITY,
    EVENT,
    EVENT_READ,
    EVENT_WRITE,
    EVENTS,
    EVENTS_AT,
    HEADER_WORDS,
    INPUT_AT,
    MIDI_MESSAGE,
    OUTPUT_AT,
    PLAYED,
    PROCESSED,
    VALID_FROM,
    WRITTEN,
)
from engine.rt.timing import now_ns

RISE = np.float32(1.0 / 1024.0)  # a frame, from dry to processed
FALL = np.float32(1.0 / QUANTUM)  # so much is always there when the fall begins
LOUDEST = np.float32(64.0)  # what is louder is no sound
NO_HEADROOM = 1 << 40
REST, LONGEST_REST = 256, 16384  # frames after a miss, twice as many after each that follows
CALM_S = 2  # after so long a miss is a first one again
PATIENCE_NS = 1_000_000_000
LAST, NEXT, PRESENT = 0, 1, 2  # of rig.chain_serials, three a slot


# Coming and going


@rt
def attach_chain(rig, slot, instrument, serial, delays, address):
    """Give a slot a chain from the next quantum on; one that is there fades out first. [audio]

    `delays`: lead | plugin latency << 16, in frames.
    """
    state = rig.state[0]
    chain = rig.chains[slot]
    if chain.next_address != 0:
        emit(rig, CHAIN_FREED, -1, chain.next_serial, 0, np.float32(0.0), slot, 0, 0)
    chain.next_address = address
    chain.next_serial = serial
    chain.next_instrument = instrument
    chain.next_lead = delays & 0xFFFF
    chain.next_latency = delays >> 16
    chain.next_events = 0
    store_release(rig.chain_serials, 3 * slot + NEXT, serial)
    store_release(rig.chain_serials, 3 * slot + LAST, serial)
    _leave(rig, slot)
    if state.chains_on == 0:
        state.chains_on = 1
        state.lines_from = state.frame


@rt
def detach_chain(rig, slot, keep):
    """Let a slot's chain fade out; its memory is not touched after it is reported free. [audio]

    Its delay stays for `keep` frames: if another follows by then, nobody hears the delays change.
    """
    chain = rig.chains[slot]
    chain.keep_until = rig.state[0].frame + keep
    rig.state[0].align_due = 1
    if chain.next_address != 0:
        chain.next_address = 0
        emit(rig, CHAIN_FREED, -1, chain.next_serial, 0, np.float32(0.0), slot, 0, 0)
        store_release(rig.chain_serials, 3 * slot + NEXT, 0)
    _leave(rig, slot)


@rt
def _leave(rig, slot):
    """Begin to fade out what is in a slot. [audio]"""
    chain = rig.chains[slot]
    if chain.address != 0:
        chain.leaving = 1
        chain.rising = 0


@rt
def _free(rig, slot):
    """Report a chain that nothing is heard of any more, and forget it. [audio]"""
    chain = rig.chains[slot]
    chain.address = 0
    rig.state[0].aim_due = 1
    emit(rig, CHAIN_FREED, -1, chain.serial, 0, np.float32(0.0), slot, 0, 0)
    store_release(rig.chain_serials, 3 * slot + PRESENT, 0)
    rig.state[0].align_due = 1


@rt
def _begin(rig, slot):
    """Let the chain that waits for a slot begin; this is its frame 0. [audio]"""
    state = rig.state[0]
    chain = rig.chains[slot]
    chain.address = chain.next_address
    chain.serial = chain.next_serial
    chain.instrument = chain.next_instrument
    chain.lead = chain.next_lead
    chain.latency = chain.next_latency
    chain.events = chain.next_events
    chain.next_address = 0
    store_release(rig.chain_serials, 3 * slot + PRESENT, chain.serial)
    store_release(rig.chain_serials, 3 * slot + NEXT, 0)
    chain.origin = state.frame
    chain.leaving = 0
    chain.bypass = 0
    chain.good_from = chain.latency  # before that the plugins had nothing to be late with
    chain.wet = np.float32(0.0)
    chain.rising = 0
    chain.rest_until = 0
    chain.rest = 0
    chain.keep_until = 0
    chain.hung = 0
    chain.misses = 0
    chain.dry_frames = 0
    chain.wrong_samples = 0
    chain.events_lost = 0
    chain.headroom = NO_HEADROOM
    state.align_due = 1
    state.aim_due = 1
    if chain.instrument != 0 and slot < MAX_PARTS:
        part = rig.parts[slot]
        for controller in range(1, 96):
            if part.sent[controller] != 0 or controller == 7 or controller == 11:
                send_midi(rig, slot, 0xB0, controller, part.sent[controller])
        send_midi(rig, slot, 0xE0, part.last_bend & 127, part.last_bend >> 7)
        send_midi(rig, slot, 0xD0, part.last_pressure, 0)


@rt
def set_chain(rig, slot, what, value):
    """Set a chain's lead and latency (value: as attach_chain's delays) or its bypass. [audio]"""
    chain = rig.chains[slot]
    if chain.address == 0 and chain.next_address == 0:
        return
    if what == CHAIN_BYPASS:
        chain.bypass = value
        if value != 0:
            chain.rising = 0
    elif chain.next_address != 0:
        chain.next_lead = value & 0xFFFF
        chain.next_latency = value >> 16
    else:
        chain.lead = value & 0xFFFF
        chain.latency = value >> 16
        rig.state[0].align_due = 1


@rt
def tend_chains(rig):
    """What happens to chains on the absolute grid: begin, end, come back. [audio]"""
    state = rig.state[0]
    busy = False
    for slot in range(MAX_CHAINS):
        chain = rig.chains[slot]
        if chain.address != 0 and chain.leaving != 0 and chain.wet <= np.float32(0.0):
            _free(rig, slot)
        if chain.address == 0 and chain.next_address != 0:
            _begin(rig, slot)
        if chain.address != 0:
            busy = True
            if chain.hung != 0:
                _unhang(rig, slot)
        elif chain.keep_until > state.frame:
            busy = True
        elif chain.keep_until != 0:
            chain.keep_until = 0
            state.align_due = 1
    sends = rig.chains[SEND_A_CHAIN].address != 0 or rig.chains[SEND_B_CHAIN].address != 0
    state.sends_on = 1 if sends else 0
    align(rig)
    for slot in range(MAX_CHAINS):
        chain = rig.chains[slot]
        if chain.address != 0 and chain.rising == 0 and _may_rise(rig, slot):
            chain.rising = 1
    if not busy and at_rest(rig):
        state.chains_on = 0


@rt
def _may_rise(rig, slot):
    """Return whether a chain may be heard from this quantum on. [audio]"""
    chain = rig.chains[slot]
    strip = rig.strips[slot]
    if chain.leaving != 0 or chain.bypass != 0 or is_fading(rig, slot):
        return False
    if rig.state[0].frame < chain.rest_until:
        return False
    if strip.latency != chain.latency or strip.delay - strip.latency < chain.lead:
        return False
    return _spare_frames(rig, slot, QUANTUM) >= 0


# Audio


@rt
def run_strip(rig, slot, left, right, count):
    """Put a strip's sound through its chain and delay, in place; while the lines run. [audio]"""
    strip = rig.strips[slot]
    write_line(rig, slot, left, right, count)
    wet = (
        slot < MAX_CHAINS and rig.chains[slot].address != 0 and _run(rig, slot, left, right, count)
    )
    _hear(rig, slot, strip.delay, strip.latency, wet, left, right, count)
    if is_fading(rig, slot):
        from_l = rig.mix[WORK_ROWS]
        from_r = rig.mix[WORK_ROWS + 1]
        _hear(rig, slot, strip.from_delay, strip.from_latency, wet, from_l, from_r, count)
        cross_fade(rig, slot, from_l, from_r, left, right, count)


@rt
def _run(rig, slot, left, right, count):
    """Hand frames to a chain's host; return whether any of what it made is heard. [audio]"""
    state = rig.state[0]
    chain = rig.chains[slot]
    strip = rig.strips[slot]
    header = view_i64(chain.address, HEADER_WORDS)
    at = state.frame - chain.origin
    if chain.instrument == 0:
        given = view_f32(chain.address + INPUT_AT, 2 * CAPACITY)
        for n in range(count):
            k = (at + n) & (CAPACITY - 1)
            given[k] = left[n]
            given[CAPACITY + k] = right[n]
    header[PLAYED] = max(at + count - (strip.delay - strip.latency), 0)
    store_release(header, WRITTEN, at + count)
    if chain.rising != 0:
        spare = _spare_frames(rig, slot, count)
        if spare < 0 and state.freewheel != 0:
            spare = _wait_for_host(rig, slot, count)
        chain.headroom = min(chain.headroom, spare)
        if spare < 0:
            _rest(rig, slot)
    if chain.rising == 0 and chain.misses > 0:
        chain.dry_frames += count
    if chain.rising == 0 and chain.wet <= np.float32(0.0):
        return False
    shares = rig.mix[WORK_ROWS + 2]
    wet = chain.wet
    for n in range(count):
        if chain.rising != 0:
            wet = min(wet + RISE, np.float32(1.0))
        else:
            wet = max(wet - FALL, np.float32(0.0))
        shares[n] = wet
    chain.wet = wet
    return True


@rt
def _rest(rig, slot):
    """Miss: briefly, but not so that a host that is always a little late may flutter. [audio]"""
    state = rig.state[0]
    chain = rig.chains[slot]
    calm = state.frame - chain.rest_until > CALM_S * state.rate_hz
    chain.rest = REST if calm else min(max(2 * chain.rest, REST), LONGEST_REST)
    chain.rest_until = state.frame + chain.rest
    chain.rising = 0
    chain.misses += 1


@rt
def _wait_for_host(rig, slot, count):
    """Return the spare frames when there are any, or when it took too long. Freewheeling only."""
    until_ns = now_ns(rig) + PATIENCE_NS
    spare = _spare_frames(rig, slot, count)
    while spare < 0 and now_ns(rig) < until_ns:
        spare = _spare_frames(rig, slot, count)
    return spare


@rt
def _spare_frames(rig, slot, count):
    """Return how many frames more are processed than `count` now and a fade; negative: late.

    The host's words may be anything. [audio]
    """
    state = rig.state[0]
    chain = rig.chains[slot]
    strip = rig.strips[slot]
    header = view_i64(chain.address, HEADER_WORDS)
    at = state.frame - chain.origin
    behind = strip.delay - strip.latency
    if is_fading(rig, slot):
        behind = min(behind, strip.from_delay - strip.from_latency)
    first = at - behind
    processed = load_acquire(header, PROCESSED)
    valid_from = header[VALID_FROM]
    skipped = valid_from > 0 and first < valid_from + chain.latency
    if first < chain.good_from or skipped or processed > at + count:
        return -NO_HEADROOM
    return processed - (first + count + QUANTUM)


@rt
def _hear(rig, slot, delay, latency, wet, left, right, count):
    """Put into left and right what a strip sounds like at a delay. [audio]"""
    read_line(rig, slot, delay, left, right, count)
    is_send = slot in (SEND_A_CHAIN, SEND_B_CHAIN)
    if is_send:  # without its plugins a send is silent
        for n in range(count):
            left[n] = np.float32(0.0)
            right[n] = np.float32(0.0)
    if not wet or delay <= latency:
        return
    state = rig.state[0]
    chain = rig.chains[slot]
    header = view_i64(chain.address, HEADER_WORDS)
    made = view_f32(chain.address + OUTPUT_AT, 2 * CAPACITY)
    shares = rig.mix[WORK_ROWS + 2]
    first = state.frame - chain.origin - (delay - latency)
    processed = load_acquire(header, PROCESSED)
    adds = is_send or chain.instrument != 0
    for n in range(count):
        out_l = np.float32(0.0)
        out_r = np.float32(0.0)
        if 0 <= first + n < processed:
            k = (first + n) & (CAPACITY - 1)
            out_l = made[k]
            out_r = made[CAPACITY + k]
            if not (abs(out_l) <= LOUDEST and abs(out_r) <= LOUDEST):
                chain.wrong_samples += 1
                out_l = np.float32(0.0)
                out_r = np.float32(0.0)
        share = shares[n]
        dry = np.float32(1.0) if adds else np.float32(1.0) - share
        left[n] = left[n] * dry + out_l * share
        right[n] = right[n] * dry + out_r * share


# Events


@rt
def instrument_plays(rig, part):
    """Return whether a part's notes go to an instrument of its chain now. [audio]"""
    chain = rig.chains[part]
    return chain.address != 0 and chain.instrument != 0 and chain.rising != 0


@rt
def has_instrument(rig, part):
    """Return whether a part's chain begins with an instrument, in time or not. [audio]"""
    return rig.chains[part].address != 0 and rig.chains[part].instrument != 0


@rt
def send_midi(rig, slot, status, data1, data2):
    """Send a message to the instrument of a slot's chain, if it has one; it acts now. [audio]"""
    chain = rig.chains[slot]
    if chain.address != 0 and chain.instrument != 0:
        _send(rig, slot, MIDI_MESSAGE, status, data1, data2, 0, 0.0)


@rt
def send_to_plugin(rig, slot, kind, plugin, index, value):
    """Send a chain's host an event that is no MIDI message; it acts now. [audio]"""
    chain = rig.chains[slot]
    if chain.address != 0 or chain.next_address != 0:
        _send(rig, slot, kind, plugin, 0, 0, index, value)


@rt
def panic_chains(rig):
    """Silence every chain and its dry path. [audio]

    Controllers 64, 120 and 123 go to every host, at this frame: one without an instrument takes
    120 for an order to forget its plugins' tails. Effects are unheard until that has been played.
    """
    state = rig.state[0]
    if state.chains_on == 0:
        return
    state.lines_from = state.frame
    for slot in range(MAX_CHAINS):
        chain = rig.chains[slot]
        if chain.address != 0:
            for controller in (SUSTAIN_PEDAL, 120, 123):
                _send(rig, slot, MIDI_MESSAGE, 0xB0, controller, 0, 0, 0.0)
            if chain.instrument == 0:
                chain.good_from = state.frame - chain.origin
                chain.rising = 0


@rt
def _unhang(rig, slot):
    """Messages were lost for want of room: end all notes of the instrument. [audio]"""
    chain = rig.chains[slot]
    header = view_i64(chain.address, HEADER_WORDS)
    if chain.events - load_acquire(header, EVENT_READ) > EVENTS // 2:
        return
    chain.hung = 0
    send_midi(rig, slot, 0xB0, SUSTAIN_PEDAL, 0)
    send_midi(rig, slot, 0xB0, 123, 0)


@rt
def _send(rig, slot, kind, data0, data1, data2, index, value):
    """Append an event to the ring of a slot's chain. [audio]

    What is no MIDI message was meant for the chain that follows, if one does.
    """
    chain = rig.chains[slot]
    follows = chain.next_address != 0 and kind != MIDI_MESSAGE
    address = chain.next_address if follows else chain.address
    written = chain.next_events if follows else chain.events
    header = view_i64(address, HEADER_WORDS)
    waiting = written - load_acquire(header, EVENT_READ)
    if waiting < 0 or waiting >= EVENTS:
        chain.events_lost += 1
        chain.hung = 1
        return
    event = carray(as_pointer(address + EVENTS_AT), EVENTS, EVENT)[written & (EVENTS - 1)]
    event.frame = 0 if follows else rig.state[0].frame - chain.origin
    event.kind = kind
    event.data[0] = data0
    event.data[1] = data1
    event.data[2] = data2
    event.index = index
    event.value = value
    store_release(header, EVENT_WRITE, written + 1)
    if follows:
        chain.next_events = written + 1
    else:
        chain.events = written + 1
