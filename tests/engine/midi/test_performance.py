"""Notes, merging to one keyboard, drums."""

import numpy as np
import pytest

from engine.midi.performance import (
    Performance,
    Track,
    merged_to_keyboard,
    new_events,
    note_events,
    without_drums,
)


def performance(rows: list[tuple[float, str, int]], tracks: tuple[Track, ...]) -> Performance:
    events = new_events([(seconds, bytes.fromhex(data), track) for seconds, data, track in rows])
    return Performance("piece", events, tracks)


VOICES = (Track("Soprano", 52, channel=1), Track("Alto", 52, channel=2))


def test_messages_have_their_own_length() -> None:
    piece = performance([(0.0, "903C64", 0), (0.5, "D044", 0), (1.0, "803C40", 0)], VOICES)
    assert piece.messages() == [b"\x90\x3c\x64", b"\xd0\x44", b"\x80\x3c\x40"]
    assert piece.seconds == 1.0


def test_overlapping_notes_of_one_pitch_end_in_the_order_they_began() -> None:
    piece = performance(
        [(0.0, "903C64", 0), (1.0, "903C50", 0), (2.0, "803C11", 0), (3.0, "803C22", 0)], VOICES
    )
    notes = piece.notes()
    assert notes["start_seconds"].tolist() == [0.0, 1.0]
    assert notes["end_seconds"].tolist() == [2.0, 3.0]
    assert notes["release"].tolist() == [0x11, 0x22]


def test_a_note_never_ended_ends_with_the_performance() -> None:
    piece = performance([(0.0, "903C64", 0), (1.0, "904064", 0), (2.0, "804040", 0)], VOICES)
    assert piece.notes()["end_seconds"].tolist() == [2.0, 2.0]


def test_a_note_without_length_ends_after_it_begins() -> None:
    piece = performance([(1.0, "903C64", 0), (1.0, "803C40", 0)], VOICES)
    events = note_events(piece.notes())
    assert (events["status"] & 0xF0).tolist() == [0x90, 0x80]
    assert events["seconds"][1] > events["seconds"][0]


def test_a_unison_is_one_key_and_knows_both_tracks() -> None:
    piece = performance(
        [(0.0, "903C40", 0), (0.01, "913C64", 1), (1.0, "803C40", 0), (2.0, "813C40", 1)], VOICES
    )
    notes = merged_to_keyboard(piece).notes()
    assert len(notes) == 1
    assert notes["tracks"][0] == 0b11
    assert notes["velocity"][0] == 0x64
    assert notes["end_seconds"][0] == 2.0
    assert notes["channel"][0] == 1


def test_a_key_struck_again_is_released_first() -> None:
    piece = performance(
        [(0.0, "903C40", 0), (0.5, "913C64", 1), (1.0, "803C40", 0), (2.0, "813C40", 1)], VOICES
    )
    events = merged_to_keyboard(piece).events
    assert (events["status"] & 0xF0).tolist() == [0x90, 0x80, 0x90, 0x80]
    assert events["seconds"].tolist() == [0.0, 0.5, 0.5, 2.0]
    assert events["track"].tolist() == [0, 0, 1, 1]


def test_one_key_is_never_down_twice_whatever_the_parts_do() -> None:
    random = np.random.default_rng(3)
    rows = []
    for _ in range(300):
        track = int(random.integers(2))
        start, length = random.uniform(0, 20), random.uniform(0.0, 2.0)
        pitch = int(random.integers(60, 64))
        rows.append((start, f"{0x90 + track:02X}{pitch:02X}40", track))
        rows.append((start + length, f"{0x80 + track:02X}{pitch:02X}40", track))
    rows.sort()
    down: set[int] = set()
    merged = merged_to_keyboard(performance(rows, VOICES))
    for message in merged.messages():
        if message[0] == 0x90:
            assert message[1] not in down
            down.add(message[1])
        else:
            down.remove(message[1])
    assert not down


def test_pedal_is_kept_for_two_hands_and_dropped_for_different_instruments() -> None:
    rows = [(0.0, "903C40", 0), (0.2, "B0407F", 0), (0.5, "914064", 1), (1.0, "803C40", 0)]
    hands = (Track("Right", 0, channel=1), Track("Left", 0, channel=2))
    band = (Track("Piano", 0, channel=1), Track("Flute", 73, channel=2))
    assert b"\xb0\x40\x7f" in merged_to_keyboard(performance(rows, hands)).messages()
    assert b"\xb0\x40\x7f" not in merged_to_keyboard(performance(rows, band)).messages()


def test_drums_are_left_out_with_a_remark() -> None:
    tracks = (Track("Piano"), Track("Kit", channel=10))
    rows = [(0.0, "903C40", 0), (0.0, "992640", 1), (0.1, "892640", 1), (1.0, "803C40", 0)]
    pitched = without_drums(performance(rows, tracks))
    assert pitched.notes()["pitch"].tolist() == [0x3C]
    assert pitched.remarks == ("piece: 1 drum notes (channel 10) are left out.",)
    assert merged_to_keyboard(performance(rows, tracks)).remarks == pitched.remarks


def test_without_drums_there_is_nothing_to_remark() -> None:
    piece = performance([(0.0, "903C40", 0), (1.0, "803C40", 0)], VOICES)
    assert without_drums(piece) is piece


@pytest.mark.parametrize("only_drums", [True, False])
def test_nothing_left_is_still_a_performance(only_drums: bool) -> None:
    rows = [(0.0, "992640", 0), (0.1, "892640", 0)] if only_drums else []
    merged = merged_to_keyboard(performance(rows, (Track("Kit", channel=10),)))
    assert len(merged.events) == 0
    assert merged.seconds == 0.0
