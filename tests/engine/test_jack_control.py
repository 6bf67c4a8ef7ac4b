"""A JACK client's faders and program changes: learned, obeyed, and moving through a set list."""

import time
from collections.abc import Callable

import pytest

from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from tests.engine.test_jack_end_to_end import sender
from tests.servers import JackServer

pytestmark = pytest.mark.jack
FADER, GAIN = 21, "/ripieno/part/1/gain"


def eventually(true: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    end_s = time.monotonic() + timeout_s
    while not true() and time.monotonic() < end_s:
        time.sleep(0.01)
    return true()


@pytest.mark.slow
def test_a_fader_and_a_program_change_over_jack(jack_server: JackServer) -> None:
    said: list[str] = []
    settings = Settings(
        output="jack", input_port="keys:midi", soundfont=bundled_soundfont(), setlist="concert"
    )
    events = [
        (9600, [0x90, 60, 90]),  # held through all that follows
        (19200, [0xB0, FADER, 1]),
        *((24000 + 96 * value, [0xB0, FADER, value]) for value in range(2, 128)),
        (96000, [0xC0, 2]),
        (144000, [0x80, 60, 64]),
    ]
    with Session(settings, said.append) as session, sender(jack_server, events) as keys:
        assert eventually(lambda: "keys:midi" in session.input_names())
        session.learn.learn(GAIN)
        assert keys.stdin is not None
        keys.stdin.write("go\n")
        keys.stdin.flush()
        assert eventually(lambda: bool(session.learn.bindings))
        assert eventually(lambda: session.get("gain_db", 0) == 12.0)
        assert session.engine.stats().held_notes == 1
        assert eventually(lambda: session.repertoire.rig_id == "brass_fanfare")
        assert session.ensemble_id() == "brass_quartet"
        assert eventually(lambda: session.engine.stats().held_notes == 0)
        assert f"Learned: controller {FADER} of channel 1 moves {GAIN}." in said
        assert session.engine.stats().results_dropped == 0
