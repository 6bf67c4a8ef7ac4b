"""The Engine as everyone else sees it: errors, parameters, ensembles, streams, life and death."""

import ctypes
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from engine import stream_clock
from engine.core import Engine, EngineError
from engine.ensembles import load_ensemble
from engine.fluidsynth import FluidSynthError
from engine.rt import layout
from engine.rt.layout import MAX_PARTS
from engine.rt.network import random_weights
from engine.rt.rings import READ, WORDS, WRITE
from tests.engine.rig_helpers import (
    Saved,
    controller,
    ensemble_of,
    new_engine,
    note_off,
    note_on,
    note_ons,
    of_kind,
    ones_bank,
    play,
)


@pytest.fixture(scope="module")
def made():
    engine = new_engine(ones_bank(release_s=0.01))
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def engine(made):
    return made[1].restore()


# Errors name the value and what would be legal


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: e.set("gain_db", 12.1, 0), "gain_db must be -60 to 12, got 12.1"),
        (lambda e: e.set("gain_db", float("nan"), 0), "gain_db must be -60 to 12, got nan"),
        (lambda e: e.set("pan", -2, 0), "pan must be -1 to 1, got -2"),
        (lambda e: e.set("pan", 0, 16), "part must be 0 to 15, got 16"),
        (lambda e: e.set("pan", 0, -1), "part must be 0 to 15, got -1"),
        (lambda e: e.set("pan", 0), 'no parameter "pan".*master_gain_db'),
        (lambda e: e.set("loudness", 0, 1), 'no parameter "loudness".*gain_db, pan, mute'),
        (lambda e: e.set("chord_window_ms", 46), "chord_window_ms must be 0 to 45, got 46"),
        (lambda e: e.set("assigner", 3), "assigner must be 0 to 2, got 3"),
        (lambda e: e.set("panic_cc", 128), "panic_cc must be -1 to 127, got 128"),
        (lambda e: e.set("tempo_bpm", 19), "tempo_bpm must be 20 to 400, got 19"),
        (lambda e: e.get("loudness"), 'no parameter "loudness"'),
        (lambda e: e.get("pan", 16), 'no parameter "pan" of part 16'),
        (lambda e: e.midi(note_on(60), source=7), "source must be 0 to 6, got 7"),
        (lambda e: e.midi(note_on(60), source=-1), "source must be 0 to 6, got -1"),
        (lambda e: e.part_midi(16, note_on(60)), "part must be 0 to 15, got 16"),
        (lambda e: e.render(64, 0), "block must be at least 1, got 0"),
        (lambda e: e.render(-1), "frames must be at least 0, got -1"),
        (lambda e: e.set_device_channels(0), "channels must be 1 to 34, got 0"),
        (lambda e: e.set_device_channels(35), "channels must be 1 to 34, got 35"),
        (lambda e: e.remove_bank(9), "bank 9 is not taken"),
        (lambda e: e.load_separator({}), "the weights lack the array 'output_bias'"),
    ],
)
def test_errors_name_the_value_and_the_legal_range(engine, call, message):
    with pytest.raises(ValueError, match=message):
        call(engine)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate_hz": 7999}, "rate_hz must be 8000 to 192000, got 7999"),
        ({"rate_hz": 192001}, "rate_hz must be 8000 to 192000, got 192001"),
        ({"polyphony": 0}, "polyphony must be 1 to 8192, got 0"),
        ({"polyphony": 8193}, "polyphony must be 1 to 8192, got 8193"),
    ],
)
def test_an_engine_that_cannot_be_is_not_made(settings, message):
    with pytest.raises(ValueError, match=message):
        Engine(**settings)


# Parameters


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("gain_db", -6.5, 3),
        ("pan", 0.25, 0),
        ("mute", 1, 15),
        ("solo", 1, 2),
        ("reverb_send", 1, 1),
        ("chorus_send", 0.5, 1),
        ("master_gain_db", -60, None),
        ("chord_window_ms", 44.5, None),
        ("chord_mode", 1, None),
        ("assigner", 2, None),
        ("panic_cc", -1, None),
        ("tempo_bpm", 90, None),
    ],
)
def test_what_was_set_is_what_is_got_for_that_part_alone(engine, name, value, part):
    others = {p: engine.get(name, p) for p in range(MAX_PARTS) if p != part} if part else {}
    engine.set(name, value, part)
    assert engine.get(name, part) == value
    for other, before in others.items():
        assert engine.get(name, other) == before


def test_an_ensemble_sets_what_can_be_got(engine):
    quartet = load_ensemble("string_quartet")
    engine.apply(quartet)
    engine.render(64)
    assert engine.ensemble is quartet
    for index, part in enumerate(quartet.parts):
        for name in ("gain_db", "pan", "reverb_send", "chorus_send"):
            assert engine.get(name, index) == getattr(part, name)
    assert engine.get("chord_window_ms") == quartet.chord_window_ms


def test_whoever_plays_has_the_floor(engine):
    engine.set("control", 0)
    engine.render(64)
    assert engine.get("control") == 0
    engine.part_midi(1, note_on(60))
    engine.render(64)
    assert engine.get("control") == 0  # notes that name their part are not the player's
    play(engine, [(0, note_on(60))], 64)
    assert engine.get("control") == 1


def test_a_network_is_loaded_by_its_shape():
    engine = new_engine(ready=False)
    weights = random_weights(4, seed=0)
    weights["recurrent_1"] = weights["recurrent_1"][:3]
    with pytest.raises(ValueError, match="'recurrent_1' must have shape"):
        engine.load_separator(weights)
    engine.load_separator(random_weights(6, seed=0))
    engine.apply(ensemble_of(1, assigner="network"))
    play(engine, [(0, note_on(60))], 64)
    assert engine.stats().notes_network == 1
    engine.close()


def test_a_network_loaded_after_the_ensemble_plays_its_parts():
    engine = new_engine(network=True)
    engine.load_separator(random_weights(4, seed=1))
    play(engine, [(0, note_on(60))], 64)
    engine.set("assigner", 1)
    play(engine, [(0, note_on(72)), (0, note_on(50))], 64)
    assert note_ons(engine.results())["part"].tolist()[1:] == [0, 3]
    engine.close()


# Ensembles


def test_every_preset_plays_every_key():
    from engine.ensembles import list_ensembles

    engine = new_engine(ready=False, sound="soundfont", network=True, fluid=True)
    for ensemble in list_ensembles():
        engine.apply(ensemble)
        engine.render(1024)
        engine.results()
        play(engine, [(64 * i, note_on(21 + i)) for i in range(88)], 64 * 90)
        began = note_ons(engine.results())
        assert np.count_nonzero(began["c"] != layout.BY_DOUBLING) == 88
        assert began["part"].max() < len(ensemble.parts)
        assert np.abs(engine.render(4800)).max() > 0.001
        engine.panic()
        engine.render(4800)
    engine.close()


def test_a_switch_is_live_sounding_notes_ring_and_new_ones_go_to_the_new_parts(engine):
    play(engine, [(0, note_on(72)), (0, note_on(50))], 640)
    engine.apply(ensemble_of(1, assigner="zones"))
    audio = engine.render(640, stems=True)
    assert audio[-1, 8] > 0.1  # the bass of the old quartet
    play(engine, [(0, note_on(48))], 64)
    assert note_ons(engine.results())["part"].tolist() == [0, 3, 0]


def test_a_switch_in_the_future_happens_at_its_frame(engine):
    engine.apply(ensemble_of(1, assigner="zones"), engine.frame + 100)
    play(engine, [(99, note_on(50)), (100, note_on(51))], 128)
    assert note_ons(engine.results())["part"].tolist() == [3, 0]


def test_an_ensemble_the_soundfont_cannot_play_changes_nothing(engine):
    before = engine.ensemble
    bad = ensemble_of(4, sound="soundfont", programs=[19, 19, 19, 19])
    object.__setattr__(bad.parts[2], "bank", 77)
    with pytest.raises(FluidSynthError, match="bank 77"):
        engine.apply(bad)
    assert engine.ensemble is before
    play(engine, [(0, note_on(50))], 64)
    assert note_ons(engine.results())["part"].tolist() == [3]


def test_switching_for_hours_fills_nothing_up(engine):
    for i in range(300):
        engine.apply(ensemble_of(1 + i % 16, assigner="zones"))
        play(engine, [(0, note_on(40 + i % 40)), (40, note_off(40 + i % 40))], 64)
    assert len(engine._players.banks) == 1
    engine.render(64)
    assert engine.stats().held_notes == 0


# Results


def more_notes_than_results_hold(engine) -> int:
    """Plays them while nobody reads; how many they were."""
    count = layout.RESULTS // 2 + 900
    for i in range(count):
        engine.midi(note_on(30 + i % 60))
        engine.midi(note_off(30 + i % 60))
        if i % 100 == 99:
            engine.render(64)
    engine.render(64)
    return count


def test_results_that_nobody_reads_are_counted_and_the_newest_lost(engine):
    count = more_notes_than_results_hold(engine)
    records = engine.results()
    assert len(records) == layout.RESULTS
    assert records["note"].tolist()[:4] == [0, 0, 1, 1]
    assert engine.stats().results_dropped == 2 * count - layout.RESULTS
    play(engine, [(0, note_on(60))], 64)
    assert engine.results()["note"].tolist() == [count]


def test_a_bank_is_freed_even_if_nobody_read_for_a_while(engine):
    slot = engine.add_bank(ones_bank())
    more_notes_than_results_hold(engine)
    engine.remove_bank(slot)
    engine.render(640)
    engine.results()
    engine.render(640)
    assert of_kind(engine.results(), layout.BANK_FREED)["a"].tolist() == [slot]
    assert slot not in engine._players.banks


def test_results_are_the_readers_own(engine):
    play(engine, [(0, note_on(60))], 64)
    first = engine.results()
    play(engine, [(0, note_on(72))], 64)
    engine.results()
    assert first["a"].tolist() == [60]


# Several engines, threads


def test_two_engines_do_not_know_each_other():
    one, other = new_engine(), new_engine()
    play(one, [(0, note_on(60))], 64)
    one.set("master_gain_db", -60)
    one.render(9600)
    assert other.render(640).max() == 0
    assert len(other.results()) == 0
    assert other.get("master_gain_db") == 0
    audio = play(other, [(0, note_on(60))], 640)
    assert audio.max() > 0.1
    assert one.render(640).max() == 0
    one.close()
    assert play(other, [(0, note_on(64))], 640).max() > 0.1
    other.close()


def test_parameters_from_many_threads_all_arrive(engine):
    stop = threading.Event()

    def run():
        while not stop.is_set():
            engine.render(64)
            time.sleep(0)

    def turn(part):
        for i in range(400):
            engine.set("gain_db", -(i % 50), part)

    player = threading.Thread(target=run)
    player.start()
    threads = [threading.Thread(target=turn, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    player.join()
    engine.render(64)
    wanted = 10 ** (-(399 % 50) / 20)
    np.testing.assert_allclose(engine._rig.parts["gain"][:4], wanted, rtol=1e-5)


def test_commands_that_no_callback_takes_are_refused_in_words(monkeypatch):
    engine = new_engine(ready=False)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    queued = int(engine._rig.command_cursor[8])
    for _ in range(engine._rig.command_words.size // WORDS - queued):
        engine.set("pan", 0.5, 0)
    with pytest.raises(EngineError, match="no device runs it"):
        engine.set("pan", 0.5, 0)
    engine.close()


# Streams


def jack_cycle(engine, frames=64):
    """One cycle of the JACK callback without ports, in a thread of its own."""
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p)(
        engine.jack_callback_address
    )
    thread = threading.Thread(target=callback, args=(frames, engine.user_data))
    thread.start()
    thread.join()


def test_a_live_switch_acts_at_one_frame_and_what_is_set_after_it_stays():
    engine = new_engine()
    engine.begin(64, False)
    jack_cycle(engine)
    engine.apply(ensemble_of(2, assigner="zones"))
    engine.set("gain_db", -6.0, 0)
    read, write = (int(engine._rig.command_cursor[i]) for i in (READ, WRITE))
    words = engine._rig.command_words.reshape(-1, WORDS)
    frames = {int(words[i % len(words), 1]) for i in range(read, write)}
    assert len(frames) == 1
    assert frames.pop() > engine.frame
    for _ in range(100):
        jack_cycle(engine)
    np.testing.assert_allclose(engine._rig.parts["gain"][0], 10 ** (-6 / 20), rtol=1e-5)
    assert engine._rig.parts["active"][:3].tolist() == [1, 1, 0]
    assert engine.stats().late_events == 0
    engine.close()


def test_banks_of_an_ensemble_that_is_left_are_freed():
    engine = new_engine()
    slot = engine.add_bank(ones_bank())
    other = ensemble_of(1, assigner="zones", low=1)
    part = other.parts[0]
    engine._players.slots[part.program, part.bank, part.low, part.high] = slot
    before = set(engine._players.banks)
    engine.apply(other)
    engine.render(2 * layout.QUANTUM)
    engine.results()
    assert set(engine._players.banks) == {slot} < before
    engine.close()


def test_choices_are_whole_numbers(engine):
    with pytest.raises(ValueError, match="assigner must be a whole number, got 0.5"):
        engine.set("assigner", 0.5)


def test_without_a_stream_now_is_as_soon_as_possible(engine):
    assert engine.now_frame() < 0
    engine.midi(note_on(60))
    start = engine.frame
    engine.render(64)
    assert note_ons(engine.results())["frame"].tolist() == [start]
    assert engine.stats().late_events == 0


def test_now_is_one_block_ahead_of_the_sound(engine, monkeypatch):
    engine.begin(256, True)
    start = engine.frame
    jack_cycle(engine, 256)
    begun_ns = int(engine._state["clock_ns"])
    assert 0 <= stream_clock.clock_ns() - begun_ns < 10**10
    monkeypatch.setattr(stream_clock, "clock_ns", lambda: begun_ns + 2_000_000)
    assert engine.now_frame() == start + 256 + 96


def test_keys_keep_their_order_though_the_callback_be_late(engine):
    """Waking late, it sets the clock back; a key of before must not come after one of now."""
    engine.begin(256, True)
    jack_cycle(engine, 256)
    records = []
    for late_s in (0.001, 0.012, 0.005, 0.02, 0.006, 0.0, 0.0, 0.03, 0.6, 0.01):
        time.sleep(late_s)
        for _ in range(10):
            engine.midi(note_off(60))
            engine.midi(note_on(60))
        jack_cycle(engine, 256)
        records.append(engine.results())
    engine.render(9600)
    records.append(engine.results())
    kinds = np.concatenate(records)["kind"]
    assert kinds.tolist() == [layout.NOTE_ON, layout.NOTE_OFF] * 99 + [layout.NOTE_ON]


def test_blocks_in_bursts_do_not_bend_time(engine, monkeypatch):
    """Eight blocks at once every eight blocks' time: keys stay as far apart as they were struck."""
    engine.begin(64, False)
    for _ in range(8):
        jack_cycle(engine)
    latest_ns = int(engine._state["clock_ns"])
    found = []
    for ms in range(11):
        monkeypatch.setattr(stream_clock, "clock_ns", lambda ms=ms: latest_ns + ms * 1_000_000)
        found.append(engine.now_frame() - engine.frame)
    assert found == [48 * ms for ms in range(11)]
    monkeypatch.setattr(stream_clock, "clock_ns", lambda: latest_ns + 3_000_000_000)
    assert engine.now_frame() == engine.frame + 2400  # a stream that stands still


def test_a_stream_that_stands_still_keeps_the_order_of_keys(engine):
    engine.begin(64, False)
    jack_cycle(engine)
    engine.midi(note_on(60))
    time.sleep(0.6)
    engine.midi(note_off(60))
    engine.render(4800)
    assert engine.stats().held_notes == 0
    assert engine.results()["kind"].tolist() == [layout.NOTE_ON, layout.NOTE_OFF]


def quit_while_rendering(engine):
    """Ask for the end while a loop plays; return (in time, the audio from the request on)."""
    pieces, done = [], threading.Event()

    def run():
        while not done.is_set():
            pieces.append(engine.render(64, 64, stems=True))
            time.sleep(0.001)

    thread = threading.Thread(target=run)
    thread.start()
    in_time = engine.quit_and_wait(2.0)
    time.sleep(0.02)
    done.set()
    thread.join()
    return in_time, np.concatenate(pieces)


def test_quitting_fades_master_and_stems_and_stays_silent(engine):
    play(engine, [(0, note_on(60, 32)), (0, note_on(72, 32))], 640)
    level = engine.render(64)[-1, 0]
    in_time, audio = quit_while_rendering(engine)
    assert in_time
    assert np.abs(np.diff(audio, axis=0)).max() <= 2.1 * level / 960  # both fade at once
    assert np.all(audio[-64:] == 0)
    engine.set("master_gain_db", 6)
    engine.set("gain_db", 6, 0)
    assert np.all(engine.render(2000, stems=True)[-64:] == 0)
    assert layout.QUITTED in engine.results()["kind"]


def test_a_stream_after_a_stream_plays_as_before(engine):
    play(engine, [(0, note_on(60, 32))], 640)
    engine.set("master_gain_db", -6)
    before = engine.render(1024, stems=True)[-1]
    assert quit_while_rendering(engine)[0]
    engine.begin(64, False)
    np.testing.assert_allclose(engine.render(1024, stems=True)[-1], before, rtol=1e-4)
    assert quit_while_rendering(engine)[0]


def test_a_quit_that_no_stream_saw_does_not_silence_the_next(engine):
    """As when the server died: the request waits in the ring, and a new stream begins."""
    play(engine, [(0, note_on(60, 32))], 640)
    before = engine.render(64)[-1, 0]
    assert not engine.quit_and_wait(0.01)
    engine.begin(64, False)
    assert engine.render(6400)[-1, 0] == pytest.approx(before, rel=1e-4)
    assert quit_while_rendering(engine)[0]


def test_xruns_and_a_lost_server_are_noted_natively(engine):
    count = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(engine.xrun_callback_address)
    gone = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(engine.shutdown_callback_address)
    for _ in range(3):
        assert count(engine.user_data) == 0
    assert engine.stats().xruns == 3
    assert not engine.server_down
    gone(engine.user_data)
    assert engine.server_down
    engine.server_down = False
    assert not engine.server_down


# The end


def test_closing_twice_is_harmless_and_rendering_afterwards_refused():
    engine = new_engine(sound="soundfont", fluid=True)
    play(engine, [(0, note_on(60))], 640)
    engine.close()
    engine.close()
    with pytest.raises(RuntimeError, match="the engine is closed"):
        engine.render(64)


def test_engines_come_and_go_without_leaving_memory_behind():
    def resident_kib():
        try:
            status = Path("/proc/self/status").read_text(encoding="ascii")
        except OSError:
            return 0  # only Linux tells
        return next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line)

    def live_once():
        engine = new_engine(sound="soundfont", fluid=True, tap=True)
        play(engine, [(0, note_on(60))], 64)
        engine.close()

    for _ in range(5):
        live_once()
    before = resident_kib()
    for _ in range(10):
        live_once()
    assert resident_kib() - before < 30_000  # an engine has some 30 MB


@pytest.mark.slow
def test_ten_minutes_of_music_leave_nothing_behind():
    """Simulated: notes, bends, switches; no drift, no note left, memory flat."""
    engine = new_engine(network=True, reverb_send=0.3, chord_window_ms=20)
    random = np.random.default_rng(2)

    def minute():
        for _ in range(60):
            start = engine.frame
            for frame in random.integers(0, 40_000, 12).tolist():
                key = int(random.integers(30, 90))
                engine.midi(note_on(key), start + frame)
                engine.midi(note_off(key), start + frame + int(random.integers(100, 60_000)))
                engine.midi(controller(1, key), start + frame)
            assert np.isfinite(engine.render(48_000, 1024)).all()
            engine.results()

    first_frame = engine.frame
    minute()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(9):
        minute()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert engine.frame - first_frame == 600 * 48_000
    assert grown < 200_000
    engine.render(96_000, 1024)
    stats = engine.stats()
    assert stats.held_notes == stats.voices == stats.late_events == stats.results_dropped == 0
    assert stats.dropped_events == 0
    assert engine._rig.state[0]["queued"] == 0
    engine.close()
