"""A device takes a watched engine for an engine: whatever it asks of one, the stand-in answers."""

import time

import pytest

from engine.jack import JackDevice
from tests import servers
from tests.bench.stopwatch import Nothing, Watched


@pytest.mark.jack
def test_a_watched_engine_runs_on_a_server(jack_server: servers.JackServer) -> None:
    device = JackDevice("watched")
    watched = Watched(Nothing(), 0)
    device.start(watched, connect_outputs=False)
    try:
        deadline = time.monotonic() + 30.0
        while watched.watch.cycles < 3:
            assert time.monotonic() < deadline, "no cycle was counted"
            time.sleep(0.01)
        device.tend()
    finally:
        device.close()
