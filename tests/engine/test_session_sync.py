"""A session with a clock and MIDI out: what it is started with, what it says, what it leaves."""

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine.errors import RipienoError
from engine.session import Session
from engine.settings import Settings
from tests.engine.test_jack import wait_until
from tests.midi_ear import listening
from tests.servers import JackServer

SILENT: dict[str, Any] = {"output": "none", "input_port": "none"}


@pytest.fixture
def said() -> list[str]:
    return []


def test_a_session_follows_a_clock_and_says_when_it_is_gone(said: list[str]) -> None:
    settings = Settings(**SILENT, sync_source="midi_clock", clock_out=True)
    with Session(settings, say=said.append) as session:
        session.engine.clock(b"\xfa")
        start = session.engine.now_frame() + 4800
        for tick in range(40):
            session.engine.clock(b"\xf8", start + tick * 900)
        assert wait_until(lambda: session.engine.transport().locked)
        assert wait_until(lambda: any("MIDI clock is gone" in s for s in said))
        state = session.state()["transport"]
        assert (state["sync_source"], state["rolling"]) == ("midi_clock", True)
        assert state["tempo_bpm"] == pytest.approx(60 * session.engine.rate_hz / 900 / 24, abs=0.1)
        assert session.get("clock_out") == 1
    leads = next(s for s in said if s.startswith("The MIDI clock leads"))
    assert leads.endswith("bpm.")


def test_parts_may_go_out_alone(said: list[str]) -> None:
    with Session(Settings(**SILENT, midi_only=True), say=said.append) as session:
        assert {part.sound for part in session.ensemble.parts} == {"midi"}
        session.engine.midi_out()
        session.engine.midi(bytes((0x90, 60, 100)))
        found: list[bytes] = []

        def heard() -> bool:
            found.extend(r["data"][: r["size"]].tobytes() for r in session.engine.midi_out())
            return any(message[0] & 0xF0 == 0x90 for message in found)

        assert wait_until(heard)
        assert np.abs(session.engine.stats().peak).max() == 0


def test_jack_that_is_not_there_is_one_sentence() -> None:
    with (
        pytest.raises(RipienoError, match="JACK's transport needs JACK: play with --out jack"),
        Session(Settings(**SILENT, sync_source="jack")),
    ):
        pass


@pytest.fixture
def playing(jack_server: JackServer) -> Iterator[subprocess.Popen[str]]:
    """`ripieno play` on the server, its parts on ports, its clock out, JACK's timebase master."""
    command = ["play", "--out", "jack", "--midi-out", "ports", "--midi-only", "--clock-out"]
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "engine.cli",
            *command,
            "--jack-master",
            "--no-record",
            "--osc-port",
            "0",
        ],
        env=jack_server.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        jack_server.wait_for("ripieno:midi_out_16", 60.0)
        try:
            yield program
        finally:
            program.terminate()
            program.wait(20)


@pytest.mark.slow
@pytest.mark.jack
def test_the_command_line_plays_out_and_leads_jack(
    jack_server: JackServer, playing: subprocess.Popen[str]
) -> None:
    def tell_jack(*commands: str) -> None:
        text = "".join(f"{command}\n" for command in (*commands, "quit"))
        subprocess.run(
            ["jack_transport"], env=jack_server.env, input=text, text=True, capture_output=True
        )

    time.sleep(1.0)
    with listening(jack_server.env, "ripieno:midi_out") as heard:
        tell_jack("locate 0", "play")
        time.sleep(1.0)
        tell_jack("stop")
        time.sleep(0.3)
    messages = [message for _, message in heard]
    assert "fa" in messages
    assert messages.index("fa") < messages.index("fc")
    ticks = [frame for frame, message in heard if message == "f8"]
    assert 1000 in np.diff(ticks)  # 120 bpm at 48 kHz
