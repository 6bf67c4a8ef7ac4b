"""Plugins while a JACK server plays: heard in time, and failing without a click."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.chains import ChainStats
from engine.jack import JackDevice
from engine.plugins.chain import SLOTS, ChainSpec, PluginSpec
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
        """What is played during so many seconds, (frames, channels), however long it takes."""
        self.engine.tap()
        wanted = int(seconds * self.engine.rate_hz)
        return self.hear_until(lambda heard: len(heard) >= wanted)[-wanted:]

    def hear_until(self, enough: Callable[[np.ndarray], bool]) -> np.ndarray:
        """What is played until it is enough, from what was not taken yet on: master and a stem."""
        until_s = time.monotonic() + 60.0
        heard = self.engine.tap()[:, :4]
        while not enough(heard):
            assert time.monotonic() < until_s, "that never came"
            time.sleep(0.02)
            heard = np.concatenate([heard, self.engine.tap()[:, :4]])
        return heard

    def hear_in_time(self, slot: str, seconds: float) -> np.ndarray:
        """So many seconds of a chain without a miss, which other programs may cause."""
        while True:
            before = self.chain(slot)
            audio = self.hear(seconds)
            after = self.chain(slot)
            if before.wet == after.wet == 1.0 and before.misses == after.misses:
                return audio

    def chain(self, slot: str) -> ChainStats:
        return self.engine.chain_stats(SLOTS[slot])

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
    before = {slot: live.chain(slot) for slot in ("part 1", "master")}
    audio = live.hear(2.0)
    assert np.abs(stem(audio, 0)[-9600:]).max() > 0.1
    assert np.abs(audio[-9600:, 0]).max() > 0.1
    for slot, earlier in before.items():
        dry_frames = live.chain(slot).dry_frames - earlier.dry_frames
        assert dry_frames < len(audio) // 4, "but for what other programs take of the processor"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill -9", "busy loop"])
def test_a_failing_effect_is_bypassed_without_a_click(
    live: Live, our_plugins: Path, how: str
) -> None:
    """The effect halves a sine: when it fails, the sine is heard as it is, then halved again."""
    halved = PluginSpec(str(our_plugins / "Trouble.vst3"), parameters={"Gain": 0.5})
    pid = live.put("part 1", halved)["pid"]
    live.engine.midi(note_on(72, 127))
    live.hear(0.5)
    quiet = stem(live.hear_in_time("part 1", 0.2), 0)[:, 0]
    level = np.abs(quiet).max()
    assert _clicks(quiet, quiet) == 0

    live.engine.tap()
    if how == "kill -9":
        os.kill(pid, signal.SIGKILL)
    else:
        live.plugins.set_parameter("part 1", 0, "Spin", 1.0)
    heard = [live.hear_until(lambda heard: _levels(heard)[-1] > 1.5 * level)]
    heard.append(live.hear_until(lambda heard: live.state("part 1")["restarts"] == 1))
    heard.append(live.hear_until(lambda heard: _steady(_levels(heard), 1.1 * level)))

    wave = stem(np.concatenate(heard), 0)[:, 0]
    assert _clicks(wave, quiet) == 0
    levels = _levels(np.concatenate(heard))
    assert levels.min() > 0.9 * level, "it was never silent"
    assert levels.max() == pytest.approx(2.0 * level, rel=0.1), "it was bypassed"
    assert levels[-1] == pytest.approx(level, rel=0.1), "and came back as it was"
    assert any("It is bypassed and starts again." in said for said in live.said)
    assert live.state("part 1")["restarts"] == 1


@pytest.mark.slow
def test_a_dead_instrument_gives_its_part_back_its_own_sound(live: Live, our_plugins: Path) -> None:
    pid = live.put("part 1", PluginSpec(str(our_plugins / "TestSynth.vst3")))["pid"]
    live.engine.midi(note_on(72, 127))
    assert np.abs(stem(live.hear(0.3), 0)[-4800:]).max() > 0.1
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: live.chain("part 1").wet == 0.0)
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
    live.plugins.set_chain("part 2", ChainSpec((PluginSpec(str(our_plugins / "TestSynth.vst3")),)))
    live.plugins.set_chain("send a", ChainSpec((PluginSpec(str(ZAM / "ZamVerb.vst3")),)))
    live.engine.tap()
    live.engine.reset_stats()
    heard = live.hear_until(
        lambda heard: all(live.state(s).get("heard") for s in live.plugins.slots())
    )
    assert _clicks(stem(heard, 0)[:, 0], reference) == 0
    stats = live.engine.stats()
    assert stats.missed_cycles < stats.cycles // 10, "but for what other programs take"
    assert stats.load_percent["p99"] < 50.0


def _levels(heard: np.ndarray) -> np.ndarray:
    """How loud the first part is, a hundredth of a second at a time."""
    pieces = np.array_split(stem(heard, 0)[:, 0], max(len(heard) // 480, 1))
    return np.array([np.abs(piece).max(initial=0.0) for piece in pieces])


def _steady(levels: np.ndarray, below: float) -> bool:
    """Whether the last tenth of a second was not as loud."""
    return len(levels) >= 10 and levels[-10:].max() < below


def _clicks(wave: np.ndarray, reference: np.ndarray) -> int:
    """Where a wave bends more sharply than four times the reference ever does."""
    bends = np.abs(np.diff(wave, 2))
    return int(np.count_nonzero(bends > 4.0 * np.abs(np.diff(reference, 2)).max()))
