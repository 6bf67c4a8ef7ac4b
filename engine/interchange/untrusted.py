"""Files anybody may have written: zips and XML with limits, one sentence on what is wrong. [any]

Nothing is unpacked to disk. A member of a zip is read no further than the limit, whatever its
header says; XML may declare no entities, nest only so deep and hold only so many elements.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from engine.interchange.written import ScoreError

LARGEST_XML_BYTES = 64 << 20
MOST_ELEMENTS = 3_000_000
DEEPEST = 128
_DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,  # a way of packing Python does not know
    RuntimeError,  # it is encrypted
    EOFError,
    OSError,
    ValueError,
    KeyError,
    OverflowError,
)


def read_file(path: Path, most_bytes: int) -> bytes:
    """The content of a file. ScoreError if it cannot be read or is too large. [any]"""
    try:
        with path.open("rb") as stream:
            data = stream.read(most_bytes + 1)
    except OSError as error:
        raise ScoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > most_bytes:
        raise ScoreError(f"{path}: larger than {most_bytes >> 20} MiB, the most we read")
    return data


def zip_names(path: Path) -> list[str]:
    """What is in a zip. ScoreError if that cannot be told. [any]"""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except _DAMAGED_ZIP as error:
        raise ScoreError(f"{path}: damaged zip: {_reason(error)}") from error


def zip_member(path: Path, name: str) -> bytes:
    """One file of a zip, unpacked. ScoreError if it cannot be or is too large. [any]"""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as stream:
            content = io.BytesIO()
            while piece := stream.read(1 << 20):
                content.write(piece)
                if content.tell() > LARGEST_XML_BYTES:
                    raise ScoreError(
                        f"{path}: {name[:80]} in it is larger than "
                        f"{LARGEST_XML_BYTES >> 20} MiB, the most we read"
                    )
            return content.getvalue()
    except _DAMAGED_ZIP as error:
        raise ScoreError(f"{path}: damaged zip: {_reason(error)}") from error


def parse_xml(data: bytes, path: Path) -> Element:
    """The root of an XML document. ScoreError if it is none, or beyond the limits. [any]"""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = elements = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > DEEPEST:
            raise ScoreError(f"{path}: its XML is nested deeper than {DEEPEST}, the most we read")
        if elements > MOST_ELEMENTS:
            raise ScoreError(f"{path}: more than {MOST_ELEMENTS} XML elements, the most we read")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def entity(name: str, *_: object) -> None:
        raise ScoreError(f"{path}: its XML declares the entity {name[:40]!r}, which we do not read")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, LookupError, ValueError, AssertionError) as error:
        raise ScoreError(f"{path}: damaged XML: {_reason(error)}") from error


def text_of(element: Element | None, path: str) -> str:
    """The text of what `path` finds in an element; "" if there is none. [any]"""
    found = None if element is None else element.findtext(path)
    return (found or "").strip()


def real(text: str | None, otherwise: float = 0.0) -> float:
    """A finite number of no more than nine digits before the point, or `otherwise`. [any]"""
    try:
        value = float(text or "")
    except ValueError:
        return otherwise
    return value if abs(value) < 1e9 else otherwise


def whole(text: str | None, otherwise: int = 0) -> int:
    """A whole number, or `otherwise`. [any]"""
    value = real(text, float(otherwise))
    return int(value) if value == int(value) else otherwise


def _reason(error: BaseException) -> str:
    if isinstance(error, zipfile.BadZipFile | KeyError | RuntimeError | NotImplementedError):
        return str(error).strip("'\"").rstrip(".") or "it ends too early"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or "it ends too early"
