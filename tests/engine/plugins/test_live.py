"""Plugins while a JACK server plays: heard in time, and failing without a click."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.jack import JackDevice
from engine.plugins.chain import ChainSpec, PluginSpec
from engine.plugins.manager import Plugins
from tests.engine.plugins.callback_role import wait_until
from tests.engine.rig_helpers import new_engine, note_on, sine_bank, stem
from tests.servers import JackServer

pytestmark = pytest.mark.jack
ZAM = Path("/usr/lib/vst3")
BLOCK_FRAMES = 128


class Live:
    """An engine on a JACK server, with plugins, tended as a session does it."""

    def __init__(self) -> None:
        self.device = JackDevice("plugins-test")
        self.engine = new_engine(sine_bank(100), polyphony=8, tap=True)
        self.engine._state["assigner"] = 1
        self.said: list[str] = []
        self.plugins = Plugins(self.engine, self.said.append)
        self.device.start(self.engine)
        self._stop = threading.Event()
        self._tender = threading.Thread(target=self._tend, daemon=True)
        self._tender.start()

    def _tend(self) -> None:
        while not self._stop.wait(0.25):
            self.engine.results()
            self.plugins.tend()

    def put(self, slot: str, *plugins: PluginSpec) -> dict[str, Any]:
        """Put plugins into a slot; they are heard when this returns."""
        self.plugins.set_chain(slot, ChainSpec(plugins))
        wait_until(lambda: self.state(slot).get("heard"), 20.0)
        return self.state(slot)

    def state(self, slot: str) -> dict[str, Any]:
        return self.plugins.state()[slot]

    def hear(self, seconds: float) -> np.ndarray:
        """What is played during so many seconds, (frames, channels)."""
        self.engine.tap()
        time.sleep(seconds)
        return self.engine.tap()

    def close(self) -> None:
        self._stop.set()
        self._tender.join()
        self.plugins.close()
        self.device.close()
        self.engine.close()


@pytest.fixture
def live(jack_server: JackServer) -> Iterator[Live]:
    live = Live()
    yield live
    live.close()


@pytest.mark.slow
def test_a_chain_of_three_and_an_instrument_are_in_time(live: Live, our_plugins: Path) -> None:
    live.put("part 1", PluginSpec(str(our_plugins / "TestSynth.vst3")))
    effects = ("ZamCompX2", "ZaMaximX2", "ZamGateX2")
    state = live.put("master", *(PluginSpec(str(ZAM / f"{name}.vst3")) for name in effects))
    assert state["latency_frames"] == 480
    live.engine.midi(note_on(72, 127))
    before = {slot: live.state(slot)["misses"] for slot in ("part 1", "master")}
    audio = live.hear(2.0)
    assert np.abs(stem(audio, 0)[-9600:]).max() > 0.1
    assert np.abs(audio[-9600:, 0]).max() > 0.1
    missed = sum(live.state(slot)["misses"] - before[slot] for slot in before)
    assert missed <= 2, "other programs may take the processor once"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill -9", "busy loop"])
def test_a_failing_effect_is_bypassed_without_a_click(
    live: Live, our_plugins: Path, how: str
) -> None:
    """The effect halves a sine: when it fails, the sine is heard as it is, then halved again."""
    halved = PluginSpec(str(our_plugins / "Trouble.vst3"), parameters={"Gain": 0.5})
    pid = live.put("part 1", halved)["pid"]
    live.engine.midi(note_on(72, 127))
    quiet = stem(live.hear(0.5), 0)[-4800:, 0]
    assert _clicks(quiet, quiet) == 0
    missed = live.engine.stats().missed_cycles

    heard: list[np.ndarray] = []
    listener = threading.Thread(target=lambda: heard.append(live.hear(3.0)))
    listener.start()
    time.sleep(0.3)
    if how == "kill -9":
        os.kill(pid, signal.SIGKILL)
    else:
        live.plugins.set_parameter("part 1", 0, "Spin", 1.0)
    listener.join()
    wait_until(lambda: live.state("part 1").get("heard"), 10.0)

    wave = stem(heard[0], 0)[:, 0]
    assert _clicks(wave, quiet) == 0
    levels = np.array([np.abs(w).max() for w in np.array_split(wave, len(wave) // 480)])
    assert levels.min() > 0.9 * levels[:10].mean(), "it was never silent"
    assert levels.max() == pytest.approx(2.0 * levels[:10].mean(), rel=0.1), "it was bypassed"
    assert levels[-1] == pytest.approx(levels[:10].mean(), rel=0.1), "and came back as it was"
    assert any("It is bypassed and starts again." in said for said in live.said)
    assert live.state("part 1")["restarts"] == 1
    assert live.engine.stats().missed_cycles - missed <= 2


@pytest.mark.slow
def test_a_dead_instrument_gives_its_part_back_its_own_sound(live: Live, our_plugins: Path) -> None:
    pid = live.put("part 1", PluginSpec(str(our_plugins / "TestSynth.vst3")))["pid"]
    live.engine.midi(note_on(72, 127))
    assert np.abs(stem(live.hear(0.3), 0)[-4800:]).max() > 0.1
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.1)
    live.engine.midi(note_on(76, 127))
    wave = stem(live.hear(0.3), 0)[-4800:, 0]
    hz = np.count_nonzero(np.diff(np.signbit(wave).astype(int)) == 1) * 10.0
    assert np.abs(wave).max() > 0.1, "the part's own bank plays meanwhile"
    assert hz == pytest.approx(480.0 * 2 ** (16 / 12), rel=0.05)
    wait_until(lambda: live.state("part 1")["restarts"] == 1, 10.0)
    wait_until(lambda: live.state("part 1").get("heard"), 10.0)


@pytest.mark.slow
def test_the_callback_does_not_mind_a_loading_plugin(live: Live, our_plugins: Path) -> None:
    """An instrument with 2082 parameters and a convolution load while a note sounds."""
    live.engine.midi(note_on(72, 127))
    reference = stem(live.hear(0.3), 0)[-4800:, 0]
    missed = live.engine.stats().missed_cycles
    live.plugins.set_chain("part 2", ChainSpec((PluginSpec(str(our_plugins / "TestSynth.vst3")),)))
    live.plugins.set_chain("send a", ChainSpec((PluginSpec(str(ZAM / "ZamVerb.vst3")),)))
    wave = stem(live.hear(1.5), 0)[:, 0]
    assert _clicks(wave, reference) == 0
    assert live.engine.stats().missed_cycles - missed <= 2


def _clicks(wave: np.ndarray, reference: np.ndarray) -> int:
    """Where a wave bends more sharply than four times the reference ever does."""
    bends = np.abs(np.diff(wave, 2))
    return int(np.count_nonzero(bends > 4.0 * np.abs(np.diff(reference, 2)).max()))
