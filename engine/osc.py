"""OSC messages as bytes, and long answers in pieces that every datagram can carry. [any]"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pythonosc.osc_message_builder import OscMessageBuilder

CHUNK_BYTES = 8000  # some systems send no datagram above 9216
Values = Sequence[tuple[str, Any]]  # (type tag, value)


@dataclass(frozen=True)
class Event:
    """One thing to tell the subscribers of `events`: an OSC address and its typed values."""

    path: str
    values: tuple[tuple[str, Any], ...]


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
