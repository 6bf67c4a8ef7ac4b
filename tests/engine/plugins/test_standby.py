"""Chains loaded ahead: heard at once when they are wanted, ended when they are not."""

import os
import signal
from collections.abc import Iterator

import pytest

from engine.plugins.chain import ChainSpec, PluginSpec
from tests.engine.plugins.callback_role import wait_until
from tests.engine.plugins.test_manager import Rig, alive, maps

QUIET = ChainSpec((PluginSpec("pedalboard:Gain", parameters={"gain_db": 0.5}),))
LOUD = ChainSpec((PluginSpec("pedalboard:Gain", parameters={"gain_db": 0.9}),))


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


def waiting(rig: Rig) -> list:
    return rig.plugins._standby._waiting


def test_what_was_prepared_runs_at_once(rig: Rig) -> None:
    rig.plugins.prepare([QUIET, LOUD])
    wait_until(lambda: all(w.ready for w in waiting(rig)), 20.0)
    pids = [w.host.pid for w in waiting(rig)]
    assert rig.plugins.state() == {}
    assert rig.said == []
    rig.plugins.set_chain("send a", LOUD)
    state = rig.plugins.state()["send a"]
    assert (state["state"], state["pid"]) == ("running", pids[1])
    wait_until(lambda: rig.plugins.state()["send a"].get("heard"), 20.0)
    assert [w.host.pid for w in waiting(rig)] == pids[:1]
    os.kill(pids[1], signal.SIGKILL)  # from now on it is like any other
    rig.wait_to_hear("It is bypassed and starts again")
    wait_until(lambda: rig.plugins.state()["send a"]["state"] == "running", 20.0)


def test_what_is_wanted_before_it_is_loaded_is_heard_when_it_is(rig: Rig) -> None:
    rig.plugins.prepare([QUIET])
    (pid,) = (w.host.pid for w in waiting(rig))
    rig.plugins.set_chain("part 1", QUIET)
    assert rig.plugins.state()["part 1"]["state"] == "loading"
    wait_until(lambda: rig.plugins.state()["part 1"].get("heard"), 20.0)
    assert rig.plugins.state()["part 1"]["pid"] == pid


def test_others_end_and_those_that_stay_are_not_loaded_anew(rig: Rig) -> None:
    before = maps()
    rig.plugins.prepare([QUIET, LOUD])
    first, second = (w.host.pid for w in waiting(rig))
    rig.plugins.prepare([LOUD])
    assert [w.host.pid for w in waiting(rig)] == [second]
    wait_until(lambda: not alive(first), 5.0)
    rig.plugins.prepare([LOUD, LOUD])  # for two slots
    assert len({w.host.pid for w in waiting(rig)} | {second}) == 2
    rig.plugins.prepare([])
    wait_until(lambda: not alive(second), 5.0)
    assert maps() <= before


def test_one_that_fails_while_it_waits_is_loaded_when_it_is_wanted(rig: Rig) -> None:
    rig.plugins.prepare([QUIET])
    wait_until(lambda: all(w.ready for w in waiting(rig)), 20.0)
    (dead,) = waiting(rig)
    dead.host.kill()
    wait_until(lambda: dead.failed, 5.0)
    assert rig.said == []  # nobody heard it
    rig.plugins.set_chain("master", QUIET)
    wait_until(lambda: rig.plugins.state()["master"].get("heard"), 20.0)
    assert rig.plugins.state()["master"]["pid"] != dead.host.pid


def test_a_plugin_nobody_knows_is_passed_over_and_the_others_are_prepared(rig: Rig) -> None:
    unknown = ChainSpec((PluginSpec("no such plugin anywhere"),))
    rig.plugins.prepare([unknown, QUIET])
    assert [w.spec for w in waiting(rig)] == [QUIET]
    assert rig.said == []
