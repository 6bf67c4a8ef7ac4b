"""MIDI out by python-rtmidi: over a JACK server of the test's own, since no ALSA may be there."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine import midi_outputs
from engine.core import Engine
from engine.errors import RipienoError
from engine.midi import ports
from engine.midi_outputs import MidiOutputs, output_names
from engine.silence import SilentDevice
from tests.engine.midi.test_ports import rtmidi
from tests.engine.rig_helpers import new_engine, note_off, note_on
from tests.engine.test_jack import wait_until
from tests.midi_ear import listening
from tests.servers import JackServer


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = new_engine(fluid=False)
    engine.set("send_programs", 0)
    device = SilentDevice(48000, 128)
    device.start(engine)
    yield engine
    device.close()
    engine.close()


class FakeClient:
    """A MIDI system with one port, which may go away."""

    def __init__(self, names: list[str], sent: list[bytes]) -> None:
        self.names, self.sent = names, sent

    def get_ports(self) -> list[str]:
        return list(self.names)

    def open_port(self, index: int, name: str) -> None:
        assert 0 <= index < len(self.names)

    def open_virtual_port(self, name: str) -> None:
        raise NotImplementedError("none here")

    def send_message(self, message: bytes) -> None:
        self.sent.append(message)

    def close_port(self) -> None: ...

    def delete(self) -> None: ...


@pytest.fixture
def over_jack(monkeypatch: pytest.MonkeyPatch, jack_server: JackServer) -> JackServer:
    monkeypatch.setattr(midi_outputs, "midi_systems", lambda: [rtmidi.API_UNIX_JACK])
    monkeypatch.setattr(ports, "midi_systems", lambda: [rtmidi.API_UNIX_JACK])
    return jack_server


@pytest.mark.jack
@pytest.mark.parametrize("jack_server", [{"block_frames": 256}], indirect=True)  # 19 clients
@pytest.mark.parametrize("wanted", ["channels", "ports"])
def test_virtual_ports_carry_parts_in_order_and_in_time(
    over_jack: JackServer, engine: Engine, wanted: str
) -> None:
    outputs = MidiOutputs(engine, wanted)
    engine.set("midi_out_mode", int(wanted == "ports"))
    try:
        names = [port for port in over_jack.ports() if "Ripieno" in port]
        assert len(names) == (17 if wanted == "ports" else 1), names
        (port,) = [n for n in names if n.endswith("part 3" if wanted == "ports" else ":Ripieno")]
        with listening(over_jack.env, port) as heard:
            start = engine.now_frame() + 24000
            for i in range(20):
                engine.part_midi(2, note_on(60 + i), start + i * 960)
                engine.part_midi(2, note_off(60 + i), start + i * 960 + 480)
            assert wait_until(lambda: engine.frame > start + 24000, 30.0)
            time.sleep(0.3)  # the thread and the server pass on what is due
        channel = 0 if wanted == "ports" else 2
        assert [message[:4] for _, message in heard] == [
            f"{status}{channel}{60 + i:02x}" for i in range(20) for status in "98"
        ]
        frames = np.array([frame for frame, _ in heard])
        # a thread's timing, not the callback's: each may be a block late, most are not
        assert abs(np.median(frames[10:] - frames[:-10]) / 10 - 480) < 48
    finally:
        outputs.close()
        outputs.close()
    assert not [port for port in over_jack.ports() if "Ripieno" in port]


@pytest.mark.jack
def test_a_port_that_is_there_is_found_by_a_part_of_its_name(
    over_jack: JackServer, engine: Engine
) -> None:
    synth: Any = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="synth")
    synth.open_virtual_port("keys")
    try:
        assert any("synth" in name for name in output_names())
        outputs = MidiOutputs(engine, "SYNTH")
        heard: list[list[int]] = []
        synth.set_callback(lambda event, _: heard.append(event[0]))
        engine.part_midi(0, note_on(71, 33))
        assert wait_until(lambda: heard == [[0x90, 71, 33]])
        outputs.close()
        with pytest.raises(
            RipienoError, match=r"no MIDI output is called 'organ'; there are .*synth"
        ):
            MidiOutputs(engine, "organ")
    finally:
        synth.delete()


@pytest.mark.jack
def test_a_real_port_vanishes_and_returns(over_jack: JackServer, engine: Engine) -> None:
    def new_synth(heard: list[list[int]]) -> Any:
        synth: Any = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="synth")
        synth.open_virtual_port("keys")
        synth.set_callback(lambda event, _: heard.append(event[0]))
        return synth

    said: list[str] = []
    first: list[list[int]] = []
    again: list[list[int]] = []
    synth = new_synth(first)
    outputs = MidiOutputs(engine, "synth", said.append)
    try:
        engine.part_midi(0, note_on(71, 33))
        assert wait_until(lambda: first == [[0x90, 71, 33]])
        synth.delete()

        def told(words: str) -> bool:
            outputs.tend()
            return bool(said) and words in said[-1]

        assert wait_until(lambda: told("is gone; it is used again when it returns."))
        engine.part_midi(0, note_on(72, 34))  # into nothing, and nothing breaks
        synth = new_synth(again)
        assert wait_until(lambda: told("is back."))
        engine.part_midi(0, note_on(73, 35))
        assert wait_until(lambda: [0x90, 73, 35] in again)
        assert len(said) == 2
    finally:
        outputs.close()
        synth.delete()


def test_a_port_that_goes_is_told_once_and_used_again(engine: Engine) -> None:
    sent: list[bytes] = []
    said: list[str] = []
    names = ["loopMIDI Port"]
    outputs = MidiOutputs(engine, "loop", said.append, lambda: FakeClient(names, sent))
    engine.part_midi(1, note_on(60))
    assert wait_until(lambda: len(sent) == 1)
    names.clear()
    outputs.tend()
    outputs.tend()
    names.append("loopMIDI Port")
    outputs.tend()
    assert said == [
        "MIDI output loopMIDI Port is gone; it is used again when it returns.",
        "MIDI output loopMIDI Port is back.",
    ]
    engine.part_midi(1, note_off(60))
    assert wait_until(lambda: bytes((0x81, 60, 64)) in sent)
    with pytest.raises(RipienoError, match="a port a part needs virtual ports"):
        outputs.open_part_ports()
    outputs.close()


def test_where_no_virtual_port_can_be_it_is_said(engine: Engine) -> None:
    with pytest.raises(RipienoError, match="the MIDI output 'Ripieno' cannot be opened: none"):
        MidiOutputs(engine, "channels", client=lambda: FakeClient([], []))


def test_windows_is_told_of_loopmidi(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midi_outputs.sys, "platform", "win32")
    with pytest.raises(RipienoError, match="install loopMIDI"):
        MidiOutputs(engine, "channels", client=lambda: FakeClient([], []))
