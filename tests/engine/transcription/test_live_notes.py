"""Messages while notes sound: on at the onset, off in silence, never one without the other."""

import numpy as np
import pytest

from engine.transcription.live_notes import LiveNotes, LiveThresholds
from models.transcription.network import KEYS, Heard
from tests.engine.transcription.test_notes import C4, frames, note, part_of


def messages(heard: Heard, size: int = 1) -> list[tuple[int, bytes]]:
    """Each message with the frame it came at."""
    tracker, sent = LiveNotes(), []
    for begin in range(0, len(heard), size):
        sent += [(begin, message) for message in tracker.push(part_of(heard, begin, begin + size))]
    return sent


def test_a_note_begins_with_its_onset_and_ends_in_silence():
    heard = frames(40)
    note(heard, C4, 10, 20)
    (on_frame, on), (off_frame, off) = messages(heard)
    assert (on_frame, on[0], on[1]) == (10, 0x90, 60)
    assert (off_frame, off[0], off[1]) == (21, 0x80, 60)
    assert 1 <= on[2] <= 127


def test_pieces_of_any_size_say_the_same():
    heard = frames(40)
    note(heard, C4, 10, 20)
    note(heard, C4 + 3, 12, 30)
    assert [m for _, m in messages(heard, 7)] == [m for _, m in messages(heard, 1)]


def test_a_key_struck_again_is_let_go_first():
    heard = frames(40)
    note(heard, C4, 10, 30)
    heard.onset[20, C4] = 0.9
    assert [message[0] for _, message in messages(heard)] == [0x90, 0x80, 0x90, 0x80]


def test_a_release_that_sounds_a_little_like_a_stroke_is_none():
    heard = frames(40)
    note(heard, C4, 10, 30)
    heard.onset[29, C4] = 0.45
    assert [message[0] for _, message in messages(heard)] == [0x90, 0x80]
    heard.onset[10:29, C4] = 0
    heard.onset[10, C4] = 0.25
    assert [frame for frame, _ in messages(heard)] == [10, 31], "a key that is up needs less"


def test_a_long_onset_is_one_note():
    heard = frames(40)
    note(heard, C4, 10, 30)
    heard.onset[10:13, C4] = 0.9
    assert [message[0] for _, message in messages(heard)] == [0x90, 0x80]


def test_a_short_gap_does_not_end_a_note():
    heard = frames(40)
    note(heard, C4, 10, 30)
    heard.sounding[18, C4] = 0
    assert [frame for frame, _ in messages(heard)] == [10, 31]


def test_release_ends_what_sounds():
    heard = frames(15)
    note(heard, C4, 10, 15)
    tracker = LiveNotes(channel=3)
    assert [m[0] for m in tracker.push(heard)] == [0x92]
    assert [(m[0], m[1]) for m in tracker.release()] == [(0x82, 60)]
    assert tracker.release() == []
    assert tracker.notes == 1


def test_noise_of_any_kind_leaves_nothing_hanging():
    random = np.random.default_rng(0)
    heard = frames(200)
    heard.onset[:] = random.random((200, KEYS)) ** 2
    heard.sounding[:] = random.random((200, KEYS))
    tracker, down = LiveNotes(), set()
    for message in [*tracker.push(heard), *tracker.release()]:
        if message[0] == 0x90:
            assert message[1] not in down
            down.add(message[1])
        else:
            down.remove(message[1])
    assert not down


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="channel must be 1 to 16, got 17"):
        LiveNotes(channel=17)
    with pytest.raises(ValueError, match="onset must be between 0 and 1, got 0"):
        LiveThresholds(onset=0)
