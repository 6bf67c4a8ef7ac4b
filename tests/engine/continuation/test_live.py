"""Playing on with the worker that ships, on JACK: it takes over, yields, survives."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from engine.continuation.manager import Continuation
from engine.continuation.memory import plan_memory as pm
from engine.core import Engine
from engine.ensembles import load_ensemble
from engine.jack import JackDevice
from tests.engine.continuation.plan_helpers import heard
from tests.servers import JackServer

pytestmark = [pytest.mark.jack, pytest.mark.slow]
PATIENCE_S = 120.0
CHORD = (48, 55, 64, 72)


def wait(true: Callable[[], object]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.005)


@pytest.fixture
def engine(jack_server: JackServer) -> Iterator[Engine]:
    engine = Engine(jack_server.rate_hz)
    engine.apply(load_ensemble("string_quartet"))
    yield engine
    engine.close()


@pytest.fixture
def continuation(engine: Engine) -> Iterator[Continuation]:
    said: list[str] = []
    continuation = Continuation(engine, said.append)
    device = JackDevice("ripieno-test")
    device.start(engine)
    continuation.set("silence_beats", 0.5)
    continuation.set("mode", "takeover")
    wait(lambda: continuation.state()["worker"]["state"] == "ready")
    yield continuation
    continuation.close()
    device.close()


def play_chords(engine: Engine) -> None:
    begin = engine.frame + 4800
    for step in range(4):
        for pitch in CHORD:
            engine.midi(bytes((0x90, pitch + step, 80)), begin + step * 12000)
            engine.midi(bytes((0x80, pitch + step, 64)), begin + step * 12000 + 11000)


def assert_by_its_own_next_note(stopped: np.ndarray, played: np.ndarray) -> None:
    """Only the plan's next note on the same part cut these: a key anew, or a full part."""
    place = ["frame", "part"]
    assert set(stopped[place].tolist()) <= set(played[place].tolist())


def test_play_stop_takeover_play_again_yield_within_a_block(
    engine: Engine, continuation: Continuation, jack_server: JackServer
) -> None:
    memory = continuation.memory
    play_chords(engine)
    wait(lambda: len(heard(memory, pm.PLAYED)) >= 6)
    assert int(memory.header[pm.LATE]) == 0
    engine.midi(bytes((0x90, 76, 90)))
    wait(lambda: continuation.floor == "player")
    wait(lambda: len(heard(memory, pm.NOTE_ON)) == 17)
    records = heard(memory)
    mine = records[records["kind"] == pm.NOTE_ON][-1]["frame"]
    yielded = records[records["kind"] == pm.FLOOR_IS][-1]
    assert yielded["frame"] == mine
    played, stopped = heard(memory, pm.PLAYED), heard(memory, pm.STOPPED)
    assert played["frame"].max() <= mine
    before = stopped[stopped["frame"] != mine]
    assert_by_its_own_next_note(before, played)
    rings = played["beat"] + played["duration"] > yielded["beat"]
    rings &= ~np.isin(played["id"], before["id"])
    assert rings.any()
    assert sorted(stopped[stopped["frame"] == mine]["id"]) == sorted(played[rings]["id"])
    engine.midi(bytes((0x80, 76, 64)))
    wait(lambda: engine.stats().held_notes == 0 or continuation.floor == "ensemble")
    wait(lambda: continuation.floor == "ensemble")  # it answers again


def test_a_worker_killed_while_it_plays_is_not_missed(
    engine: Engine, continuation: Continuation, jack_server: JackServer
) -> None:
    memory = continuation.memory
    wait(lambda: continuation._keeper._spare is not None)
    play_chords(engine)
    wait(lambda: len(heard(memory, pm.PLAYED)) >= 4)
    killed_at = engine.frame
    continuation.kill_worker()
    wait(lambda: len(heard(memory, pm.PLAYED)) >= 4 and engine.frame > killed_at + 6 * 24000)
    wait(lambda: heard(memory, pm.PLAYED)["frame"].max() > killed_at + 4 * 24000)
    assert_by_its_own_next_note(heard(memory, pm.STOPPED), heard(memory, pm.PLAYED))
    assert continuation.floor == "ensemble"
    assert len(heard(memory, pm.NOTE_ON)) == 16
