"""What changes by itself is told to remotes, which ask for nothing again and again."""

import dataclasses
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from engine.plugins.chain import ChainSpec
from engine.recorder import RecorderSettings
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from tests.engine.test_remote import Remote

ON, OFF = bytes([0x90, 60, 90]), bytes([0x80, 60, 64])
PATIENCE_S, LEASE_S = 50.0, 60.0


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    short = dataclasses.replace(RecorderSettings(), silence_seconds=0.3)
    monkeypatch.setattr("engine.recorder.RecorderSettings", lambda: short)
    settings = Settings(
        output="none",
        input_port="none",
        soundfont=bundled_soundfont(),
        osc_port=0,
        record=True,
        takes_folder=tmp_path,
    )
    with Session(settings) as session:
        yield session


@pytest.fixture
def told(session: Session) -> Iterator[Callable[[str, Callable[[Any], bool]], None]]:
    """Wait until a section is as wanted; it is asked for only when something was told of it."""
    listening, asking = Remote(session.osc_port), Remote(session.osc_port)
    assert listening.question("/ripieno/subscribe", "changes", LEASE_S)[0] == "/ripieno/subscribed"
    listening.socket.settimeout(PATIENCE_S)

    def wait(section: str, true: Callable[[Any], bool]) -> None:
        end_s = time.monotonic() + PATIENCE_S
        listening.send("/ripieno/subscribe", ("s", "changes"), ("f", LEASE_S))
        while time.monotonic() < end_s:
            address, values = listening.hear()
            if address == "/ripieno/changed" and values[0] == section:
                answer = asking.question("/ripieno/state", section)
                if true(json.loads(answer[1][0])[section]):
                    return
        raise AssertionError(f"nothing was told of {section}")

    yield wait
    listening.socket.close()
    asking.socket.close()


def test_a_take_is_told_when_it_begins_when_it_is_whole_and_when_it_is_kept(
    session: Session, told
) -> None:
    session.inputs.play_key(ON)
    told("recorder", lambda recorder: recorder["recording"])
    session.inputs.play_key(OFF)
    told("recorder", lambda recorder: len(_complete(session)) == 1)
    session.keep(2.0)
    told("recorder", lambda recorder: len(_complete(session)) == 2)


def test_a_take_that_ends_is_told_at_once(session: Session, told) -> None:
    session.inputs.play_key(ON)
    told("recorder", lambda recorder: recorder["recording"])
    session.inputs.play_key(OFF)
    told("recorder", lambda recorder: not recorder["recording"] and recorder["folder"] != "")


def _complete(session: Session) -> list[dict[str, Any]]:
    return [take for take in session.recordings.list() if take["complete"]]


def test_a_clock_that_comes_and_goes_is_told(session: Session, told) -> None:
    session.sync.set_source("midi_clock")
    ended = threading.Event()

    def tick() -> None:
        session.engine.clock(b"\xfa")
        while not ended.wait(0.025):
            session.engine.clock(b"\xf8")

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        told("transport", lambda transport: transport["locked"])
    finally:
        ended.set()
        thread.join()
    told("transport", lambda transport: not transport["locked"])


@pytest.mark.slow
def test_a_host_that_starts_and_dies_is_told(session: Session, told) -> None:
    gain = ChainSpec.from_table({"plugins": [{"path": "pedalboard:Gain"}]})
    session.plugins.set_chain("send a", gain)
    told("chains", lambda chains: chains["send a"]["state"] == "running")
    os.kill(session.plugins.state()["send a"]["pid"], signal.SIGKILL)
    again = ("running", 1)
    told("chains", lambda chains: itemgetter("state", "restarts")(chains["send a"]) == again)


def test_nothing_is_looked_at_for_nobody(session: Session) -> None:
    looked = []
    session.announcer.look({"recorder": lambda _: looked.append(1)})
    assert looked == []
    remote = Remote(session.osc_port)
    assert remote.question("/ripieno/subscribe", "changes", 1.0)[0] == "/ripieno/subscribed"
    session.announcer.look({"recorder": lambda _: looked.append(1)})
    assert looked == [1]
    remote.socket.close()
