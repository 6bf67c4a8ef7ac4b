"""What goes wrong around a session: the music goes on, and one sentence tells the player.

Here: the JACK server, and a keyboard's port. A full disk is in test_recorder.py, a plugin that
hangs or dies in plugins/, a clock that stops in test_sync.py, PipeWire in test_pipewire.py.
"""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.jack import JackDevice
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from tests.engine.test_jack import keyboard, wait_until
from tests.servers import JackServer

pytestmark = [pytest.mark.jack, pytest.mark.slow]
MUSIC_BACK_S = 2.0
CHORD = (48, 60, 67, 76)


class Said(list[str]):
    """What the session said."""

    def once(self, words: str) -> bool:
        return sum(words in sentence for sentence in self) == 1


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def session(jack_server: JackServer, said: Said) -> Iterator[Session]:
    settings = Settings(soundfont=bundled_soundfont())
    with Session(settings, said.append, device=JackDevice("ripieno-test")) as session:
        yield session


def heard(server: JackServer, path: Path) -> float:
    """The loudest of half a second of the master, recorded by a program of its own."""
    command = ["jack_rec", "-f", str(path), "-d", "1", "-b", "24", "ripieno-test:master_left"]
    subprocess.run(command, env=server.env, check=True, timeout=20, capture_output=True)
    audio, rate_hz = soundfile.read(path)
    return float(np.abs(audio[-rate_hz // 2 :]).max())


def test_the_server_is_killed_and_started_again_under_a_held_chord(
    jack_server: JackServer, session: Session, said: Said, tmp_path: Path
) -> None:
    for key in CHORD:
        session.engine.midi(bytes([0x90, key, 100]))
    assert wait_until(lambda: session.engine.stats().held_notes == len(CHORD))
    jack_server.kill()
    assert wait_until(lambda: said.once("The JACK server has gone; waiting for it to come back."))
    gone_frame = session.engine.frame
    assert wait_until(lambda: session.engine.frame > gone_frame + 4800)  # in silence, but it plays
    jack_server.start()
    back_s = time.monotonic()
    assert wait_until(lambda: session.device.alive)
    frame = session.engine.frame
    assert wait_until(lambda: session.engine.frame > frame)
    resumed_s = time.monotonic() - back_s
    print(f"music {resumed_s:.2f} s after the server's return")
    assert resumed_s < MUSIC_BACK_S
    assert "system:playback_1" in "\n".join(jack_server.ports("-c", "ripieno-test:master_left"))
    assert heard(jack_server, tmp_path / "master.wav") > 1e-3
    assert wait_until(lambda: said.once("The JACK server is back: playing as 'ripieno-test'."))
    assert session.engine.stats().held_notes == len(
        CHORD
    )  # the same notes: nothing was struck anew


def test_a_keyboards_port_vanishes_with_keys_down_and_returns(
    jack_server: JackServer, session: Session, said: Said
) -> None:
    session.choose_input("Keystation")
    with keyboard("Keystation"):
        assert wait_until(lambda: said.once("MIDI source Keystation:keys connected."))
        for key in CHORD:
            session.engine.midi(bytes([0x90, key, 100]))
        session.engine.midi(bytes([0xB0, 64, 127]))
        assert wait_until(lambda: session.engine.stats().held_notes == len(CHORD))
    assert wait_until(lambda: said.once("MIDI source Keystation:keys is gone; its notes are rel"))
    assert wait_until(lambda: session.engine.stats().held_notes == 0)
    with keyboard("Keystation"):
        assert wait_until(lambda: session.input_names() == ["Keystation:keys"])
