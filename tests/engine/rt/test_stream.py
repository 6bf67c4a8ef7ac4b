"""The stream: the same samples and the same results however it is cut, each event at its frame."""

# An intrinsic's first parameter is numba's own.
# pyright: reportCallIssue=false

import ctypes
import dataclasses
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import carray, cfunc, types

from engine.core import Engine
from engine.ensembles import Ensemble
from engine.rt import layout
from engine.rt.layout import OUT_CHANNELS
from engine.rt.native import as_pointer
from engine.rt.network import random_weights
from tests.engine.rig_helpers import (
    bend,
    check_notes,
    controller,
    ensemble_of,
    new_engine,
    note_off,
    note_on,
    note_ons,
    ones_bank,
    onset,
    play,
    sine_bank,
)

FRAMES = 7000
MODES = {"at once": (0.0, "wait"), "wait": (20.0, "wait"), "settle": (20.0, "settle")}


def mixed_ensemble(mode: str) -> Ensemble:
    """Two parts of FluidSynth, two of our own voices, everything sent everywhere."""
    window_ms, chord_mode = MODES[mode]
    plain = ensemble_of(
        4,
        reverb_send=0.4,
        chorus_send=0.3,
        polyphony=3,
        chord_window_ms=window_ms,
        chord_mode=chord_mode,
    )
    sounds = ("soundfont", "bank", "bank", "soundfont")
    parts = [dataclasses.replace(p, sound=s) for p, s in zip(plain.parts, sounds, strict=True)]
    return dataclasses.replace(plain, parts=tuple(parts))


def concert(mode: str) -> Engine:
    """A fresh engine with every event of a busy little piece in its rings."""
    engine = Engine(polyphony=12, tap=False)
    engine.load_separator(random_weights(4, seed=7))
    bank = sine_bank(100, decay_s=0.3, sustain=0.4, release_s=0.05)
    engine._players.slots[19, 0, 0, 127] = engine.add_bank(bank)
    engine.apply(mixed_ensemble(mode), 0)
    random = np.random.default_rng(11)
    for _ in range(120):
        frame, key = int(random.integers(0, 5000)), int(random.integers(36, 90))
        engine.midi(note_on(key, int(random.integers(1, 128))), frame, int(key % 3))
        engine.midi(note_off(key), frame + int(random.integers(1, 1500)), int(key % 3))
    for frame in random.integers(0, 6000, 30).tolist():
        engine.midi(bend(frame * 2), frame)
        engine.midi(controller(1, frame % 128), frame + 7)
        engine.midi(controller(64, frame % 128), frame + 9)
        engine.midi(controller(11, 60 + frame % 60), frame + 3)
        engine.set("gain_db", -(frame % 20), frame % 4, frame)
        engine.set("pan", frame % 100 / 100, frame % 4, frame + 1)
        engine.set("reverb_send", frame % 10 / 10, frame % 4, frame + 13)
    for i in range(12):
        engine.midi(note_on(48 + 2 * i), 2047, 1)
        engine.midi(note_off(48 + 2 * i), 2500 + i, 1)
        engine.part_midi(i % 4, note_on(60 + i), 3000 + i)
        engine.part_midi(i % 4, note_off(60 + i), 4000)
    engine.set("mute", 1, 1, 3333)
    engine.set("solo", 1, 2, 4444)
    engine.set("assigner", 2, None, 4500)
    engine.set("master_gain_db", 6, None, 4600)
    engine.apply(mixed_ensemble("wait"), 5001)
    engine.midi(controller(119, 127), 6500)
    return engine


def performed(mode: str, cuts) -> tuple[np.ndarray, np.ndarray]:
    """Render the concert in pieces of `cuts` frames, over and over; return audio and results."""
    engine = concert(mode)
    pieces, records, done, i = [], [], 0, 0
    while done < FRAMES:
        frames, block = cuts[i % len(cuts)]
        frames = min(frames, FRAMES - done)
        pieces.append(engine.render(frames, block, stems=True))
        done += frames
        i += 1
    records = engine.results()
    engine.close()
    return np.concatenate(pieces), records


@pytest.fixture(scope="module")
def expected():
    found = {mode: performed(mode, [(64, 64)]) for mode in MODES}
    for audio, records in found.values():
        assert np.abs(audio[:, :2]).max() > 0.2
        assert len(note_ons(records)) > 120
        check_notes(records)
    assert (found["settle"][1]["kind"] == layout.MOVED).sum() > 5
    return found


def assert_same(found, wanted):
    np.testing.assert_array_equal(found[1], wanted[1])
    np.testing.assert_array_equal(found[0], wanted[0])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "cuts",
    [
        [(FRAMES, 1)],
        [(FRAMES, 7)],
        [(FRAMES, 32)],
        [(FRAMES, 129)],
        [(FRAMES, 1000)],
        [(FRAMES, FRAMES)],
        [(63, 63), (1, 1), (2, 2), (65, 65)],
        [(999, 13), (1, 1), (500, 500), (64, 64)],
    ],
    ids=["1", "7", "32", "129", "1000", "one block", "about the grid", "uneven"],
)
def test_samples_and_results_do_not_depend_on_the_blocks(expected, mode, cuts):
    assert_same(performed(mode, cuts), expected[mode])


@settings(max_examples=5)
@given(
    st.lists(st.tuples(st.integers(1, 2000), st.integers(1, 300)), min_size=1, max_size=8),
    st.sampled_from(sorted(MODES)),
)
def test_nor_on_any_other_cut(expected, cuts, mode):
    assert_same(performed(mode, cuts), expected[mode])


# The device callbacks are this stream too


@cfunc(types.int64(types.int64, types.uint32))
def _fake_buffer(port, frames):
    return port


@cfunc(types.uint32(types.int64))
def _fake_count(buffer):
    return carray(as_pointer(buffer), 1, np.int64)[0]


@cfunc(types.int32(types.int64, types.int64, types.uint32))
def _fake_get(event, buffer, index):
    words = carray(as_pointer(event), 3, np.int64)
    source = carray(as_pointer(buffer), 1 + 3 * (index + 1), np.int64)
    for k in range(3):
        words[k] = source[1 + 3 * index + k]
    return 0


class FakeJack:
    """Buffers in place of ports, and a list of MIDI events for the coming cycle."""

    def __init__(self, engine: Engine, block: int, stems: int = OUT_CHANNELS) -> None:
        self.engine, self.block = engine, block
        self.audio = np.full((OUT_CHANNELS, block), 9.0, np.float32)
        self.midi = np.zeros(1 + 3 * 4096, np.int64)
        functions: dict[str, Any] = {
            "jack_port_get_buffer": _fake_buffer.address,
            "jack_midi_get_event_count": _fake_count.address,
            "jack_midi_event_get": _fake_get.address,
        }
        outputs = [row.ctypes.data if i < stems else 0 for i, row in enumerate(self.audio)]
        engine.set_jack_ports(functions, self.midi.ctypes.data, outputs)
        address = engine.jack_callback_address
        self.callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p)(address)

    def cycle(self, events=()) -> np.ndarray:
        """One cycle with (offset, message) events; returns a copy of (block, channels)."""
        self.kept = [np.frombuffer(message, np.uint8).copy() for _, message in events]
        self.midi[0] = len(events)
        for i, (offset, message) in enumerate(events):
            self.midi[1 + 3 * i : 4 + 3 * i] = offset, len(message), self.kept[i].ctypes.data
        assert self.callback(self.block, self.engine.user_data) == 0
        return self.audio.T.copy()


def in_a_thread(work):
    """Run `work` in a thread of its own: the callbacks change how a thread computes denormals."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_the_jack_callback_renders_the_same_samples(expected):
    engine = concert("settle")
    jack = FakeJack(engine, 100)
    audio = in_a_thread(lambda: np.concatenate([jack.cycle() for _ in range(FRAMES // 100)]))
    assert_same((audio, engine.results()), expected["settle"])
    engine.close()


def test_the_portaudio_callback_renders_the_same_samples(expected):
    engine = concert("settle")
    engine.set_device_channels(4)
    audio = np.full((OUT_CHANNELS, FRAMES), 9.0, np.float32)
    signature = (ctypes.c_void_p,) * 2 + (ctypes.c_uint64, ctypes.c_void_p) + (ctypes.c_uint64,)
    callback = ctypes.CFUNCTYPE(ctypes.c_int, *signature, ctypes.c_void_p)(
        engine.portaudio_callback_address
    )

    def run():
        for at in range(0, FRAMES, 70):
            pointers = np.array([row[at:].ctypes.data for row in audio], np.int64)
            flags = 4 if at == 140 else 0
            address = pointers.ctypes.data
            assert callback(None, address, 70, None, flags, engine.user_data) == 0

    in_a_thread(run)
    wanted, records = expected["settle"]
    assert_same((audio.T[:, :4], engine.results()), (wanted[:, :4], records))
    assert np.all(audio[4:] == 9.0)  # channels the device does not take are left alone
    assert engine.stats().xruns == 1
    engine.close()


def test_jack_midi_acts_at_its_own_frame_and_garbage_does_nothing():
    engine = new_engine()
    jack = FakeJack(engine, 128)
    events = [(3, b"\xf8"), (5, b"\x99"), (9, b"\xf0\x01\x02\xf7"), (9, b"\x20\x30\x40")]
    events += [(10, bytes((0xC0, 5))), (50, note_on(60)), (51, note_on(72))]
    audio = in_a_thread(lambda: np.concatenate([jack.cycle(events), jack.cycle()]))
    records = note_ons(engine.results())
    assert (records["frame"] - 1024).tolist() == [50, 51]
    assert onset(audio[:, 6:8]) == 51
    assert np.all(audio[:, 2 + 2 * 4 :] == 0)  # unused stems are silenced, whatever was there
    engine.close()


def test_more_jack_midi_than_the_queue_holds_drops_notes_not_their_ends():
    engine = new_engine()
    jack = FakeJack(engine, 64)
    for i in range(3000):
        engine.midi(controller(1, i % 128), engine.frame + 100000)
    engine.render(1)

    records = []

    def run():
        for _ in range(3):
            jack.cycle([(0, note_on(40 + i % 64, 100, i // 64 % 16)) for i in range(4000)])
            records.append(engine.results())
            jack.cycle([(0, note_off(40 + i % 64, i // 64 % 16)) for i in range(4000)])
            records.append(engine.results())

    in_a_thread(run)
    assert engine.stats().dropped_events > 0
    assert engine.stats().results_dropped == 0
    assert engine.stats().held_notes == 0
    check_notes(np.concatenate(records))
    engine.close()


# Frames


@pytest.mark.parametrize("block", [1, 32, 64, 100, 4096])
def test_an_event_for_frame_k_acts_at_frame_k(block):
    engine = new_engine()
    start = engine.frame
    frames = [0, 1, 63, 64, 99, 100, 101, 1000, 4095]
    send = [(frame, note_on(40 + i)) for i, frame in enumerate(frames)]
    play(engine, send[::-1], 5000, block)
    assert (note_ons(engine.results())["frame"] - start).tolist() == frames
    assert engine.stats().late_events == 0
    engine.close()


def test_events_too_late_act_at_once_and_are_counted():
    engine = new_engine()
    engine.midi(note_on(60), engine.frame - 1)
    engine.midi(note_on(62), 0)
    engine.midi(note_on(64), -1)  # as soon as possible is not late
    engine.set("gain_db", 3, 0, 5)
    start = engine.frame
    engine.render(64)
    assert engine.stats().late_events == 2  # a parameter may be
    assert note_ons(engine.results())["frame"].tolist() == [start] * 3
    engine.close()


def test_commands_come_before_notes_of_their_frame():
    engine = new_engine()
    engine.midi(note_on(60), 2000)
    engine.set("assigner", 1, frame=2000)
    engine.apply(ensemble_of(1, assigner="zones"), 2000)
    engine.render(2048)
    assert note_ons(engine.results())["part"].tolist() == [0]
    engine.close()


def test_the_stream_frame_counts_what_was_rendered():
    engine = new_engine(ready=False)
    for frames in (0, 1, 63, 64, 1000):
        before = engine.frame
        engine.render(frames)
        assert engine.frame == before + frames
    engine.close()


# The tap


def test_the_tap_is_what_was_rendered():
    engine = new_engine(ones_bank(), tap=True, reverb_send=0.5)
    heard, tapped = [], []
    for i in range(40):
        heard.append(play(engine, [(5, note_on(40 + i))], 9600, 100 + i, stems=True))
        if i % 3 == 0:
            tapped.append(engine.tap())
    tapped.append(engine.tap())
    np.testing.assert_array_equal(np.concatenate(tapped), np.concatenate(heard))
    assert engine.stats().underruns == 0
    engine.close()


def test_a_tap_that_nobody_empties_counts_what_it_misses_and_goes_on():
    engine = new_engine(tap=True)
    audio = play(engine, [(0, note_on(60))], 5 * 48000, 64, stems=True)
    kept = engine.tap()
    assert 4 * 48000 - 64 <= len(kept) <= 4 * 48000
    assert engine.stats().underruns == len(audio) - len(kept)
    np.testing.assert_array_equal(kept, audio[: len(kept)])
    after = engine.render(640, stems=True)
    np.testing.assert_array_equal(engine.tap(), after)
    engine.close()


def test_without_a_tap_there_is_nothing_to_read():
    engine = new_engine()
    engine.render(64)
    assert engine.tap().shape == (0, OUT_CHANNELS)
    engine.close()


# Statistics


def test_delays_are_counted_from_the_event_to_its_sound():
    engine = new_engine(network=True, chord_window_ms=10)
    for _ in range(20):
        play(engine, [(0, note_on(60)), (600, note_off(60))], 4800)
    stats = engine.stats()
    assert stats.delay_ms["p50"] == pytest.approx(10, abs=0.03)
    assert stats.notes_network == 20
    engine.close()


def test_counts_begin_anew_after_a_reset():
    engine = new_engine()
    engine.midi(b"\xff\xff\xff")
    play(engine, [(0, note_on(60))], 6400)
    before = engine.stats()
    assert (before.bad_messages, before.notes_rule, before.cycles) == (1, 1, 100)
    assert before.voices == before.held_notes == 1
    engine.reset_stats()
    after = engine.stats()
    assert (after.bad_messages, after.notes_rule, after.cycles) == (0, 0, 0)
    assert after.peak.max() == after.delay_ms["p50"] == 0
    assert after.voices == after.held_notes == 1  # these are states, not counts
    engine.close()


@cfunc(types.uint32(types.int64))
def _fake_frame_time(client):
    return carray(as_pointer(client), 1, np.int64)[0]


def test_cycles_that_the_server_ran_without_us_are_counted():
    engine = new_engine()
    jack = FakeJack(engine, 64)
    counter = np.zeros(1, np.int64)
    functions: dict[str, Any] = {
        "jack_port_get_buffer": _fake_buffer.address,
        "jack_midi_get_event_count": _fake_count.address,
        "jack_midi_event_get": _fake_get.address,
        "jack_last_frame_time": _fake_frame_time.address,
    }
    engine.set_jack_ports(functions, 0, [], counter.ctypes.data)

    def run():
        for frame in (1000, 1064, 1128, 1320, 1384, (1 << 32) - 64, 0, 64, 256):
            counter[0] = frame
            jack.cycle()

    in_a_thread(run)
    far = ((1 << 32) - 64 - 1448) // 64  # the counter may jump, as when a server starts anew
    assert engine.stats().missed_cycles == 2 + 2 + (far if far * 64 < 1 << 31 else 0)
    engine.close()
