"""Rings: order kept, nothing lost, full and empty told apart, threads at once."""

import threading
import time

import numpy as np
import pytest
from numba import njit

from engine.rt.layout import RESULT
from engine.rt.rings import (
    READ,
    WORDS,
    WRITE,
    done_event,
    drain,
    drain_audio,
    new_event_ring,
    pack,
    pop_event,
    push_event,
    push_note,
    room,
)


def pop(words, cursor):
    """The next event as (frame, packed), None if there is none."""
    slot = pop_event(words, cursor)
    if slot < 0:
        return None
    event = int(words[slot + 1]), int(words[slot + 2])
    done_event(words, cursor)
    return event


def test_events_leave_in_the_order_they_came_round_and_round():
    words, values, cursor = new_event_ring(8)
    sent, seen = 0, 0
    for burst in (1, 8, 3, 5, 8, 8, 2) * 3:
        for _ in range(burst):
            assert push_event(words, values, cursor, sent, 7 * sent, 0.5)
            sent += 1
        for _ in range(burst):
            assert pop(words, cursor) == (seen, 7 * seen)
            seen += 1
        assert pop(words, cursor) is None


def test_a_full_ring_refuses_and_keeps_what_it_has():
    words, values, cursor = new_event_ring(4)
    for i in range(4):
        assert room(words, cursor) == 4 - i
        assert push_event(words, values, cursor, i, 0, 0.0)
    before = words.copy()
    assert not push_event(words, values, cursor, 99, 99, 9.0)
    assert room(words, cursor) == 0
    np.testing.assert_array_equal(words, before)
    assert pop(words, cursor) == (0, 0)
    assert push_event(words, values, cursor, 4, 0, 0.0)
    assert [pop(words, cursor) for _ in range(5)] == [(1, 0), (2, 0), (3, 0), (4, 0), None]


def test_values_are_floats_beside_the_words():
    words, values, cursor = new_event_ring(2)
    push_event(words, values, cursor, 1, 2, -0.1)
    assert values[pop_event(words, cursor) + 3] == -0.1


@pytest.mark.parametrize("capacity", [-4, 0, 1, 3, 1000])
def test_capacities_are_powers_of_two(capacity):
    with pytest.raises(ValueError, match=f"power of two >= 2, got {capacity}"):
        new_event_ring(capacity)


@pytest.mark.parametrize("index", [-1, 0, 15, -(1 << 31), (1 << 31) - 1])
def test_packing_keeps_every_byte_and_the_sign_of_the_index(index):
    packed = pack(1, 0xFF, 0x80, 0x7F, index)
    assert packed & 0xFF == 1
    assert (packed >> 8 & 0xFF, packed >> 16 & 0xFF, packed >> 24 & 0xFF) == (0xFF, 0x80, 0x7F)
    assert packed >> 32 == index


def test_note_ons_leave_room_for_note_offs():
    words, values, cursor = new_event_ring(8)
    strike, release, silent = (
        pack(1, status, 60, data2, 0) for status, data2 in ((0x90, 9), (0x80, 9), (0x90, 0))
    )
    results = [push_note(words, values, cursor, 0, strike, 0.0, 3) for _ in range(6)]
    assert results == [(True, False)] * 5 + [(False, False)]
    assert push_note(words, values, cursor, 0, release, 0.0, 3) == (True, False)
    assert push_note(words, values, cursor, 0, silent, 0.0, 3) == (True, False)
    assert push_note(words, values, cursor, 0, pack(1, 0xB0, 1, 1, 0), 0.0, 3) == (True, False)
    assert push_note(words, values, cursor, 0, release, 0.0, 3) == (False, True)
    assert push_note(words, values, cursor, 0, silent, 0.0, 3) == (False, True)
    assert push_note(words, values, cursor, 0, pack(1, 0xB0, 1, 1, 0), 0.0, 3) == (False, False)


@njit(nogil=True)
def _produce(words, values, cursor, producer, count):
    refused = 0
    for i in range(count):
        while not push_event(words, values, cursor, i, producer, i * 0.5):
            refused += 1
    return refused


@njit(nogil=True)
def _consume(words, values, cursor, expected, total):
    """Pop `total` events; return how many were out of their producer's order or torn."""
    wrong = 0
    for _ in range(total):
        slot = pop_event(words, cursor)
        while slot < 0:
            slot = pop_event(words, cursor)
        producer = words[slot + 2]
        if words[slot + 1] != expected[producer] or values[slot + 3] != expected[producer] * 0.5:
            wrong += 1
        expected[producer] = words[slot + 1] + 1
        done_event(words, cursor)
    return wrong


def test_three_producers_at_once_lose_and_reorder_nothing():
    words, values, cursor = new_event_ring(1024)
    count, expected = 100_000, np.zeros(3, np.int64)
    _produce(words, values, cursor, 0, 0)
    _consume(words, values, cursor, expected, 0)
    producers = [
        threading.Thread(target=_produce, args=(words, values, cursor, p, count)) for p in range(3)
    ]
    for thread in producers:
        thread.start()
    wrong = _consume(words, values, cursor, expected, 3 * count)
    for thread in producers:
        thread.join()
    assert wrong == 0
    assert expected.tolist() == [count] * 3
    assert pop_event(words, cursor) == -1
    assert cursor[READ] == cursor[WRITE] == 3 * count
    assert sorted(words[::WORDS]) == list(range(3 * count, 3 * count + 1024))


def test_records_drain_across_the_end_of_their_ring():
    slots, cursor = np.zeros(8, RESULT), np.zeros(16, np.int64)
    out = np.zeros(8, RESULT)
    assert drain(slots, cursor, out) == 0
    cursor[READ] = cursor[WRITE] = 6
    for i in range(5):
        slots[(6 + i) % 8]["note"] = i
    cursor[WRITE] = 11
    assert drain(slots, cursor, out) == 5
    assert out["note"][:5].tolist() == [0, 1, 2, 3, 4]
    assert drain(slots, cursor, out) == 0


def test_a_small_destination_takes_what_fits_and_the_rest_later():
    slots, cursor = np.zeros(8, RESULT), np.zeros(16, np.int64)
    slots["note"] = np.arange(8)
    cursor[WRITE] = 8
    out = np.zeros(3, RESULT)
    seen = []
    while count := drain(slots, cursor, out):
        seen += out["note"][:count].tolist()
    assert seen == list(range(8))


def test_audio_drains_across_the_end_of_its_ring():
    ring, cursor = np.arange(20, dtype=np.float32).reshape(2, 10), np.zeros(16, np.int64)
    cursor[READ], cursor[WRITE] = 28, 33
    out = np.zeros((10, 2), np.float32)
    assert drain_audio(ring, cursor, out) == 5
    np.testing.assert_array_equal(out[:5, 0], [8, 9, 0, 1, 2])
    np.testing.assert_array_equal(out[:5, 1], [18, 19, 10, 11, 12])


def test_a_reader_beside_the_running_callback_gets_every_result_in_order():
    from tests.engine.rig_helpers import new_engine, note_off, note_on

    engine = new_engine()
    stop = threading.Event()

    def run():
        while not stop.is_set():
            engine.render(256)
            time.sleep(0)  # let the others have the processor

    thread = threading.Thread(target=run)
    thread.start()
    numbers = []
    until = time.monotonic() + 20
    try:
        for i in range(3000):
            message = (note_on if i % 2 == 0 else note_off)(40 + i // 2 % 40)
            while not engine.midi(message, -1):
                time.sleep(0.001)
            if i % 50 == 0:
                numbers += engine.results()["note"].tolist()
        while len(numbers) < 3000 and time.monotonic() < until:
            numbers += engine.results()["note"].tolist()
    finally:
        stop.set()
        thread.join()
    assert numbers == [i // 2 for i in range(3000)]
    engine.close()
