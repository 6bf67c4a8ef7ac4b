"""The listener's callback: sound into its ring, messages out of theirs, with what is too much."""

import ctypes

import numpy as np
from numba import cfunc, types

from engine.rt import listening as ear
from engine.rt.native import view_i64

FRAMES = 64


@cfunc(types.int64(types.int64, types.uint32))
def buffer_of(port, frames):
    return port  # a port is the address of its buffer here


@cfunc(types.void(types.int64))
def clear(port):
    written = view_i64(port, 8)
    written[0] = 0


@cfunc(types.int32(types.int64, types.uint32, types.int64, types.uint64))
def write(port, time, data, size):
    written = view_i64(port, 8)
    if written[0] == 4:
        return -1
    written[1 + written[0]] = view_i64(data, 1)[0]
    written[0] += 1
    return 0


class Client:
    """The callback over an input and a MIDI port of room for four messages."""

    def __init__(self) -> None:
        self.memory = ear.memory()
        self.input = np.zeros(FRAMES, np.float32)
        self.written = np.zeros(8, np.int64)
        self.table = self.memory["table"]
        self.table[ear.IN_PORT] = self.input.ctypes.data
        self.table[ear.OUT_PORT] = self.written.ctypes.data
        for place, function in (
            (ear.BUFFER, buffer_of),
            (ear.CLEAR, clear),
            (ear.WRITE_EVENT, write),
        ):
            self.table[place] = function.address

    def cycle(self, sound: np.ndarray) -> list[int]:
        """Run one cycle; return what was written into the MIDI port."""
        self.input[:] = sound
        assert ear.jack_listen.ctypes(FRAMES, ctypes.c_void_p(self.table.ctypes.data)) == 0
        return self.written[1 : 1 + self.written[0]].tolist()

    def heard(self, room: int = ear.AUDIO_FRAMES) -> np.ndarray:
        out = np.zeros(room, np.float32)
        return out[: ear.take_audio(self.memory["audio"], self.memory["audio_cursor"], out)]

    def send(self, message: int) -> bool:
        return ear.push_message(self.memory["messages"], self.memory["message_cursor"], message)


def test_sound_comes_out_as_it_went_in_also_around_the_end_of_the_ring():
    client, ramp = Client(), np.arange(FRAMES, dtype=np.float32)
    assert len(client.heard()) == 0
    for cycle in range(ear.AUDIO_FRAMES // FRAMES + 5):
        client.cycle(ramp + cycle)
        np.testing.assert_array_equal(client.heard(), ramp + cycle)
    assert client.table[ear.LOST_FRAMES] == 0


def test_what_nobody_takes_is_counted_and_the_rest_stays_whole():
    client = Client()
    for cycle in range(ear.AUDIO_FRAMES // FRAMES + 3):
        client.cycle(np.full(FRAMES, cycle, np.float32))
    assert client.table[ear.LOST_FRAMES] == 3 * FRAMES
    kept = client.heard()
    assert len(kept) == ear.AUDIO_FRAMES
    assert kept[-1] == ear.AUDIO_FRAMES // FRAMES - 1


def test_little_room_takes_a_part():
    client = Client()
    client.cycle(np.arange(FRAMES, dtype=np.float32))
    assert client.heard(10).tolist() == list(range(10))
    assert len(client.heard()) == FRAMES - 10


def test_messages_go_out_in_order_and_wait_when_the_port_is_full():
    client, silence = Client(), np.zeros(FRAMES, np.float32)
    assert client.cycle(silence) == []
    for number in range(6):
        assert client.send(0x403C90 + number)
    assert client.cycle(silence) == [0x403C90 + number for number in range(4)]
    assert client.cycle(silence) == [0x403C94, 0x403C95]
    assert client.cycle(silence) == []


def test_a_full_ring_refuses():
    client = Client()
    sent = [client.send(number) for number in range(ear.MOST_MESSAGES + 2)]
    assert sent == [True] * ear.MOST_MESSAGES + [False, False]


def test_the_servers_end_is_known():
    client = Client()
    ear.jack_gone.ctypes(ctypes.c_void_p(client.table.ctypes.data))
    assert client.table[ear.GONE] == 1
