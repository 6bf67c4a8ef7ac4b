"""A file as a live source: every event at its frame, nothing left sounding."""

import time

import numpy as np
import pytest

from engine.midi.performance import Performance, Track, new_events
from engine.midi.player import LEAD_SECONDS, Feeder, Player
from tests.engine.midi.fake_engine import FakeEngine, stuck_notes

ROWS = [
    (0.0, b"\x90\x3c\x64", 0),
    (0.0, b"\x90\x40\x64", 0),
    (0.1, b"\xb0\x40\x7f", 0),
    (0.1500001, b"\x80\x3c\x40", 0),
    (0.25, b"\x80\x40\x40", 0),
]
PIECE = Performance("piece", new_events(ROWS), (Track("Piano"),))


def test_feeding_in_any_steps_gives_every_event_once_at_its_frame() -> None:
    for step in (1, 7, 64, 4800, 100_000):
        engine = FakeEngine()
        feeder = Feeder(engine, PIECE, rate_hz=48000, start_frame=500, source=2)
        frame = 0
        while not feeder.feed(frame):
            assert all(stamp is not None and stamp < frame for _, stamp, _ in engine.got)
            frame += step
        frames = [frame for _, frame, _ in engine.got]
        assert frames == [500, 500, 5300, 7700, 12500]
        assert engine.messages == [message for _, message, _ in ROWS]
        assert {source for _, _, source in engine.got} == {2}
        assert feeder.end_frame == 12500


def test_the_frame_it_is_fed_until_is_not_included() -> None:
    engine = FakeEngine()
    feeder = Feeder(engine, PIECE, rate_hz=48000)
    feeder.feed(4800)
    assert len(engine.got) == 2
    feeder.feed(4801)
    assert len(engine.got) == 3


def test_a_full_engine_loses_notes_with_their_ends_and_delays_the_rest() -> None:
    engine = FakeEngine()
    feeder = Feeder(engine, PIECE, rate_hz=48000)
    engine.refuse_next = 1
    feeder.feed(1)
    engine.full = True
    assert not feeder.feed(48000)
    engine.full = False
    assert feeder.feed(48000)
    assert feeder.refused_notes == 1
    assert engine.messages == [b"\x90\x40\x64", b"\xb0\x40\x7f", b"\x80\x40\x40"]


def test_a_feeder_that_is_released_is_done() -> None:
    engine = FakeEngine()
    feeder = Feeder(engine, PIECE, rate_hz=48000)
    feeder.feed(6000)
    assert feeder.release(3000)
    assert feeder.done
    assert not stuck_notes(engine.messages)
    assert engine.got[-1] == (b"\xb0\x40\x00", 4800, 0)


def test_real_time_playing_stays_ahead_by_no_more_than_the_lead() -> None:
    engine = FakeEngine()
    ahead: list[float] = []
    take = engine.midi

    def midi(message: bytes, frame: int | None = None, source: int = 0) -> bool:
        assert frame is not None
        ahead.append((frame - engine.now_frame()) / engine.rate_hz)
        return take(message, frame, source)

    engine.midi = midi
    player = Player(engine, PIECE)
    player.start()
    assert player.playing
    assert player.wait(5.0)
    start = engine.got[0][1]
    assert start is not None
    offsets = [frame - start for _, frame, _ in engine.got if frame is not None]
    assert offsets[:5] == [0, 0, 4800, 7200, 12000]
    assert engine.messages[5:] == [b"\xb0\x40\x00"]  # the pedal the file left down
    assert max(ahead[:5]) <= LEAD_SECONDS + 0.001
    assert player.position_seconds == 0.25


def test_stopping_releases_what_is_held() -> None:
    engine = FakeEngine()
    rows = [(0.0, b"\x90\x3c\x64", 0), (60.0, b"\x80\x3c\x40", 0)]
    player = Player(engine, Performance("long", new_events(rows), (Track("Piano"),)))
    player.start()
    engine.wait_for(b"\x90\x3c\x64")
    begun = time.monotonic()
    player.stop()
    player.stop()
    assert time.monotonic() - begun < 1.0
    assert not player.playing
    assert not stuck_notes(engine.messages)
    on, off = engine.got
    assert on[1] is not None
    assert off[1] is not None
    assert off[1] >= on[1]


def test_stopping_insists_while_the_engine_is_full() -> None:
    engine = FakeEngine()
    rows = [(0.0, b"\x90\x3c\x64", 0), (60.0, b"\x80\x3c\x40", 0)]
    player = Player(engine, Performance("long", new_events(rows), (Track("Piano"),)))
    player.start()
    engine.wait_for(b"\x90\x3c\x64")
    engine.refuse_next = 5
    player.stop()
    assert not stuck_notes(engine.messages)


def test_an_empty_performance_ends_at_once() -> None:
    player = Player(FakeEngine(), Performance("empty", new_events([]), ()))
    player.start()
    assert player.wait(2.0)


@pytest.mark.parametrize("seconds", [3600.0, 6 * 3600.0])
def test_frames_stay_exact_over_hours(seconds: float) -> None:
    engine = FakeEngine()
    rows = [(seconds, b"\x90\x3c\x64", 0)]
    Feeder(engine, Performance("late", new_events(rows), ()), rate_hz=44100).feed(2**40)
    assert engine.got[0][1] == np.rint(seconds * 44100)
