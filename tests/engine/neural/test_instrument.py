"""The neural synth as a plugin host sees it: messages at their frames, its state."""

import numpy as np
import pytest

from engine.neural.instrument import NeuralInstrument
from engine.plugins.chain import ChainSpec, PluginError, PluginSpec
from engine.plugins.scan import resolve

RATE_HZ = 24000


@pytest.fixture(scope="module")
def played() -> NeuralInstrument:
    instrument = NeuralInstrument("neural:cello_flute_trumpet", RATE_HZ)
    instrument.settle()
    return instrument


def test_a_message_acts_at_its_frame(played: NeuralInstrument) -> None:
    nothing = np.zeros((2, 64), np.float32)
    assert not played.process(nothing, []).any()
    sound = played.process(nothing, [(bytes((0xB0, 1, 127)), 0), (bytes((0x90, 60, 127)), 40)])
    assert not sound[:, :41].any()
    assert sound[:, 42:].any()
    np.testing.assert_array_equal(sound[0], sound[1])
    later = np.concatenate([played.process(nothing, []) for _ in range(40)], 1)
    assert np.abs(later).max() > 0.01
    assert played.forget_tail()
    for _ in range(20):
        played.process(nothing, [])
    assert not played.process(nothing, []).any()


def test_the_puck_is_its_parameters_and_its_state(played: NeuralInstrument) -> None:
    assert [parameter.name for parameter in played.parameters()] == ["x", "y"]
    played.set(0, 0.75)
    played.set(7, 0.1)
    assert played.values() == {"x": 0.75, "y": 0.5}
    state = played.state
    played.set(0, 0.0)
    played.state = state
    assert played.values()["x"] == 0.75
    assert played.parameters()[0].default == 0
    with pytest.raises(PluginError, match="its state cannot be read"):
        played.state = b"{"
    with pytest.raises(PluginError, match="has no window"):
        played.show_editor(None)


def test_a_sound_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(PluginError, match="no_such_sound"):
        NeuralInstrument("neural:no_such_sound", RATE_HZ)


def test_a_chain_may_hold_it_and_a_scan_does_not_look_for_it() -> None:
    spec = PluginSpec("neural:carousel")
    assert ChainSpec.from_table(ChainSpec((spec,)).to_table()).plugins == (spec,)
    assert spec.title == "carousel"
    assert resolve(spec) is spec
