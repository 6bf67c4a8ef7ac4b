"""Morph voices: their beginnings, ends and bends. [audio]

What a voice is to sound like comes from engine.rt.morph_frames, how it sounds from
engine.rt.morph_mixing. It starts from silence at its note's own frame. Its envelope is 1 until the
key is let go, then falls as its instruments do. All lines but those of beginnings end at a multiple
of 64 frames of the stream, and everything is a function of the stream's frame, so cutting a block
anywhere gives the same samples.
"""

import numpy as np

from engine.rt.layout import (
    DONE,
    KILLED,
    MAX_MORPHS,
    MAX_PARTS,
    MORPH,
    MORPH_ANCHORS,
    MORPH_FREED,
    MORPH_VOICES,
    QUANTUM,
    RELEASING,
    SUSTAIN,
)
from engine.rt.morph_decoder import TABLE
from engine.rt.morph_frames import decode_frame, decode_in_turn
from engine.rt.morph_noise import aim_noise, aim_noises
from engine.rt.native import rt, view_f32
from engine.rt.pad import advance_pad
from engine.rt.results import can_emit, emit
from engine.rt.voices import least_missed

SILENT = np.float32(1e-4)
VIBRATO_GROWS_S = 0.4
VIBRATO_SPREAD = 0.12  # by which voices' rates differ, so that a chord does not swing as one
GOLDEN, SILVER = 0.6180339887498949, 0.4142135623730951
SIXTY_DB = 6.907755278982137  # natural logarithm of 1000
LEAST_RELEASE_S, MOST_RELEASE_S = 0.01, 30.0


@rt
def start_morph(rig, part, note, pitch, velocity):
    """Sound a note of a part's morph sound from this frame on; False if it has none. [audio]"""
    return _begin(rig, part, note, pitch, velocity, rig.state[0].frame, 0)


@rt
def _begin(rig, part, note, pitch, velocity, start, position):
    """Let a voice fade in on a note that began at frame `start`; False without a voice. [audio]"""
    state = rig.state[0]
    model = rig.morph[0]
    sound = rig.morph_parts[part].sound
    if model.w0 == 0 or rig.morphs[sound].points == 0:
        return False
    if model.free == 0:
        return False
    if _sounding(rig) >= MORPH_VOICES:
        _steal(rig)
    model.free -= 1
    index = rig.morph_free[model.free]
    rig.morph_active[model.active] = index
    model.active += 1
    rig.morph_parts[part].voices += 1
    voice = rig.morph_voices[index]
    voice.stage = SUSTAIN
    voice.part = part
    voice.sound = sound
    voice.note = note
    voice.key = pitch
    voice.velocity = velocity
    voice.start = start
    voice.position = position
    voice.base_step = 440.0 * 2.0 ** ((pitch - 69) / 12.0) * TABLE / state.rate_hz
    voice.step = _step(rig, voice)
    voice.envelope = np.float32(1.0)
    voice.slope = np.float32(0.0)
    voice.line_at = state.frame
    voice.frames = 0
    voice.target = 1
    voice.ramp_at = state.frame  # from nothing
    voice.ramp_span = QUANTUM
    rig.morph_tables[index, 0] = np.float32(0.0)
    rig.morph_noise[index, 0] = np.float32(0.0)
    rig.morph_unrest[index] = np.float32(0.0)
    decode_frame(rig, index, _to_grid(state.frame))
    model.decoded += 1
    aim_noise(rig, part)
    return True


@rt
def _to_grid(frame):
    """Return how many frames lie between one and the end of its line: 64 to 127. [audio]"""
    past = frame % QUANTUM
    return QUANTUM if past == 0 else 2 * QUANTUM - past


@rt
def _step(rig, voice):
    """Return how far a voice reads a frame now, bend and its own vibrato in it. [audio]

    Every key of every part swings at a phase and a rate of its own.
    """
    entry = rig.morphs[voice.sound]
    part = rig.parts[voice.part]
    ratio = part.ratio if entry.wheel_swings != 0 else part.bend
    if entry.vibrato_octaves > np.float32(0.0):
        state = rig.state[0]
        age_s = (state.frame - voice.start) / state.rate_hz
        grown = min(max((age_s - entry.vibrato_delay_s) / VIBRATO_GROWS_S, 0.0), 1.0)
        own = voice.key * GOLDEN + voice.part * SILVER
        own -= np.floor(own)
        turns = entry.vibrato_hz * (1.0 + VIBRATO_SPREAD * (own - 0.5)) * age_s + own
        swing = np.sin(2.0 * np.pi * turns)
        ratio *= 2.0 ** (grown * entry.vibrato_octaves * swing)
    return max(np.int64(voice.base_step * ratio * 4294967296.0), 1)


@rt
def _sounding(rig):
    """Return how many voices are not fading out already. [audio]"""
    count = 0
    for i in range(rig.morph[0].active):
        stage = rig.morph_voices[rig.morph_active[i]].stage
        if stage != KILLED and stage != DONE:
            count += 1
    return count


@rt
def _steal(rig):
    """Fade out the voice that will be missed least. [audio]"""
    slot = least_missed(rig.morph_voices, rig.morph_active, rig.morph[0].active)
    if slot >= 0:
        _kill(rig, rig.morph_voices[slot])
        rig.stats[0].voices_stolen += 1


@rt
def _value(rig, voice):
    """Return a voice's envelope at this frame. [audio]"""
    value = voice.envelope + np.float32(rig.state[0].frame - voice.line_at) * voice.slope
    return max(value, np.float32(0.0))


@rt
def _line(rig, voice, end, span):
    """Let a voice's envelope go to `end` in `span` frames. [audio]"""
    value = _value(rig, voice)
    voice.envelope = value
    voice.line_at = rig.state[0].frame
    voice.slope = (end - value) / np.float32(span)


@rt
def _kill(rig, voice):
    """Let a voice fade out within two quanta. [audio]"""
    voice.stage = KILLED
    _line(rig, voice, np.float32(0.0), _to_grid(rig.state[0].frame))


@rt
def _fall(rig, voice):
    """Let a voice's envelope fall up to the next multiple of 64 frames. [audio]"""
    span = QUANTUM - rig.state[0].frame % QUANTUM
    end = _value(rig, voice) * np.float32(np.exp(voice.release * span))
    _line(rig, voice, end if end >= SILENT else np.float32(0.0), span)


@rt
def _release_a_frame(rig, voice):
    """Return the logarithm of a falling voice's factor a frame, by the part's weights. [audio]"""
    entry = rig.morphs[voice.sound]
    releases = view_f32(entry.releases, MORPH_ANCHORS * 128)
    logarithm = np.float32(0.0)
    for k in range(MORPH_ANCHORS):
        logarithm += entry.weights[k] * releases[k * 128 + voice.key]
    seconds = np.exp(np.float64(logarithm))
    if not seconds <= MOST_RELEASE_S:
        seconds = MOST_RELEASE_S
    seconds = max(seconds, LEAST_RELEASE_S)
    return np.float32(-SIXTY_DB / (seconds * rig.state[0].rate_hz))


@rt
def release_morph(rig, note):
    """Let the voices of a note fall. [audio]"""
    for i in range(rig.morph[0].active):
        voice = rig.morph_voices[rig.morph_active[i]]
        if voice.note == note and voice.stage == SUSTAIN:
            voice.stage = RELEASING
            voice.release = _release_a_frame(rig, voice)
            _fall(rig, voice)


@rt
def kill_morphs(rig, note):
    """Fade out the voices of a note; of every note for -1. [audio]"""
    for i in range(rig.morph[0].active):
        voice = rig.morph_voices[rig.morph_active[i]]
        if (note < 0 or voice.note == note) and voice.stage != KILLED and voice.stage != DONE:
            _kill(rig, voice)


@rt
def move_morph(rig, note, part, pitch, velocity):
    """Let a sounding note go on in another part's sound, at its place and age. [audio]"""
    start = rig.state[0].frame
    position = 0
    for i in range(rig.morph[0].active):
        voice = rig.morph_voices[rig.morph_active[i]]
        if voice.note == note and voice.stage != KILLED and voice.stage != DONE:
            start, position = voice.start, voice.position
            _kill(rig, voice)
    return _begin(rig, part, note, pitch, velocity, start, position)


@rt
def begin_morphs(rig):
    """What happens on the grid: pads, ends, bends, frames in turn, noise. [audio]"""
    if rig.morph[0].w0 == 0:
        return
    for part in range(MAX_PARTS):
        if rig.parts[part].destination == MORPH and rig.parts[part].used != 0:
            advance_pad(rig, part)
    _tidy(rig)
    decode_in_turn(rig)
    aim_noises(rig)
    _free_sounds(rig)


@rt
def _tidy(rig):
    """Give finished voices back, lead the others' envelopes on and bend them. [audio]"""
    model = rig.morph[0]
    for part in range(MAX_PARTS):
        rig.morph_parts[part].voices = 0
    kept = 0
    for i in range(model.active):
        index = rig.morph_active[i]
        voice = rig.morph_voices[index]
        value = _value(rig, voice)
        if voice.stage > SUSTAIN and value <= np.float32(1e-5):
            voice.stage = DONE
            rig.morph_free[model.free] = index
            model.free += 1
            if model.turn > kept:
                model.turn -= 1
            continue
        if voice.stage == RELEASING:
            _fall(rig, voice)
        voice.step = _step(rig, voice)
        rig.morph_parts[voice.part].voices += 1
        rig.morph_active[kept] = index
        kept += 1
    model.active = kept


@rt
def _free_sounds(rig):
    """Report each leaving sound that no voice plays from any more. [audio]"""
    for sound in range(MAX_MORPHS):
        entry = rig.morphs[sound]
        if entry.leaving == 0:
            continue
        used = False
        for i in range(rig.morph[0].active):
            if rig.morph_voices[rig.morph_active[i]].sound == sound:
                used = True
                break
        if not used and can_emit(rig):  # Python must hear of it, or the memory is never freed
            entry.leaving = 0
            entry.points = 0
            emit(rig, MORPH_FREED, -1, 0, 0, np.float32(0.0), sound, 0, 0)
