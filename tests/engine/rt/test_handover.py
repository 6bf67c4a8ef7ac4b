"""Another network while the stream plays: at its frame, in any block, and the old memory freed.

The networks here are told what to think: the first, of four classes, wants every note for part 0,
the second, of three, for its last class, which part 2 plays.
"""

import gc
import weakref

import numpy as np
import pytest

from engine import ensembles
from engine.ensembles import Ensemble, Part
from engine.rt import layout
from engine.rt.network import random_weights
from engine.separators import Separator
from tests.engine.rig_helpers import (
    check_notes,
    controller,
    ensemble_of,
    new_engine,
    note_off,
    note_on,
    note_ons,
    ones_bank,
    play,
    weights_of_odds,
)

TRIO = ("high", "middle", "low")


def thinking(*odds: float) -> Separator:
    return Separator.of(weights_of_odds(odds))


FOUR, THREE = thinking(0.5, 0.3, 0.15, 0.05), thinking(0.1, 0.2, 0.7)


@pytest.fixture
def trio(monkeypatch: pytest.MonkeyPatch) -> Ensemble:
    """An ensemble of a model of three classes, each with a part."""
    monkeypatch.setitem(ensembles.MODEL_CLASSES, "trio", TRIO)
    parts = tuple(
        Part(name=name, program=19, sound="bank", voices=(name,), polyphony=64, reverb_send=0.0)
        for name in TRIO
    )
    return Ensemble(id="trio", name="Trio", parts=parts, model="trio")


@pytest.fixture
def engine(trio):
    engine = new_engine(ones_bank(release_s=0.01), ready=False, network=True)
    engine.use_separator(FOUR)
    engine.apply(ensemble_of(4))
    engine.render(1024)
    engine.results()
    yield engine
    engine.close()


def parts_of(records) -> list[int]:
    return note_ons(records)["part"].tolist()


def test_the_new_network_decides_from_its_frame_on(engine, trio):
    start = engine.frame
    engine.apply(trio, start + 100, THREE)
    play(engine, [(99, note_on(60)), (100, note_on(62)), (101, note_on(64))], 256)
    records = engine.results()
    assert parts_of(records) == [0, 2, 2]
    np.testing.assert_allclose(note_ons(records)["confidence"], [0.5, 0.7, 0.7], rtol=1e-5)
    assert engine.stats().notes_network == 3


def test_sounding_notes_keep_their_part_and_end_there(engine, trio):
    play(engine, [(0, controller(64, 127)), (1, note_on(60)), (2, note_on(62))], 64)
    engine.apply(trio, engine.frame, THREE)
    play(engine, [(0, note_off(60)), (9, note_on(64))], 64)
    assert engine.stats().part_notes[:4].tolist() == [2, 0, 1, 0]
    play(engine, [(0, note_off(62)), (1, note_off(64)), (2, controller(64, 0))], 9600)
    check_notes(engine.results())
    assert (engine.stats().held_notes, engine.stats().voices) == (0, 0)


def test_a_chord_that_waits_is_still_the_old_networks(engine, trio):
    engine.set("chord_window_ms", 20)
    start = engine.frame
    engine.apply(trio, start + 300, THREE)
    play(engine, [(10, note_on(60)), (20, note_on(64))], 4096)
    records = note_ons(engine.results())
    assert sorted(records["part"].tolist()) == [0, 1]
    assert (records["frame"] - start).tolist() == [300, 300]
    play(engine, [(0, note_on(67))], 4096)
    assert parts_of(engine.results()) == [2]


def test_notes_that_wait_for_their_step_get_the_new_networks(engine, trio):
    start = engine.frame // 64 * 64 + 64
    engine.render(start - engine.frame)
    engine.apply(trio, start + 50, THREE)
    play(engine, [(40, note_on(40 + i)) for i in range(10)], 256)
    assert parts_of(engine.results()) == [0] * 6 + [2] * 4


def test_the_lstm_begins_anew_and_keys_that_are_down_are_known(engine, trio):
    play(engine, [(i, note_on(60 + i)) for i in range(3)], 64)
    assert engine._rig.network_state.any()
    engine.apply(trio, engine.frame, THREE)
    engine.render(64)
    memory = engine._rig.memory[0]
    assert not engine._rig.network_state.any()
    assert memory["held"][60:63].tolist() == [1, 1, 1]
    assert (memory["notes"], memory["key_class"].max()) == (3, -1)
    play(engine, [(i, note_off(60 + i)) for i in range(3)], 64)
    assert not memory["held"].any()


def test_to_rules_alone_and_back(engine, trio):
    engine.apply(ensemble_of(4), engine.frame, Separator.of(None))
    play(engine, [(0, note_on(72)), (1, note_on(40))], 64)
    records = note_ons(engine.results())
    assert records["c"].tolist() == [layout.BY_ZONES] * 2
    assert records["part"].tolist() == [0, 3]
    engine.apply(trio, engine.frame, THREE)
    play(engine, [(0, note_on(60))], 64)
    assert parts_of(engine.results()) == [2]


def test_the_old_arrays_live_until_the_callback_has_let_go(engine, trio):
    old = weakref.ref(engine._rig.network_state)
    assert engine._memory.networks == 1
    engine.apply(trio, engine.frame + 1000, THREE)
    engine.render(960)
    engine.results()
    assert (engine._memory.networks, old() is None) == (2, False)  # it has not come yet
    engine.render(64)
    engine.results()
    assert engine._memory.networks == 2  # the block in which it came may still read
    engine.render(64)
    engine.results()
    gc.collect()
    assert (engine._memory.networks, old() is None) == (1, True)


def test_many_handovers_at_once_end_with_the_last(engine, trio):
    for _ in range(3):
        engine.apply(trio, engine.frame + 10, THREE)
        engine.apply(ensemble_of(4), engine.frame + 10, FOUR)
    play(engine, [(9, note_on(60)), (10, note_on(62))], 64)
    engine.render(64)
    assert parts_of(engine.results()) == [0, 0]
    assert engine._memory.networks == 1
    engine.apply(trio, engine.frame, THREE)
    play(engine, [(0, note_on(64))], 64)
    assert parts_of(engine.results()) == [2]


def concert(trio: Ensemble):
    """Random notes, chords that wait and settle, and six changes of the network among them."""
    engine = new_engine(ones_bank(release_s=0.01), ready=False, network=True)
    engine.load_separator(random_weights(4, seed=3))
    engine.apply(ensemble_of(4, chord_window_ms=20), 0)
    other = Separator.of(random_weights(3, seed=4))
    first = Separator.of(random_weights(4, seed=3))
    random = np.random.default_rng(5)
    for _ in range(80):
        frame, key = int(random.integers(0, 6000)), int(random.integers(40, 90))
        engine.midi(note_on(key), frame)
        engine.midi(note_off(key), frame + int(random.integers(1, 900)))
    for number, frame in enumerate(sorted(random.integers(100, 6000, 6).tolist())):
        if number % 2:
            engine.apply(ensemble_of(4, chord_window_ms=20), frame, first)
        else:
            engine.apply(trio, frame, other)
            engine.set("chord_window_ms", 10, frame=frame)
            engine.set("chord_mode", 1, frame=frame)
    return engine


def test_the_same_in_any_block(trio):
    found = []
    for block in (64, 1, 7, 129, 1000, 8000):
        engine = concert(trio)
        audio = engine.render(8000, block, stems=True)
        found.append((audio, engine.results()))
        engine.close()
    check_notes(found[0][1])
    assert len(set(parts_of(found[0][1]))) >= 3
    for audio, records in found[1:]:
        np.testing.assert_array_equal(records, found[0][1])
        np.testing.assert_array_equal(audio, found[0][0])


def test_after_a_handover_another_stream_goes_on_with_it(engine, trio):
    engine.apply(trio, engine.frame, THREE)
    engine.render(128)
    address = engine.user_data
    engine.begin(64, False)
    assert engine.user_data == address
    play(engine, [(0, note_on(60))], 64)
    assert parts_of(engine.results()) == [2]
    engine.use_separator(FOUR)  # no stream runs: at once
    engine.apply(ensemble_of(4))
    play(engine, [(500, note_on(62))], 1024)
    assert parts_of(engine.results()) == [0]
