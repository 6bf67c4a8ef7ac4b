"""The host process: sound, events, parameters and states, at the memory it shares."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from engine.chain_memory import shared
from engine.realtime import realtime_allowed
from tests.engine.plugins.callback_role import wait_until
from tests.engine.plugins.conftest import RATE_HZ, RunningHost, Start
from tests.plugins_fixture import DELAY_FRAMES


def noise(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (2, frames)).astype(np.float32)


def tone(frames: int, hz: float = 1000.0, level: float = 0.5) -> np.ndarray:
    wave = level * np.sin(2.0 * np.pi * hz * np.arange(frames) / RATE_HZ)
    return np.stack([wave, wave]).astype(np.float32)


def message(*data: int) -> dict:
    return {"kind": shared.MIDI_MESSAGE, "data": data}


def test_an_effect_is_heard_as_late_as_it_says(start_host: Start, our_plugins: Path) -> None:
    host = start_host({"path": str(our_plugins / "Trouble.vst3")})
    assert host.process.memory.header[shared.LATENCY_FRAMES] == DELAY_FRAMES
    sound = noise(64 * 40)
    heard = host.role.play(sound)
    assert np.array_equal(heard[:, DELAY_FRAMES:], sound[:, :-DELAY_FRAMES])
    assert not heard[:, :DELAY_FRAMES].any()


@pytest.mark.parametrize("block", [16, 64, 192, 1024])
def test_the_same_sound_whatever_the_block(
    start_host: Start, our_plugins: Path, block: int
) -> None:
    synth = {"path": str(our_plugins / "TestSynth.vst3")}
    effect = {"path": "/usr/lib/vst3/ZamCompX2.vst3", "parameters": {"Threshold": 0.2}}
    sounds = []
    for size in (64, block):
        host = start_host(synth, effect)
        host.role.send(100, **message(0x90, 60, 100))
        host.role.send(700, **message(0x80, 60, 0))
        sounds.append(host.role.silence(3072, size))
    assert np.array_equal(*sounds)
    assert np.abs(sounds[0]).max() > 0.05


@pytest.mark.parametrize("frame", [1, 63, 64, 65, 1000])
def test_an_instrument_plays_from_the_frame_of_its_note(
    start_host: Start, our_plugins: Path, frame: int
) -> None:
    host = start_host({"path": str(our_plugins / "TestSynth.vst3")})
    host.role.send(frame, **message(0x90, 69, 127))
    heard = host.role.silence(2048)
    assert not heard[:, :frame].any()
    assert heard[:, frame].all()


def test_sustain_bend_pressure_and_panic_reach_an_instrument(
    start_host: Start, our_plugins: Path
) -> None:
    host = start_host({"path": str(our_plugins / "TestSynth.vst3")})
    role, second = host.role, RATE_HZ // 64 * 64

    def level(frames: int = 9600) -> float:
        return float(np.abs(role.silence(frames)[:, -4800:]).max())

    def send(*data: int) -> None:
        role.send(role.written, **message(*data))

    send(0xB0, 64, 127)
    send(0x90, 69, 127)
    full = level()
    send(0x80, 69, 0)
    assert level() == pytest.approx(full, rel=0.01), "sustained"
    send(0xD0, 127)
    assert level() == pytest.approx(2.0 * full, rel=0.01), "pressure"
    before = _hz(role.silence(second)[0])
    send(0xE0, 127, 127)
    role.silence(64)
    assert _hz(role.silence(second)[0]) == pytest.approx(before * 2 ** (2 / 12), rel=0.01)
    send(0xB0, 64, 0)
    assert level() < 1e-4, "the pedal lets go"
    send(0x90, 69, 127)
    role.silence(1280)
    send(0xB0, 120, 0)
    assert not role.silence(1280)[:, 64:].any(), "panic"


def test_parameters_act_at_their_frame(start_host: Start, our_plugins: Path) -> None:
    host = start_host({"path": str(our_plugins / "Trouble.vst3")})
    gain = host.parameter("Gain")
    for frame, value in ((300, 0.0), (301, 0.5), (320, 1.0), (511, 0.25)):
        host.role.send(frame, shared.PARAMETER, (0,), gain, value)
    heard = host.role.play(np.ones((2, 1024), np.float32))[0]
    assert list(np.flatnonzero(np.diff(heard))) == [99, 299, 300, 319, 510]
    assert list(heard[[299, 300, 301, 320, 511]]) == [1.0, 0.0, 0.5, 1.0, 0.25]


def test_a_bypassed_plugin_fades_to_sound_equally_late(
    start_host: Start, our_plugins: Path
) -> None:
    path = str(our_plugins / "Trouble.vst3")
    host = start_host({"path": path, "parameters": {"Gain": 0.5}})
    host.role.send(1000, shared.BYPASS, (0,), 0, 1.0)
    host.role.send(2000, shared.BYPASS, (0,), 0, 0.0)
    sound = tone(4096, 200.0)
    heard = host.role.play(sound)[0]
    late = np.concatenate((np.zeros(DELAY_FRAMES, np.float32), sound[0]))[:4096]
    assert np.allclose(heard[:1000], 0.5 * late[:1000], atol=1e-7)
    assert np.array_equal(heard[1064:2000], late[1064:2000])
    assert np.allclose(heard[2064:], 0.5 * late[2064:], atol=1e-7)
    step = np.abs(np.diff(late)).max()
    assert np.abs(np.diff(heard)).max() < step + 0.5 * 0.5 / 64 + 1e-3


def test_a_mono_plugin_plays_both_sides(start_host: Start) -> None:
    host = start_host({"path": "/usr/lib/vst3/ZamTube.vst3"})
    sound = tone(9600)
    sound[1] = 0.0
    heard = host.role.play(sound)
    assert np.abs(heard[0]).max() > 10.0 * np.abs(heard[1]).max()


def test_an_effect_without_a_file(start_host: Start) -> None:
    host = start_host({"path": "pedalboard:Reverb", "parameters": {"dry_level": 0.0}})
    sound = np.zeros((2, 9600), np.float32)
    sound[:, 0] = 1.0
    heard = host.role.play(sound)
    assert heard[0, 0] == 0.0
    assert np.abs(heard[:, 4800:]).max() > 1e-4
    level = host.parameter("wet_level")
    host.role.send(host.role.written, shared.PARAMETER, (0,), level, 0.0)
    host.role.silence(9600)
    assert not host.role.play(sound).any()


def test_panic_ends_the_tail_of_an_effect(start_host: Start) -> None:
    host = start_host({"path": "pedalboard:Delay", "parameters": {"feedback": 0.9}})
    host.role.play(noise(48000 // 64 * 64))
    assert np.abs(host.role.silence(48000 // 64 * 64)).max() > 0.01
    host.role.send(host.role.written, **message(0xB0, 120, 0))
    assert not host.role.silence(48000 // 64 * 64).any()


def test_an_effect_that_cannot_forget_rings_out_unheard(
    start_host: Start, our_plugins: Path
) -> None:
    host = start_host({"path": str(our_plugins / "Trouble.vst3"), "parameters": {"Gain": 0.5}})
    role = host.role
    role.play(noise(640))
    role.send(role.written, **message(0xB0, 120, 0))
    around = role.play(np.ones((2, 640), np.float32))
    assert set(around[0]) == {0.0, 1.0}, "nothing of before, then the sound around the effect"
    assert list(np.flatnonzero(np.diff(around[0]))) == [DELAY_FRAMES - 1]
    role.silence(6400)
    assert role.play(np.ones((2, 640), np.float32))[0, -1] == 0.5, "and the effect is back"


def test_states_and_parameters_come_back(start_host: Start) -> None:
    path = "/usr/lib/vst3/ZamCompX2.vst3"
    first = start_host({"path": path})
    first.role.send(0, shared.PARAMETER, (0,), first.parameter("Threshold"), 0.25)
    first.role.silence(640)
    known = first.ask("state")["ok"]
    assert known["values"][0]["Threshold"] == pytest.approx(0.25)
    second = start_host({"path": path, "state": known["states"][0]})
    assert second.ask("state")["ok"]["values"] == known["values"]
    sound = noise(64 * 100)
    assert np.array_equal(first.role.play(sound), second.role.play(sound))


def test_what_is_asked_while_it_plays_keeps_nobody_from_the_interpreter(
    start_host: Start, our_plugins: Path
) -> None:
    """All its threads that run Python go ahead of other programs, and a state is told quickly."""
    host = start_host({"path": str(our_plugins / "TestSynth.vst3")})
    before = host.ask("state")["ok"]
    host.ask("priority", priority=12)
    found = {
        task.name: os.sched_getparam(int(task.name)).sched_priority
        for task in Path(f"/proc/{host.process.pid}/task").iterdir()
    }
    raised = sorted(priority for priority in found.values() if priority)
    assert raised == ([11, 11, 12] if realtime_allowed() else [])
    assert host.ask("state")["ok"] == before
    assert before["values"][0] == {p["name"]: p["value"] for p in described(host)}
    host.ask("priority", priority=0)
    assert not any(os.sched_getparam(int(task)).sched_priority for task in found)


def described(host: RunningHost) -> list[dict]:
    """The parameters of its first plugin."""
    return host.loaded["ok"]["plugins"][0]["parameters"]


def test_thousands_of_controllers_do_not_delay_the_loading(
    start_host: Start, our_plugins: Path
) -> None:
    """The instrument lists 2080 MIDI controllers as parameters; that once took a minute."""
    began_s = time.monotonic()
    host = start_host({"path": str(our_plugins / "TestSynth.vst3")})
    assert time.monotonic() - began_s < 10.0
    plugin = host.loaded["ok"]["plugins"][0]
    assert plugin["instrument"]
    assert [p["name"] for p in plugin["parameters"]] == ["Gain", "Saw"]


def test_what_cannot_be_loaded_is_said_in_a_sentence(start_host: Start, our_plugins: Path) -> None:
    for plugin, sentence in (
        ({"path": "/nowhere/No.vst3"}, "/nowhere/No.vst3 is not there"),
        ({"path": __file__}, "cannot be loaded"),
        ({"path": "pedalboard:Nothing"}, 'there is no effect "pedalboard:Nothing"'),
    ):
        host = start_host(plugin)
        assert sentence in host.loaded["error"]
        assert host.process.memory.header[shared.HOST_STATE] == shared.FAILED
    synth = {"path": str(our_plugins / "TestSynth.vst3")}
    host = start_host({"path": "pedalboard:Gain"}, synth)
    assert "must be the first of its chain" in host.loaded["error"]


def test_a_host_that_fell_behind_skips_and_says_so(start_host: Start) -> None:
    host = start_host({"path": "pedalboard:Gain"})
    role = host.role
    os.kill(host.process.pid, signal.SIGSTOP)
    role.written = shared.CAPACITY
    role.memory.publish(shared.WRITTEN, role.written)
    os.kill(host.process.pid, signal.SIGCONT)
    wait_until(lambda: role.memory.acquire(shared.PROCESSED) == shared.CAPACITY)
    assert role.memory.header[shared.VALID_FROM] == shared.CAPACITY
    assert role.play(tone(1280)).any()


def test_sound_that_is_no_number_does_not_leave(start_host: Start) -> None:
    host = start_host({"path": "pedalboard:Gain"})
    sound = tone(640)
    sound[0, 70] = np.nan
    heard = host.role.play(sound)
    assert np.isfinite(heard).all()
    assert heard[:, 128:].any()


def test_the_host_ends_with_the_engine(start_host: Start) -> None:
    host = start_host({"path": "pedalboard:Gain"})
    assert host.process.ended == ""
    host.process.leave()
    wait_until(lambda: host.process.ended)
    time.sleep(0.05)
    assert host.ends == [], "it was asked to"


@pytest.mark.parametrize("name", ["Crash", "Spin"])
def test_a_plugin_that_crashes_or_hangs_takes_nothing_else_with_it(
    start_host: Start, our_plugins: Path, name: str
) -> None:
    host = start_host({"path": "pedalboard:Gain"}, {"path": str(our_plugins / "Trouble.vst3")})
    host.role.silence(640)
    host.role.send(host.role.written, shared.PARAMETER, (1,), host.parameter(name, 1), 1.0)
    role = host.role
    role.memory.publish(shared.WRITTEN, role.written + 640)
    if name == "Spin":
        wait_until(lambda: host.process.seconds_busy > 0.1)
        assert host.process.plugin == 1
        host.process.kill()
    wait_until(lambda: host.ends)
    assert "signal" in host.process.ended
    assert host.process.plugin == 1


def _hz(wave: np.ndarray) -> float:
    return float(np.count_nonzero(np.diff(np.signbit(wave).astype(int)) == 1)) * RATE_HZ / len(wave)
