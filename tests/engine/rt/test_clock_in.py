"""MIDI clock in: tempo within 0.1 bpm two bars after any change, place, start, stop, loss."""

import numpy as np
import pytest

from engine.core import Engine
from engine.transport import reported
from tests.engine.rig_helpers import Saved, new_engine

RATE_HZ = 48000
TWO_BARS = 8 * 24
REACH_BPM = 0.1
START, CONTINUE, STOP, TICK = b"\xfa", b"\xfb", b"\xfc", b"\xf8"


@pytest.fixture(scope="module")
def made():
    engine = new_engine(fluid=False)
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def engine(made) -> Engine:
    engine, saved = made
    saved.restore()
    engine.set("sync_source", 2)
    engine.render(64)
    engine.results()
    return engine


def follow(engine: Engine, frames, message: bytes = TICK) -> list[float]:
    """Send ticks at frames (from now); the tempo after each."""
    start, tempos = engine.frame, []
    for frame in np.asarray(frames).astype(int) + start:
        engine.clock(message, int(frame))
        engine.render(max(int(frame) - engine.frame + 1, 0), 256)
        tempos.append(engine.transport().tempo_bpm)
    return tempos


def jittered(tempos_bpm, seed: int, sd_s: float = 0.001) -> np.ndarray:
    """Frames of ticks, each with its tempo until the next, off by a normal error."""
    periods = 60.0 * RATE_HZ / np.asarray(tempos_bpm, float) / 24
    exact = 2000 + np.concatenate([[0], np.cumsum(periods)[:-1]])
    errors = np.random.default_rng(seed).normal(0, sd_s * RATE_HZ, len(exact))
    return np.sort(np.round(exact + errors))


@pytest.mark.parametrize("tempo_bpm", [60, 81.7, 120, 160, 200])
@pytest.mark.parametrize("seed", range(3))
def test_tempo_is_found_within_two_bars(engine, tempo_bpm, seed):
    tempos = follow(engine, jittered([tempo_bpm] * (TWO_BARS + 96), seed))
    assert np.abs(np.array(tempos[TWO_BARS:]) - tempo_bpm).max() < REACH_BPM


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("change", [(120, 120.3), (120, 121), (90, 140), (200, 63), (60, 61)])
def test_a_change_of_tempo_is_followed_within_two_bars(engine, change, seed):
    before, after = change
    wanted = [before] * 250 + [after] * (TWO_BARS + 60)
    tempos = np.array(follow(engine, jittered(wanted, seed)))
    assert np.abs(tempos[TWO_BARS:250] - before).max() < REACH_BPM
    assert np.abs(tempos[250 + TWO_BARS :] - after).max() < REACH_BPM


@pytest.mark.parametrize("sd_s", [0.0, 0.001])
def test_the_place_is_that_of_the_ticks(engine, sd_s):
    """From start on, tick n is beat n / 24, to a fraction of its own jitter."""
    frames = jittered([100] * 400, 7, sd_s)
    start = engine.frame
    engine.clock(START, start + 100)
    follow(engine, frames)
    now = engine.transport()
    exact = 2000 + start + 400 * 60 * RATE_HZ / 100 / 24
    error_s = (now.frame_at(400 / 24) - exact) / RATE_HZ
    assert abs(error_s) < (0.0006 if sd_s else 0.00005)
    assert now.rolling
    assert now.locked


def test_start_waits_for_its_first_tick(engine):
    start = engine.frame
    engine.clock(START, start + 10)
    engine.render(5000)
    assert not engine.transport().rolling
    engine.clock(TICK, start + 6000)
    engine.render(2000)
    now = engine.transport()
    assert now.rolling
    assert now.beat_at(start + 6000) == pytest.approx(0.0, abs=1e-6)


def test_stop_continue_and_song_position(engine):
    engine.clock(START)
    follow(engine, 1000 * np.arange(1, 31))
    engine.clock(STOP)
    engine.render(64)
    stood = engine.transport()
    assert not stood.rolling
    assert stood.beat == pytest.approx(29 / 24, abs=0.05)
    engine.clock(CONTINUE)
    follow(engine, 1000 * np.arange(1, 3))
    assert engine.transport().beat == pytest.approx(31 / 24, abs=0.05)
    engine.clock(STOP)
    engine.clock(bytes((0xF2, 5, 1)))  # 133 sixteenths
    engine.render(64)
    assert engine.transport().beat == 133 / 4
    engine.clock(CONTINUE)
    follow(engine, [1000])
    now = engine.transport()
    assert now.beat_at(now.frame - 1) == pytest.approx(133 / 4, abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_a_start_with_the_clocks_phase_anew_keeps_its_tempo(engine, seed):
    follow(engine, jittered([133] * 200, seed))
    engine.clock(START)
    last = engine.frame + 700 + 59 * 60 * RATE_HZ / 133 / 24
    tempos = follow(engine, 700 + jittered([133] * 60, seed + 10) - 2000)
    assert np.abs(np.array(tempos) - 133).max() < 1.0
    assert engine.transport().beat_at(last) == pytest.approx(59 / 24, abs=0.003)


def test_a_clock_joined_on_the_way_keeps_the_beat(engine):
    engine.set("sync_source", 0)
    engine.set("rolling", 1)
    engine.locate(3.2)
    engine.render(640)
    before = engine.transport()
    engine.set("sync_source", 2)
    follow(engine, 1000 * np.arange(1, 49))
    after = engine.transport()
    assert after.rolling
    assert after.beat == pytest.approx(before.beat_at(after.frame), abs=0.5 / 24 + 0.001)


def test_ticks_of_a_clock_that_does_not_lead_change_nothing(engine):
    engine.set("sync_source", 0)
    engine.clock(START)
    follow(engine, 1500 * np.arange(1, 49))
    now = engine.transport()
    assert (now.tempo_bpm, now.rolling, now.beat) == (120.0, False, 0.0)


def test_a_clock_that_vanishes_leaves_its_tempo_and_comes_back(engine):
    engine.clock(START)
    follow(engine, 900 * np.arange(1, 201))
    engine.results()
    before = engine.transport()
    assert before.locked
    engine.render(RATE_HZ)
    lost = engine.transport()
    assert not lost.locked
    assert lost.rolling
    assert lost.tempo_bpm == pytest.approx(60 * RATE_HZ / 900 / 24, abs=0.01)
    assert lost.beat == pytest.approx(before.beat_at(lost.frame), abs=1e-3)
    assert [move.locked for move in reported(engine.results(), RATE_HZ)] == [False]
    follow(engine, 900 * np.arange(1, 30))
    back = engine.transport()
    assert back.locked
    assert back.beat == pytest.approx(lost.beat_at(back.frame), abs=0.5 / 24 + 0.002)


def test_the_users_own_start_waits_for_a_tick(engine):
    follow(engine, 1000 * np.arange(1, 49))
    engine.set("rolling", 1)
    engine.render(10)
    assert not engine.transport().rolling
    follow(engine, [900])
    assert engine.transport().rolling


def test_a_clock_passes_through_and_no_tick_is_lost_or_doubled(engine):
    engine.midi_out()
    engine.set("clock_out", 1)
    engine.clock(START)
    follow(engine, jittered([120] * 200 + [150] * 100, 5))
    engine.render(200)
    sent = [record["data"][: record["size"]].tobytes() for record in engine.midi_out()]
    begun = sent.index(START)
    assert sent[begun + 1 :].count(TICK) == 300
    assert all(message == TICK for message in sent[begun + 1 :])


def test_garbage_is_harmless(engine):
    for message in (b"\xf2", b"\xf2\x7f\x7f", b"\xf9", b"\xff", START, START, STOP, CONTINUE):
        engine.clock(message)
    engine.render(6400)
    follow(engine, [10, 10, 10, 11, 5000, 5000, 9000])
    assert 0 < engine.transport().tempo_bpm < 1e7
