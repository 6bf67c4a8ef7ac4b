"""What a player does with the transport: source, tempo, taps, start, stop, count-in; its faults."""

import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from engine.core import Engine
from engine.errors import RipienoError
from engine.settings import Settings
from engine.silence import SilentDevice
from engine.sync import Sync
from tests.engine.rig_helpers import Saved, new_engine


@pytest.fixture(scope="module")
def made():
    engine = new_engine(fluid=False)
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def engine(made) -> Engine:
    _, saved = made
    return saved.restore()


class Here:
    """A sync on an engine, and what it said."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.said: list[str] = []
        self.sync = Sync(engine, lambda: SilentDevice(), self.said.append)

    def run(self, seconds: float = 0.01) -> None:
        self.engine.render(int(seconds * 48000))


@pytest.fixture
def here(engine: Engine) -> Iterator[Here]:
    here = Here(engine)
    yield here
    here.sync.close()


def test_start_stop_locate_and_tempo(here: Here) -> None:
    here.sync.start()
    here.sync.set("tempo_bpm", 60)
    here.run(1.0)
    here.sync.stop()
    here.run()
    state = here.sync.state()
    assert (state["rolling"], state["tempo_bpm"], state["source"]) == (False, 60.0, "internal")
    assert state["beat"] == pytest.approx(1.0)
    here.sync.locate(12.0)
    here.run()
    assert here.sync.state()["beat"] == 12.0


def test_taps_set_the_tempo(here: Here) -> None:
    assert here.sync.tap(10.0) is None
    assert here.sync.tap(10.5) == pytest.approx(120.0)
    random = np.random.default_rng(1)
    for i in range(2, 12):
        tempo_bpm = here.sync.tap(10.0 + i * 0.5 + random.normal(0, 0.01))
    assert tempo_bpm == pytest.approx(120.0, abs=3.0)
    assert here.sync.tap(30.0) is None  # a new beginning
    assert here.sync.tap(30.05) == 400.0
    assert here.engine.get("tempo_bpm") == 400.0


def test_a_count_in_begins_bars_before_and_clicks(here: Here) -> None:
    here.engine.set("beats_per_bar", 3)
    here.sync.start(count_in_bars=2)
    here.run()
    state = here.sync.state()
    assert state["rolling"]
    assert state["beat"] == pytest.approx(-6.0 + 0.02)
    assert state["click"] == "count_in"
    with pytest.raises(RipienoError, match="0 to 8 bars, got 9"):
        here.sync.start(count_in_bars=9)
    here.sync.set_source("midi_clock")
    with pytest.raises(RipienoError, match="internal clock, not midi_clock"):
        here.sync.start(count_in_bars=1)


def test_a_clock_that_vanishes_is_told_once_and_its_tempo_kept(here: Here) -> None:
    here.sync.set_source("midi_clock")
    here.run()
    here.sync.tend()
    assert here.said == []
    here.engine.clock(b"\xfa")
    for _ in range(60):
        here.engine.clock(b"\xf8", here.engine.frame + 1200)
        here.engine.render(1200, 64)
    here.sync.tend()
    here.run(1.0)
    for _ in range(3):
        here.sync.tend()
    assert here.said == [
        "The MIDI clock leads: 100.0 bpm.",
        "The MIDI clock is gone; the transport goes on at 100.0 bpm.",
    ]
    state = here.sync.state()
    assert (state["rolling"], state["locked"]) == (True, False)
    for _ in range(30):
        here.engine.clock(b"\xf8", here.engine.frame + 1000)
        here.engine.render(1000, 64)
    here.sync.tend()
    assert here.said[2:] == ["The MIDI clock leads: 120.0 bpm."]


def test_a_clock_that_never_came_is_missed(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sync.PATIENCE_S", 0.01)
    here.sync.set_source("midi_clock")
    here.run()
    time.sleep(0.02)
    here.sync.tend()
    here.sync.tend()
    assert here.said == [
        "The MIDI clock is not there yet; the transport keeps 120.0 bpm until it is."
    ]


def test_jack_is_refused_without_jack(here: Here) -> None:
    with pytest.raises(RipienoError, match="needs JACK: play with --out jack"):
        here.sync.set_source("jack")
    with pytest.raises(RipienoError, match="needs JACK: play with --out jack"):
        here.sync.set("jack_master", 1)
    assert here.sync.state()["source"] == "internal"


def test_link_without_its_package_is_one_sentence_with_the_fix(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "link", None)
    with pytest.raises(RipienoError, match=r"pip install 'ripieno\[link\]'"):
        here.sync.set_source("link")
    assert here.sync.state()["source"] == "internal"


def test_unknown_sources_and_values_name_what_is_legal(here: Here) -> None:
    with pytest.raises(RipienoError, match="midi_clock, link, playing, got \"?'?tape"):
        here.sync.set_source("tape")
    for name, value in (("sync_source", 5), ("rolling", 2), ("tempo_bpm", 500)):
        with pytest.raises(ValueError, match=f"{name} must be"):
            here.sync.set(name, value)


def test_settings_begin_it(here: Here) -> None:
    here.sync.begin(Settings(sync_source="midi_clock", clock_out=True))
    here.run()
    assert here.sync.state()["source"] == "midi_clock"
    assert here.sync.state()["clock_out"]
    with pytest.raises(RipienoError, match="needs JACK"):
        here.sync.begin(Settings(sync_source="jack"))
