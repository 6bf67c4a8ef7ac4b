"""Plugin chains as the callback runs them, with hosts that are threads of the test."""

import numpy as np
import pytest

from tests.engine.fake_host import Delay, FakeHost, clicks
from tests.engine.rig_helpers import new_engine, note_off, note_on, play, sine_bank, stem

LEAD = 256
SETTLED = 4096  # frames after which a chain is wet and every cross-fade over


@pytest.fixture
def host():
    hosts = []

    def start(*arguments) -> FakeHost:
        hosts.append(FakeHost(*arguments))
        return hosts[-1]

    yield start
    for one in hosts:
        one.close()


@pytest.mark.parametrize("latency", [0, 100])
def test_an_insert_is_heard_late_by_lead_and_latency_and_all_parts_with_it(host, latency):
    def heard(chained: bool) -> np.ndarray:
        engine = new_engine(sine_bank(100), polyphony=4)
        if chained:
            chain = host(Delay(latency))
            engine.attach_chain(0, chain.memory, lead_frames=LEAD, latency_frames=latency)
        engine.render(SETTLED)
        audio = play(engine, [(0, note_on(72)), (0, note_on(50))], 4096, stems=True)
        assert not chained or engine.chain_stats(0).wet == 1.0
        engine.close()
        return audio

    plain, chained = heard(False), heard(True)
    late = LEAD + latency
    np.testing.assert_array_equal(-stem(chained, 0)[late:], stem(plain, 0)[:-late])
    np.testing.assert_array_equal(stem(chained, 3)[late:], stem(plain, 3)[:-late])


def test_an_instrument_plays_a_note_at_its_frame(host):
    chain = host(clicks)
    engine = new_engine(parts=1)
    engine.attach_chain(0, chain.memory, instrument=True, lead_frames=LEAD)
    engine.render(SETTLED)
    audio = play(engine, [(37, note_on(60, 64)), (1000, note_off(60))], 2048, 50, stems=True)
    engine.close()
    heard = stem(audio, 0)[:, 0]
    assert np.flatnonzero(heard).tolist() == [37 + LEAD, 1000 + LEAD]
    np.testing.assert_allclose(heard[[37 + LEAD, 1000 + LEAD]], [0.5, -1 / 128])


def test_a_dead_host_is_bypassed_and_its_memory_given_back(host):
    chain = host()
    engine = new_engine(sine_bank(100))
    engine.attach_chain(0, chain.memory, lead_frames=LEAD)
    play(engine, [(0, note_on(72))], SETTLED)
    chain.close()
    engine._chains._given_up.add((0, 1))  # do not wait for it
    wet = engine.chain_stats(0)
    engine.render(640)
    dry = engine.chain_stats(0)
    assert (wet.wet, wet.misses, dry.wet, dry.misses) == (1.0, 0, 0.0, 1)
    engine.detach_chain(0)
    assert not engine.chain_is_free(0)
    engine.render(2048)
    assert engine.chain_is_free(0)
    engine.close()
