"""The manager with the real engine in real time: loading, failing, coming back, leaving."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.chain_memory import ChainMemory
from engine.core import Engine
from engine.ensembles import load_ensemble
from engine.mapped_memory import MEMORY_FOLDER
from engine.plugins import hosted, scan
from engine.plugins.chain import ChainSpec, PluginError, PluginSpec
from engine.plugins.manager import Plugins
from engine.silence import SilentDevice
from tests.engine.plugins.callback_role import wait_until

ZAM = Path("/usr/lib/vst3")


class Rig:
    """An engine that plays to nobody in real time, its plugins, and what was said."""

    def __init__(self) -> None:
        self.engine = Engine(tap=True)
        self.engine.apply(load_ensemble("string_quartet"))
        self.said: list[str] = []
        self.plugins = Plugins(self.engine, self.said.append)
        self.device = SilentDevice(self.engine.rate_hz)
        self.device.start(self.engine)
        self._stop = threading.Event()
        self._tender = threading.Thread(target=self._tend, daemon=True)
        self._tender.start()

    def _tend(self) -> None:
        while not self._stop.wait(0.1):
            self.engine.results()
            self.plugins.tend()

    def put(self, slot: str, *plugins: PluginSpec) -> dict[str, Any]:
        """Put plugins into a slot and wait until they are heard; the state then."""
        self.plugins.set_chain(slot, ChainSpec(plugins))
        wait_until(lambda: self.plugins.state()[slot].get("heard"), 20.0)
        return self.plugins.state()[slot]

    def sound(self, seconds: float) -> np.ndarray:
        """What is played during so many seconds, (frames, channels)."""
        self.engine.tap()
        time.sleep(seconds)
        return self.engine.tap()

    def wait_to_hear(self, sentence: str, timeout_s: float = 20.0) -> str:
        """Wait until a sentence with these words was said; return it."""
        wait_until(lambda: any(sentence in said for said in self.said), timeout_s)
        return next(said for said in self.said if sentence in said)

    def close(self) -> None:
        self._stop.set()
        self._tender.join()
        self.plugins.close()
        self.device.close()
        self.engine.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change counts as proven after a moment, and its state is asked for sooner."""
    monkeypatch.setattr(hosted, "SUSPECT_S", 0.3)
    monkeypatch.setattr(hosted, "SETTLED_S", 0.05)


def maps() -> set[str]:
    return {name for name in os.listdir(MEMORY_FOLDER) if name.startswith(ChainMemory.PREFIX)}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_loading_is_shown_and_never_waited_for(rig: Rig) -> None:
    rig.plugins.set_chain("Part 2", ChainSpec((PluginSpec(str(ZAM / "ZaMaximX2.vst3")),)))
    state = rig.plugins.state()["part 2"]
    assert state["state"] == "loading"
    assert state["plugins"][0]["name"] == "ZaMaximX2"
    wait_until(lambda: rig.plugins.state()["part 2"].get("heard"), 20.0)
    state = rig.plugins.state()["part 2"]
    assert state["state"] == "running"
    assert state["latency_frames"] == 480
    assert state["latency_ms"] == 10.0
    assert 2.0 < state["lead_ms"] < 50.0
    assert state["plugins"][0]["parameters"] > 2
    said = rig.wait_to_hear("Part 2 plays through ZaMaximX2")
    assert said.endswith(" ms later.")


def test_leaving_leaves_nothing_behind(rig: Rig) -> None:
    before = maps()
    pids = [rig.put(slot, PluginSpec("pedalboard:Gain"))["pid"] for slot in ("part 1", "master")]
    assert maps() <= before, "a map has no name once both sides have it open"
    rig.plugins.set_chain("part 1", None)
    wait_until(lambda: not alive(pids[0]))
    assert rig.plugins.slots() == ["master"]
    rig.plugins.close()
    wait_until(lambda: not alive(pids[1]))
    assert rig.plugins.state() == {}


@pytest.mark.slow
def test_another_chain_takes_over_when_it_is_ready(rig: Rig) -> None:
    first = rig.put("send a", PluginSpec("pedalboard:Reverb"))
    rig.plugins.set_chain("send a", ChainSpec((PluginSpec(str(ZAM / "ZamVerb.vst3")),)))
    assert rig.plugins.state()["send a"]["pid"] == first["pid"], "still heard"
    rig.wait_to_hear("Send a plays through ZamVerb")
    wait_until(lambda: not alive(first["pid"]))
    assert rig.plugins.state()["send a"]["state"] == "running"


def test_what_is_not_there_is_refused_and_changes_nothing(rig: Rig, our_plugins: Path) -> None:
    with pytest.raises(PluginError, match="is not there"):
        rig.plugins.set_chain("part 1", ChainSpec((PluginSpec("/no/where.vst3"),)))
    with pytest.raises(PluginError, match="there are no plugins on part 1"):
        rig.plugins.bypass("part 1", 0, True)
    assert rig.plugins.state() == {}
    assert rig.plugins.chain("part 1") is None
    rig.plugins.set_chain("master", ChainSpec((PluginSpec("pedalboard:Nothing"),)))
    said = rig.wait_to_hear("Master plays without its plugins")
    assert 'there is no effect "pedalboard:Nothing"' in said
    assert rig.plugins.state()["master"]["state"] == "failed"
    synth = PluginSpec(str(our_plugins / "TestSynth.vst3"))
    rig.plugins.set_chain("send b", ChainSpec((synth,)))
    rig.wait_to_hear("Send b plays without its plugins: TestSynth is an instrument")


def test_parameters_are_listed_set_and_saved(rig: Rig) -> None:
    rig.put("part 1", PluginSpec(str(ZAM / "ZamCompX2.vst3")), PluginSpec("pedalboard:Gain"))
    names = [p["name"] for p in rig.plugins.parameters("part 1", 0)]
    assert "Threshold" in names
    assert "Buffer Size" not in names
    rig.plugins.set_parameter("part 1", 0, "Threshold", 0.25)
    rig.plugins.set_parameter("part 1", 1, "gain_db", 0.5)
    rig.plugins.bypass("part 1", 1, True)
    with pytest.raises(PluginError, match='ZamCompX2 has no parameter "Nothing": choose one of '):
        rig.plugins.set_parameter("part 1", 0, "Nothing", 0.5)
    with pytest.raises(PluginError, match="must be a number from 0 to 1"):
        rig.plugins.set_parameter("part 1", 0, "Threshold", 1.5)
    with pytest.raises(PluginError, match="part 1 has no plugin 2: 0 to 1 are there"):
        rig.plugins.set_parameter("part 1", 2, "Threshold", 0.5)
    time.sleep(0.2)
    saved = rig.plugins.chain("part 1")
    assert saved is not None
    table = ChainSpec.from_table(saved.to_table())
    compressor, gain = table.plugins
    assert len(compressor.state) > 20
    assert gain.bypass
    assert gain.parameters == {"gain_db": 0.5}
    state_only = PluginSpec(compressor.path, state=compressor.state)
    rig.put("part 2", state_only)
    loaded = {p["name"]: p["value"] for p in rig.plugins.parameters("part 2", 0)}
    assert loaded["Threshold"] == pytest.approx(0.25)


def test_what_is_changed_while_loading_is_not_lost(rig: Rig) -> None:
    rig.plugins.set_chain("part 1", ChainSpec((PluginSpec("pedalboard:Gain"),)))
    rig.plugins.set_parameter("part 1", 0, "gain_db", 0.25)
    rig.plugins.set_parameter("part 1", 0, "no_such", 0.25)
    rig.wait_to_hear('Part 1: Gain has no parameter "no_such"')
    assert rig.plugins.parameters("part 1", 0)[0]["value"] == 0.25


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "crashes", "hangs", "stopped"])
def test_a_failing_plugin_is_bypassed_and_starts_again_as_it_was(
    rig: Rig, our_plugins: Path, quick: None, how: str
) -> None:
    first = rig.put("master", PluginSpec(str(our_plugins / "Trouble.vst3")))
    rig.plugins.set_parameter("master", 0, "Gain", 0.25)
    time.sleep(0.8)
    cycles = rig.engine.stats().cycles
    if how == "killed":
        os.kill(first["pid"], signal.SIGKILL)
    elif how == "stopped":
        os.kill(first["pid"], signal.SIGSTOP)
    else:
        rig.plugins.set_parameter("master", 0, "Crash" if how == "crashes" else "Spin", 1.0)
    said = rig.wait_to_hear("Master: ")
    words = "hangs" if how in ("hangs", "stopped") else "was ended by signal"
    assert words in said
    assert said.endswith("It is bypassed and starts again.")
    rig.wait_to_hear("Master plays again through Trouble")
    wait_until(lambda: rig.plugins.state()["master"].get("heard"))
    state = rig.plugins.state()["master"]
    assert state["restarts"] == 1
    assert state["pid"] != first["pid"]
    assert not alive(first["pid"])
    values = {p["name"]: p["value"] for p in rig.plugins.parameters("master", 0)}
    assert values == {"Gain": pytest.approx(0.25), "Crash": 0.0, "Spin": 0.0}
    assert rig.engine.stats().cycles > cycles


def test_one_that_keeps_failing_is_left_out(rig: Rig) -> None:
    for attempt in range(hosted.TRIES):
        wait_until(lambda: rig.plugins.state().get("part 3", {}).get("pid"), 20.0) if attempt else (
            rig.put("part 3", PluginSpec("pedalboard:Gain"))
        )
        os.kill(rig.plugins.state()["part 3"]["pid"], signal.SIGKILL)
        wait_until(lambda n=attempt: len([s for s in rig.said if "signal 9" in s]) > n)
    said = rig.wait_to_hear("Part 3 plays without its plugins: Gain was ended by signal 9")
    assert said.endswith(", 3 times in a row.")
    assert rig.plugins.state()["part 3"]["state"] == "failed"
    rig.put("part 3", PluginSpec("pedalboard:Gain"))


def test_one_that_crashes_while_loading_is_left_out(rig: Rig, our_plugins: Path) -> None:
    path = our_plugins / "CrashOnLoad.vst3"
    rig.plugins.set_chain("part 1", ChainSpec((PluginSpec(str(path)),)))
    rig.wait_to_hear("Part 1 plays without its plugins: CrashOnLoad was ended by signal 6")


def test_one_that_does_not_finish_loading_is_left_out(
    rig: Rig, our_plugins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted, "LOAD_LIMIT_S", 1.0)
    path = our_plugins / "HangOnLoad.vst3"
    rig.plugins.set_chain("part 1", ChainSpec((PluginSpec(str(path)),)))
    rig.wait_to_hear("Part 1 plays without its plugins: HangOnLoad did not load within 1 s")


def test_one_in_quarantine_is_refused(rig: Rig, our_plugins: Path, tmp_path: Path) -> None:
    (tmp_path / "CrashOnLoad.vst3").symlink_to(our_plugins / "CrashOnLoad.vst3")
    scan.scan([tmp_path])
    spec = ChainSpec((PluginSpec(str(tmp_path / "CrashOnLoad.vst3")),))
    try:
        with pytest.raises(PluginError, match="is in quarantine: it crashed"):
            rig.plugins.set_chain("part 1", spec)
    finally:
        scan.forget("all")


def test_without_a_screen_the_window_is_refused_in_a_sentence(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    first = rig.put("part 1", PluginSpec(str(ZAM / "ZamCompX2.vst3")))
    rig.plugins.open_editor("part 1", 0)
    rig.wait_to_hear("The window of ZamCompX2 cannot be shown: ")
    state = rig.plugins.state()["part 1"]
    assert state["pid"] == first["pid"]
    assert state["editor"] == -1
