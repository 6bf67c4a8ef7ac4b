"""The noise of morph voices: 24 bands a part, of which each voice wants so much. [audio]

The bands are loops of random sound, each of a length of its own, so that they never come round
together. Voices of a part share them: the powers they want add up, as those of independent noises
would, and a part costs the same with one voice or thirty-two.
"""

import numpy as np

from engine.rt.layout import DONE, MAX_PARTS, QUANTUM
from engine.rt.morph_decoder import BANDS
from engine.rt.native import rt, view_f32

APART = 7919  # frames by which the parts' places in the loops differ
HEARD = np.float32(1e-6)


@rt
def aim_noises(rig):
    """Start every part's ramps to what its voices want in a quantum; on the grid only. [audio]"""
    for part in range(MAX_PARTS):
        here = rig.morph_parts[part]
        if here.voices > 0 or here.noisy != 0:
            aim_noise(rig, part)


@rt
def aim_noise(rig, part):
    """Start a part's ramps to what its voices want at the quantum's end. [audio]"""
    here = rig.morph_parts[part]
    frame = rig.state[0].frame
    end = frame - frame % QUANTUM + QUANTUM
    for b in range(BANDS):
        here.noise_from[b] = _now(here, b, frame)
        here.noise_to[b] = np.float32(0.0)
    for i in range(rig.morph[0].active):
        index = rig.morph_active[i]
        voice = rig.morph_voices[index]
        if voice.part != part or voice.stage == DONE:
            continue
        envelope = voice.envelope + np.float32(end - voice.line_at) * voice.slope
        if envelope <= np.float32(0.0):
            continue
        share = min(np.float32(end - voice.ramp_at) / np.float32(voice.ramp_span), np.float32(1.0))
        start = rig.morph_noise[index, 1 - voice.target]
        goal = rig.morph_noise[index, voice.target]
        for b in range(BANDS):
            level = envelope * (start[b] + share * (goal[b] - start[b]))
            here.noise_to[b] += level * level
    here.noise_at = frame
    here.noise_span = end - frame
    here.noisy = 0
    for b in range(BANDS):
        here.noise_to[b] = np.sqrt(here.noise_to[b])
        if here.noise_to[b] > HEARD or here.noise_from[b] > HEARD:
            here.noisy = 1


@rt
def _now(here, band, frame):
    """Return the level of a part's band at a frame. [audio]"""
    gone = frame - here.noise_at
    if gone >= here.noise_span:
        return here.noise_to[band]
    share = np.float32(gone) / np.float32(here.noise_span)
    return here.noise_from[band] + share * (here.noise_to[band] - here.noise_from[band])


@rt
def render_noises(rig, count):
    """Add `count` frames of the parts' noise to their pairs in mix. [audio]"""
    model = rig.morph[0]
    frame = rig.state[0].frame
    total = rig.points[0]
    for part in range(MAX_PARTS):
        here = rig.morph_parts[part]
        if here.noisy == 0:
            continue
        total[:count] = np.float32(0.0)
        gone = np.int32(frame - here.noise_at)
        for b in range(BANDS):
            start, end = here.noise_from[b], here.noise_to[b]
            if start <= HEARD and end <= HEARD:
                continue
            place = (frame + part * APART) % model.noise_lengths[b]
            address = model.noise + 4 * (model.noise_starts[b] + place)
            slope = (end - start) / np.float32(here.noise_span)
            _add_band(view_f32(address, count), start, slope, gone, total)
        left, right = rig.mix[2 * part], rig.mix[2 * part + 1]
        for n in range(count):
            left[n] += total[n]
            right[n] += total[n]


@rt
def _add_band(loop, start, slope, gone, total):
    """Add a band's noise along its ramp. [audio]"""
    for n in range(loop.size):
        total[n] += loop[n] * (start + np.float32(gone + np.int32(n)) * slope)
