"""The pad of a morph sound: where a part's puck is, and what weights its anchors have there.

Looked at once a quantum, on the stream's grid, so live and offline agree. The puck is where
the player put it (or where a trajectory is), moved along each axis by the sound's sources. The
plane is cut into the anchors' Delaunay cells; within a cell the weights are Wachspress's: exact at
an anchor, of two anchors alone on the edge between them, the same from both sides of an edge, in a
rectangle the bilinear ones. Outside all cells the nearest place on their edge counts. The weights
follow within 20 ms (60 dB; half way in 2 ms). They go to the part's morph sound, whose voices read
them. [audio]
"""

import numpy as np
from numba import carray

from engine.rt.layout import PAD_RECORDED
from engine.rt.native import as_pointer, rt
from engine.rt.pad_memory import (
    AFTERTOUCH,
    ANCHORS,
    BEATS,
    BEND,
    CC,
    CONTROL_FRAMES,
    CURVE_POINTS,
    ENVELOPE,
    KEY,
    LFO,
    NO_PATH,
    OF_WEIGHTS,
    PAD_LOOP,
    PAD_MODE,
    PAD_PLAY,
    PAD_RECORD,
    PAD_SOUND,
    PAD_TEXTURE,
    PAD_X,
    PAD_Y,
    PATH_POINTS,
    RANDOM,
    RECORD_EVERY,
    SAW,
    TRIANGLE,
    VELOCITY,
    X,
)
from engine.rt.results import emit
from engine.rt.transport import beat_at

SETTLED_S = 0.02  # in which the weights come within a thousandth of where they go
NEAR = 1e-5  # a weight so close is there
ON_EDGE = 1e-9
LOWEST_KEY, KEY_SPAN = 24.0, 84.0  # C1 and the seven octaves above it, for the source KEY
BEND_CENTRE = 8192
RESET_CONTROLLER = 1  # the wheel, with bend and pressure, goes back at "reset all controllers"


@rt
def advance_pad(rig, index):
    """Move a part's puck by one step, its weights after it. [audio]"""
    pad = rig.pads[index]
    if pad.sound == 0:
        return
    sound = carray(as_pointer(pad.sound), 1, PAD_SOUND)[0]
    _keep_beats(rig, pad)
    if pad.playing != 0 and sound.path_kind != NO_PATH:
        _walk(rig, pad, sound)
    if pad.pressed != 0 and rig.parts[index].sounding == 0:
        pad.key_pressure[:] = 0
        pad.pressed = 0
    _aim(rig, index, pad, sound)
    rest = np.float32(10.0 ** (-3.0 * CONTROL_FRAMES / (SETTLED_S * rig.state[0].rate_hz)))
    for k in range(ANCHORS):
        left = (pad.weights[k] - pad.target[k]) * rest
        pad.weights[k] = pad.target[k] + (left if abs(left) > NEAR else np.float32(0.0))
    _show_voices(rig, index, pad)
    if pad.recording != 0:
        _record(rig, index, pad)


@rt
def _show_voices(rig, index, pad):
    """Leave weights, mode and texture where the part's voices read them. [audio]"""
    entry = rig.morphs[rig.morph_parts[index].sound]
    for k in range(ANCHORS):  # one array assigned to another would be copied first
        entry.weights[k] = pad.weights[k]
    entry.mode = pad.mode
    entry.texture = pad.texture


@rt
def _jump(rig, index, pad):
    """Let the weights be at once where they were going. [audio]"""
    for k in range(ANCHORS):
        pad.weights[k] = pad.target[k]
    _show_voices(rig, index, pad)


@rt
def pad_struck(rig, index, pitch, velocity):
    """A note begins on a part; the first after silence begins where the puck is then. [audio]"""
    pad = rig.pads[index]
    pad.newest_frame = rig.state[0].frame
    pad.newest_pitch = pitch
    pad.newest_velocity = velocity
    pad.key_pressure[pitch] = 0
    if pad.sound != 0 and rig.parts[index].sounding <= 1:
        _aim(rig, index, pad, carray(as_pointer(pad.sound), 1, PAD_SOUND)[0])
        _jump(rig, index, pad)


@rt
def pad_hears(rig, index, status, data1, data2):
    """A controller, bend or pressure for a part. [audio]"""
    pad = rig.pads[index]
    kind = status & 0xF0
    if kind == 0xB0 and data1 == 121:
        pad.controllers[RESET_CONTROLLER] = 0
        pad.bend = BEND_CENTRE
        pad.pressure = 0
    elif kind == 0xB0:
        pad.controllers[data1] = data2
    elif kind == 0xE0:
        pad.bend = data1 | data2 << 7
    elif kind == 0xD0:
        pad.pressure = data1
    elif kind == 0xA0:
        pad.key_pressure[data1] = data2
        pad.pressed = 1


@rt
def pads_hear(rig, status, data1, data2):
    """A controller, bend or pressure of the player's, for all parts, sounding or not. [audio]"""
    for index in range(rig.pads.size):
        pad_hears(rig, index, status, data1, data2)


@rt
def take_pad(rig, index, address, fresh):
    """Give a part a sound's plane, by its address; `fresh`: no voice plays this sound yet. [audio]

    The puck stays where it was put; a path begins anew.
    """
    pad = rig.pads[index]
    sound = carray(as_pointer(address), 1, PAD_SOUND)[0]
    pad.sound = address
    pad.serial = sound.serial
    pad.path_at = 0.0
    _aim(rig, index, pad, sound)
    if fresh != 0:
        _jump(rig, index, pad)


@rt
def set_pad(rig, parameter, index, value):
    """Set a parameter of a part's pad. [audio]"""
    pad = rig.pads[index]
    number = np.int64(value)
    if parameter == PAD_X:
        pad.base_x = value
    elif parameter == PAD_Y:
        pad.base_y = value
    elif parameter == PAD_MODE:
        pad.mode = number
    elif parameter == PAD_TEXTURE:
        pad.texture = np.float32(value)
    elif parameter == PAD_LOOP:
        pad.loop = number
    elif parameter == PAD_PLAY:
        pad.path_at = 0.0
        pad.playing = number
    elif parameter == PAD_RECORD:
        if number != 0 and pad.recording == 0:
            pad.recorded = 0
            pad.looks = 0
            pad.recording = 1
        elif number == 0 and pad.recording != 0:
            _end_recording(rig, index, pad)


# Where the puck is


@rt
def _keep_beats(rig, pad):
    """Go on in the music's beats: the transport's, or while it stands in its tempo. [audio]"""
    t = rig.transport[0]
    if t.rolling != 0:
        pad.beats = beat_at(rig, rig.state[0].frame)
    else:
        pad.beats += CONTROL_FRAMES / t.frames_per_beat


@rt
def _walk(rig, pad, sound):
    """Go on along the path; a loop in beats is where the transport says. [audio]"""
    t = rig.transport[0]
    if sound.path_unit == BEATS:
        if pad.loop != 0 and t.rolling != 0:
            pad.path_at = pad.beats
        else:
            pad.path_at += CONTROL_FRAMES / t.frames_per_beat
    else:
        pad.path_at += CONTROL_FRAMES / rig.state[0].rate_hz
    if pad.loop != 0:
        pad.path_at -= sound.path_length * np.floor(pad.path_at / sound.path_length)
    else:
        pad.path_at = min(pad.path_at, sound.path_length)


@rt
def _aim(rig, index, pad, sound):
    """Find the puck, and the weights it asks for. [audio]"""
    x = pad.base_x
    y = pad.base_y
    if pad.playing != 0 and sound.path_kind != NO_PATH:
        row, share = _place_on_path(pad, sound)
        if sound.path_kind == OF_WEIGHTS:
            _weights_of_path(pad, sound, row, share)
            return
        x = _between(sound.path, row, share, 0)
        y = _between(sound.path, row, share, 1)
    for k in range(sound.sources):
        value = _curved(sound, k, _value(rig, index, pad, sound, k))
        moved = sound.low[k] + value * (sound.high[k] - sound.low[k])
        if sound.axis[k] == X:
            x += moved
        else:
            y += moved
    pad.x = min(max(x, 0.0), 1.0)
    pad.y = min(max(y, 0.0), 1.0)
    weigh(sound, pad.x, pad.y, pad.target)


@rt
def _place_on_path(pad, sound):
    """Return the path's row that comes before now, and how far on the way to the next. [audio]"""
    last = sound.path_points - 1
    place = pad.path_at / sound.path_length * last
    row = min(np.int64(place), last - 1)
    share = place - row
    if sound.path_stepped != 0:
        share = np.floor(share)
    return row, share


@rt
def _between(path, row, share, column):
    """Return a column of the path between a row and the next. [audio]"""
    at = row * ANCHORS + column
    return np.float64(path[at]) + share * (np.float64(path[at + ANCHORS]) - np.float64(path[at]))


@rt
def _weights_of_path(pad, sound, row, share):
    """Take the weights off the path; the puck is shown in the middle of their anchors. [audio]"""
    x = 0.0
    y = 0.0
    for k in range(ANCHORS):
        weight = _between(sound.path, row, share, k)
        pad.target[k] = np.float32(weight)
        if k < sound.anchors:
            x += weight * sound.x[k]
            y += weight * sound.y[k]
    pad.x = min(max(x, 0.0), 1.0)
    pad.y = min(max(y, 0.0), 1.0)


@rt
def _value(rig, index, pad, sound, k):
    """Return what a source says now, 0 to 1. [audio]"""
    kind = sound.kind[k]
    if kind == CC:
        return pad.controllers[sound.controller[k]] / 127.0
    if kind == AFTERTOUCH:
        hardest = pad.pressure
        if pad.pressed != 0:
            for key in range(128):
                hardest = max(hardest, np.int64(pad.key_pressure[key]))
        return hardest / 127.0
    if kind == BEND:
        return pad.bend / 16383.0
    if kind == VELOCITY:
        return pad.newest_velocity / 127.0
    if kind == KEY:
        return min(max((pad.newest_pitch - LOWEST_KEY) / KEY_SPAN, 0.0), 1.0)
    if kind == ENVELOPE:
        return _envelope(rig, pad, sound.attack_s[k], sound.decay_s[k])
    if kind == LFO:
        if sound.period_beats[k] > 0.0:
            turns = pad.beats / sound.period_beats[k]
        else:
            turns = rig.state[0].frame / rig.state[0].rate_hz / sound.period_s[k]
        return _wave(turns, sound.shape[k], index * 8 + k)
    return 0.0


@rt
def _envelope(rig, pad, attack_s, decay_s):
    """Return the envelope of the newest note: up in a line, then down; without a decay it stays."""
    if pad.newest_frame < 0:
        return 0.0
    age_s = (rig.state[0].frame - pad.newest_frame) / rig.state[0].rate_hz
    if age_s < attack_s:
        return age_s / attack_s
    if decay_s <= 0.0:
        return 1.0
    return max(1.0 - (age_s - attack_s) / decay_s, 0.0)


@rt
def _wave(turns, shape, seed):
    """Return a wave after so many turns, 0 to 1; all but the random one begin at 0. [audio]"""
    turn = np.floor(turns)
    phase = turns - turn
    if shape == TRIANGLE:
        return 1.0 - abs(2.0 * phase - 1.0)
    if shape == SAW:
        return phase
    eased = 0.5 - 0.5 * np.cos(np.pi * phase)
    if shape == RANDOM:
        one = _random(np.int64(turn), seed)
        return one + eased * (_random(np.int64(turn) + 1, seed) - one)
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * phase)


@rt
def _random(turn, seed):
    """Return a number from 0 to 1 that belongs to a turn of a wave. [audio]"""
    mixed = np.uint64(turn) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed + 1)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return np.float64(mixed >> np.uint64(11)) / 9007199254740992.0


@rt
def _curved(sound, k, value):
    """Return a source's value as its curve has it. [audio]"""
    place = value * (CURVE_POINTS - 1)
    below = min(np.int64(place), CURVE_POINTS - 2)
    share = place - below
    at = k * CURVE_POINTS + below
    one = np.float64(sound.curve[at])
    return one + share * (np.float64(sound.curve[at + 1]) - one)


# What weights the anchors have there


@rt
def weigh(sound, x, y, weights):
    """Fill weights (ANCHORS,) for a place on a sound's plane; their sum is one. [audio]"""
    weights[:] = np.float32(0.0)
    if sound.anchors == 1:
        weights[0] = np.float32(1.0)
        return
    for cell in range(sound.cells):
        if _inside(sound, cell, x, y) and _weigh_in_cell(sound, cell, x, y, weights):
            return
    weights[:] = np.float32(0.0)
    _weigh_on_edge(sound, x, y, weights)


@rt
def _side(sound, one, other, x, y):
    """Return twice the area between two anchors and a place; above 0 to the left. [audio]"""
    ax = sound.x[one]
    ay = sound.y[one]
    return (sound.x[other] - ax) * (y - ay) - (sound.y[other] - ay) * (x - ax)


@rt
def _inside(sound, cell, x, y):
    """Return whether a place lies in a cell, or on its edge. [audio]"""
    first = cell * ANCHORS
    count = sound.cell_size[cell]
    for i in range(count):
        one = sound.cell[first + i]
        other = sound.cell[first + (i + 1) % count]
        if _side(sound, one, other, x, y) < -ON_EDGE:
            return False
    return True


@rt
def _weigh_in_cell(sound, cell, x, y, weights):
    """Wachspress's coordinates: an anchor's own area times those of the edges it is not on.

    False for a cell so flat that they are all nothing.
    """
    first = cell * ANCHORS
    count = sound.cell_size[cell]
    total = 0.0
    for i in range(count):
        before = sound.cell[first + (i + count - 1) % count]
        here = sound.cell[first + i]
        after = sound.cell[first + (i + 1) % count]
        weight = _side(sound, before, here, sound.x[after], sound.y[after])
        for j in range(count):
            if j != i and (j + 1) % count != i:
                one = sound.cell[first + j]
                other = sound.cell[first + (j + 1) % count]
                weight *= max(_side(sound, one, other, x, y), 0.0)
        weights[here] = np.float32(weight)
        total += weight
    if total <= 0.0:
        return False
    for i in range(count):
        here = sound.cell[first + i]
        weights[here] = np.float32(weights[here] / total)
    return True


@rt
def _weigh_on_edge(sound, x, y, weights):
    """Weigh the two anchors of the edge that is nearest, where it is nearest. [audio]"""
    nearest = 1e30
    chosen = 0
    place = 0.0
    for i in range(sound.edges):
        ax = sound.x[sound.edge_from[i]]
        ay = sound.y[sound.edge_from[i]]
        dx = sound.x[sound.edge_to[i]] - ax
        dy = sound.y[sound.edge_to[i]] - ay
        share = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)
        share = min(max(share, 0.0), 1.0)
        away = (ax + share * dx - x) ** 2 + (ay + share * dy - y) ** 2
        if away < nearest:
            nearest = away
            chosen = i
            place = share
    weights[sound.edge_from[chosen]] = np.float32(1.0 - place)
    weights[sound.edge_to[chosen]] = np.float32(place)


# Recording


@rt
def _record(rig, index, pad):
    """Note where the puck is, every RECORD_EVERY looks; full is done. [audio]"""
    if pad.looks % RECORD_EVERY == 0:
        rig.pad_recorded[index, pad.recorded, 0] = np.float32(pad.x)
        rig.pad_recorded[index, pad.recorded, 1] = np.float32(pad.y)
        pad.recorded += 1
    pad.looks += 1
    if pad.recorded == PATH_POINTS:
        _end_recording(rig, index, pad)


@rt
def _end_recording(rig, index, pad):
    """Stop, and report what was recorded. [audio]"""
    pad.recording = 0
    emit(rig, PAD_RECORDED, index, pad.recorded, 0, np.float32(0.0), 0, 0, 0)
