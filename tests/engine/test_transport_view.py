"""The transport as it is seen from outside, before anything has been played."""

import pytest

from engine.core import Engine


@pytest.fixture(scope="module")
def engine():
    engine = Engine(48000)
    yield engine
    engine.close()


def test_before_the_first_block_it_is_at_rest_at_its_first_tempo(engine: Engine) -> None:
    transport = engine.transport()
    assert (transport.tempo_bpm, transport.beats_per_bar) == (120.0, 4)
    assert (transport.rolling, transport.beat, transport.source) == (False, 0.0, "internal")
    assert engine.get("tempo_bpm") == 120.0
