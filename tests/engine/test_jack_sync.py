"""Clock, transport and MIDI out with real JACK servers and independent programs."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator

import jack
import numpy as np
import pytest

from engine.core import Engine
from engine.ensembles import load_ensemble
from engine.jack import MIDI_OUT_NAME, PART_MIDI_OUT_NAMES, JackDevice
from engine.sync import Sync
from tests.engine.test_jack import wait_until
from tests.midi_ear import listening
from tests.servers import JackServer

pytestmark = pytest.mark.jack
OUT = f"ripieno-test:{MIDI_OUT_NAME}"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine(48000)
    engine.apply(load_ensemble("string_quartet"))
    engine.set("send_programs", 0)
    yield engine
    engine.close()


@pytest.fixture
def device(jack_server: JackServer, engine: Engine) -> Iterator[JackDevice]:
    device = JackDevice("ripieno-test")
    for name, value in (("sync_source", 0), ("jack_master", 0), ("rolling", 0), ("clock_out", 0)):
        engine.set(name, value)
    engine.set("midi_out_mode", 0)
    engine.set("tempo_bpm", 120)
    engine.locate(0.0)
    device.start(engine, midi_source="(no input)")
    yield device
    engine.panic()
    device.close()


def pass_by(engine: Engine, seconds: float) -> None:
    """Let so much of the stream pass, however long the machine takes for it."""
    end = engine.frame + int(seconds * engine.rate_hz)
    assert wait_until(lambda: engine.frame >= end, 30.0)


def transport(server: JackServer, *commands: str) -> str:
    """What jack_transport prints for these commands."""
    done = subprocess.run(
        ["jack_transport"],
        env=server.env,
        input="".join(f"{command}\n" for command in (*commands, "quit")),
        capture_output=True,
        text=True,
        timeout=10,
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "jack_server", [{"block_frames": n} for n in (64, 128, 512)], indirect=True
)
def test_the_clock_goes_out_even_to_a_frame(
    jack_server: JackServer, engine: Engine, device: JackDevice
) -> None:
    for tempo_bpm in (60.0, 97.3, 200.0):
        engine.set("tempo_bpm", tempo_bpm)
        engine.set("clock_out", 1)
        engine.locate(0.0)
        with listening(jack_server.env, OUT) as heard:
            engine.set("rolling", 1)
            pass_by(engine, 1.5)
            engine.set("rolling", 0)
            pass_by(engine, 0.1)
        messages = [message for _, message in heard]
        begin, end = messages.index("fa"), messages.index("fc")
        ticks = np.array([frame for frame, m in heard[begin:end] if m == "f8"])
        period = 60.0 * 48000 / tempo_bpm / 24
        intervals = np.diff(ticks)
        assert len(ticks) > 30
        assert heard[begin][0] == ticks[0]
        assert np.std(intervals) <= 1.0
        assert np.abs(ticks - ticks[0] - np.arange(len(ticks)) * period).max() < 1.0


def test_start_stop_continue_and_position_go_out(
    jack_server: JackServer, engine: Engine, device: JackDevice
) -> None:
    engine.set("clock_out", 1)
    with listening(jack_server.env, OUT) as heard:
        start = engine.now_frame() + 24000
        for frame, rolling in ((0, 1), (12000, 0), (16000, 1), (20000, 0)):
            engine.set("rolling", rolling, frame=start + frame)
        pass_by(engine, 1.1)
    others = [message for _, message in heard if message != "f8"]
    assert others == ["fa", "fc", "f20200", "fb", "fc"]


def test_parts_go_out_on_their_channels_and_on_ports_of_their_own(
    jack_server: JackServer, engine: Engine, device: JackDevice
) -> None:
    with listening(jack_server.env, OUT) as heard:
        start = engine.now_frame() + 24000
        for part in range(4):
            engine.part_midi(part, bytes((0x90, 60 + part, 90)), start + part * 100)
            engine.part_midi(part, bytes((0x80, 60 + part, 0)), start + 2000 + part * 100)
        pass_by(engine, 0.7)
    first = heard[0][0]
    assert [(frame - first, message) for frame, message in heard[:4]] == [
        (part * 100, f"9{part:x}{60 + part:02x}5a") for part in range(4)
    ]
    assert [message[:4] for _, message in heard[4:]] == [f"8{p:x}{60 + p:02x}" for p in range(4)]
    device.open_part_ports()
    ports = jack_server.ports()
    assert all(f"ripieno-test:{name}" in ports for name in PART_MIDI_OUT_NAMES)
    engine.set("midi_out_mode", 1)
    with listening(jack_server.env, f"ripieno-test:{PART_MIDI_OUT_NAMES[2]}") as heard:
        engine.part_midi(2, bytes((0x90, 70, 90)))
        pass_by(engine, 0.2)
        engine.panic()
        pass_by(engine, 0.2)
    assert [message for _, message in heard] == ["90465a", "804640", "b04000", "b07800", "b07b00"]


def test_who_connects_to_the_output_is_told_banks_and_programs(
    jack_server: JackServer, engine: Engine, device: JackDevice
) -> None:
    engine.set("send_programs", 1)
    with listening(jack_server.env, OUT) as heard:
        device.tend()
        pass_by(engine, 0.2)
        device.tend()
        pass_by(engine, 0.2)
    engine.set("send_programs", 0)
    programs = [message for _, message in heard if message[0] == "c"]
    assert len(programs) == 4


def test_jacks_transport_is_followed(
    jack_server: JackServer, engine: Engine, device: JackDevice
) -> None:
    engine.set("sync_source", 1)
    assert wait_until(lambda: engine.transport().source == "jack")
    transport(jack_server, "play")
    assert wait_until(lambda: engine.transport().rolling)
    transport(jack_server, "stop", "locate 96000")
    assert wait_until(lambda: not engine.transport().rolling)
    assert wait_until(lambda: engine.transport().beat == pytest.approx(4.0))  # at our 120 bpm
    assert not engine.transport().locked  # nobody says the bar


@contextlib.contextmanager
def master(tempo_bpm: float, beats_per_bar: float = 4.0) -> Iterator[jack.Client]:
    """An independent timebase master, in this process."""
    client = jack.Client("master", no_start_server=True)
    client.set_process_callback(lambda frames: None)

    @client.set_timebase_callback
    def timebase(_state, _frames, position, _new):
        beat = position.frame / 48000 * tempo_bpm / 60
        position.valid = jack.POSITION_BBT
        bar = int(beat // beats_per_bar)
        ticks = (beat - bar * beats_per_bar) * 960
        position.bar, position.beat = bar + 1, int(ticks // 960) + 1
        position.tick = int(ticks % 960)
        position.bar_start_tick = bar * beats_per_bar * 960
        position.beats_per_bar, position.beat_type = beats_per_bar, 4.0
        position.ticks_per_beat, position.beats_per_minute = 960.0, tempo_bpm

    with client:
        yield client
    client.close()


def test_a_masters_bars_and_tempo_are_followed_and_missed_when_it_goes(
    jack_server: JackServer, engine: Engine, device: JackDevice
) -> None:
    said: list[str] = []
    sync = Sync(engine, lambda: device, said.append)
    sync.set_source("jack")
    with master(93.0, 3.0) as client:
        client.transport_frame = 480000
        client.transport_start()
        assert wait_until(lambda: engine.transport().rolling and engine.transport().locked)
        pass_by(engine, 0.5)
        now = engine.transport()
        assert now.tempo_bpm == pytest.approx(93.0)
        assert now.beats_per_bar == 3
        frames_a_beat = 48000 * 60 / 93.0
        before = client.transport_frame
        beat = engine.transport().beat
        after = client.transport_frame
        assert before / frames_a_beat - 0.03 <= beat <= after / frames_a_beat + 0.03
        sync.tend()
    assert wait_until(lambda: not engine.transport().locked and engine.transport().rolling)
    sync.tend()
    sync.tend()
    assert said == [
        "JACK's timebase master leads: 93.0 bpm.",
        "JACK's timebase master is gone; the transport goes on at 93.0 bpm.",
    ]
    earlier = engine.transport()
    pass_by(engine, 0.2)
    later = engine.transport()
    assert later.rolling
    assert later.tempo_bpm == pytest.approx(93.0)
    assert later.beat == pytest.approx(earlier.beat_at(later.frame), abs=0.01)
    transport(jack_server, "stop")


def test_as_master_it_says_bar_beat_and_tempo(
    jack_server: JackServer, engine: Engine, device: JackDevice
) -> None:
    engine.set("tempo_bpm", 90)
    engine.set("beats_per_bar", 3)
    engine.set("jack_master", 1)
    device.set_timebase(True)
    try:
        looker = jack.Client("looker", no_start_server=True)
        looker.set_process_callback(lambda frames: None)
        with looker:
            device.locate_transport(48000 * 4)  # beat 6: bar 3
            device.roll_transport(True)
            assert wait_until(lambda: engine.transport().rolling)
            pass_by(engine, 0.3)
            state, told = looker.transport_query()
            assert state == jack.ROLLING
            assert told["beats_per_minute"] == 90
            assert told["beats_per_bar"] == 3
            beat = (told["bar"] - 1) * 3 + told["beat"] - 1 + told["tick"] / told["ticks_per_beat"]
            assert beat == pytest.approx(told["frame"] / 48000 * 1.5, abs=0.01)
            assert told["bar"] >= 3
            device.roll_transport(False)
            assert wait_until(lambda: not engine.transport().rolling)
            transport(jack_server, "locate 0", "play")
            assert wait_until(lambda: engine.transport().rolling)
            assert engine.transport().beat < 2.0  # another program's button is ours
        looker.close()
    finally:
        device.roll_transport(False)
        device.set_timebase(False)
        engine.set("jack_master", 0)
        engine.set("beats_per_bar", 4)


@pytest.mark.slow
def test_a_clock_on_midi_in_is_followed_at_its_frames(
    jack_server: JackServer, engine: Engine, device: JackDevice
) -> None:
    """Another program's clock, with a millisecond of jitter: tempo within 0.1 bpm in two bars."""
    random = np.random.default_rng(4)
    period = 60 * 48000 / 137.0 / 24
    ticks = 4800 + np.arange(8 * 24 + 100) * period + random.normal(0, 48, 8 * 24 + 100)
    events = [(4000, [0xFA])] + [(int(frame), [0xF8]) for frame in np.sort(ticks)]
    engine.set("sync_source", 2)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.jack_sender", "clock", json.dumps(events)],
        env=jack_server.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        assert sender.stdout.readline() == "ready\n"
        jack_server.connect("clock:midi", "ripieno-test:midi_in")
        sender.stdin.write("go\n")
        sender.stdin.flush()
        assert sender.stdout.readline() == "done\n"
        now = engine.transport()
        sender.stdin.close()
        sender.wait(10)
    assert now.tempo_bpm == pytest.approx(137.0, abs=0.1)
    assert now.rolling
    assert now.locked
    assert wait_until(lambda: not engine.transport().locked)
    assert engine.transport().rolling
    assert engine.transport().tempo_bpm == pytest.approx(137.0, abs=0.1)


@pytest.mark.slow
def test_jack_midi_clock_of_debian_is_followed(
    jack_server: JackServer, engine: Engine, device: JackDevice
) -> None:
    """The system's own clock sender, driven by our timebase: out as BBT, back as a clock."""
    engine.set("tempo_bpm", 133)
    engine.set("jack_master", 1)
    device.set_timebase(True)
    with subprocess.Popen(
        ["jack_midi_clock"],
        env=jack_server.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as clock:
        try:
            jack_server.wait_for("jack_midi_clock:mclk_out")
            with listening(jack_server.env, "jack_midi_clock:mclk_out") as heard:
                device.roll_transport(True)
                pass_by(engine, 2.0)
                device.roll_transport(False)
        finally:
            clock.terminate()
            device.set_timebase(False)
            engine.set("jack_master", 0)
    ticks = np.array([frame for frame, message in heard if message == "f8"])
    assert np.diff(ticks)[4:].mean() == pytest.approx(60 * 48000 / 133 / 24, abs=0.05)
