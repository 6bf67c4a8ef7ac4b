"""OSC bytes: read as the library writes them, and refused, quickly, whatever else they are."""

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from engine.osc import BUNDLE, DEEPEST_BUNDLE, MOST_MESSAGES, OscError, decode, encode

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
ARGUMENTS = st.lists(
    st.one_of(
        st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1)),
        st.tuples(st.just("h"), st.integers(-(2**63), 2**63 - 1)),
        st.tuples(st.just("f"), st.floats(width=32, allow_nan=False)),
        st.tuples(st.just("d"), st.floats(allow_nan=False)),
        st.tuples(st.just("s"), TEXT),
        st.tuples(st.just("b"), st.binary(min_size=1, max_size=20)),
        st.tuples(st.just("T"), st.just(True)),
        st.tuples(st.just("F"), st.just(False)),
        st.tuples(st.just("N"), st.none()),
    ),
    max_size=6,
)
PATHS = TEXT.map(lambda text: "/" + text)


def bundle(*elements: bytes, at: bytes = bytes(7) + b"\1") -> bytes:
    return BUNDLE + at + b"".join(struct.pack(">i", len(e)) + e for e in elements)


@given(PATHS, ARGUMENTS)
def test_what_the_library_writes_is_read(path: str, arguments: list) -> None:
    assert decode(encode(path, arguments)) == [(path, [value for _, value in arguments])]


def test_bundles_are_read_in_their_order_whatever_their_time() -> None:
    inner = OscBundleBuilder(2_000_000_000)
    inner.add_content(OscMessageBuilder("/b").build())
    outer = OscBundleBuilder(IMMEDIATELY)
    for content in (
        OscMessageBuilder("/a").build(),
        inner.build(),
        OscMessageBuilder("/c").build(),
    ):
        outer.add_content(content)
    assert [path for path, _ in decode(outer.build().dgram)] == ["/a", "/b", "/c"]


def test_a_message_without_tags_has_no_values() -> None:
    assert decode(b"/ripieno/panic\0\0") == [("/ripieno/panic", [])]


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\0\0\0\0",
        b"panic",
        b"/no end",
        b"/a\0\0i\0\0\0",
        b"/a\0\0,i\0\0\0\0",
        b"/a\0\0,s\0\0abcd",
        b"/a\0\0,b\0\0\xff\xff\xff\xff",
        b"/a\0\0,b\0\0\0\0\0\x09abcd",
        b"/a\0\0,r\0\0\0\0\0\0",
        b"/\xff\0\0",
        BUNDLE,
        BUNDLE + bytes(8) + b"\0\0",
        BUNDLE + bytes(8) + struct.pack(">i", -4),  # an endless loop to some parsers
        BUNDLE + bytes(8) + struct.pack(">i", 0),
        BUNDLE + bytes(8) + struct.pack(">i", 2**31 - 1) + b"/a\0\0",
        bundle(b"noise"),
    ],
)
def test_other_bytes_are_refused(packet: bytes) -> None:
    with pytest.raises(OscError):
        decode(packet)


def test_there_are_limits() -> None:
    message = encode("/a")
    assert len(decode(bundle(*[message] * MOST_MESSAGES))) == MOST_MESSAGES
    with pytest.raises(OscError, match="too many"):
        decode(bundle(*[message] * (MOST_MESSAGES + 1)))
    half = bundle(*[message] * (MOST_MESSAGES // 2 + 1))
    with pytest.raises(OscError, match="more than 256 messages"):
        decode(bundle(half, half))
    nested = message
    for _ in range(DEEPEST_BUNDLE):
        nested = bundle(nested)
    assert decode(nested) == [("/a", [])]
    with pytest.raises(OscError, match="deeper than 8"):
        decode(bundle(nested))


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda b: BUNDLE + b)))
def test_any_bytes_are_read_or_refused_at_once(packet: bytes) -> None:
    began_s = time.perf_counter()
    try:
        messages = decode(packet)
    except OscError:
        messages = []
    assert len(messages) <= MOST_MESSAGES
    assert time.perf_counter() - began_s < 0.5
