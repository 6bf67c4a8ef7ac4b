"""One way to read a score, whatever kind of file it is in. [any]

`ripieno arrange`, `render` and `play --from` read with it. A file is known by what is in it, not by
its name: MIDI, MusicXML (plain or packed), or a DAWproject.
"""

from __future__ import annotations

import codecs
from pathlib import Path

from engine.interchange.dawproject_reading import PROJECT, read_dawproject
from engine.interchange.musicxml import read_musicxml
from engine.interchange.untrusted import (
    LARGEST_XML_BYTES,
    parse_xml,
    read_file,
    zip_member,
    zip_names,
)
from engine.interchange.written import ScoreError
from engine.midi.files import read_midi
from engine.midi.performance import DRUM_CHANNEL, Performance

CONTAINER = "META-INF/container.xml"  # of packed MusicXML: where the score is
START_BYTES = 64
KINDS = "MIDI, MusicXML or DAWproject"


def read_score(path: str | Path) -> Performance:
    """Read a file of notes; RipienoError in one sentence if that cannot be. [any]

    Drums go to no part; a file that has nothing else is refused.
    """
    path = Path(path)
    performance = _read(path)
    if all(track.drums for track in performance.tracks):
        raise ScoreError(
            f"{path}: there are only drums in it (channel {DRUM_CHANNEL}), which no part plays"
        )
    return performance


def _read(path: Path) -> Performance:
    try:
        with path.open("rb") as stream:
            start = stream.read(START_BYTES)
    except OSError as error:
        raise ScoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    if start.startswith(b"PK"):
        return _read_zip(path)
    if _is_xml(start):
        return read_musicxml(read_file(path, LARGEST_XML_BYTES), path)
    if start.startswith(b"MThd") or path.suffix.lower() in (".mid", ".midi", ".kar"):
        return read_midi(path)
    raise ScoreError(f"{path}: {'not' if start else 'empty, not'} {KINDS}")


def _read_zip(path: Path) -> Performance:
    names = zip_names(path)
    if PROJECT in names:
        return read_dawproject(path)
    if CONTAINER in names:
        container = parse_xml(zip_member(path, CONTAINER), path)
        scores = [element.get("full-path", "") for element in container.iter("rootfile")]
    else:
        scores = [name for name in names if name.lower().endswith((".xml", ".musicxml"))]
    if not scores or scores[0] not in names:
        raise ScoreError(f"{path}: a zip without a score, neither packed MusicXML nor DAWproject")
    return read_musicxml(zip_member(path, scores[0]), path)


def _is_xml(start: bytes) -> bool:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"<\0", b"\0<")):
        return True
    return start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")
