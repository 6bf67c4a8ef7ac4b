"""Our own voices: notes of a memory bank, cubic interpolation, ADSR, clean stealing. [audio]

A voice reads one mono sample at a 32.32 fixed-point position and adds it to its part's stereo pair.
Every quantity is a function of the frames since its own start, so cutting a block anywhere gives
the same samples. Voices are only removed at quantum boundaries, so the order of summing is fixed.
"""

import numpy as np
from numba import carray

from engine.rt.layout import (
    ATTACK,
    BANK_FREED,
    DECAY,
    DONE,
    KILLED,
    QUANTUM,
    RELEASING,
    SUSTAIN,
    ZONE_OF_BANK,
)
from engine.rt.native import as_pointer, rt, view_f32
from engine.rt.results import can_emit, emit

SILENT = np.float32(1e-4)
FOREVER = 1 << 40
TO_FRACTION = np.float32(1.0 / 16777216.0)


@rt
def start_voice(rig, part, bank, note, pitch, velocity):
    """Sound a note of a bank from this frame on; False if the bank or the pool has none. [audio]"""
    entry = rig.banks[bank]
    if entry.zones == 0:
        return False
    zones = carray(as_pointer(entry.zones), entry.count, ZONE_OF_BANK)
    chosen = -1
    for i in range(entry.count):
        z = zones[i]
        if z.key_low <= pitch <= z.key_high and z.velocity_low <= velocity <= z.velocity_high:
            chosen = i
            break
    if chosen < 0:
        return False
    state = rig.state[0]
    if state.voices_active >= state.voices_limit:
        _steal(rig)
    if state.voices_free == 0:
        return False
    state.voices_free -= 1
    slot = rig.free[state.voices_free]
    rig.active[state.voices_active] = slot
    state.voices_active += 1
    zone = zones[chosen]
    voice = rig.voices[slot]
    voice.part = part
    voice.note = note
    voice.bank = bank
    voice.data = entry.data + zone.offset * 4
    voice.length = zone.length
    voice.loop_start = zone.loop_start
    voice.loop_end = zone.loop_end
    voice.position = 0
    voice.base_step = 2.0 ** ((pitch - zone.root_key) / 12.0) * zone.rate_hz / state.rate_hz
    voice.step = _step(voice.base_step * rig.parts[part].ratio)
    level = np.float32(velocity / 127.0)
    gain = level * level * zone.gain
    angle = np.float32((zone.pan + 1.0) * 0.25 * np.pi)
    voice.left = gain * np.float32(np.cos(angle) * np.sqrt(2.0))
    voice.right = gain * np.float32(np.sin(angle) * np.sqrt(2.0))
    voice.decay = _factor(zone.decay_s, state.rate_hz)
    voice.release = _factor(zone.release_s, state.rate_hz)
    voice.sustain = zone.sustain
    voice.stage = ATTACK
    span = max(np.int64(zone.attack_s * state.rate_hz), 8)
    _segment(voice, np.float32(0.0), np.float32(1.0), span)
    return True


@rt
def _step(frames):
    """Return frames of the sample a frame of the stream as 32.32 fixed point, never 0. [audio]"""
    return max(np.int64(frames * 4294967296.0), 1)


@rt
def _factor(seconds, rate_hz):
    """Return the factor a quantum of a fall by 60 dB in `seconds`. [audio]"""
    if seconds <= 0.0:
        return np.float32(0.0)
    return np.float32(10.0 ** (-3.0 * QUANTUM / (seconds * rate_hz)))


@rt
def _segment(voice, start, end, span):
    """Begin an envelope segment: a straight line of `span` frames. [audio]"""
    voice.envelope = start
    voice.slope = (end - start) / np.float32(span)
    voice.elapsed = 0
    voice.span = span


@rt
def _next_segment(voice):
    """Begin the segment after the finished one; exponentials in lines of a quantum. [audio]"""
    value = voice.envelope + np.float32(voice.span) * voice.slope
    if voice.stage == ATTACK:
        voice.stage = DECAY
        value = np.float32(1.0)
    if voice.stage == DECAY:
        target = voice.sustain + (value - voice.sustain) * voice.decay
        if abs(target - voice.sustain) < SILENT:
            voice.stage = SUSTAIN
        _segment(voice, value, target, QUANTUM)
    elif voice.stage == SUSTAIN:
        _segment(voice, voice.sustain, voice.sustain, FOREVER)
        if voice.sustain < SILENT:
            voice.stage = DONE
    elif voice.stage == RELEASING:
        target = value * voice.release
        if value <= SILENT:
            voice.stage = DONE
        elif target < SILENT:
            _segment(voice, value, np.float32(0.0), QUANTUM)
        else:
            _segment(voice, value, target, QUANTUM)
    else:
        voice.stage = DONE


@rt
def _fall(voice, stage):
    """Leave the segment for a release or a fast fade-out, from its present value. [audio]"""
    value = voice.envelope + np.float32(voice.elapsed) * voice.slope
    voice.stage = stage
    if stage == KILLED:
        _segment(voice, value, np.float32(0.0), QUANTUM)
    else:
        target = value * voice.release
        if target < SILENT:
            target = np.float32(0.0)
        _segment(voice, value, target, QUANTUM)


@rt
def _steal(rig):
    """Fade out the voice that will be missed least. [audio]"""
    slot = least_missed(rig.voices, rig.active, rig.state[0].voices_active)
    if slot >= 0:
        _fall(rig.voices[slot], KILLED)
        rig.stats[0].voices_stolen += 1


@rt
def least_missed(voices, active, count):
    """Return the slot of the voice to steal, released before held, then the oldest; -1. [audio]"""
    best = -1
    best_score = 1e30
    for i in range(count):
        voice = voices[active[i]]
        if voice.stage == KILLED or voice.stage == DONE:
            continue
        score = np.float64(voice.note)
        if voice.stage == RELEASING:
            score -= 1e12
        if score < best_score:
            best_score = score
            best = active[i]
    return best


@rt
def release_voice(rig, note):
    """Let the voices of a note fall. [audio]"""
    for i in range(rig.state[0].voices_active):
        voice = rig.voices[rig.active[i]]
        if voice.note == note and voice.stage < RELEASING and voice.stage != DONE:
            _fall(voice, RELEASING)


@rt
def kill_voices(rig, note):
    """Fade out the voices of a note within a quantum; of every note for -1. [audio]"""
    for i in range(rig.state[0].voices_active):
        voice = rig.voices[rig.active[i]]
        if (note < 0 or voice.note == note) and voice.stage != KILLED and voice.stage != DONE:
            _fall(voice, KILLED)


@rt
def crossfade_voice(rig, note, part, bank, pitch, velocity):
    """Move a sounding note to another part: the old voice fades, the new one starts late. [audio]

    The new voice takes up the old one's age, so that the attack is not heard a second time.
    """
    state = rig.state[0]
    age = np.int64(0)
    for i in range(state.voices_active):
        voice = rig.voices[rig.active[i]]
        if voice.note == note and voice.stage != KILLED and voice.stage != DONE:
            age = max(age, np.int64(voice.position / voice.step))
            _fall(voice, KILLED)
    if not start_voice(rig, part, bank, note, pitch, velocity):
        return False
    voice = rig.voices[rig.active[state.voices_active - 1]]
    voice.position = voice.step * age
    limit = voice.loop_end if voice.loop_end > 0 else voice.length
    if voice.position >> 32 >= limit:
        voice.position = voice.loop_start << 32
    _segment(voice, np.float32(0.0), np.float32(1.0), QUANTUM)
    return True


@rt
def tidy_voices(rig):
    """Give finished voices back, bend the others; at quantum boundaries only. [audio]"""
    state = rig.state[0]
    kept = 0
    for i in range(state.voices_active):
        slot = rig.active[i]
        voice = rig.voices[slot]
        if voice.stage == DONE:
            rig.free[state.voices_free] = slot
            state.voices_free += 1
            continue
        voice.step = _step(voice.base_step * rig.parts[voice.part].ratio)
        rig.active[kept] = slot
        kept += 1
    state.voices_active = kept


@rt
def free_banks(rig):
    """Report each leaving bank that no voice reads any more. [audio]"""
    for bank in range(rig.banks.size):
        entry = rig.banks[bank]
        if entry.leaving == 0:
            continue
        used = False
        for i in range(rig.state[0].voices_active):
            if rig.voices[rig.active[i]].bank == bank:
                used = True
                break
        if not used and can_emit(rig):  # Python must hear of it, or the memory is never freed
            entry.leaving = 0
            entry.zones = 0
            emit(rig, BANK_FREED, -1, 0, 0, np.float32(0.0), bank, 0, 0)


@rt
def _read_run(data, position, step, count, points, fractions):
    """Fetch the four samples around each of `count` positions, and where between they fall. [audio]

    data[0] is the guard sample before the first. Fetching first lets what is computed from the
    samples go through the processor's vector units: a third less time a voice-sample.
    """
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)  # unsigned: no index from the end
    first, second, third, fourth = points[0], points[1], points[2], points[3]
    for i in range(count):
        k = np.uint64(position >> 32)
        fractions[i] = np.int32((position >> 8) & 0xFFFFFF)
        first[i] = data[k]
        second[i] = data[k + one]
        third[i] = data[k + two]
        fourth[i] = data[k + three]
        position += step


@rt
def _add_run(points, fractions, envelope, slope, elapsed, gain_l, gain_r, left, right):
    """Add what was fetched to left and right, as long as the run: Catmull-Rom. [audio]"""
    first, second, third, fourth = points[0], points[1], points[2], points[3]
    half = np.float32(0.5)
    for i in range(left.size):
        t = np.float32(fractions[i]) * TO_FRACTION
        a = first[i]
        b = second[i]
        c = third[i]
        d = fourth[i]
        c1 = half * (c - a)
        c2 = a - np.float32(2.5) * b + np.float32(2.0) * c - half * d
        c3 = half * (d - a) + np.float32(1.5) * (b - c)
        y = ((c3 * t + c2) * t + c1) * t + b
        y *= envelope + np.float32(elapsed + np.int32(i)) * slope
        left[i] += y * gain_l
        right[i] += y * gain_r


@rt
def render_voices(rig, count):
    """Add `count` <= QUANTUM frames of all voices to their parts' pairs in mix. [audio]"""
    for i in range(rig.state[0].voices_active):
        voice = rig.voices[rig.active[i]]
        left = rig.mix[2 * voice.part]
        right = rig.mix[2 * voice.part + 1]
        data = view_f32(voice.data - 4, voice.length + 4)
        done = 0
        while done < count and voice.stage != DONE:
            if voice.elapsed == voice.span:
                _next_segment(voice)
                continue
            looped = voice.loop_end > 0
            end = (voice.loop_end if looped else voice.length) << 32
            if voice.position >= end:
                if not looped:
                    voice.stage = DONE
                    break
                voice.position -= (voice.loop_end - voice.loop_start) << 32
                continue
            run = (end - voice.position + voice.step - 1) // voice.step
            run = min(run, count - done, voice.span - voice.elapsed)
            _read_run(data, voice.position, voice.step, run, rig.points, rig.fractions)
            _add_run(
                rig.points,
                rig.fractions,
                voice.envelope,
                voice.slope,
                np.int32(voice.elapsed),
                voice.left,
                voice.right,
                left[done : done + run],
                right[done : done + run],
            )
            voice.position += run * voice.step
            voice.elapsed += run
            done += run
