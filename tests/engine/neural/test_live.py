"""The neural synth while a JACK server plays: in time, and gone without the callback waiting."""

import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from engine.plugins.chain import PluginSpec
from tests.engine.plugins.callback_role import wait_until
from tests.engine.plugins.test_live import Live
from tests.engine.rig_helpers import note_on, stem
from tests.servers import JackServer

pytestmark = [pytest.mark.jack, pytest.mark.slow]


@pytest.fixture
def live(jack_server: JackServer) -> Iterator[Live]:
    live = Live()
    yield live
    live.close()


def test_it_is_heard_with_its_lead_stated_and_left_when_it_stops(live: Live) -> None:
    state = live.put("part 1", PluginSpec("neural:breathing_winds"))
    assert any("neural synth" in told and told.endswith(" ms later.") for told in live.said)
    assert 0 < state["lead_ms"] < 60
    live.engine.midi(note_on(72, 127))
    heard = live.hear_until(
        lambda heard: len(heard) > 24000 and bool(np.abs(heard[-4800:, 2:]).max() > 0.01)
    )
    assert np.abs(stem(heard, 0)).max() > 0.01
    print(f"\nlead {state['lead_ms']} ms, load {live.state('part 1')['load_percent']} % of a core")
    cycles = live.engine.stats().cycles
    os.kill(state["pid"], signal.SIGSTOP)
    wait_until(lambda: live.chain("part 1").wet == 0.0)
    live.engine.midi(note_on(76, 127))
    wave = stem(live.hear(0.3), 0)[-4800:, 0]
    assert np.abs(wave).max() > 0.1, "the part's own sound plays meanwhile"
    assert live.engine.stats().cycles > cycles
    wait_until(lambda: live.state("part 1")["restarts"] == 1, 20.0)
    assert any("hangs. It is bypassed and starts again." in told for told in live.said)
