"""What the network is told about a note: chords, intervals, keys held, and the memory's care."""

import numpy as np
import pytest

from engine.rt import features as f
from engine.rt.history import believe

RATE_HZ = 48000
MS = RATE_HZ // 1000


@pytest.fixture
def memory():
    return f.new_memory(RATE_HZ, 4)


def tokens(memory, pitch, onset_frame):
    row = np.full(f.MAX_TOKENS, -1, np.int64)
    count = f.write_features(memory, pitch, onset_frame, row)
    assert (row[count:] == -1).all()
    return row[:count].tolist()


def nearby(row):
    """Return {(kind, offset)} of the keys around a note."""
    width = 2 * f.REACH + 1
    found = [token - f.NEARBY for token in row if f.NEARBY <= token < f.CLASSES_WERE]
    return {(token // width, token % width - f.REACH) for token in found}


def test_first_note_has_no_past(memory):
    row = tokens(memory, 60, 123456)
    assert row[0] == f.PITCH + 60
    assert row[1] == f.PERIOD - f._WITHIN_BUCKETS - 1 == f.WITHIN - 1  # the bucket "none"
    assert nearby(row) == set()


def test_tokens_are_within_the_table_and_in_their_own_sections(memory):
    random = np.random.default_rng(3)
    starts = [f.PITCH, f.GAP, f.WITHIN, f.PERIOD, f.PERIOD_BEFORE, f.STRUCK_BELOW]
    starts += [f.STRUCK_ABOVE, f.HELD_BELOW, f.HELD_ABOVE, f.NEAREST_BELOW, f.NEAREST_ABOVE]
    frame = 0
    for _ in range(3000):
        pitch = int(random.integers(128))
        frame += int(random.exponential(300 * MS))
        f.revise_chord(memory, frame)
        row = tokens(memory, pitch, frame)
        for token, start, end in zip(row, starts, [*starts[1:], f.NEARBY], strict=False):
            assert start <= token < end
        assert all(f.NEARBY <= token < f.CLASSES_WERE for token in row[len(starts) : -4])
        assert all(f.CLASSES_WERE <= token < f.tokens(4) for token in row[-4:])
        assert len(row) <= f.MAX_TOKENS
        f.remember_note_on(memory, pitch, frame)
        believe(memory, random.normal(size=4).astype(np.float32))
        if random.random() < 0.9:
            f.remember_note_off(memory, int(random.integers(128)))


def test_writing_changes_nothing(memory):
    f.remember_note_on(memory, 50, 0)
    before = memory.tobytes()
    tokens(memory, 60, 48000)
    assert memory.tobytes() == before


def test_notes_within_45_ms_of_the_first_are_one_chord(memory):
    for pitch, ms in ((48, 0), (60, 20), (64, 45)):
        f.remember_note_on(memory, pitch, ms * MS)
    assert memory["chord"][0] == 1
    assert nearby(tokens(memory, 67, 45 * MS)) == {(0, -3), (0, -7), (0, -19)}
    assert nearby(tokens(memory, 67, 45 * MS + 1)) == {(1, -3), (1, -7), (1, -19)}


def test_keys_nearby_tell_chord_and_whether_they_are_down(memory):
    f.remember_note_on(memory, 50, 0)  # stays down
    f.remember_note_on(memory, 52, 0)
    f.remember_note_on(memory, 55, 500 * MS)  # stays down
    f.remember_note_on(memory, 57, 500 * MS)
    f.remember_note_off(memory, 52)
    f.remember_note_off(memory, 57)
    f.remember_note_on(memory, 59, 1000 * MS)
    expected = {(0, -1), (1, -5), (2, -3), (3, -10), (4, -8)}
    assert nearby(tokens(memory, 60, 1010 * MS)) == expected


def test_counts_and_nearest_interval_follow_keys_down(memory):
    for pitch in (40, 52, 64, 90):
        f.remember_note_on(memory, pitch, 0)
    f.remember_note_off(memory, 52)
    row = tokens(memory, 60, 500 * MS)
    assert row[7] - f.HELD_BELOW == 1
    assert row[8] - f.HELD_ABOVE == 2
    assert row[9] - f.NEAREST_BELOW == 20
    assert row[10] - f.NEAREST_ABOVE == 4
    assert row[5] == f.STRUCK_BELOW  # none of them belongs to the new chord


def test_a_key_struck_twice_is_down_until_released_twice(memory):
    f.remember_note_on(memory, 50, 0)
    f.remember_note_on(memory, 50, 0)
    f.remember_note_off(memory, 50)
    assert memory["held"][0][50] == 1
    f.remember_note_off(memory, 50)
    f.remember_note_off(memory, 50)
    assert memory["held"][0][50] == 0


def test_times_are_milliseconds_whatever_the_rate():
    rows = []
    for rate_hz in (44100, 48000, 96000):
        memory = f.new_memory(rate_hz, 4)
        for i, ms in enumerate((0, 400, 1000)):
            f.remember_note_on(memory, 60 + i, ms * rate_hz // 1000)
        rows.append(tokens(memory, 70, 1300 * rate_hz // 1000))
    assert rows[0] == rows[1] == rows[2]


def test_where_the_stream_stands_does_not_matter():
    rows = []
    for start in (0, 1 << 40):
        memory = f.new_memory(RATE_HZ, 4)
        f.remember_note_on(memory, 60, start)
        f.remember_note_on(memory, 62, start + 400 * MS)
        rows.append(tokens(memory, 64, start + 700 * MS))
    assert rows[0] == rows[1]


def test_buckets_rise_with_time_to_four_seconds():
    buckets = [f.ms_bucket(ms) for ms in range(10000)]
    assert buckets == sorted(buckets)
    assert buckets[0] == 0
    assert buckets[-1] == f._MS_BUCKETS - 2
    assert len(set(buckets)) == f._MS_BUCKETS - 1


def test_an_event_from_the_past_does_no_harm(memory):
    f.remember_note_on(memory, 60, 48000)
    assert tokens(memory, 64, 40000)[1] == f.GAP


def test_reset_equals_fresh(memory):
    f.remember_note_on(memory, 60, 5)
    f.remember_note_on(memory, 61, 50000)
    f.reset_memory(memory)
    assert memory.tobytes() == f.new_memory(RATE_HZ, 4).tobytes()


def test_what_is_out_of_range_is_named():
    with pytest.raises(ValueError, match=r"8000 to 384000, got 0"):
        f.new_memory(0, 4)
    with pytest.raises(ValueError, match=r"classes must be 2 to 6, got 7"):
        f.new_memory(RATE_HZ, 7)


def test_a_voice_whose_key_is_down_is_unlikelier(memory):
    for pitch, label in ((50, 3), (60, 2), (64, 1)):
        f.remember_note_on(memory, pitch, 0)
        f.remember_class(memory, pitch, label)
    f.remember_note_off(memory, 60)
    f.remember_note_on(memory, 67, 48000)  # not decided: no voice has it
    f.remember_class(memory, 64, -1)  # taken back
    logp = np.zeros((3, 4), np.float32)
    f.mind_held_keys(memory, 2, logp)
    assert logp.tolist() == [[0, 0, 0, -f.HELD_KEY_NATS]] * 2 + [[0, 0, 0, 0]]


def test_a_key_struck_again_awaits_its_voice(memory):
    f.remember_note_on(memory, 50, 0)
    f.remember_class(memory, 50, 3)
    f.remember_note_on(memory, 50, 48000)
    logp = np.zeros((1, 4), np.float32)
    f.mind_held_keys(memory, 1, logp)
    assert not logp.any()


def test_a_key_of_the_chord_itself_holds_no_voice_back(memory):
    f.remember_note_on(memory, 50, 0)
    f.remember_class(memory, 50, 3)
    f.remember_note_on(memory, 60, 480)  # of the same chord, decided after it
    logp = np.zeros((1, 4), np.float32)
    f.mind_held_keys(memory, 1, logp)
    assert not logp.any()


def test_a_class_the_network_lacks_is_let_be(memory):
    f.remember_note_on(memory, 50, 0)
    f.remember_class(memory, 50, 3)
    logp = np.zeros((1, 2), np.float32)
    f.mind_held_keys(memory, 1, logp)
    assert not logp.any()


def test_memory_goes_back_and_returns(memory):
    f.remember_note_on(memory, 50, 0)
    f.keep_memory(memory)
    past = memory.copy()
    f.remember_note_on(memory, 60, 48000)
    f.remember_note_off(memory, 50)
    f.remember_note_on(memory, 62, 96000)
    present = memory.copy()
    f.swap_memory(memory)
    for name in f.MEMORY.names or ():
        if name != "key_class" and not name.startswith("kept_"):
            assert np.array_equal(memory[name], past[name])
    f.swap_memory(memory)
    assert memory.tobytes() == present.tobytes()
