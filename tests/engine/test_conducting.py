"""FluidSynth, the program, conducted by our MIDI port: each part's channel sounds its own notes."""

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core import Engine
from engine.ensembles import load_ensemble
from engine.jack import JackDevice
from engine.soundfonts import bundled_soundfont
from models import registry
from tests.engine.test_jack import wait_until
from tests.engine.test_jack_end_to_end import note_hz, pitch_hz
from tests.servers import JackServer

pytestmark = [pytest.mark.jack, pytest.mark.slow]
SYNTH = "fluidsynth-midi"
PITCHES = {0: 79, 1: 74, 2: 62, 3: 43}  # of the quartet's parts, no two in one harmonic series
PROGRAMS = ("Violin", "Violin", "Viola", "Cello")


class Synth:
    """The program with an output a channel, told what to do by its own shell."""

    def __init__(self, server: JackServer) -> None:
        sound = ["-r", "48000", "-g", "1", "-R", "0", "-C", "0", "-L", "4", "-G", "4"]
        ways = ["-a", "jack", "-m", "jack", "-o", "audio.jack.multi=1"]
        self._program = subprocess.Popen(
            ["fluidsynth", *ways, *sound, str(bundled_soundfont())],
            env=server.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        server.wait_for(f"{SYNTH}:midi_00")
        server.wait_for(f"{SYNTH}:r_03")

    def end(self) -> list[str]:
        """End it in order; the programs of its channels.

        A client that is killed holds up a synchronous server for many seconds.
        """
        if self._program.poll() is not None:
            return []
        told, _ = self._program.communicate("channels\nquit\n", timeout=20)
        return re.findall(r"chan \d+, (.*)", told)

    def kill(self) -> None:
        self._program.kill()
        self._program.communicate()


@contextlib.contextmanager
def conducted(server: JackServer, device: JackDevice) -> Iterator[Synth]:
    """FluidSynth, connected to our port."""
    synth = Synth(server)
    try:
        server.connect("ripieno-test:midi_out", f"{SYNTH}:midi_00")
        device.tend()  # who has just come is told the programs
        time.sleep(0.1)
        yield synth
        synth.end()
    except BaseException:
        synth.kill()
        raise


def record(server: JackServer, path: Path) -> subprocess.Popen[bytes]:
    """Record the channels' left sides for two seconds, from now on."""
    ports = [f"{SYNTH}:l_{channel:02d}" for channel in PITCHES]
    recorder = subprocess.Popen(
        ["jack_rec", "-f", str(path), "-d", "2", "-b", "24", *ports],
        env=server.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert wait_until(lambda: "jackrec" in "\n".join(server.ports("-c", ports[-1])))
    return recorder


def sounds(audio: np.ndarray, pitch: int, rate_hz: int) -> bool:
    """Whether this key is what is heard, at any of its first harmonics, and nothing else louder."""
    if np.abs(audio).max() < 0.005:
        return False
    harmonic = pitch_hz(audio, rate_hz) / note_hz(pitch)
    return round(harmonic) > 0 and abs(1200.0 * np.log2(harmonic / round(harmonic))) < 40.0


@pytest.fixture
def device(jack_server: JackServer) -> Iterator[JackDevice]:
    device = JackDevice("ripieno-test")
    yield device
    device.close()


@pytest.fixture
def engine(device: JackDevice) -> Iterator[Engine]:
    engine = Engine(device.rate_hz)
    quartet = load_ensemble("string_quartet")
    model = registry.find(quartet.model)
    engine.load_separator(registry.load(model), model.middle_pitches)
    engine.apply(quartet)
    device.start(engine)
    yield engine
    device.close()
    engine.close()


def test_each_part_sounds_on_its_channel_with_its_program(
    jack_server: JackServer, device: JackDevice, engine: Engine, tmp_path: Path
) -> None:
    with conducted(jack_server, device) as synth:
        recorder = record(jack_server, tmp_path / "channels.wav")
        for part, pitch in PITCHES.items():
            engine.part_midi(part, bytes([0x90, pitch, 100]))
        recorder.wait(20)
        engine.panic()
        silence = record(jack_server, tmp_path / "silence.wav")
        silence.wait(20)
        programs = synth.end()
    audio, rate_hz = soundfile.read(tmp_path / "channels.wav", always_2d=True)
    for part, pitch in PITCHES.items():
        assert sounds(audio[-rate_hz:, part], pitch, rate_hz)
    assert tuple(programs[:4]) == PROGRAMS
    rest, _ = soundfile.read(tmp_path / "silence.wav", always_2d=True)
    assert np.abs(rest[rate_hz:]).max() < 1e-3  # after a panic nothing is left


def test_the_separation_conducts(
    jack_server: JackServer, device: JackDevice, engine: Engine, tmp_path: Path
) -> None:
    """One chord on one keyboard: four notes, each alone on a channel of its own."""
    engine.set("chord_window_ms", 45)
    chord = sorted(PITCHES.values(), reverse=True)
    with conducted(jack_server, device):
        recorder = record(jack_server, tmp_path / "channels.wav")
        for pitch in chord:
            engine.midi(bytes([0x90, pitch, 100]))
        recorder.wait(20)
    audio, rate_hz = soundfile.read(tmp_path / "channels.wav", always_2d=True)
    for part, pitch in enumerate(chord):
        assert sounds(audio[-rate_hz:, part], pitch, rate_hz)
