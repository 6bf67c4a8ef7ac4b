"""The mixer: a strip a part, sends, returns, master, meters. [audio]

A strip's gains move along straight ramps that start at an event's frame, so they too are functions
of the stream's frame alone.
"""

import numpy as np

from engine.rt.chains import has_instrument, run_strip
from engine.rt.delays import rest_line
from engine.rt.effects import add_chorus, add_reverb, limit
from engine.rt.layout import (
    BANK_VOICES,
    CLICK_STRIP,
    FIRST_RETURN,
    MASTER_CHAIN,
    MAX_PARTS,
    MORPH,
    QUANTUM,
    RETURNS,
    SEND_A_CHAIN,
    SEND_ROWS,
    WORK_ROWS,
)
from engine.rt.native import rt, view_f32

RAMP_FRAMES = 960  # 20 ms at 48 kHz
PLAYED = 2  # of part.used: has had a note since it became active

# Rows of rig.mix: a pair a part, then these.
MASTER_LEFT, MASTER_RIGHT = 2 * MAX_PARTS, 2 * MAX_PARTS + 1
SEND_REVERB, SEND_CHORUS = 2 * MAX_PARTS + 2, 2 * MAX_PARTS + 3


@rt
def aim_strip(rig, index):
    """Start the ramp of a strip towards its present settings. [audio]"""
    state = rig.state[0]
    part = rig.parts[index]
    now = state.frame - part.ramp_at
    for k in range(6):
        part.ramp_from[k] = _ramp(part.ramp_from[k], part.ramp_to[k], now)
    part.ramp_at = state.frame
    open_gain = part.gain
    ours = part.destination == BANK_VOICES or part.destination == MORPH
    if ours and not has_instrument(rig, index):
        open_gain *= part.expression
    hidden = part.mute != 0 or (state.any_solo != 0 and part.solo == 0)
    if hidden or state.quit != 0:
        open_gain = np.float32(0.0)
    angle = np.float32((part.pan + np.float32(1.0)) * np.float32(0.25 * np.pi))
    part.ramp_to[0] = open_gain * np.float32(np.sqrt(2.0)) * np.float32(np.cos(angle))
    part.ramp_to[1] = open_gain * np.float32(np.sqrt(2.0)) * np.float32(np.sin(angle))
    part.ramp_to[2] = part.reverb
    part.ramp_to[3] = part.chorus
    part.ramp_to[4] = part.send_a
    part.ramp_to[5] = part.send_b
    if part.used != PLAYED:  # nothing to hear yet, and its first note must not fade in
        for k in range(6):
            part.ramp_from[k] = part.ramp_to[k]


@rt
def aim_all(rig):
    """Start the ramps of all strips: a solo changes everybody. [audio]"""
    state = rig.state[0]
    state.aim_due = 0
    state.any_solo = 0
    for i in range(MAX_PARTS):
        if rig.parts[i].active != 0 and rig.parts[i].solo != 0:
            state.any_solo = 1
    for i in range(MAX_PARTS):
        aim_strip(rig, i)


@rt
def _ramp(start, end, frames):
    """Return a ramp's value so many frames after its start. [audio]"""
    if frames >= RAMP_FRAMES:
        return end
    return start + (end - start) * (np.float32(frames) / np.float32(RAMP_FRAMES))


@rt
def clear_mix(rig, count):
    """Silence the working buffers. [audio]"""
    for row in range(WORK_ROWS if rig.state[0].chains_on != 0 else SEND_ROWS):
        rig.mix[row, :count] = np.float32(0.0)


@rt
def mix_segment(rig, at, count):
    """Mix `count` frames from mix into the outputs, at offset `at` of the block. [audio]"""
    state = rig.state[0]
    mix = rig.mix
    master_l = mix[MASTER_LEFT]
    master_r = mix[MASTER_RIGHT]
    reverb = mix[SEND_REVERB]
    chorus = mix[SEND_CHORUS]
    grid = state.frame % QUANTUM
    chains_on = state.chains_on != 0
    if chains_on:
        run_strip(rig, CLICK_STRIP, master_l, master_r, count)  # so far the master is the click
        _run_parts(rig, grid, count)
    for index in range(MAX_PARTS):
        part = rig.parts[index]
        if part.used == 0:
            continue
        left = mix[2 * index]
        right = mix[2 * index + 1]
        since = state.frame - part.ramp_at
        power = part.power_sum
        peak = part.power_peak
        gain_l = part.ramp_to[0]
        gain_r = part.ramp_to[1]
        to_reverb = part.ramp_to[2]
        to_chorus = part.ramp_to[3]
        moving = since < RAMP_FRAMES
        for n in range(count):
            if moving:
                gain_l = _ramp(part.ramp_from[0], part.ramp_to[0], since + n)
                gain_r = _ramp(part.ramp_from[1], part.ramp_to[1], since + n)
                to_reverb = _ramp(part.ramp_from[2], part.ramp_to[2], since + n)
                to_chorus = _ramp(part.ramp_from[3], part.ramp_to[3], since + n)
            out_l = (left[n] + rig.fluid_audio[2 * index, grid + n]) * gain_l
            out_r = (right[n] + rig.fluid_audio[2 * index + 1, grid + n]) * gain_r
            left[n] = out_l
            right[n] = out_r
            master_l[n] += out_l
            master_r[n] += out_r
            both = np.float32(0.5) * (out_l + out_r)
            reverb[n] += both * to_reverb
            chorus[n] += both * to_chorus
            power += out_l * out_l + out_r * out_r
            peak = max(peak, abs(out_l), abs(out_r))
        part.power_sum = power
        part.power_peak = peak
        if state.sends_on != 0:
            _add_sends(rig, index, left, right, count)
        _write(rig, 2 + 2 * index, at, left, count)
        _write(rig, 3 + 2 * index, at, right, count)
    gains = rig.reverb_gains
    add_reverb(rig.reverb, rig.reverb_index, gains[0], gains[1], reverb, master_l, master_r, count)
    add_chorus(rig.chorus, state.frame, state.rate_hz, chorus, master_l, master_r, count)
    _add_inputs(rig, at, count)
    if chains_on:
        _add_returns(rig, count)
        run_strip(rig, MASTER_CHAIN, master_l, master_r, count)
    since = state.frame - state.master_at
    power = state.master_power
    peak = state.master_peak
    for n in range(count):
        gain = _ramp(state.master_from, state.master_to, since + n)
        out_l = limit(master_l[n] * gain)
        out_r = limit(master_r[n] * gain)
        master_l[n] = out_l
        master_r[n] = out_r
        power += out_l * out_l + out_r * out_r
        peak = max(peak, abs(out_l), abs(out_r))
    state.master_power = power
    state.master_peak = peak
    _write(rig, 0, at, master_l, count)
    _write(rig, 1, at, master_r, count)


@rt
def _run_parts(rig, grid, count):
    """Put every part's sound through its chain and delay; FluidSynth's is in it then. [audio]"""
    for index in range(MAX_PARTS):
        if rig.parts[index].used == 0 and rig.chains[index].address == 0:
            rest_line(rig, index, count)
            continue
        for row in range(2 * index, 2 * index + 2):
            played = rig.mix[row]
            fluid = rig.fluid_audio[row]
            for n in range(count):
                played[n] += fluid[grid + n]
                fluid[grid + n] = np.float32(0.0)
        run_strip(rig, index, rig.mix[2 * index], rig.mix[2 * index + 1], count)


@rt
def _add_sends(rig, index, left, right, count):
    """Send a part's stem to the chains of send A and B. [audio]"""
    part = rig.parts[index]
    since = rig.state[0].frame - part.ramp_at
    for send in range(2):
        start = part.ramp_from[4 + send]
        end = part.ramp_to[4 + send]
        if start == np.float32(0.0) and end == np.float32(0.0):
            continue
        send_l = rig.mix[SEND_ROWS + 2 * send]
        send_r = rig.mix[SEND_ROWS + 2 * send + 1]
        for n in range(count):
            gain = _ramp(start, end, since + n)
            send_l[n] += left[n] * gain
            send_r[n] += right[n] * gain


@rt
def _add_returns(rig, count):
    """Add what the chains of send A and B made to the master. [audio]"""
    if rig.state[0].sends_on == 0:
        return
    for send in range(2):
        if rig.chains[SEND_A_CHAIN + send].address != 0:
            left = rig.mix[SEND_ROWS + 2 * send]
            right = rig.mix[SEND_ROWS + 2 * send + 1]
            run_strip(rig, SEND_A_CHAIN + send, left, right, count)
            _add_with_gain(rig, send, left, right, count)


@rt
def _add_inputs(rig, at, count):
    """Add the audio inputs to the master, as late as the parts are. [audio]"""
    chains_on = rig.state[0].chains_on != 0
    for pair in range(RETURNS):
        if rig.inputs[2 * pair] != 0 and rig.inputs[2 * pair + 1] != 0:
            given_l = view_f32(rig.inputs[2 * pair], at + count)[at:]
            given_r = view_f32(rig.inputs[2 * pair + 1], at + count)[at:]
            if chains_on:
                left = rig.mix[WORK_ROWS + 3]
                right = rig.mix[WORK_ROWS + 4]
                for n in range(count):
                    left[n] = given_l[n]
                    right[n] = given_r[n]
                run_strip(rig, FIRST_RETURN + pair, left, right, count)
                _add_with_gain(rig, 2 + pair, left, right, count)
            else:
                _add_with_gain(rig, 2 + pair, given_l, given_r, count)
        elif chains_on:
            rest_line(rig, FIRST_RETURN + pair, count)


@rt
def _add_with_gain(rig, which, left, right, count):
    """Add a return to the master with its gain. [audio]"""
    ramp = rig.gains[which]
    since = rig.state[0].frame - ramp.at
    master_l = rig.mix[MASTER_LEFT]
    master_r = rig.mix[MASTER_RIGHT]
    for n in range(count):
        gain = _ramp(ramp.start, ramp.end, since + n)
        master_l[n] += left[n] * gain
        master_r[n] += right[n] * gain


@rt
def aim_gain(rig, which, gain):
    """Start the ramp of a return (two sends, then the audio inputs) to a linear gain. [audio]"""
    state = rig.state[0]
    ramp = rig.gains[which]
    ramp.start = _ramp(ramp.start, ramp.end, state.frame - ramp.at)
    ramp.end = gain
    ramp.at = state.frame


@rt
def aim_master(rig, gain):
    """Start the ramp of the master towards a linear gain. [audio]"""
    state = rig.state[0]
    state.master_from = _ramp(state.master_from, state.master_to, state.frame - state.master_at)
    state.master_to = gain if state.quit == 0 else np.float32(0.0)
    state.master_at = state.frame


@rt
def _write(rig, channel, at, samples, count):
    """Copy samples to an output channel, if somebody takes it. [audio]"""
    address = rig.outputs[channel]
    if address != 0:
        out = view_f32(address, at + count)
        for n in range(count):
            out[at + n] = samples[n]


@rt
def update_meters(rig):
    """Let peak and power follow the last quantum; peaks fall by 20 dB in a second. [audio]"""
    state = rig.state[0]
    stats = rig.stats[0]
    fall = np.float32(10.0 ** (-1.0 * QUANTUM / state.rate_hz))
    smooth = np.float32(1.0 - np.exp(-QUANTUM / (0.3 * state.rate_hz)))
    _meter(stats, 0, state.master_power, state.master_peak, fall, smooth)
    state.master_power = np.float32(0.0)
    state.master_peak = np.float32(0.0)
    for index in range(MAX_PARTS):
        part = rig.parts[index]
        if part.used != 0:
            _meter(stats, index + 1, part.power_sum, part.power_peak, fall, smooth)
            part.power_sum = np.float32(0.0)
            part.power_peak = np.float32(0.0)


@rt
def _meter(stats, row, power, peak, fall, smooth):
    """Let one meter follow a quantum's summed squares and peak. [audio]"""
    stats.peak[row] = max(stats.peak[row] * fall, peak)
    stats.power[row] += smooth * (power / np.float32(2 * QUANTUM) - stats.power[row])
