"""The sound of morph voices: two wavetables of one period, read at the same place. [audio]

A voice goes from one table to the other in a straight line while its next frame is not due. Both
have their harmonics in the same phases, so nothing beats. The parts' noise is added after.
"""

import numpy as np

from engine.rt.morph_decoder import TABLE
from engine.rt.morph_noise import render_noises
from engine.rt.native import rt

PERIOD = (TABLE << 32) - 1  # of a position
TO_FRACTION = np.float32(1.0 / 16777216.0)


@rt
def _read_tables(old, goal, gone, span, position, step, count, points, fractions):
    """Fetch the four points around each of `count` places, on the way to the goal. [audio]"""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)  # unsigned: no index from the end
    first, second, third, fourth = points[0], points[1], points[2], points[3]
    for i in range(count):
        k = np.uint64((position >> 32) & (TABLE - 1))
        fractions[i] = np.int32((position >> 8) & 0xFFFFFF)
        share = min(np.float32(gone + np.int32(i)) * span, np.float32(1.0))
        first[i] = old[k] + share * (goal[k] - old[k])
        second[i] = old[k + one] + share * (goal[k + one] - old[k + one])
        third[i] = old[k + two] + share * (goal[k + two] - old[k + two])
        fourth[i] = old[k + three] + share * (goal[k + three] - old[k + three])
        position += step


@rt
def _add_run(points, fractions, envelope, slope, elapsed, left, right):
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
        y *= max(envelope + np.float32(elapsed + np.int32(i)) * slope, np.float32(0.0))
        left[i] += y
        right[i] += y


@rt
def render_morphs(rig, count):
    """Add `count` <= QUANTUM frames of all morph voices to their parts' pairs in mix. [audio]"""
    frame = rig.state[0].frame
    for i in range(rig.morph[0].active):
        index = rig.morph_active[i]
        voice = rig.morph_voices[index]
        tables = rig.morph_tables[index]
        _read_tables(
            tables[1 - voice.target],
            tables[voice.target],
            np.int32(min(frame - voice.ramp_at, voice.ramp_span)),
            np.float32(1.0) / np.float32(voice.ramp_span),
            voice.position,
            voice.step,
            count,
            rig.points,
            rig.fractions,
        )
        _add_run(
            rig.points,
            rig.fractions,
            voice.envelope,
            voice.slope,
            np.int32(frame - voice.line_at),
            rig.mix[2 * voice.part][:count],
            rig.mix[2 * voice.part + 1][:count],
        )
        voice.position = (voice.position + count * voice.step) & PERIOD
    render_noises(rig, count)
