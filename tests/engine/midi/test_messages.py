"""The byte-stream parser against a slow, obviously correct reference, on hostile streams."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.midi.messages import MessageParser, is_channel_message, normalised

# Bytes drawn evenly from this table: half data, the rest every kind of trouble, often.
DATA = [0, 1, 7, 60, 64, 100, 127] * 9
CHANNEL = [0x80, 0x90, 0x91, 0x9F, 0xA0, 0xB0, 0xC5, 0xD0, 0xE0, 0xEF] * 3
SYSTEM = [0xF0, 0xF7, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF0, 0xF7]
REALTIME = [0xF8, 0xFE, 0xF8, 0xFA, 0xFC, 0xFF, 0xF9, 0xFD]
HOSTILE = (DATA + CHANNEL + SYSTEM + REALTIME) * 3
HOSTILE_TABLE = bytes(HOSTILE[:256])
STREAM_BYTES = 16


def reference(stream: bytes) -> list[bytes]:
    """Strike out real-time bytes, cut at every status, cut each channel segment into messages."""
    plain = bytes(byte for byte in stream if byte < 0xF8)
    messages = []
    for segment in re.findall(rb"[\x80-\xff][\x00-\x7f]*", plain):
        status, data = segment[0], segment[1:]
        if status >= 0xF0:
            continue
        size = 1 if 0xC0 <= status <= 0xDF else 2
        for start in range(0, len(data) - size + 1, size):
            message = bytes([status]) + data[start : start + size]
            if 0x90 <= status <= 0x9F and message[2] == 0:
                message = bytes([status - 0x10, message[1], 64])
            messages.append(message)
    return messages


def parse(stream: bytes, piece: int | None = None) -> list[bytes]:
    parser, messages = MessageParser(), []
    for start in range(0, len(stream), piece or max(1, len(stream))):
        messages += parser.feed(stream[start : start + (piece or len(stream))])
    return messages


@pytest.mark.parametrize(
    ("stream", "messages"),
    [
        ("90 3C 64", ["90 3C 64"]),
        ("90 3C 64 3E 64 40 64", ["90 3C 64", "90 3E 64", "90 40 64"]),  # running status
        ("90 3C F8 64", ["90 3C 64"]),  # clock inside a message
        ("90 FE 3C FE 64 FE 3E FE 64", ["90 3C 64", "90 3E 64"]),  # active sensing everywhere
        ("93 3C 00", ["83 3C 40"]),  # velocity 0
        ("90 3C 64 3C 00", ["90 3C 64", "80 3C 40"]),
        ("F0 7E 7F 09 01 F7 90 3C 64", ["90 3C 64"]),
        ("F0 7E 7F 90 3C 64", ["90 3C 64"]),  # SysEx never closed
        ("F0 01 F8 02 F7", []),
        ("90 3C 64 F0 01 02 F7 3E 64", ["90 3C 64"]),  # SysEx ends running status
        ("90 3C 64 F2 01 02 3E 64", ["90 3C 64"]),  # so does song position
        ("F2 01 90 3C 64", ["90 3C 64"]),  # song position cut short
        ("F4 10 20 90 3C 64", ["90 3C 64"]),  # undefined
        ("90 3C F9 64", ["90 3C 64"]),  # undefined real-time
        ("3C 64 7F", []),  # data without status
        ("90 3C 80 3C 40", ["80 3C 40"]),  # interrupted
        ("C0 05 06 D0 40", ["C0 05", "C0 06", "D0 40"]),
        ("E3 00 40 B1 40 7F", ["E3 00 40", "B1 40 7F"]),
        ("F7 F7 F6 90 3C 64", ["90 3C 64"]),
        ("", []),
    ],
)
def test_known_streams(stream: str, messages: list[str]) -> None:
    assert parse(bytes.fromhex(stream)) == [bytes.fromhex(message) for message in messages]


def test_every_byte_of_a_stream_is_accounted_for() -> None:
    parser = MessageParser()
    stream = bytes.fromhex("F8 10 90 3C 64 F0 01 02 F7 F4 33 F2 01 02 90 3C E0 00 40 B0 07")
    used = sum(map(len, parser.feed(stream)))
    assert used == 6  # the note and the bend
    assert parser.discarded_bytes == 1 + 2 + 2  # stray 10; F4 33; the note cut short
    assert parser.ignored_bytes == 1 + 4 + 3  # clock; SysEx; song position
    assert parser.pending_bytes == 2
    assert used + 5 + 8 + 2 == len(stream)


def test_reset_equals_fresh() -> None:
    parser = MessageParser()
    parser.feed(b"\x90\x3c")
    parser.reset()
    assert parser.pending_bytes == 0
    assert parser.discarded_bytes == 2
    assert parser.feed(b"\x64\x3c\x64") == []


def test_normalising_touches_only_silent_note_ons() -> None:
    assert normalised(b"\x95\x3c\x00") == b"\x85\x3c\x40"
    for message in (b"\x95\x3c\x01", b"\x80\x3c\x00", b"\xb0\x40\x00", b"\xc0\x00"):
        assert normalised(message) == message


@pytest.mark.parametrize(
    ("message", "complete"),
    [
        ("903C64", True),
        ("C005", True),
        ("903C", False),
        ("C00506", False),
        ("F8", False),
        ("903C80", False),
        ("3C64", False),
        ("F001F7", False),
        ("", False),
    ],
)
def test_is_channel_message(message: str, complete: bool) -> None:
    assert is_channel_message(bytes.fromhex(message)) is complete


@given(st.binary(max_size=400), st.integers(1, 7))
@settings(deadline=None)
def test_any_bytes_parse_as_the_reference_says_in_any_pieces(stream: bytes, piece: int) -> None:
    assert parse(stream) == parse(stream, piece) == reference(stream)


@pytest.mark.slow
@given(st.binary(min_size=100 * STREAM_BYTES, max_size=100 * STREAM_BYTES), st.integers(1, 5))
@settings(
    max_examples=1_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_a_hundred_thousand_hostile_streams(drawn: bytes, piece: int) -> None:
    """1,000 examples of 100 streams of 16 bytes; a million and a half bytes."""
    drawn = drawn.translate(HOSTILE_TABLE)
    for start in range(0, len(drawn), STREAM_BYTES):
        stream = drawn[start : start + STREAM_BYTES]
        messages = parse(stream, piece)
        assert messages == reference(stream)
        assert all(map(is_channel_message, messages))


@given(st.lists(st.sampled_from(HOSTILE), max_size=300))
@settings(deadline=None)
def test_hostile_bytes_leave_a_parser_that_still_hears_a_note(drawn: list[int]) -> None:
    parser = MessageParser()
    parser.feed(bytes(drawn))
    assert parser.feed(b"\x90\x3c\x64")[-1] == b"\x90\x3c\x64"
