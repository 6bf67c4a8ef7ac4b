"""DAWproject files of takes, which Bitwig Studio, Studio One and Cubase open. [worker]

A zip of `project.xml`, `metadata.xml` and `audio/`. Each part is two tracks of one colour, its
notes and its sound: not every program has tracks that hold both. All times are beats from bar 1,
the sound is to be played as it is, without stretching, from bar 1 on.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import soundfile

from engine import version
from engine.interchange.song import MASTER_STEM, Song, stem_names, write_stem
from engine.midi.messages import CHANNEL_PRESSURE, CONTROL_CHANGE, PITCH_BEND
from engine.midi.performance import Performance, paired_notes
from engine.pictures import part_colour

FORMAT_VERSION = "1.0"
USUAL_TEMPOS_BPM = (20.0, 666.0)
MASTER_ID = "master"
Element = ElementTree.Element


def write_dawproject(song: Song, path: Path) -> None:
    """Write `song` with its stems. OSError or SoundFileError if that fails. [worker]"""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        tempfile.TemporaryDirectory(prefix=".audio-", dir=path.parent) as folder,
    ):
        archive.writestr("project.xml", _document(project_element(song)))
        archive.writestr("metadata.xml", _document(_metadata(song)))
        for number in song.sounding:
            sound = Path(folder) / "stem.wav"
            write_stem(song, number, sound)
            archive.write(sound, _audio_path(song, number), zipfile.ZIP_STORED)


def project_element(song: Song) -> Element:
    """The whole project but its sound. [any]"""
    project = Element("Project", version=FORMAT_VERSION)
    ElementTree.SubElement(project, "Application", name="Ripieno", version=version())
    tempos_bpm = [60.0 / rate for rate in song.tempo.seconds_per_beat]
    transport = ElementTree.SubElement(project, "Transport")
    ElementTree.SubElement(
        transport,
        "Tempo",
        id="tempo",
        name="Tempo",
        unit="bpm",
        value=_number(tempos_bpm[0]),
        min=_number(min(USUAL_TEMPOS_BPM[0], *tempos_bpm)),
        max=_number(max(USUAL_TEMPOS_BPM[1], *tempos_bpm)),
    )
    _, upper, lower = song.time_signatures[0]
    ElementTree.SubElement(transport, "TimeSignature", _figures(upper, lower), id="meter")
    structure = ElementTree.SubElement(project, "Structure")
    arrangement = ElementTree.SubElement(project, "Arrangement", id="arrangement")
    lanes = ElementTree.SubElement(arrangement, "Lanes", id="lanes", timeUnit="beats")
    for number, track in enumerate(song.tracks):
        sound = f"General MIDI program {track.program + 1}, bank {track.bank}"
        structure.append(_track(f"notes{number}", track.name, "notes", number, sound))
        lanes.append(_note_lane(song, number))
        if number in song.sounding:
            structure.append(_track(f"audio{number}", f"{track.name} audio", "audio", number))
            lanes.append(_audio_lane(song, number))
    if MASTER_STEM in song.sounding:
        structure.append(_track("audio-1", "Mix", "audio"))
        lanes.append(_audio_lane(song, MASTER_STEM))
    structure.append(_track(MASTER_ID, "Master", "audio notes"))
    if song.markers:
        markers = ElementTree.SubElement(arrangement, "Markers", id="markers")
        for beat, name in song.markers:
            ElementTree.SubElement(markers, "Marker", time=_number(beat), name=name)
    tempo = ElementTree.SubElement(arrangement, "TempoAutomation", id="tempos", unit="bpm")
    tempo.set("timeUnit", "beats")
    ElementTree.SubElement(tempo, "Target", parameter="tempo")
    for beat, bpm in zip(song.tempo.beats, tempos_bpm, strict=True):
        tempo.append(_real_point(beat, bpm))
    meter = ElementTree.SubElement(arrangement, "TimeSignatureAutomation", id="meters")
    meter.set("timeUnit", "beats")
    ElementTree.SubElement(meter, "Target", parameter="meter")
    for beat, upper, lower in song.time_signatures:
        figures = _figures(upper, lower)
        ElementTree.SubElement(meter, "TimeSignaturePoint", figures, time=_number(beat))
    return project


def _track(name_id: str, name: str, content: str, number: int = -1, comment: str = "") -> Element:
    track = Element("Track", id=name_id, name=name, contentType=content, loaded="true")
    if number >= 0:
        track.set("color", part_colour(number).lower())
    if comment:
        track.set("comment", comment)
    channel = ElementTree.SubElement(
        track, "Channel", id=f"channel-{name_id}", audioChannels="2", solo="false"
    )
    if name_id == MASTER_ID:
        channel.set("role", "master")
    else:
        channel.set("role", "regular")
        channel.set("destination", f"channel-{MASTER_ID}")
    at = {"id": f"mute-{name_id}", "name": "Mute", "value": "false"}
    ElementTree.SubElement(channel, "Mute", at)
    at = {"id": f"pan-{name_id}", "name": "Pan", "unit": "normalized", "value": "0.5"}
    ElementTree.SubElement(channel, "Pan", at | {"min": "0.0", "max": "1.0"})
    at = {"id": f"volume-{name_id}", "name": "Volume", "unit": "linear", "value": "1.0"}
    ElementTree.SubElement(channel, "Volume", at | {"min": "0.0", "max": "2.0"})
    return track


def _lane(song: Song, name: str, track_id: str) -> tuple[Element, Element]:
    """A lane of one clip, as long as the song."""
    lane = Element("Lanes", id=f"lane-{track_id}", track=track_id)
    clips = ElementTree.SubElement(lane, "Clips", id=f"clips-{track_id}")
    length = _number(float(song.tempo.to_beats(song.seconds)))
    clip = ElementTree.SubElement(
        clips, "Clip", name=name, time="0.0", duration=length, playStart="0.0"
    )
    return lane, clip


def _note_lane(song: Song, number: int) -> Element:
    track_id, track = f"notes{number}", song.tracks[number]
    lane, clip = _lane(song, track.name, track_id)
    own = song.events[song.events["track"] == number]
    contents = ElementTree.SubElement(clip, "Lanes", id=f"contents-{track_id}")
    notes = ElementTree.SubElement(contents, "Notes", id=f"list-{track_id}")
    played = paired_notes(own, song.seconds)
    starts, ends = (song.tempo.to_beats(played[key]) for key in ("start_seconds", "end_seconds"))
    for note, start, end in zip(played, starts, ends, strict=True):
        ElementTree.SubElement(
            notes,
            "Note",
            time=_number(start),
            duration=_number(end - start),
            channel=str(track.channel - 1),
            key=str(note["pitch"]),
            vel=_number(note["velocity"] / 127.0),
            rel=_number(note["release"] / 127.0),
        )
    contents.extend(_controls(song, own, track_id, track.channel))
    return lane


def _controls(song: Song, events: np.ndarray, track_id: str, channel: int) -> Iterator[Element]:
    """One lane of points for each controller, the bend and the pressure."""
    lanes: dict[str, Element] = {}
    beats = song.tempo.to_beats(events["seconds"])
    for beat, message in zip(beats, Performance("", events, ()).messages(), strict=True):
        kind = message[0] & 0xF0
        if kind == CONTROL_CHANGE:
            name, value = f"channelController-{message[1]}", message[2] / 127.0
        elif kind == PITCH_BEND:
            name, value = "pitchBend", (message[1] | message[2] << 7) / 16383.0
        elif kind == CHANNEL_PRESSURE:
            name, value = "channelPressure", message[1] / 127.0
        else:
            continue
        if name not in lanes:
            lanes[name] = Element("Points", id=f"{name}-{track_id}", unit="normalized")
            expression, _, controller = name.partition("-")
            target = ElementTree.SubElement(
                lanes[name], "Target", expression=expression, channel=str(channel - 1)
            )
            if controller:
                target.set("controller", controller)
        lanes[name].append(_real_point(beat, value))
    yield from lanes.values()


def _audio_lane(song: Song, number: int) -> Element:
    track_id = f"audio{number}"
    name = song.tracks[number].name if number >= 0 else "Mix"
    lane, clip = _lane(song, name, track_id)
    clip.set("contentTimeUnit", "seconds")
    clip.set("fadeTimeUnit", "beats")
    clip.set("fadeInTime", "0.0")
    clip.set("fadeOutTime", "0.0")
    audio = ElementTree.SubElement(
        clip,
        "Audio",
        id=f"sound-{track_id}",
        channels=str(soundfile.info(song.stems[number]).channels),
        sampleRate=str(song.rate_hz),
        duration=_number(song.seconds),
        algorithm="raw",
    )
    ElementTree.SubElement(audio, "File", path=_audio_path(song, number))
    return lane


def _metadata(song: Song) -> Element:
    metadata = Element("MetaData")
    ElementTree.SubElement(metadata, "Title").text = song.title
    ElementTree.SubElement(metadata, "Year").text = song.started[:4]
    ElementTree.SubElement(metadata, "Comment").text = f"Played with Ripieno, {song.started}"
    return metadata


def _audio_path(song: Song, number: int) -> str:
    return f"audio/{stem_names(song)[number]}"


def _figures(upper: int, lower: int) -> dict[str, str]:
    return {"numerator": str(upper), "denominator": str(lower)}


def _real_point(beat: float, value: float) -> Element:
    return Element("RealPoint", time=_number(beat), value=_number(value), interpolation="hold")


def _number(value: float) -> str:
    """Plain decimals: some readers know no exponents."""
    text = f"{value:.9f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def _document(root: Element) -> bytes:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"
