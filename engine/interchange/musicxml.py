"""MusicXML: the notes of a score, partwise or timewise. [any]

Read are parts with their names and General MIDI programs, notes with ties, chords and
transposition, tempo, meter, key, dynamics and pedal. A score is played once from beginning to end,
as it is written: repeats and endings are not followed, grace and cue notes are left out, each with
a remark.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from engine.interchange.untrusted import parse_xml, real, text_of, whole
from engine.interchange.written import ScoreError, Written, WrittenNote, without_channel
from engine.midi.messages import CONTROL_CHANGE
from engine.midi.performance import DRUM_CHANNEL, Performance, Track
from engine.midi.tempo import HIGHEST_TEMPO_BPM, LOWEST_TEMPO_BPM

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
MAJOR = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
MINOR = ("Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#")
MARKS = ("pppp", "ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "ffff")
VELOCITIES = dict(zip(MARKS, (10, 16, 33, 49, 64, 80, 96, 112, 126, 127), strict=True))
FORTE = 90.0  # the velocity MusicXML's dynamics are per cent of
UNITS = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th")
NOTE_BEATS = {unit: 8.0 / 2**number for number, unit in enumerate(UNITS)}
SUSTAIN = 64
SAME_BEAT = 1e-6
MOST_TIED = 16  # notes of one pitch that wait for the note they are tied to


@dataclass
class _Part:
    """A part being read; beats are absolute, `start` is where the measure begins."""

    number: int
    drum_keys: dict[str, int]  # instrument id -> key
    divisions: float = 1.0
    velocity: int = VELOCITIES["mf"]
    transpose: dict[str, int] = field(default_factory=dict)  # staff, "" for all -> semitones
    tied: dict[int, list[WrittenNote]] = field(default_factory=dict)  # pitch -> going on
    start: float = 0.0
    at: float = 0.0
    last_onset: float = 0.0
    furthest: float = 0.0
    pitched: bool = False
    drums: list[WrittenNote] = field(default_factory=list)


def read_musicxml(data: bytes, path: Path) -> Performance:
    """The performance of a MusicXML document. ScoreError in one sentence if it is none. [any]"""
    root = parse_xml(data, path)
    if root.tag not in ("score-partwise", "score-timewise"):
        raise ScoreError(f"{path}: not MusicXML, it begins with <{root.tag[:40]}>")
    return _Reader(root, path).read()


class _Reader:
    """Goes through a score measure by measure, all parts at once."""

    def __init__(self, root: Element, path: Path) -> None:
        self._written = Written(path)
        self._left_out: dict[str, int] = {}
        self._meter = (4, 4)
        self._repeats = False
        self._parts = {
            str(part.get("id")): self._new_part(part, number)
            for number, part in enumerate(root.iterfind("part-list/score-part"))
        }
        self._root = root

    def read(self) -> Performance:
        """Everything, then what is left to tie up."""
        written, start = self._written, 0.0
        columns = _partwise if self._root.tag == "score-partwise" else _timewise
        for column in columns(self._root):
            furthest = start
            for name, measure in column:
                if (part := self._parts.get(name)) is None:
                    continue
                part.start = part.at = part.last_onset = part.furthest = start
                for element in measure:
                    self._element(part, element)
                furthest = max(furthest, part.furthest)
            start = self._close_measure(start, furthest)
        for part in self._parts.values():
            self._settle_drums(part)
        name = written.path.name
        if self._repeats:
            written.remarks.append(f"{name}: repeats are not followed, it is played once through.")
        for what, count in self._left_out.items():
            written.remarks.append(f"{name}: {count} {what} are left out.")
        return written.performance()

    def _close_measure(self, start: float, end: float) -> float:
        """The beat of the next bar line; a bar of another length than its meter's is told of."""
        upper, lower = self._meter
        length = end - start if end > start else upper * 4.0 / lower
        nominal = upper * 4.0 / lower
        signatures = self._written.signatures
        if abs(length - nominal) > SAME_BEAT:
            for figure in (4, 8, 16, 32, 64):
                if abs(length * figure / 4 - round(length * figure / 4)) < SAME_BEAT:
                    signatures[start] = (round(length * figure / 4), figure)
                    break
            signatures[start + length] = self._meter
        else:
            signatures.setdefault(start, self._meter)
        return start + length

    def _new_part(self, part: Element, number: int) -> _Part:
        midi = part.find("midi-instrument")
        channel = whole(text_of(midi, "midi-channel"), number + (number >= DRUM_CHANNEL - 1) + 1)
        program = whole(text_of(midi, "midi-program"), 1)
        bank = whole(text_of(midi, "midi-bank"), 1)
        name = text_of(part, "part-name") or text_of(part, "part-abbreviation")
        self._written.tracks.append(
            Track(
                " ".join(name.split())[:80] or f"Part {number + 1}",
                min(max(program - 1, 0), 127),
                min(max(bank - 1, 0) >> 7, 127),
                (channel - 1) % 16 + 1,
            )
        )
        keys = {
            str(instrument.get("id")): whole(text_of(instrument, "midi-unpitched")) - 1
            for instrument in part.iterfind("midi-instrument")
        }
        return _Part(number, keys)

    # ---- what is in a measure ------------------------------------------------------------

    def _element(self, part: _Part, element: Element) -> None:
        if element.tag == "note":
            self._note(part, element)
        elif element.tag in ("backup", "forward"):
            beats = max(real(text_of(element, "duration")), 0.0) / part.divisions
            back = element.tag == "backup"
            part.at = max(part.at - beats, part.start) if back else part.at + beats
            part.furthest = max(part.furthest, part.at)
        elif element.tag == "attributes":
            self._attributes(part, element)
        elif element.tag == "direction":
            self._direction(part, element)
        elif element.tag == "sound":
            self._sound(part, element, part.at)
        elif element.tag == "barline" and element.find("repeat") is not None:
            self._repeats = True

    def _attributes(self, part: _Part, element: Element) -> None:
        part.divisions = max(real(text_of(element, "divisions")), 0.0) or part.divisions
        for transpose in element.iterfind("transpose"):
            semitones = whole(text_of(transpose, "chromatic"))
            semitones += 12 * whole(text_of(transpose, "octave-change"))
            part.transpose[transpose.get("number", "")] = semitones
        time, key = element.find("time"), element.find("key")
        if time is not None and (lower := whole(text_of(time, "beat-type"))) > 0:
            upper = sum(whole(figure) for figure in text_of(time, "beats").split("+"))
            if 1 <= upper <= 255 and lower in (1, 2, 4, 8, 16, 32, 64):
                self._meter = (upper, lower)
                self._written.signatures[part.start] = self._meter
        if key is not None and -7 <= (fifths := whole(text_of(key, "fifths"), 99)) <= 7:
            minor = text_of(key, "mode") == "minor"
            name = MINOR[fifths + 7] + "m" if minor else MAJOR[fifths + 7]
            if not part.transpose:  # a transposing part's key is another than it sounds in
                self._written.keys[part.at] = name

    def _direction(self, part: _Part, element: Element) -> None:
        at = part.at
        offset = element.find("offset")
        if offset is not None and offset.get("sound") == "yes":
            at = max(at + real(offset.text) / part.divisions, part.start)
        sound = element.find("sound")
        for mark in element.iterfind("direction-type/*"):
            if mark.tag == "dynamics":
                part.velocity = next(
                    (VELOCITIES[m.tag] for m in mark if m.tag in VELOCITIES), part.velocity
                )
            elif mark.tag == "metronome" and (sound is None or not sound.get("tempo")):
                self._metronome(mark, at)
            elif mark.tag == "pedal":
                values = {"start": (127,), "stop": (0,), "change": (0, 127)}
                for value in values.get(mark.get("type", ""), ()):
                    self._pedal(part, at, value)
        if sound is not None:
            self._sound(part, sound, at)

    def _sound(self, part: _Part, sound: Element, at: float) -> None:
        offset = sound.find("offset")
        if offset is not None:
            at = max(at + real(offset.text) / part.divisions, part.start)
        self._tempo(at, real(sound.get("tempo")))
        if (dynamics := real(sound.get("dynamics"), -1.0)) >= 0.0:
            part.velocity = _velocity(dynamics)
        if pedal := sound.get("damper-pedal"):
            share = {"yes": 100.0, "no": 0.0}.get(pedal, real(pedal))
            self._pedal(part, at, round(min(max(share, 0.0), 100.0) * 1.27))
        if any(sound.get(word) for word in ("dacapo", "dalsegno", "tocoda")):
            self._repeats = True

    def _metronome(self, mark: Element, at: float) -> None:
        unit = NOTE_BEATS.get(text_of(mark, "beat-unit"), 0.0)
        dots = min(len(mark.findall("beat-unit-dot")), 4)
        self._tempo(at, unit * (2.0 - 0.5**dots) * real(text_of(mark, "per-minute")))

    def _tempo(self, at: float, bpm: float) -> None:
        if LOWEST_TEMPO_BPM <= bpm <= HIGHEST_TEMPO_BPM:
            self._written.tempos.append((at, bpm))

    def _pedal(self, part: _Part, at: float, value: int) -> None:
        self._written.controls.append((at, bytes((CONTROL_CHANGE, SUSTAIN, value)), part.number))

    # ---- notes ---------------------------------------------------------------------------

    def _note(self, part: _Part, note: Element) -> None:
        if note.find("grace") is not None:
            return self._leave_out("grace notes")
        beats = max(real(text_of(note, "duration")), 0.0) / part.divisions
        onset = part.last_onset
        if note.find("chord") is None:
            onset = part.last_onset = part.at
            part.at += beats
            part.furthest = max(part.furthest, part.at)
        if note.find("cue") is not None:
            return self._leave_out("cue notes")
        if note.find("rest") is not None or beats == 0.0:
            return None
        velocity = real(note.get("dynamics"), -1.0)
        struck = _velocity(velocity) if velocity >= 0.0 else part.velocity
        if (unpitched := note.find("unpitched")) is not None:
            instrument = note.find("instrument")
            key = part.drum_keys.get(str(instrument.get("id")) if instrument is not None else "")
            key = next(iter(part.drum_keys.values()), -1) if key is None else key
            key = _key(unpitched, "display-") if key < 0 else key
            if key is not None and 0 <= key <= 127:
                part.drums.append(WrittenNote(onset, onset + beats, key, struck, part.number))
            return None
        key = _key(note.find("pitch"))
        if key is None:
            return self._leave_out("notes without a pitch")
        staff = text_of(note, "staff")
        key += part.transpose.get(staff, part.transpose.get("", 0))
        if not 0 <= key <= 127:
            return self._leave_out("notes beyond the keyboard")
        part.pitched = True
        self._tie(part, note, WrittenNote(onset, onset + beats, key, struck, part.number))
        return None

    def _tie(self, part: _Part, note: Element, new: WrittenNote) -> None:
        """Add a note, or lengthen the one it is tied to."""
        ties = {tie.get("type") for tie in note.iterfind("tie")}
        ties = ties or {tie.get("type") for tie in note.iterfind("notations/tied")}
        going_on = part.tied.setdefault(new.pitch, [])
        if "stop" in ties:
            for old in going_on:
                if abs(old.end_beat - new.start_beat) < SAME_BEAT:
                    old.end_beat = new.end_beat
                    if "start" not in ties:
                        going_on.remove(old)
                    return
        self._written.notes.append(new)
        if "start" in ties:
            del going_on[:-MOST_TIED]
            going_on.append(new)

    def _settle_drums(self, part: _Part) -> None:
        """A part of drums alone is one on the drum channel; single strokes are left out."""
        if part.drums and not part.pitched:
            without_channel(self._written, part.number, DRUM_CHANNEL)
            self._written.notes += part.drums
            return
        if self._written.tracks[part.number].drums:
            without_channel(self._written, part.number, part.number % (DRUM_CHANNEL - 1) + 1)
        if part.drums:
            self._left_out["drum notes"] = self._left_out.get("drum notes", 0) + len(part.drums)

    def _leave_out(self, what: str) -> None:
        self._left_out[what] = self._left_out.get(what, 0) + 1


def _partwise(root: Element) -> Iterator[list[tuple[str, Element]]]:
    """Measure after measure, the part's name and the content of each part that has it."""
    going_on = [(str(part.get("id")), part.iterfind("measure")) for part in root.iterfind("part")]
    while going_on:
        column = [(name, measures, next(measures, None)) for name, measures in going_on]
        going_on = [(name, measures) for name, measures, found in column if found is not None]
        if going_on:
            yield [(name, found) for name, _, found in column if found is not None]


def _timewise(root: Element) -> Iterator[list[tuple[str, Element]]]:
    for measure in root.iterfind("measure"):
        yield [(str(part.get("id")), part) for part in measure.iterfind("part")]


def _key(pitch: Element | None, prefix: str = "") -> int | None:
    """The MIDI key of a step and octave; quarter tones are rounded."""
    step = STEPS.get(text_of(pitch, f"{prefix}step"))
    if step is None:
        return None
    return round(
        12 * (whole(text_of(pitch, f"{prefix}octave")) + 1) + step + real(text_of(pitch, "alter"))
    )


def _velocity(per_cent: float) -> int:
    return min(max(round(per_cent / 100.0 * FORTE), 1), 127)
