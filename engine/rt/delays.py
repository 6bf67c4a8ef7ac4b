"""Delay lines: what makes strips equally late, and the dry path beside every chain. [audio]

A strip (part, send, master, audio input, click) writes what it plays into its line and is heard
from it, `delay` frames later. Delays change by cross-fades that all begin at one frame, once the
lines hold enough, so that parts stay together. The lines run only while there is a chain: without
one a strip is heard at once.
"""

import numpy as np

from engine.rt.layout import FIRST_RETURN, LINE_FRAMES, MAX_PARTS, STRIPS
from engine.rt.native import rt

FADE_FRAMES = 960  # 20 ms at 48 kHz


@rt
def write_line(rig, slot, left, right, count):
    """Keep what a strip plays. [audio]"""
    frame = rig.state[0].frame
    line_l = rig.lines[2 * slot]
    line_r = rig.lines[2 * slot + 1]
    for n in range(count):
        k = (frame + n) & (LINE_FRAMES - 1)
        line_l[k] = left[n]
        line_r[k] = right[n]


@rt
def rest_line(rig, slot, count):
    """Keep the silence of a strip that plays nothing. [audio]"""
    frame = rig.state[0].frame
    for row in range(2 * slot, 2 * slot + 2):
        line = rig.lines[row]
        for n in range(count):
            line[(frame + n) & (LINE_FRAMES - 1)] = np.float32(0.0)


@rt
def read_line(rig, slot, delay, left, right, count):
    """Fetch what a strip played `delay` frames ago. [audio]"""
    state = rig.state[0]
    start = state.frame - delay
    silent = min(max(state.lines_from - start, 0), count)
    line_l = rig.lines[2 * slot]
    line_r = rig.lines[2 * slot + 1]
    for n in range(silent):
        left[n] = np.float32(0.0)
        right[n] = np.float32(0.0)
    for n in range(silent, count):
        k = (start + n) & (LINE_FRAMES - 1)
        left[n] = line_l[k]
        right[n] = line_r[k]


@rt
def chain_delay(rig, slot):
    """Return by how many frames a slot's chain is late, of itself; also one just gone. [audio]"""
    chain = rig.chains[slot]
    if chain.address != 0 or chain.keep_until > rig.state[0].frame:
        return chain.lead + chain.latency
    return 0


@rt
def _wanted(rig, slot, common):
    """Return how late a strip should be if the parts are `common` frames late. [audio]"""
    if slot < MAX_PARTS:
        return max(common, chain_delay(rig, slot))
    return common if slot >= FIRST_RETURN else chain_delay(rig, slot)


@rt
def align(rig):
    """Let every strip be as late as it should be; at quantum boundaries, while lines run. [audio]

    With compensation parts, audio inputs and click wait for the part whose chain is latest.
    """
    state = rig.state[0]
    if state.align_due == 0 or state.frame < state.align_free:
        return
    common = 0
    if state.compensation != 0:
        for slot in range(MAX_PARTS):
            if rig.parts[slot].active != 0:
                common = max(common, chain_delay(rig, slot))
    longest = 0
    for slot in range(STRIPS):
        longest = max(longest, _wanted(rig, slot, common))
    if state.frame - state.lines_from < longest:
        return
    state.align_due = 0
    for slot in range(STRIPS):
        strip = rig.strips[slot]
        delay = _wanted(rig, slot, common)
        latency = 0
        if slot < FIRST_RETURN and chain_delay(rig, slot) > 0:
            latency = rig.chains[slot].latency
        if delay != strip.delay or latency != strip.latency:
            strip.from_delay = strip.delay
            strip.from_latency = strip.latency
            strip.delay = delay
            strip.latency = latency
            strip.fade_at = state.frame
            state.align_free = state.frame + FADE_FRAMES


@rt
def at_rest(rig):
    """Return whether no strip is late or will be. [audio]"""
    state = rig.state[0]
    if state.align_due != 0 or state.frame < state.align_free:
        return False
    late = 0
    for slot in range(STRIPS):
        late = max(late, rig.strips[slot].delay)
    return late == 0


@rt
def is_fading(rig, slot):
    """Return whether a strip cross-fades from one delay to another. [audio]"""
    return rig.state[0].frame - rig.strips[slot].fade_at < FADE_FRAMES


@rt
def cross_fade(rig, slot, from_l, from_r, left, right, count):
    """Put into left and right what lies between the old delay (from) and the new. [audio]"""
    since = rig.state[0].frame - rig.strips[slot].fade_at
    for n in range(count):
        share = np.float32(since + n) / np.float32(FADE_FRAMES)
        left[n] = from_l[n] + (left[n] - from_l[n]) * share
        right[n] = from_r[n] + (right[n] - from_r[n]) * share
