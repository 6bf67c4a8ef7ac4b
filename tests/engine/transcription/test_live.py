"""An audio input as a MIDI source: the loop, and all of it between two JACK ports."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.transcription.live import LiveTranscription, delay_sentence, listen
from engine.transcription.transcribing import LIVE, load_network
from models.transcription.network import HOP_S, random_network
from tests.engine.transcription.tones import MELODY, melody
from tests.midi_ear import Heard, listening
from tests.servers import JackServer, jack_server

ROOT = Path(__file__).parents[3]
SETTLE_S = 2.0  # after the last note, for a busy machine


class Given:
    """A listener that was given all of its sound before."""

    rate_hz, block_frames, input_delay_s = 48000, 128, 0.005

    def __init__(self, audio: np.ndarray, size: int) -> None:
        self.sent: list[bytes] = []
        self._pieces = [audio[at : at + size] for at in range(0, len(audio), size)]

    @property
    def alive(self) -> bool:
        return bool(self._pieces)

    def begin(self) -> None:
        """Nothing has come yet."""

    def read(self) -> np.ndarray:
        return self._pieces.pop(0)

    def send(self, message: bytes) -> bool:
        self.sent.append(message)
        return True


def heard_in(audio: np.ndarray, size: int, gain_db: float = 0.0) -> list[bytes]:
    given = Given(audio, size)
    listen(given, LiveTranscription(load_network(LIVE), 48000), gain_db=gain_db)
    return given.sent


def test_a_melody_comes_out_whatever_the_pieces():
    audio = melody(48000)
    whole = heard_in(audio, 128)
    assert heard_in(audio, 5000) == whole
    played = [message[1] for message in whole if message[0] == 0x90]
    assert played == [pitch for _, pitch in MELODY]
    assert sorted(m[1] for m in whole if m[0] == 0x80) == sorted(played)


def test_a_soft_input_can_be_made_louder():
    soft = melody(48000) * np.float32(10 ** (-50 / 20))
    played = [m[1] for m in heard_in(soft, 480, gain_db=44) if m[0] == 0x90]
    assert played == [pitch for _, pitch in MELODY]


def test_silence_says_nothing():
    assert heard_in(np.zeros(96000, np.float32), 480) == []


def test_the_loop_ends_with_its_time_and_says_what_it_cost():
    given = Given(melody(48000), 480)
    figures = listen(given, LiveTranscription(load_network(LIVE), 48000), seconds=0.0)
    assert (figures.notes, given.sent) == (0, [])
    figures = listen(given, LiveTranscription(load_network(LIVE), 48000))
    assert figures.notes == len(MELODY)
    half_ms, most_ms = figures.work_ms
    assert 0 < half_ms <= most_ms


def test_the_delay_is_told_before():
    early = LiveTranscription(random_network(0, early=True, lag=-1), 48000)
    assert 0.064 < early.delay_s < 0.085
    waiting = LiveTranscription(random_network(0, early=True, lag=1), 48000)
    assert waiting.delay_s == pytest.approx(early.delay_s + 2 * HOP_S)
    said = delay_sentence(Given(np.zeros(1, np.float32), 1), early)
    assert "about 83 ms" in said or "about 84 ms" in said
    assert "fine for teaching and looping, not for playing through" in said


@pytest.mark.jack
@pytest.mark.slow
def test_sound_into_jack_comes_out_as_midi(tmp_path):
    """The delay is printed (-s): the frames between a note's first sample and its message."""
    with jack_server(256) as server:
        path = tmp_path / "melody.wav"
        soundfile.write(path, melody(server.rate_hz), server.rate_hz, subtype="FLOAT")
        heard = transcribed_live(server, path)
    begun = next(frame for frame, message in heard if message.startswith("9f"))
    ons = [(frame, int(m[2:4], 16)) for frame, m in heard if m.startswith("90")]
    assert [key for _, key in ons] == [pitch for _, pitch in MELODY]
    delays_ms = [
        1000 * ((frame - begun) / server.rate_hz - start_s)
        for (frame, _), (start_s, _) in zip(ons, MELODY, strict=True)
    ]
    print("ms from sound to MIDI:", [round(delay) for delay in delays_ms])
    assert 20 < min(delays_ms) < 1000
    assert len([m for _, m in heard if m.startswith("80")]) == len(MELODY)


def transcribed_live(server: JackServer, path: Path) -> Heard:
    """What comes from the MIDI port while a file plays into the audio port."""
    command = ("--live", "--in", "player:sound", "--to", "ear:in")
    with (
        program(server, "tests.jack_player", "player", str(path)) as player,
        listening(server.env, "player:mark") as heard,
        program(server, "engine.cli", "transcribe", *command) as ear,
    ):
        assert ear.stdout is not None
        assert player.stdin is not None
        assert player.stdout is not None
        assert "about" in ear.stdout.readline()
        player.stdin.write("\n")
        player.stdin.flush()
        assert player.stdout.readline() == "done\n"
        time.sleep(SETTLE_S)
    return heard


@contextlib.contextmanager
def program(server: JackServer, module: str, *arguments: str) -> Iterator[subprocess.Popen]:
    """A program of the server's that has said its first line; Ctrl-C or no more input ends it."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=server.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline()
        try:
            yield running
        finally:
            if module == "engine.cli":
                running.send_signal(signal.SIGINT)
            running.communicate(timeout=30)
