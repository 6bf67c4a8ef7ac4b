"""The engine through PortAudio into a PipeWire null sink, recorded by a client of PipeWire's."""

from collections.abc import Iterator

import numpy as np
import pytest

from engine.core import Engine
from engine.ensembles import Ensemble, Part
from engine.portaudio import PortAudioDevice
from tests.engine.test_jack import wait_until
from tests.engine.test_jack_end_to_end import FLUTE, note_hz, pitch_hz
from tests.servers import PipeWire

pytestmark = [pytest.mark.jack, pytest.mark.slow]
NOTE = 76
ALL = ("soprano", "alto", "tenor", "bass")
ENSEMBLE = Ensemble(
    id="one",
    name="One",
    parts=(Part("Flute", FLUTE, sound="bank", low=74, high=78, voices=ALL, pan=-1.0),),
    assigner="zones",
)


@pytest.fixture
def engine(pipewire: PipeWire) -> Iterator[Engine]:
    engine = Engine(48000)
    engine.apply(ENSEMBLE)
    engine.set("reverb_send", 0.0, 0)
    yield engine
    engine.close()


def test_a_note_is_heard_at_its_pitch_side_and_without_gaps(
    pipewire: PipeWire, engine: Engine
) -> None:
    device = PortAudioDevice(block_frames=256, latency="high")
    device.start(engine)
    try:
        engine.midi(bytes([0x90, NOTE, 100]))
        assert wait_until(lambda: engine.stats().voices == 1)
        audio = pipewire.record(2.0)
        engine.midi(bytes([0x80, NOTE, 0]))
        assert wait_until(lambda: engine.stats().voices == 0)
        after = pipewire.record(1.0)
    finally:
        device.close()
    left, right = audio.T
    assert len(left) > 48000
    heard = pitch_hz(left[-48000:], 48000)
    assert abs(1200.0 * np.log2(heard / note_hz(NOTE))) < 30.0  # cents
    assert np.abs(right).max() < 0.001 * np.abs(left).max()  # panned to the left
    steady = left[-48000:]
    level = np.abs(steady[: len(steady) // 480 * 480].reshape(-1, 480)).max(axis=1)
    sounding = level > 0.2 * level.max()
    assert sounding.mean() > 0.95  # PipeWire itself may be late once on a busy machine
    assert not after[-24000:].any()


def test_the_sink_going_away_in_a_note_is_survived(pipewire: PipeWire, engine: Engine) -> None:
    device = PortAudioDevice(block_frames=256, latency="high")
    device.start(engine)
    try:
        engine.midi(bytes([0x90, NOTE, 100]))
        assert wait_until(lambda: engine.stats().held_notes == 1)
        pipewire.stop()
        assert wait_until(lambda: not device.alive)
        assert len(device.tend()) == 1
        pipewire.start()
        assert device.tend() == [f"{device.info.name} is back."]
        audio = pipewire.record(1.0)
        assert np.abs(audio[-24000:]).max() > 0.001  # the note is still held
    finally:
        device.close()
