"""The notes of a DAWproject's arrangement, with tempo, meter, bend, pressure and controllers. [any]

Clips are laid out as they would be played: nested, repeated in their loop, cut at their end. Sound,
plugins and the clips of scenes are passed over.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element

from engine.interchange.untrusted import DEEPEST, parse_xml, real, whole, zip_member
from engine.interchange.written import ScoreError, Written, WrittenNote
from engine.midi.files import MOST_EVENTS
from engine.midi.messages import CHANNEL_PRESSURE, CONTROL_CHANGE, PITCH_BEND
from engine.midi.performance import DRUM_CHANNEL, Performance, Track

PROJECT = "project.xml"
NEVER = float("inf")
STEP_BEATS = 0.25  # a tempo that moves is followed in steps of this
SHORTEST_LOOP_BEATS = 1e-3
MODES = range(120, 128)  # controllers that are not playing


@dataclass(frozen=True)
class _Place:
    """Where a timeline lies: time t of it is beat `origin` + t; heard from `start` to `end`."""

    track: int = -1
    unit: str = "beats"
    origin: float = 0.0
    start: float = 0.0
    end: float = NEVER
    depth: int = 0


def read_dawproject(path: Path) -> Performance:
    """Read a file. ScoreError in one sentence if that cannot be. [any]"""
    root = parse_xml(zip_member(path, PROJECT), path)
    if root.tag != "Project":
        raise ScoreError(f"{path}: not a DAWproject, {PROJECT} begins with <{root.tag[:40]}>")
    return _Reader(root, path).read()


class _Reader:
    """Walks the arrangement and gathers what is played."""

    def __init__(self, root: Element, path: Path) -> None:
        self._root = root
        self._written = Written(path)
        self._channels: dict[int, int] = {}  # track -> the channel of its first note
        self._tracks: dict[str, int] = {}
        for number, track in enumerate(root.iterfind("Structure//Track")):
            name = " ".join(track.get("name", "").split())[:80] or f"Track {number + 1}"
            self._tracks[track.get("id", f" {number}")] = number
            self._written.tracks.append(Track(name))
        self._named = {e.get("id"): e for e in root.iter() if e.get("id")}
        self._events = 0

    def read(self) -> Performance:
        """Tempo first, since times may be in seconds."""
        self._clock()
        self._tempo = self._written.tempo_map()
        lanes = self._root.find("Arrangement/Lanes")
        if lanes is not None:
            self._timeline(lanes, _Place())
        self._give_channels()
        return self._written.performance()

    def _give_channels(self) -> None:
        """Each track its notes' channel, or the next where several tracks have the same."""
        own = list(self._channels.values())
        free = itertools.cycle(c for c in range(1, 17) if c != DRUM_CHANNEL)
        for number, channel in sorted(self._channels.items()):
            if channel != DRUM_CHANNEL and len(set(own)) < len(own):
                channel = next(free)
            track = self._written.tracks[number]
            self._written.tracks[number] = replace(track, channel=channel)

    def _clock(self) -> None:
        written, transport = self._written, self._root.find("Transport")
        tempo = None if transport is None else transport.find("Tempo")
        meter = None if transport is None else transport.find("TimeSignature")
        written.tempos.append((0.0, real(None if tempo is None else tempo.get("value"), 120.0)))
        if meter is not None:
            written.signatures[0.0] = _figures(meter)
        for point in self._root.iterfind("Arrangement/TimeSignatureAutomation/TimeSignaturePoint"):
            written.signatures[real(point.get("time"))] = _figures(point)
        points = sorted(
            (real(p.get("time")), real(p.get("value"), 120.0), p.get("interpolation") == "linear")
            for p in self._root.iterfind("Arrangement/TempoAutomation/RealPoint")
        )
        for (beat, bpm, moving), (next_beat, next_bpm, _) in itertools.pairwise(
            [*points, (0.0, 0.0, False)]
        ):
            steps = round((next_beat - beat) / STEP_BEATS) if moving else 0
            self._count(max(steps, 1))
            for step in range(max(steps, 1)):
                share = (step + 0.5) / steps if steps > 0 else 0.0
                at = beat + step * STEP_BEATS
                written.tempos.append((at, bpm + share * (next_bpm - bpm)))

    # ---- timelines -----------------------------------------------------------------------

    def _timeline(self, element: Element, place: _Place) -> None:
        unit = element.get("timeUnit", place.unit)
        track = self._tracks.get(element.get("track", ""), place.track)
        place = replace(place, unit=unit, track=track, depth=place.depth + 1)
        if place.depth > DEEPEST:
            raise ScoreError(f"{self._written.path}: a clip in it refers to itself")
        if element.tag == "Lanes":
            for lane in element:
                self._timeline(lane, place)
        elif element.tag == "Clips":
            for clip in element.iterfind("Clip"):
                self._clip(clip, place)
        elif element.tag == "Notes" and track >= 0:
            for note in element.iterfind("Note"):
                self._note(note, place)
        elif element.tag == "Points" and track >= 0:
            self._points(element, place)

    def _clip(self, clip: Element, place: _Place) -> None:
        self._count(1)
        if clip.get("enable") == "false":
            return
        start = self._beat(place, real(clip.get("time")))
        end = place.end
        if clip.get("duration") is not None:
            length = max(real(clip.get("duration")), 0.0)
            end = min(self._beat(place, real(clip.get("time")) + length), place.end)
        contents = list(clip)
        if clip.get("reference"):
            contents.append(self._named.get(clip.get("reference"), clip))
        inside = replace(place, unit=clip.get("contentTimeUnit", place.unit))
        for origin, first, last in self._passes(clip, inside, start, end):
            shown = replace(inside, origin=origin, start=max(first, place.start), end=last)
            for content in contents:
                if content is not clip and shown.start < shown.end:
                    self._timeline(content, shown)

    def _passes(
        self, clip: Element, place: _Place, start: float, end: float
    ) -> Iterator[tuple[float, float, float]]:
        """Each run through a clip's content: the beat its time 0 would have, first and last beat.

        A clip in seconds is laid out by the tempo at its start.
        """
        scale = 1.0
        if place.unit == "seconds":
            scale = 1.0 / self._rate_at(start)
        play_start = real(clip.get("playStart")) * scale
        loop_start, loop_end = (real(clip.get(name)) * scale for name in ("loopStart", "loopEnd"))
        if clip.get("loopEnd") is None or loop_end - loop_start < SHORTEST_LOOP_BEATS:
            stop = clip.get("playStop")
            if stop is not None:
                end = min(end, start + max(real(stop) * scale - play_start, 0.0))
            yield start - play_start, start, end
            return
        first, at = start, play_start
        while first < end and end < NEVER:
            last = min(first + loop_end - at, end) if at < loop_end else first
            if last > first:
                self._count(1)
                yield first - at, first, last
            first, at = last, loop_start

    def _note(self, note: Element, place: _Place) -> None:
        self._count(1)
        time = real(note.get("time"))
        start = self._beat(place, time)
        end = self._beat(place, time + max(real(note.get("duration")), 0.0))
        key = whole(note.get("key"), -1)
        if not place.start <= start < place.end or not 0 <= key <= 127:
            return
        channel = whole(note.get("channel")) % 16 + 1
        self._channels.setdefault(place.track, channel)
        velocity, release = (real(note.get(name), 0.5) * 127.0 for name in ("vel", "rel"))
        self._written.notes.append(
            WrittenNote(
                start,
                min(end, place.end),
                key,
                min(max(round(velocity), 1), 127),
                place.track,
                min(max(round(release), 0), 127),
            )
        )

    def _points(self, points: Element, place: _Place) -> None:
        target = points.find("Target")
        message = None if target is None else _message(target)
        if message is None:
            return
        for point in points.iterfind("RealPoint"):
            self._count(1)
            beat = self._beat(place, real(point.get("time")))
            if place.start <= beat < place.end:
                share = min(max(real(point.get("value")), 0.0), 1.0)
                self._written.controls.append((beat, message(share), place.track))

    # ---- times ---------------------------------------------------------------------------

    def _beat(self, place: _Place, time: float) -> float:
        """The beat of a timeline's time; seconds count from where the timeline begins."""
        if place.unit != "seconds":
            return place.origin + time
        return self._tempo.beat_at(max(self._tempo.second_at(place.origin) + time, 0.0))

    def _rate_at(self, beat: float) -> float:
        """Seconds a beat."""
        return self._tempo.second_at(beat + 1.0) - self._tempo.second_at(beat)

    def _count(self, events: int) -> None:
        self._events += events
        if self._events > MOST_EVENTS:
            raise ScoreError(
                f"{self._written.path}: more than {MOST_EVENTS} events, the most we read"
            )


def _message(target: Element) -> Callable[[float], bytes] | None:
    """What makes MIDI messages of values 0..1, for what is played by MIDI."""
    kind, controller = target.get("expression"), whole(target.get("controller"), -1)
    if kind == "channelController" and 0 < controller < MODES[0] and controller != 32:
        return lambda share: bytes((CONTROL_CHANGE, controller, round(share * 127)))
    if kind == "channelPressure":
        return lambda share: bytes((CHANNEL_PRESSURE, round(share * 127)))
    if kind == "pitchBend":
        return lambda share: bytes(
            (PITCH_BEND, round(share * 16383) & 0x7F, round(share * 16383) >> 7)
        )
    return None


def _figures(element: Element) -> tuple[int, int]:
    return whole(element.get("numerator"), 4), whole(element.get("denominator"), 4)
