"""The continuation's manager: its worker is started, told, asked, replaced when it dies."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest

from engine.continuation import keeper
from engine.continuation.manager import FAILED, OFF, READY, Continuation, ContinuationError
from engine.continuation.memory import plan_memory as pm
from tests.engine.continuation.plan_helpers import BEAT, heard
from tests.engine.rig_helpers import new_engine, note_off, note_on, play

COMMAND = (sys.executable, "-m", "tests.engine.continuation.scale_worker")
PATIENCE_S = 60.0


class Played:
    """An engine with a continuation, and what it said."""

    def __init__(self, *flags: str, offline: bool = False) -> None:
        self.engine = new_engine()
        self.said: list[str] = []
        self.plans: list[dict] = []
        self.changes = 0
        self.continuation = Continuation(
            self.engine,
            self.said.append,
            self.changed,
            self.plans.append,
            offline=offline,
            command=(*COMMAND, *flags),
        )

    def changed(self) -> None:
        self.changes += 1

    @property
    def worker(self) -> dict:
        return self.continuation.state()["worker"]

    def wait(self, done: Callable[[], object], render: bool = False) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < end_s, (self.continuation.state(), self.said)
            if render:
                self.engine.render(480)
            time.sleep(0.01)

    def close(self) -> None:
        self.continuation.close()
        self.engine.close()


@pytest.fixture
def played():
    made: list[Played] = []

    def make(*flags: str, **more) -> Played:
        made.append(Played(*flags, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def phrase(player: Played) -> None:
    play(player.engine, [(0, note_on(64)), (BEAT, note_off(64))], BEAT + 64)


def test_nothing_is_started_before_it_is_wanted(played):
    player = played()
    player.continuation.noticed()
    assert player.worker["state"] == OFF
    assert not player.continuation._keeper.working
    player.continuation.set("mode", "takeover")
    player.wait(lambda: player.worker["state"] == READY)
    assert player.worker == {
        "state": "ready",
        "message": "",
        "model": "scale",
        "notes_per_s": 1234.5,
    }
    assert player.changes >= 2


def test_it_plans_and_the_ensemble_plays_on(played):
    player = played()
    player.continuation.set("mode", "takeover")
    player.wait(lambda: player.worker["state"] == READY)
    player.engine.render(64)
    phrase(player)
    memory = player.continuation.memory
    player.wait(lambda: len(heard(memory, pm.PLAYED)) > 5, render=True)
    assert player.continuation.floor == "ensemble"
    player.wait(lambda: player.plans)
    plan = player.continuation.plan()
    assert plan["serial"] >= 1
    assert len(plan["notes"][0]) == 5
    play(player.engine, [(0, note_on(70))], 256)
    assert player.continuation.floor == "player"


def test_the_worker_is_told_everything_and_each_change_once(played):
    player = played()
    player.continuation.set("mode", "takeover")
    player.wait(lambda: player.worker["state"] == READY)
    player.continuation.tend()
    player.continuation.set("mode", "trade")
    player.wait(lambda: "mode is trade" in player.said)
    player.continuation.tend()
    player.engine.set("continues", 0, 2)
    player.continuation.noticed()
    player.wait(lambda: player.said.count("mode is trade") == 2)
    line = player.continuation._line()
    assert line["do"] == "set"
    assert [part["continues"] for part in line["parts"]] == [True, True, False, True]
    assert set(line["parts"][0]) == {
        *("name", "program", "bank", "low", "high", "polyphony", "continues")
    }
    assert (line["silence_beats"], line["memory_beats"], line["seed"]) == (2.0, 64, 0)
    assert player.continuation.state()["parts"] == [True, True, False, True]


def test_a_worker_that_dies_is_replaced_at_once_and_goes_on_from_what_was_heard(played):
    player = played()
    player.continuation.set("mode", "takeover")
    player.wait(lambda: player.worker["state"] == READY)
    player.wait(lambda: player.continuation._keeper._spare is not None)
    phrase(player)
    memory = player.continuation.memory
    player.wait(lambda: len(heard(memory, pm.PLAYED)) > 3, render=True)
    player.continuation.kill_worker()
    player.wait(lambda: any("another goes on" in sentence for sentence in player.said))
    count = len(heard(memory, pm.PLAYED))
    player.wait(lambda: len(heard(memory, pm.PLAYED)) > count + 20, render=True)
    player.wait(lambda: player.worker["state"] == READY)
    assert len(heard(memory, pm.NOTE_ON)) == 1, "the past is still there"


def test_the_next_worker_is_ready_however_long_the_loss_takes_to_tell(played, monkeypatch):
    player = played()
    player.continuation.set("mode", "takeover")
    player.wait(lambda: player.worker["state"] == READY)
    keeper_of = player.continuation._keeper
    player.wait(lambda: keeper_of._spare is not None)
    lost = keeper_of._lost

    def slowly(another: bool) -> None:
        time.sleep(0.5)
        lost(another)

    monkeypatch.setattr(keeper_of, "_lost", slowly)
    player.continuation.kill_worker()
    player.wait(lambda: any("another goes on" in sentence for sentence in player.said))
    player.wait(lambda: player.worker["state"] == READY)


def test_a_worker_that_hangs_is_ended(played, monkeypatch):
    monkeypatch.setattr(keeper, "HANG_S", 0.5)
    player = played()
    player.continuation.set("mode", "takeover")
    player.wait(lambda: player.worker["state"] == READY)
    player.continuation._keeper.ask(do="hang")
    end_s = time.monotonic() + PATIENCE_S
    while not any("another goes on" in sentence for sentence in player.said):
        assert time.monotonic() < end_s
        player.continuation.tend()
        time.sleep(0.1)
    player.wait(lambda: player.worker["state"] == READY)


def test_one_that_dies_again_and_again_is_given_up_with_a_sentence(played):
    player = played()
    player.continuation.set("mode", "takeover")
    for _ in range(keeper.TRIES):
        player.wait(lambda: player.worker["state"] in (READY, FAILED))
        player.continuation._keeper.ask(do="crash")
        said = len(player.said)
        player.wait(lambda said=said: len(player.said) > said)
    player.wait(lambda: player.worker["state"] == FAILED)
    assert "plays on no more" in player.said[-1]
    player.continuation.set("mode", "off")
    player.continuation.set("mode", "takeover")
    player.wait(lambda: player.worker["state"] == READY)


def test_faults_that_are_far_apart_are_no_reason_to_give_up(played, monkeypatch):
    monkeypatch.setattr(keeper, "STEADY_S", 0.0)
    monkeypatch.setattr(keeper, "TRIES", 2)
    player = played()
    player.continuation.set("mode", "takeover")
    for count in range(1, 4):
        player.wait(lambda: player.worker["state"] == READY)
        player.continuation._keeper.ask(do="crash")
        player.wait(lambda count=count: sum("another goes on" in s for s in player.said) == count)
    player.wait(lambda: player.worker["state"] == READY)


def test_a_worker_that_cannot_work_says_why_and_is_not_started_again(played):
    player = played("--fail")
    player.continuation.set("mode", "takeover")
    player.wait(lambda: player.worker["state"] == FAILED)
    assert player.worker["message"] == "there is no model here"
    assert player.said == ["The ensemble cannot play on: there is no model here"]
    player.continuation.tend()
    assert player.worker["state"] == FAILED


def test_nonsense_from_a_worker_is_passed_over(played):
    player = played("--mad")
    player.continuation.set("mode", "takeover")
    player.wait(lambda: player.worker["state"] == READY)
    assert all(len(note) == 5 for note in player.continuation.plan()["notes"])
    assert player.said == []


def test_offline_it_plans_when_it_is_asked(played):
    player = played(offline=True)
    player.continuation.set("mode", "takeover")
    phrase(player)
    assert player.continuation.plan_until(4.0, 12.0) == 16
    player.engine.render(14 * BEAT)
    played_notes = heard(player.continuation.memory, pm.PLAYED)
    assert played_notes["beat"].tolist() == [4.0 + i / 2 for i in range(16)]


def test_offline_without_a_worker_that_works_there_is_an_error(played):
    player = played("--fail", offline=True)
    player.continuation.set("mode", "takeover")
    with pytest.raises(ContinuationError, match="there is no model here"):
        player.continuation.plan_until(4.0, 12.0)


def test_starting_needs_a_mode_and_settings_have_ranges(played):
    player = played()
    with pytest.raises(ContinuationError, match="takeover, trade, accompany, vary"):
        player.continuation.start()
    with pytest.raises(ContinuationError, match="'sing' is not one of"):
        player.continuation.set("mode", "sing")
    with pytest.raises(ContinuationError, match="volume"):
        player.continuation.set("volume", 3)
    with pytest.raises(ValueError, match=r"0\.1 to 2"):
        player.continuation.set("temperature", 3.0)


def test_closing_ends_the_processes_and_removes_the_memory(played):
    player = played()
    player.continuation.set("mode", "takeover")
    player.wait(lambda: player.worker["state"] == READY)
    player.wait(lambda: player.continuation._keeper._spare is not None)
    processes = [player.continuation._keeper._worker, player.continuation._keeper._spare]
    player.continuation.close()
    player.continuation.close()
    for process in processes:
        assert process is not None
        assert process._process.poll() is not None
    assert not player.continuation.memory.path.exists()
