"""Latency: every path's figures, what the samples say to them, what JACK is told."""

import re
import time

import pytest

from engine.jack import JackDevice
from tests.engine.fake_host import Delay, FakeHost, clicks
from tests.engine.rig_helpers import new_engine, note_on, ones_bank, onset, play, stem

LEAD, PLUGIN, MASTER_LEAD = 512, 100, 192
SETTLED = 6400


def paths(engine, device_frames=0):
    return {row.path: row for row in engine.latencies(device_frames)}


@pytest.fixture
def hosts():
    started = []

    def start(work) -> FakeHost:
        started.append(FakeHost(work))
        return started[-1]

    yield start
    for host in started:
        host.close()


def test_without_chains_nothing_is_late():
    engine = new_engine(parts=2)
    found = paths(engine)
    engine.close()
    assert list(found) == ["part 1", "part 2", "return 1", "return 2", "master", "midi out"]
    assert {row.total_frames for row in found.values()} == {0}


def test_a_soundfont_begins_on_its_grid_of_64_frames():
    engine = new_engine(parts=1, sound="soundfont", fluid=True)
    row = paths(engine)["part 1"]
    engine.close()
    assert (row.source_frames, row.total_frames) == (63, 63)


def test_keys_that_do_not_come_by_jack_wait_a_block():
    engine = new_engine(parts=1)
    engine.begin(256, True)
    found = paths(engine, device_frames=600)
    engine.close()
    assert (found["part 1"].input_frames, found["part 1"].total_frames) == (256, 856)
    assert found["part 1"].stem_frames == 0  # the note's frame counts the block already
    assert found["return 1"].total_frames == 600
    assert found["midi out"].total_frames == 256 + 256  # the thread sends it a block later


def test_the_figures_are_what_the_samples_say(hosts):
    engine = new_engine(ones_bank(), parts=3)
    engine.attach_chain(0, hosts(Delay(PLUGIN)).memory, lead_frames=LEAD, latency_frames=PLUGIN)
    engine.attach_chain(1, hosts(clicks).memory, instrument=True, lead_frames=256)
    engine.attach_chain(18, hosts(Delay(0)).memory, lead_frames=MASTER_LEAD)
    engine.render(SETTLED)
    found = paths(engine, device_frames=300)
    heard = {}
    for part in range(3):
        start = engine.frame
        engine.part_midi(part, note_on(60), start + 5)
        audio = engine.render(2048, stems=True)
        heard[part] = onset(stem(audio, part)) - 5, onset(audio[:, :2]) - 5
        engine.panic()
        engine.render(SETTLED)
    engine.close()
    late = LEAD + PLUGIN
    # our own voices begin with the envelope's zero: their first sound is a frame after the note
    assert heard[0] == (late + 1, late + 1 + MASTER_LEAD)
    assert heard[1] == (late, late + MASTER_LEAD)
    assert heard[2] == (late + 1, late + 1 + MASTER_LEAD)
    rows = [found[f"part {n}"] for n in (1, 2, 3)]
    assert [row.chain_frames for row in rows] == [LEAD, 256, 0]
    assert [row.plugin_frames for row in rows] == [PLUGIN, 0, 0]
    assert [row.compensation_frames for row in rows] == [0, late - 256, late]
    assert {row.stem_frames for row in rows} == {late}
    assert {row.total_frames for row in rows} == {late + MASTER_LEAD + 300}
    assert rows[0].total_ms == pytest.approx((late + MASTER_LEAD + 300) / 48)
    assert found["return 1"].compensation_frames == late
    assert found["master"].total_frames == MASTER_LEAD + 300
    assert found["midi out"].total_frames == 0
    assert rows[0].to_table()["total_ms"] == pytest.approx(23.0, abs=0.001)


@pytest.mark.parametrize("compensation", [0, 1])
def test_what_goes_out_as_midi_waits_for_no_plugin(hosts, compensation):
    engine = new_engine(ones_bank(), parts=2)
    engine.set("latency_compensation", compensation)
    engine.attach_chain(0, hosts(Delay(0)).memory, lead_frames=LEAD)
    engine.render(SETTLED)
    engine.midi_out()
    start = engine.frame
    for part in range(2):
        engine.part_midi(part, note_on(60), start + 5)
    engine.render(64)
    sent = engine.midi_out()
    engine.close()
    assert [(int(r["frame"]) - start, int(r["data"][0])) for r in sent] == [(5, 0x90), (5, 0x91)]


def test_without_compensation_a_part_is_as_late_as_its_own_chain(hosts):
    engine = new_engine(ones_bank(), parts=2)
    engine.set("latency_compensation", 0)
    engine.attach_chain(0, hosts(Delay(0)).memory, lead_frames=LEAD)
    engine.render(SETTLED)
    late = [paths(engine)[f"part {n}"].total_frames for n in (1, 2)]
    audio = play(engine, [(0, note_on(72)), (0, note_on(50))], 2048, stems=True)
    engine.set("latency_compensation", 1)
    engine.render(SETTLED)
    together = [paths(engine)[f"part {n}"].total_frames for n in (1, 2)]
    engine.close()
    assert late == [LEAD, 0]
    assert onset(stem(audio, 0)) - onset(stem(audio, 1)) == LEAD
    assert together == [LEAD, LEAD]


def told(server, port: str) -> dict[str, tuple[int, int]]:
    """What `jack_lsp -l` says of a port."""
    lines = server.ports("-l")
    first = lines.index(port) + 1
    found = {}
    for line in lines[first : first + 2]:
        match = re.search(r"(playback|capture) latency = \[ (\d+) (\d+) \]", line)
        assert match, line
        found[match[1]] = int(match[2]), int(match[3])
    return found


@pytest.mark.jack
def test_jack_is_told(jack_server, hosts):
    device = JackDevice("ripieno-late")
    engine = new_engine(ones_bank(), parts=2, ready=False)
    device.start(engine)
    try:
        name = device.name
        jack_server.connect("system:capture_1", f"{name}:return_1_left")
        device.tend()
        heard = told(jack_server, "system:playback_1")["playback"][1]
        taken = told(jack_server, "system:capture_1")["capture"][1]
        assert told(jack_server, f"{name}:stem_01_left")["capture"] == (taken, taken)
        assert told(jack_server, f"{name}:return_1_left")["playback"] == (heard, heard)
        engine.attach_chain(0, hosts(Delay(0)).memory, lead_frames=2048)
        engine.attach_chain(18, hosts(Delay(0)).memory, lead_frames=1024)
        wait_until(lambda: engine.lags_frames[0] == 2048 and engine.lags_frames[18] == 1024)
        device.tend()
        wait_until(
            lambda: told(jack_server, f"{name}:stem_02_left")["capture"] == (taken + 2048,) * 2
        )
        assert told(jack_server, f"{name}:master_left")["capture"] == (taken + 3072,) * 2
        assert told(jack_server, f"{name}:return_1_left")["playback"] == (heard + 3072,) * 2
        assert told(jack_server, f"{name}:midi_in")["playback"] == (heard + 3072,) * 2
    finally:
        device.close()
        engine.close()


@pytest.mark.jack
def test_what_comes_in_by_a_return_is_heard(jack_server):
    """One engine's master plays into another's return; its gain is the return's."""
    source, target = JackDevice("ripieno-source"), JackDevice("ripieno-target")
    engines = [new_engine(ones_bank(), parts=1, ready=False) for _ in range(2)]
    try:
        source.start(engines[0], connect_outputs=False)
        target.start(engines[1])
        for side in ("left", "right"):
            jack_server.connect(f"{source.name}:master_{side}", f"{target.name}:return_2_{side}")
        engines[1].set("input_2_gain_db", -20)
        engines[0].part_midi(0, note_on(60, 64))
        level = (64 / 127) ** 2
        wait_until(lambda: engines[0].stats().peak[0] == pytest.approx(level, rel=1e-3))
        wait_until(lambda: engines[1].stats().peak[0] == pytest.approx(0.1 * level, rel=1e-3))
    finally:
        source.close()
        target.close()
        for engine in engines:
            engine.close()


@pytest.mark.jack
def test_when_jack_freewheels_hosts_are_waited_for(jack_server, hosts):
    """A DAW that exports runs faster than plugins can: all the same nothing is missed."""
    device = JackDevice("ripieno-free")
    engine = new_engine(ones_bank(), parts=1, ready=False)
    device.start(engine)
    try:
        engine.attach_chain(0, hosts(slow).memory, lead_frames=4096)
        wait_until(lambda: engine.chain_stats(0).wet == 1.0)
        before = engine.frame
        device._lib.jack_set_freewheel(device._client, 1)
        wait_until(lambda: seconds_for(engine, 9600) < 0.2)
        wait_until(lambda: engine.frame > before + 48000)
        stats = engine.chain_stats(0)
        device._lib.jack_set_freewheel(device._client, 0)
    finally:
        device.close()
        engine.close()
    assert (stats.wet, stats.misses) == (1.0, 0)
    assert stats.headroom_frames is not None
    assert stats.headroom_frames >= 0


def seconds_for(engine, frames: int) -> float:
    """How long a stream took for so many more frames."""
    first, begun_s = engine.frame, time.monotonic()
    wait_until(lambda: engine.frame >= first + frames)
    return time.monotonic() - begun_s


def slow(audio, frame, events):
    """Twice as fast as real time, no faster."""
    time.sleep(0.5 * 64 / 48000)
    return audio


def wait_until(true, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
