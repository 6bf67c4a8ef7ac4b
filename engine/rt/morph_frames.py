"""Frames of morph voices: what a voice is to sound like, decoded a few voices a quantum. [audio]

At the stream's multiples of 64 frames the voices whose turn it is get a new frame: the latent point
by their part's weights, the level by the same weights, the network, a wavetable, levels of the
noise. It is what the note shall be when the next frame is due, and the voice moves there in a
straight line. A note that begins gets its first frame at once.
"""

import numpy as np

from engine.rt.layout import BASELINE, DONE, KILLED, MORPH_ANCHORS, QUANTUM
from engine.rt.morph_decoder import (
    BANDS,
    FEATURES,
    FLOOR_DB,
    HALF,
    HARMONICS,
    LEVELS,
    TABLE,
    build_table,
    decode,
    limit_band,
    to_amplitudes,
    write_features,
)
from engine.rt.native import rt, view_f32

FRAMES_PER_QUANTUM = 16  # decoded; what more voices there are wait for the next
FEWEST = 2  # also in a quantum in which many notes begin
LONGEST_TURN = 16  # quanta
CHANCE = 4096  # normal numbers, a power of two
LITTLE = np.float32(1e-4)  # of a weight
MOST_HIDDEN = 512
# Places in morph_work.
INPUTS, FIRST, SECOND, LEVEL, LEVEL_OF_ONE = 0, 128, 640, 1152, 1248
ODD, EVEN, AMPLITUDES, IN_ORDER = 1344, 1600, 1856, 1952


@rt
def decode_in_turn(rig):
    """Give the voices whose turn it is their next frame; at quantum boundaries only. [audio]"""
    model = rig.morph[0]
    frame = rig.state[0].frame
    total = 0
    for i in range(model.active):
        total += _cost(rig, rig.morph_active[i])
    turn_quanta = min((total + FRAMES_PER_QUANTUM - 1) // FRAMES_PER_QUANTUM, LONGEST_TURN)
    budget = max(FRAMES_PER_QUANTUM - model.decoded, FEWEST)
    model.decoded = 0
    for _ in range(model.active):
        if budget <= 0:
            break
        if model.turn >= model.active:
            model.turn = 0
        index = rig.morph_active[model.turn]
        model.turn += 1
        cost = _cost(rig, index)
        if cost > 0 and rig.morph_voices[index].ramp_at < frame:
            decode_frame(rig, index, turn_quanta * QUANTUM)
            budget -= cost


@rt
def _cost(rig, index):
    """Return how many runs of the network a voice's frame takes. [audio]"""
    voice = rig.morph_voices[index]
    if voice.stage == KILLED or voice.stage == DONE:
        return 0
    entry = rig.morphs[voice.sound]
    if entry.mode != BASELINE:
        return 1
    count = 0
    for k in range(MORPH_ANCHORS):
        if abs(entry.weights[k]) > LITTLE:
            count += 1
    return max(count, 1)


@rt
def decode_frame(rig, index, span):
    """Let a voice move, in `span` frames, to what its note shall sound like then. [audio]"""
    state = rig.state[0]
    voice = rig.morph_voices[index]
    entry = rig.morphs[voice.sound]
    work = rig.morph_work
    age_s = (state.frame + span - voice.start) / state.rate_hz
    levels = work[LEVEL : LEVEL + LEVELS]
    if entry.mode == BASELINE:
        _decode_apart(rig, voice, entry, age_s, levels)
    else:
        _mix_points(rig, voice, entry)
        _run_network(rig, voice, age_s, levels)
    _add_unrest(rig, index, span, levels)
    amplitudes = work[AMPLITUDES : AMPLITUDES + LEVELS]
    to_amplitudes(levels, _level_db(voice, entry), amplitudes)
    in_order = work[IN_ORDER : IN_ORDER + HARMONICS]
    bent = voice.base_step * rig.parts[voice.part].bend
    limit_band(amplitudes, bent / TABLE, in_order)
    _leave_for_next(rig, index)
    target = voice.target
    build_table(
        in_order,
        view_f32(rig.morph[0].waves, HARMONICS * HALF),
        work[ODD : ODD + HALF],
        work[EVEN : EVEN + HALF],
        rig.morph_tables[index, target],
    )
    for b in range(BANDS):
        rig.morph_noise[index, target, b] = amplitudes[HARMONICS + b]
    voice.ramp_at = state.frame
    voice.ramp_span = span
    voice.frames += 1
    rig.morph[0].decoded_ever += 1


@rt
def _mix_points(rig, voice, entry):
    """Put the latent point that the part's weights want into the network's inputs. [audio]"""
    latent = rig.morph[0].latent
    points = view_f32(entry.points, MORPH_ANCHORS * 128 * latent)
    inputs = rig.morph_work[INPUTS : INPUTS + latent]
    inputs[:] = np.float32(0.0)
    for k in range(MORPH_ANCHORS):
        weight = entry.weights[k]
        if weight != np.float32(0.0):
            row = (k * 128 + voice.key) * latent
            for j in range(latent):
                inputs[j] += weight * points[row + j]


@rt
def _decode_apart(rig, voice, entry, age_s, levels):
    """Write the levels of the anchors, each decoded alone, mixed in dB by the weights. [audio]"""
    latent = rig.morph[0].latent
    points = view_f32(entry.points, MORPH_ANCHORS * 128 * latent)
    inputs = rig.morph_work[INPUTS : INPUTS + latent]
    one = rig.morph_work[LEVEL_OF_ONE : LEVEL_OF_ONE + LEVELS]
    levels[:] = np.float32(0.0)
    for k in range(MORPH_ANCHORS):
        weight = entry.weights[k]
        if abs(weight) > LITTLE:
            row = (k * 128 + voice.key) * latent
            for j in range(latent):
                inputs[j] = points[row + j]
            _run_network(rig, voice, age_s, one)
            for j in range(LEVELS):
                levels[j] += weight * one[j]


@rt
def _run_network(rig, voice, age_s, levels):
    """Write the levels of the latent point in the inputs, for a note of that age. [audio]"""
    model = rig.morph[0]
    work = rig.morph_work
    latent, hidden = model.latent, model.hidden
    write_features(
        np.float64(voice.key),
        np.float64(voice.velocity),
        age_s,
        work[INPUTS + latent : INPUTS + latent + FEATURES],
    )
    work[INPUTS + latent + FEATURES : INPUTS + model.inputs] = np.float32(0.0)
    decode(
        view_f32(model.w0, model.inputs * hidden),
        view_f32(model.b0, hidden),
        view_f32(model.w1, hidden * hidden),
        view_f32(model.b1, hidden),
        view_f32(model.w2, hidden * LEVELS),
        view_f32(model.b2, LEVELS),
        work[INPUTS : INPUTS + model.inputs],
        work[FIRST : FIRST + hidden],
        work[SECOND : SECOND + hidden],
        levels,
    )


@rt
def _level_db(voice, entry):
    """Return how loud the note is at its loudest, voice_model.level_db by the weights. [audio]"""
    levels = view_f32(entry.levels, MORPH_ANCHORS * 128)
    ranges = view_f32(entry.ranges, MORPH_ANCHORS)
    lacking = np.float32(1.0 - voice.velocity / 127.0)
    level = entry.gain_db
    for k in range(MORPH_ANCHORS):
        level += entry.weights[k] * (levels[k * 128 + voice.key] - ranges[k] * lacking)
    return level if -np.float32(200.0) < level < np.float32(24.0) else np.float32(-200.0)


@rt
def _add_unrest(rig, index, span, levels):
    """Let the levels wander about what was decoded: AR(1), as large as the part has it. [audio]"""
    model = rig.morph[0]
    voice = rig.morph_voices[index]
    share = rig.morphs[voice.sound].texture
    if share <= np.float32(0.0):
        return
    sizes = view_f32(model.texture_db, LEVELS)
    chance = view_f32(model.chance, CHANCE + LEVELS)
    place = (voice.note * 2654435761 + voice.frames * 40503 * 89) & (CHANCE - 1)
    kept = np.float32(np.exp(model.texture_fall * span))
    new = np.float32(np.sqrt(1.0 - kept * kept))
    unrest = rig.morph_unrest[index]
    for j in range(LEVELS):
        unrest[j] = kept * unrest[j] + new * sizes[j] * chance[place + j]
        if levels[j] > FLOOR_DB:
            levels[j] += share * unrest[j]


@rt
def _leave_for_next(rig, index):
    """Make what a voice sounds like now its start; the other table is free. [audio]"""
    voice = rig.morph_voices[index]
    gone = rig.state[0].frame - voice.ramp_at
    start = 1 - voice.target
    if gone >= voice.ramp_span:
        voice.target = start
        return
    share = np.float32(gone) / np.float32(voice.ramp_span)
    old, goal = rig.morph_tables[index, start], rig.morph_tables[index, voice.target]
    for n in range(old.size):
        old[n] += share * (goal[n] - old[n])
    noise, noise_goal = rig.morph_noise[index, start], rig.morph_noise[index, voice.target]
    for b in range(BANDS):
        noise[b] += share * (noise_goal[b] - noise[b])
