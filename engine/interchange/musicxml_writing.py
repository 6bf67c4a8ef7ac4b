"""MusicXML: writing the parts of an arrangement as a score. [any]

Partwise, a staff a part, with names, programs, clefs, meter, key and tempo. Lengths are written as
`engine.interchange.notation` reads them: what lies between its places moves to the nearest.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from engine.errors import RipienoError
from engine.interchange.musicxml import FORTE, MAJOR, MINOR
from engine.interchange.notation import (
    STEPS,
    Bar,
    Sound,
    Value,
    bars,
    clef,
    on_staff,
    spelled,
    values,
    voices_of,
)
from engine.midi.performance import Track, paired_notes
from engine.midi.tempo import TempoMap

DIVISIONS = STEPS
HEAD = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" \
"http://www.musicxml.org/dtds/partwise.dtd">
"""


class MusicXmlError(RipienoError):
    """A score that cannot be written."""


def write_musicxml(
    path: Path,
    tracks: Sequence[Track],
    events: np.ndarray,
    tempo: TempoMap,
    *,
    time_signatures: Sequence[tuple[float, int, int]] = ((0.0, 4, 4),),
    key_signatures: Sequence[tuple[float, str]] = (),
    title: str = "",
    ranges: Sequence[tuple[int, int]] = (),
) -> None:
    """Write tracks as the parts of a score, whole or not at all. MusicXmlError. [main]

    `ranges`: lowest and highest key of each part, for the clefs of those that play nothing.
    """
    seconds = float(events["seconds"].max()) if len(events) else 0.0
    notes = paired_notes(events, seconds)
    beats, ends = tempo.to_beats(notes["start_seconds"]), tempo.to_beats(notes["end_seconds"])
    staves = []
    for number in range(len(tracks)):
        own = notes["track"] == number
        staves.append(on_staff(beats[own], ends[own], *(notes[k][own] for k in _KEYS)))
    last = max((sound.end for staff in staves for sound in staff), default=STEPS)
    measures = bars(time_signatures, last)
    keys = {round(beat * STEPS): _fifths(name) for beat, name in key_signatures}
    root = Element("score-partwise", version="3.1")
    if title:
        SubElement(SubElement(root, "work"), "work-title").text = title
    _list_parts(root, tracks)
    for number, (track, staff) in enumerate(zip(tracks, staves, strict=True)):
        part = SubElement(root, "part", id=f"P{number + 1}")
        low, high = ranges[number] if number < len(ranges) else (0, 127)
        sign = clef([sound.pitch for sound in staff], track.program, low, high)
        marks = _tempo_marks(tempo) if number == 0 else {}
        _Staff(part, measures, keys, sign, marks).write(staff)
    indent(root, " ")
    _write(path, HEAD + tostring(root, encoding="utf-8") + b"\n")


_KEYS = ("pitch", "velocity")


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise MusicXmlError(f"{path}: cannot be written: {error.strerror or error}") from error


def _fifths(name: str) -> tuple[int, str]:
    minor = name.endswith("m")
    names = MINOR if minor else MAJOR
    plain = name.removesuffix("m")
    return (names.index(plain) - 7 if plain in names else 0), "minor" if minor else "major"


def _tempo_marks(tempo: TempoMap) -> dict[int, float]:
    """Steps -> quarter notes a minute."""
    rates = zip(tempo.beats, tempo.seconds_per_beat, strict=True)
    return {round(beat * STEPS): 60.0 / rate for beat, rate in rates}


def _list_parts(root: Element, tracks: Sequence[Track]) -> None:
    part_list = SubElement(root, "part-list")
    for number, track in enumerate(tracks, start=1):
        part = SubElement(part_list, "score-part", id=f"P{number}")
        SubElement(part, "part-name").text = track.name
        instrument = SubElement(part, "score-instrument", id=f"P{number}-I1")
        SubElement(instrument, "instrument-name").text = track.name
        midi = SubElement(part, "midi-instrument", id=f"P{number}-I1")
        SubElement(midi, "midi-channel").text = str(track.channel)
        SubElement(midi, "midi-program").text = str(track.program + 1)


class _Staff:
    """Writes one part, measure by measure."""

    def __init__(
        self,
        part: Element,
        measures: list[Bar],
        keys: dict[int, tuple[int, str]],
        sign: tuple[str, int],
        tempos: dict[int, float],
    ) -> None:
        self._part = part
        self._measures = measures
        self._keys = keys
        self._sign = sign
        self._tempos = tempos
        self._fifths = 0

    def write(self, sounds: list[Sound]) -> None:
        voices = voices_of(sounds)
        places = [0] * len(voices)
        for number, bar in enumerate(self._measures, start=1):
            measure = SubElement(self._part, "measure", number=str(number))
            self._attributes(measure, bar, number == 1)
            self._tempo(measure, bar)
            written = 0
            for index, voice in enumerate(voices):
                inside = []
                while places[index] < len(voice) and voice[places[index]][0].start < bar.end:
                    inside.append(voice[places[index]])
                    if voice[places[index]][0].end > bar.end:
                        break  # it goes on in the next
                    places[index] += 1
                if not inside and index > 0:
                    continue
                if written:
                    back = SubElement(measure, "backup")
                    SubElement(back, "duration").text = str(bar.end - bar.start)
                self._voice(measure, bar, inside, index + 1)
                written += 1
            if not voices:
                self._rest(measure, bar.start, bar.end, 1)

    def _attributes(self, measure: Element, bar: Bar, first: bool) -> None:
        key = max((p for p in self._keys if p < bar.end and p >= bar.start), default=None)
        if not first and key is None and bar.meter is None:
            return
        attributes = SubElement(measure, "attributes")
        if first:
            SubElement(attributes, "divisions").text = str(DIVISIONS)
        if first or key is not None:
            fifths, mode = self._keys[key] if key is not None else (0, "major")
            self._fifths = fifths
            element = SubElement(attributes, "key")
            SubElement(element, "fifths").text = str(fifths)
            SubElement(element, "mode").text = mode
        if bar.meter is not None:
            time = SubElement(attributes, "time")
            SubElement(time, "beats").text = str(bar.meter[0])
            SubElement(time, "beat-type").text = str(bar.meter[1])
        if first:
            element = SubElement(attributes, "clef")
            SubElement(element, "sign").text = self._sign[0]
            SubElement(element, "line").text = str(self._sign[1])

    def _tempo(self, measure: Element, bar: Bar) -> None:
        for place in sorted(p for p in self._tempos if bar.start <= p < bar.end):
            direction = SubElement(measure, "direction", placement="above")
            kind = SubElement(direction, "direction-type")
            metronome = SubElement(kind, "metronome")
            SubElement(metronome, "beat-unit").text = "quarter"
            SubElement(metronome, "per-minute").text = f"{self._tempos[place]:.6g}"
            if place > bar.start:
                SubElement(direction, "offset", sound="yes").text = str(place - bar.start)
            SubElement(direction, "sound", tempo=f"{self._tempos[place]:.6g}")

    def _voice(self, measure: Element, bar: Bar, chords: list[list[Sound]], voice: int) -> None:
        at = bar.start
        for chord in chords:
            start, end = max(chord[0].start, bar.start), min(chord[0].end, bar.end)
            self._rest(measure, at, start, voice)
            lengths = values(start, end)
            place = start
            for value in lengths:
                for number, sound in enumerate(sorted(chord, key=lambda sound: sound.pitch)):
                    ties = (place > sound.start, place + value.steps < sound.end)
                    self._note(measure, sound, value, voice, number > 0, ties)
                place += value.steps
            at = end
        self._rest(measure, at, bar.end, voice)

    def _rest(self, measure: Element, start: int, end: int, voice: int) -> None:
        for value in values(start, end):
            note = SubElement(measure, "note")
            SubElement(note, "rest")
            SubElement(note, "duration").text = str(value.steps)
            _length(note, value, voice)

    def _note(
        self,
        measure: Element,
        sound: Sound,
        value: Value,
        voice: int,
        in_chord: bool,
        ties: tuple[bool, bool],
    ) -> None:
        note = SubElement(measure, "note", dynamics=f"{100.0 * sound.velocity / FORTE:.2f}")
        if in_chord:
            SubElement(note, "chord")
        step, alter, octave = spelled(sound.pitch, self._fifths)
        pitch = SubElement(note, "pitch")
        SubElement(pitch, "step").text = step
        if alter:
            SubElement(pitch, "alter").text = str(alter)
        SubElement(pitch, "octave").text = str(octave)
        SubElement(note, "duration").text = str(value.steps)
        kinds = [kind for kind, tied in zip(("stop", "start"), ties, strict=True) if tied]
        for kind in kinds:
            SubElement(note, "tie", type=kind)
        _length(note, value, voice)
        if kinds:
            notations = SubElement(note, "notations")
            for kind in kinds:
                SubElement(notations, "tied", type=kind)


def _length(note: Element, value: Value, voice: int) -> None:
    SubElement(note, "voice").text = str(voice)
    SubElement(note, "type").text = value.name
    for _ in range(value.dots):
        SubElement(note, "dot")
    if value.triplet:
        change = SubElement(note, "time-modification")
        SubElement(change, "actual-notes").text = "3"
        SubElement(change, "normal-notes").text = "2"
