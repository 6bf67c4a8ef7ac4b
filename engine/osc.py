"""OSC messages from bytes and to bytes, and long answers in pieces every datagram carries. [any]

Reading is our own: the library's parser runs for ever on a bundle with a negative size.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pythonosc.osc_message_builder import OscMessageBuilder

CHUNK_BYTES = 8000  # some systems send no datagram above 9216
Values = Sequence[tuple[str, Any]]  # (type tag, value)


MOST_MESSAGES = 256  # of a packet, so that a small question never asks for a flood
DEEPEST_BUNDLE = 8
BUNDLE = b"#bundle\0"
_NUMBERS = {"i": ">i", "f": ">f", "h": ">q", "d": ">d", "t": ">Q"}
_CONSTANTS = {"T": True, "F": False, "N": None, "I": float("inf")}


class OscError(Exception):
    """Bytes that are no OSC packet, or one that is too large or too deep."""


@dataclass(frozen=True)
class Event:
    """One thing to tell the subscribers of `events`: an OSC address and its typed values."""

    path: str
    values: tuple[tuple[str, Any], ...]


def decode(packet: bytes) -> list[tuple[str, list[Any]]]:
    """The messages of a packet in their order: address and values. OscError if it is none. [any]"""
    messages: list[tuple[str, list[Any]]] = []
    waiting = [(packet, 0)]  # newest first
    while waiting:
        piece, depth = waiting.pop()
        if not piece.startswith(BUNDLE):
            if len(messages) == MOST_MESSAGES:
                raise OscError(f"more than {MOST_MESSAGES} messages")
            messages.append(_message(piece))
        elif depth == DEEPEST_BUNDLE:
            raise OscError(f"bundles deeper than {DEEPEST_BUNDLE}")
        else:
            waiting += [(inner, depth + 1) for inner in reversed(_elements(piece))]
    return messages


def _elements(bundle: bytes) -> list[bytes]:
    """What a bundle holds; when it is meant for is not heeded."""
    at, elements = len(BUNDLE) + 8, []
    if at > len(bundle):
        raise OscError("a bundle cut short")
    while at < len(bundle):
        if len(elements) == MOST_MESSAGES or at + 4 > len(bundle):
            raise OscError("a bundle cut short, or of too many elements")
        (size,) = struct.unpack_from(">i", bundle, at)
        at += 4
        if not 0 < size <= len(bundle) - at:
            raise OscError(f"an element of {size} bytes in a bundle of {len(bundle)}")
        elements.append(bundle[at : at + size])
        at += size
    return elements


def _message(data: bytes) -> tuple[str, list[Any]]:
    if not data.startswith(b"/"):
        raise OscError("neither a message nor a bundle")
    path, at = _string(data, 0)
    if at >= len(data):
        return path, []  # some senders leave the tags out where there are no values
    tags, at = _string(data, at)
    if not tags.startswith(","):
        raise OscError("a message without type tags")
    values: list[Any] = []
    for tag in tags[1:]:
        if tag in _CONSTANTS:
            values.append(_CONSTANTS[tag])
        elif tag in _NUMBERS:
            form = _NUMBERS[tag]
            if at + struct.calcsize(form) > len(data):
                raise OscError("a number cut short")
            values.append(struct.unpack_from(form, data, at)[0])
            at += struct.calcsize(form)
        elif tag in "sS":
            text, at = _string(data, at)
            values.append(text)
        elif tag == "b":
            blob, at = _blob(data, at)
            values.append(blob)
        else:
            raise OscError(f"type tag {tag!r}")
    return path, values


def _string(data: bytes, at: int) -> tuple[str, int]:
    """Text up to its zero, and where what follows it begins."""
    end = data.find(b"\0", at)
    if end < 0:
        raise OscError("text without an end")
    try:
        return data[at:end].decode("utf-8"), at + (end - at) // 4 * 4 + 4
    except UnicodeDecodeError:
        raise OscError("text that is not UTF-8") from None


def _blob(data: bytes, at: int) -> tuple[bytes, int]:
    if at + 4 > len(data):
        raise OscError("a blob cut short")
    (size,) = struct.unpack_from(">i", data, at)
    if not 0 <= size <= len(data) - at - 4:
        raise OscError(f"a blob of {size} bytes")
    return data[at + 4 : at + 4 + size], at + 4 + (size + 3) // 4 * 4


def encode(path: str, values: Values = ()) -> bytes:
    """One OSC message; `values` are (type tag, value). [any]"""
    builder = OscMessageBuilder(address=path)
    for tag, value in values:
        builder.add_arg(value, tag)
    return builder.build().dgram


def encode_all(path: str, values: Values, serial: int) -> list[bytes]:
    """One message, or if it is too long, its first text in pieces as /ripieno/chunk. [any]

    A piece says: path, serial, number from 0, count, text; the texts in order are the whole.
    """
    whole = encode(path, values)
    if len(whole) <= CHUNK_BYTES:
        return [whole]
    text = " ".join(str(value) for _, value in values)
    pieces = _split(text.encode("utf-8"))
    return [
        encode(
            "/ripieno/chunk",
            [("s", path), ("i", serial), ("i", number), ("i", len(pieces)), ("s", piece)],
        )
        for number, piece in enumerate(pieces)
    ]


def _split(data: bytes) -> list[str]:
    """Pieces of at most CHUNK_BYTES, cut between characters."""
    pieces = []
    while data:
        end = min(CHUNK_BYTES, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        pieces.append(data[:end].decode("utf-8"))
        data = data[end:]
    return pieces


def as_json(content: Any) -> Values:
    """Content as the one text of an answer. [any]"""
    return [("s", json.dumps(content))]


class Assembler:
    """Puts the pieces of long answers together again, for clients. [any]"""

    def __init__(self) -> None:
        self._pieces: dict[tuple[str, int], dict[int, str]] = {}

    def take(self, values: Sequence[Any]) -> tuple[str, str] | None:
        """The values of one /ripieno/chunk: (address, text) once all of its pieces are here."""
        path, serial, number, count, text = values
        for old in [key for key in self._pieces if key[0] == path and key[1] != serial]:
            del self._pieces[old]  # a newer answer: what is missing of the older one is lost
        pieces = self._pieces.setdefault((path, serial), {})
        pieces[number] = text
        if len(pieces) < count:
            return None
        del self._pieces[path, serial]
        return path, "".join(pieces[i] for i in range(count))
