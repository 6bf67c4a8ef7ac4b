"""Real plugins in the engine, rendered without a clock: every sample is where it belongs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.plugins.chain import ChainSpec, PluginSpec
from engine.plugins.manager import Plugins
from tests.engine.plugins.callback_role import wait_until
from tests.engine.rig_helpers import new_engine, note_off, note_on, play, sine_bank, stem
from tests.plugins_fixture import DELAY_FRAMES

SETTLED = 4096  # frames after which a chain is wet and every cross-fade over
ZAM = Path("/usr/lib/vst3")
Put = Callable[..., dict[str, Any]]


@pytest.fixture
def put() -> Iterator[Put]:
    """Put plugins into a slot of an engine; they are heard when this returns."""
    managers: dict[int, Plugins] = {}

    def put(engine: Any, slot: str, *plugins: PluginSpec) -> dict[str, Any]:
        said: list[str] = []
        manager = managers.setdefault(id(engine), Plugins(engine, said.append))
        manager.set_chain(slot, ChainSpec(plugins))
        wait_until(lambda: manager.state()[slot]["state"] != "loading", 20.0)
        assert manager.state()[slot]["state"] == "running", said
        engine.render(SETTLED)
        return {**manager.state()[slot], "manager": manager}

    yield put
    for manager in managers.values():
        manager.close()


@pytest.mark.parametrize(
    ("name", "latency", "parameters"),
    [("ZaMaximX2", 480, {"Threshold": 0.8}), ("ZamCompX2", 0, {"Makeup": 0.2})],
)
def test_an_insert_delays_every_part_by_as_much(
    put: Put, name: str, latency: int, parameters: dict[str, float]
) -> None:
    def heard(chained: bool) -> tuple[np.ndarray, int]:
        engine = new_engine(sine_bank(100), polyphony=4)
        late = 0
        if chained:
            spec = PluginSpec(str(ZAM / f"{name}.vst3"), parameters=parameters)
            state = put(engine, "part 1", spec)
            assert state["latency_frames"] == latency
            late = state["lead_frames"] + latency
        else:
            engine.render(SETTLED)
        audio = play(engine, [(0, note_on(72)), (0, note_on(50))], 8192, stems=True)
        engine.close()
        return audio, late

    (plain, _), (chained, late) = heard(False), heard(True)
    np.testing.assert_array_equal(stem(chained, 3)[late:], stem(plain, 3)[:-late])
    processed, sound = stem(chained, 0)[late:], stem(plain, 0)[:-late]
    gain = float(np.sum(processed * sound) / np.sum(sound * sound))
    assert gain > 1.4
    assert np.abs(processed - gain * sound).max() < 0.02, "it lies where the plain one would"


def test_a_plugins_own_delay_is_compensated_to_the_frame(put: Put, our_plugins: Path) -> None:
    engine = new_engine(sine_bank(100), polyphony=4)
    spec = PluginSpec(str(our_plugins / "Trouble.vst3"), parameters={"Gain": 0.5})
    state = put(engine, "part 1", spec)
    assert state["latency_frames"] == DELAY_FRAMES
    late = state["lead_frames"] + DELAY_FRAMES
    audio = play(engine, [(0, note_on(72))], 4096, stems=True)
    engine.close()
    plain = new_engine(sine_bank(100), polyphony=4)
    plain.render(SETTLED)
    expected = stem(play(plain, [(0, note_on(72))], 4096, stems=True), 0)
    plain.close()
    np.testing.assert_array_equal(stem(audio, 0)[late:], 0.5 * expected[:-late])


@pytest.mark.slow
def test_the_same_samples_in_any_block(put: Put, our_plugins: Path) -> None:
    sounds = []
    for block in (64, 50, 512):
        engine = new_engine(sine_bank(100), polyphony=4)
        put(engine, "part 1", PluginSpec(str(our_plugins / "TestSynth.vst3")))
        put(engine, "part 4", PluginSpec(str(ZAM / "ZamCompX2.vst3")))
        put(engine, "master", PluginSpec("pedalboard:Reverb"))
        events = [(10, note_on(72)), (300, note_on(50)), (2000, note_off(72))]
        sounds.append(play(engine, events, 8192, block))
        engine.close()
    np.testing.assert_array_equal(sounds[0], sounds[1])
    np.testing.assert_array_equal(sounds[0], sounds[2])
    assert np.abs(sounds[0]).max() > 0.01


@pytest.mark.slow
def test_a_hosted_instrument_is_a_parts_sound(put: Put, our_plugins: Path) -> None:
    engine = new_engine(parts=1)
    state = put(engine, "part 1", PluginSpec(str(our_plugins / "TestSynth.vst3")))
    assert state["instrument"]
    lead = state["lead_frames"]
    heard = stem(play(engine, [(37, note_on(69, 127))], 4096, stems=True), 0)[:, 0]
    assert np.flatnonzero(heard)[0] == 37 + lead

    def level(*messages: tuple[int, ...]) -> float:
        for message in messages:
            engine.midi(bytes(message), engine.frame)
        return float(np.abs(stem(engine.render(12000, stems=True), 0)[-4800:]).max())

    held = level()
    assert level((0xD0, 127)) == pytest.approx(2.0 * held, rel=0.01), "pressure"
    assert level((0xD0, 0)) == pytest.approx(held, rel=0.01)
    assert level((0xB0, 64, 127), (0x80, 69, 0)) == pytest.approx(held, rel=0.01), "sustain"
    rate = 48000
    before = _hz(stem(engine.render(rate, stems=True), 0)[:, 0])
    level((0xE0, 127, 127))
    bent = _hz(stem(engine.render(rate, stems=True), 0)[:, 0])
    assert bent / before == pytest.approx(2 ** (2 / 12), rel=0.01), "bend"
    assert level((0xB0, 64, 0)) < 1e-3, "the pedal lets go"
    level((0x90, 60, 127))
    engine.panic()
    engine.render(1024)
    assert not stem(engine.render(4800, stems=True), 0).any(), "panic"
    engine.close()


def test_a_send_has_its_own_effect(put: Put) -> None:
    engine = new_engine(sine_bank(100), polyphony=4)
    wet_only = {"dry_level": 0.0, "wet_level": 1.0}
    put(engine, "send a", PluginSpec("pedalboard:Reverb", parameters=wet_only))
    play(engine, [(0, note_on(72)), (480, note_off(72))], 9600)
    silent = engine.render(4800)
    engine.set("send_a", 1.0, 0)
    play(engine, [(0, note_on(72)), (480, note_off(72))], 9600)
    ringing = engine.render(4800)
    engine.close()
    assert np.abs(silent).max() < 1e-6
    assert np.abs(ringing).max() > 1e-3


def test_without_plugins_it_sounds_as_before(put: Put, our_plugins: Path) -> None:
    engine = new_engine(sine_bank(100), polyphony=4)
    state = put(engine, "part 1", PluginSpec(str(our_plugins / "Trouble.vst3")))
    state["manager"].set_chain("part 1", None)
    engine.render(SETTLED)
    assert engine.chain_is_free(0)
    audio = play(engine, [(0, note_on(72))], 4096)
    engine.close()
    plain = new_engine(sine_bank(100), polyphony=4)
    plain.render(2 * SETTLED)
    np.testing.assert_array_equal(audio, play(plain, [(0, note_on(72))], 4096))
    plain.close()


def test_parameters_can_be_set_at_a_frame(put: Put, our_plugins: Path) -> None:
    """What a rig's automation needs: the engine's own event, at a frame of the stream."""
    from engine.rt import shared

    engine = new_engine(sine_bank(100), polyphony=4)
    state = put(engine, "part 1", PluginSpec(str(our_plugins / "Trouble.vst3")))
    gain = state["manager"].parameters("part 1", 0)[0]["index"]
    late = state["lead_frames"]
    begin = engine.frame
    engine.chain_event(0, shared.PARAMETER, 0, gain, 0.0, begin + 1000)
    heard = stem(play(engine, [(0, note_on(72))], 4096, stems=True), 0)[:, 0]
    engine.close()
    assert np.abs(heard[1000 + late - 200 : 1000 + late]).max() > 0.01
    assert not heard[1000 + late :].any()


def _hz(wave: np.ndarray) -> float:
    return np.count_nonzero(np.diff(np.signbit(wave).astype(int)) == 1) * 48000 / len(wave)


def test_what_is_saved_at_once_is_what_was_just_set(put: Put) -> None:
    """Nothing has been rendered since, so the host has not heard of it yet."""
    engine = new_engine(sine_bank(100))
    plugins = put(engine, "part 1", PluginSpec(str(ZAM / "ZamCompX2.vst3")))["manager"]
    for value in (0.25, 0.75):
        plugins.set_parameter("part 1", 0, "Threshold", value)
        chain = plugins.chain("part 1")
        assert chain
        assert chain.plugins[0].state
        assert chain.plugins[0].parameters == {"Threshold": value}
        assert plugins.value("part 1", 0, "Threshold") == value
    engine.close()
