"""Where the bars of a take lie: from what the clock said to a tempo map that starts at bar 1. [any]

While the transport rolled, its beats are the take's, also before it began to roll; a take played at
rest begins with a bar line and keeps the tempo that was set. A jump of the transport inside a take
does not move the bars: a timeline has no place for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.midi.tempo import TempoMap
from engine.takes import TransportPoint

JUMP_BEATS = 0.25  # a clock that another one leads may be corrected by less
STRAY_SECONDS = 0.0005  # tempo changes are left out where the beat stays this close without them
SAME_BEAT = 1e-6
ROUNDING_FRAMES = 1.5

Knot = tuple[float, float]  # frame, beat


@dataclass(frozen=True)
class Bars:
    """`first_frame` is bar 1's, at or before the take's first; the rest is counted from there."""

    first_frame: int
    tempo: TempoMap
    time_signatures: tuple[tuple[float, int, int], ...]  # beat, upper, lower


def find_bars(
    points: Sequence[TransportPoint], rate_hz: int, start_frame: int, end_frame: int
) -> Bars:
    """The bars of a take from `start_frame` to `end_frame`; `points` by rising frame. [any]"""
    points = _in_the_take(points, rate_hz, start_frame, end_frame)
    knots = _knots(points, rate_hz, end_frame)
    upper, frames_a_beat = points[0].beats_per_bar, 60.0 / points[0].tempo_bpm * rate_hz
    # A note a frame before the bar line belongs to the bar that begins there.
    bar = math.floor((knots[0][1] + ROUNDING_FRAMES / frames_a_beat) / upper)
    lead_frames = max((knots[0][1] - bar * upper) * frames_a_beat, 0.0)
    first = start_frame - lead_frames
    kept = _without_strays([(first, float(bar * upper)), *knots[int(lead_frames == 0) :]], rate_hz)
    seconds = [(frame - first) / rate_hz for frame, _ in kept]
    beats = [beat - bar * upper for _, beat in kept]
    rates = [
        (seconds[n + 1] - seconds[n]) / (beats[n + 1] - beats[n]) for n in range(len(kept) - 1)
    ]
    tempo = TempoMap(tuple(beats[:-1]), tuple(seconds[:-1]), tuple(rates))
    meters = [((point.frame - first) / rate_hz, point.beats_per_bar) for point in points[1:]]
    changes = [(float(tempo.to_beats(second)), meter) for second, meter in meters]
    return Bars(round(first), tempo, _time_signatures(upper, changes))


def _in_the_take(
    points: Sequence[TransportPoint], rate_hz: int, start_frame: int, end_frame: int
) -> list[TransportPoint]:
    """The point in force at the start, moved there, and those that follow before the end."""
    last = [point for point in points if point.frame <= start_frame][-1:] or points[:1]
    beat = last[0].beat + (start_frame - last[0].frame) / rate_hz / 60.0 * last[0].tempo_bpm
    inside = {p.frame: p for p in points if start_frame < p.frame < end_frame}  # the last counts
    return [replace(last[0], frame=start_frame, beat=beat), *inside.values()]


def _knots(points: Sequence[TransportPoint], rate_hz: int, end_frame: int) -> list[Knot]:
    """The beat at each point and at the end, counted by the transport from when it first rolls."""
    beats = [0.0]
    shift = None  # from the transport's beats to the take's, once it has rolled
    for number, point in enumerate(points):
        if number:
            last = points[number - 1]
            step = (point.frame - last.frame) / rate_hz / 60.0 * last.tempo_bpm
            beats.append(beats[-1] + step)
        if not point.rolling:
            continue
        if shift is None:
            beats = [beat + point.beat - beats[-1] for beat in beats]
            shift = 0.0
            continue
        beat = point.beat + shift
        if beat - beats[-2] > SAME_BEAT and abs(beat - beats[-1]) < JUMP_BEATS:
            beats[-1] = beat
        else:
            shift = beats[-1] - point.beat
    last, end_frame = points[-1], max(end_frame, points[-1].frame + rate_hz)
    beats.append(beats[-1] + (end_frame - last.frame) / rate_hz / 60.0 * last.tempo_bpm)
    frames = [*(float(point.frame) for point in points), float(end_frame)]
    return list(zip(frames, beats, strict=True))


def _without_strays(knots: list[Knot], rate_hz: int) -> list[Knot]:
    """Leave out knots the line between their neighbours passes closely enough."""
    kept = {0, len(knots) - 1}
    spans = [(0, len(knots) - 1)]
    while spans:
        first, last = spans.pop()
        (frame, beat), (end_frame, end_beat) = knots[first], knots[last]
        frames_a_beat = (end_frame - frame) / (end_beat - beat)
        strays = [
            abs(frame + (knots[n][1] - beat) * frames_a_beat - knots[n][0])
            for n in range(first + 1, last)
        ]
        if strays and max(strays) > STRAY_SECONDS * rate_hz:
            furthest = first + 1 + strays.index(max(strays))
            kept.add(furthest)
            spans += [(first, furthest), (furthest, last)]
    return [knots[number] for number in sorted(kept)]


def _time_signatures(
    upper: int, changes: Sequence[tuple[float, int]]
) -> tuple[tuple[float, int, int], ...]:
    """A change of meter counts from the next bar line."""
    signatures = {0.0: upper}
    for beat, wanted in changes:
        last_beat, meter = list(signatures.items())[-1]
        if wanted != meter:
            bars = max(math.ceil((beat - last_beat) / meter - SAME_BEAT), 0)
            signatures[last_beat + bars * meter] = wanted
    return tuple((beat, meter, 4) for beat, meter in signatures.items())
