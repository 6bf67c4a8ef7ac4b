"""Following the player: notes in, tempo and beat out; no beat and no tick is lost."""

import math
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from engine.beat_tracking import Beat
from engine.core import Engine
from engine.following import AHEAD_S, Follower, Steering
from engine.rt import layout
from engine.session import Session
from engine.settings import Settings
from engine.transport import Transport, reported
from tests.engine.rig_helpers import Saved, new_engine
from tests.engine.test_beat_tracking import MUSIC
from tests.engine.test_jack import wait_until

RATE = 48000
STEP = 960  # frames between two looks of the follower


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Engine, Saved]]:
    engine = new_engine(fluid=False)
    engine.midi_out()
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def engine(made: tuple[Engine, Saved]) -> Engine:
    _, saved = made
    return saved.restore()


class Player:
    """An engine that is played on and followed, without a device and without threads."""

    def __init__(self, engine: Engine, tempo_bpm: float | None = None) -> None:
        self.engine = engine
        engine.set("sync_source", 4)
        engine.set("clock_out", 1)
        engine.render(64)
        engine.midi_out()
        self.follower = Follower(engine, tempo_bpm)
        self.start = engine.frame
        self.moves: list[Transport] = []
        self.ticks: list[int] = []
        self.messages: list[str] = []

    def play(self, notes: list[tuple[float, int]], until_s: float) -> None:
        """Notes (second, key) from the start on; a tenth of a second long each."""
        due = [(self.start + round(s * RATE), key) for s, key in notes]
        for frame, key in due:
            self.engine.midi(bytes((0x90, key, 80)), frame)
            self.engine.midi(bytes((0x80, key, 0)), frame + RATE // 20)
        while self.engine.frame < self.start + until_s * RATE:
            self.engine.render(STEP, 240)
            results = self.engine.results()
            self.moves += reported(results, RATE)
            for record in self.engine.midi_out():
                message = record["data"][: record["size"]].tobytes().hex()
                if message == "f8":
                    self.ticks.append(int(record["frame"]))
                elif message[0] == "f":
                    self.messages.append(message)
            self.follower.feed(results)
            self.follower.work()

    def beat_at(self, second: float) -> float:
        """The transport's beat at a second of the start, by its last report before it."""
        frame = self.start + second * RATE
        return [move for move in self.moves if move.frame <= frame][-1].beat_at(frame)


def at_tempo(tempo_bpm: float, bars: int = 8, from_s: float = 0.5) -> list[tuple[float, int]]:
    random = np.random.default_rng(4)
    return sorted(
        (from_s + beat * 60.0 / tempo_bpm + random.normal(0.0, 0.008), key)
        for beat, key in MUSIC
        if beat < 4.0 * bars
    )


def beat(phase: float, tempo_bpm: float, confidence: float = 1.0) -> Beat:
    return Beat(0.0, phase, 60.0 / tempo_bpm, confidence, 0.0, 4)


def test_the_transport_begins_with_the_first_note_and_comes_to_the_players_tempo(engine) -> None:
    player = Player(engine)
    player.play(at_tempo(90.0), 16.0)
    assert engine.transport().rolling
    assert engine.transport().locked
    assert player.moves[0].beat_at(player.moves[0].frame) == pytest.approx(0.0, abs=1e-6)
    rolled = next(move for move in player.moves if move.rolling)
    assert abs(rolled.frame - player.start - 0.5 * RATE) < 0.06 * RATE
    assert engine.transport().tempo_bpm == pytest.approx(90.0, rel=0.06)
    off = [player.beat_at(0.5 + beat * 60.0 / 90.0) - beat for beat in range(10, 22)]
    assert np.ptp(off) < 0.12
    assert abs(np.median(off) - round(np.median(off))) < 0.06


def test_the_beat_never_goes_back_and_no_tick_is_lost_or_doubled(engine) -> None:
    player = Player(engine)
    slow = at_tempo(84.0, bars=4)
    fast = at_tempo(124.0, bars=4, from_s=slow[-1][0] + 0.9)  # another tempo, out of phase
    player.play(slow + fast, 20.0)
    for before, after in zip(player.moves, player.moves[1:], strict=False):
        assert after.beat == pytest.approx(before.beat_at(after.frame), abs=1e-6)
    beats = [player.beat_at(s) for s in np.arange(0.6, 20.0, 0.01)]
    assert np.all(np.diff(beats) > 0.0)
    assert player.messages == ["fa"]  # begun once, never told to go elsewhere
    first = next(move.frame for move in player.moves if move.rolling)
    rolling = [tick for tick in player.ticks if tick >= first]
    last = player.moves[-1].beat_at(engine.frame - 1)
    assert len(rolling) == math.floor(last * 24.0) + 1


def test_without_notes_the_beat_goes_on_in_the_last_tempo(engine) -> None:
    player = Player(engine)
    player.play(at_tempo(100.0, bars=4), 11.0)
    tempo_bpm, confident = engine.transport().tempo_bpm, player.follower.confidence
    assert confident > 0.3
    before = engine.transport()
    player.play([], 21.0)
    assert engine.transport().tempo_bpm == pytest.approx(tempo_bpm, rel=0.01)
    assert engine.transport().beat == pytest.approx(before.beat_at(engine.frame), abs=0.2)
    assert player.follower.confidence < 0.5 * confident


def test_what_the_ensemble_plays_is_not_heard(engine) -> None:
    player = Player(engine)
    for i in range(20):
        engine.part_midi(0, bytes((0x90, 60, 80)), player.start + i * 12000)
        engine.part_midi(0, bytes((0x80, 60, 0)), player.start + i * 12000 + 6000)
    player.play([], 6.0)
    assert not engine.transport().rolling
    assert player.follower.confidence == 0.0


def test_of_what_is_reported_only_the_players_notes_are_taken(engine) -> None:
    follower = Follower(engine)
    records = np.zeros(6, layout.RESULT)
    records["kind"] = layout.NOTE_ON
    records["frame"] = 96000 + 24000 * np.arange(6)
    records["a"], records["b"] = 60, 80
    records["c"] = layout.BY_ENSEMBLE
    follower.feed(records)
    follower.work()
    assert follower.confidence == 0.0
    assert not engine.transport().rolling
    records["c"] = layout.BY_NETWORK
    follower.feed(records)
    follower.work()
    assert follower.confidence > 0.0


def test_after_a_stop_notes_start_it_again_only_after_a_pause(engine) -> None:
    player = Player(engine)
    player.play(at_tempo(100.0, bars=2), 2.0)
    engine.set("rolling", 0)
    player.follower.stopped()
    player.play([], 5.4)  # the rest of the two bars
    assert not engine.transport().rolling
    stood = engine.transport().beat
    player.play([(8.5, 60)], 9.0)
    now = engine.transport()
    assert now.rolling
    whole = now.beat_at(player.start + (8.5 + STEP / RATE + AHEAD_S) * RATE)
    assert whole == pytest.approx(math.ceil(stood), abs=0.1)


def test_a_tempo_the_player_sets_is_expected(engine) -> None:
    player = Player(engine)
    player.follower.set_tempo(60.0)
    player.play(at_tempo(120.0, bars=6), 12.0)
    assert engine.transport().tempo_bpm == pytest.approx(60.0, rel=0.06)


def test_steering_catches_up_by_tempo_alone_and_trusts_what_is_sure() -> None:
    on_time = Steering(120.0).tempo(beat(0.0, 120.0), 0.0, 8.0)
    behind = Steering(120.0).tempo(beat(0.1, 120.0), 0.0, 8.0)
    unsure = Steering(120.0).tempo(beat(0.1, 120.0, confidence=0.1), 0.0, 8.0)
    ahead = Steering(120.0).tempo(beat(0.0, 120.0), 0.0, 8.1)
    nearest = Steering(120.0).tempo(beat(0.9, 120.0), 0.0, 8.0)
    assert on_time == pytest.approx(120.0)
    assert behind > unsure > 120.0 > ahead
    assert nearest < 120.0  # the beat to come is further than the one that was
    assert Steering(120.0).tempo(beat(0.0, 60.0, confidence=0.0), 0.0, 8.0) == 120.0
    assert Steering(390.0).tempo(beat(0.4, 390.0), 0.0, 8.0) == 400.0


@pytest.mark.slow
def test_a_session_follows_live_says_so_and_leaves_no_thread() -> None:
    said: list[str] = []
    settings = Settings(output="none", input_port="none", sync_source="playing")
    with Session(settings, say=said.append) as session:
        engine = session.engine
        assert session.state()["transport"]["sync_source"] == "playing"
        assert session.state()["transport"]["follow"] == {"confidence": 0.0}
        start = engine.now_frame() + engine.rate_hz // 2
        for second, key in at_tempo(96.0, bars=12):
            frame = start + round(second * engine.rate_hz)
            wait_until(lambda frame=frame: engine.frame > frame - engine.rate_hz)
            engine.midi(bytes((0x90, key, 80)), frame)
            engine.midi(bytes((0x80, key, 0)), frame + 4000)
            if session.sync.confidence > 0.5 and abs(engine.transport().tempo_bpm - 96.0) < 3.0:
                break
        assert wait_until(lambda: abs(engine.transport().tempo_bpm - 96.0) < 3.0)
        assert engine.transport().rolling
        assert wait_until(lambda: any(s.startswith("Your playing leads") for s in said))
        session.set("sync_source", 0)
        assert session.state()["transport"]["follow"] == {"confidence": 0.0}
    assert "follower" not in {thread.name for thread in threading.enumerate()}
