"""Doubling: it begins with the note, ends with the note, and keeps to the part's range."""

import numpy as np
import pytest

from engine.rt import layout
from tests.engine.rig_helpers import (
    Saved,
    check_notes,
    controller,
    new_engine,
    note_off,
    note_offs,
    note_on,
    note_ons,
    of_kind,
    ones_bank,
    play,
)


@pytest.fixture(scope="module")
def zoned():
    """Assigned by zones: 72 plays part 0, 66 part 1, 60 part 2, 50 part 3."""
    engine = new_engine(ones_bank(release_s=0.01))
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def engine(zoned):
    engine = zoned[1].restore()
    engine.results()
    return engine


def double(engine, part, of, octaves=0):
    """Let a part (from 0) double another."""
    engine.set("doubles", of + 1, part)
    engine.set("double_octaves", octaves, part)


def heard(records):
    return sorted((int(r["part"]), int(r["a"])) for r in records)


@pytest.mark.parametrize("octaves", [-2, -1, 0, 1, 2])
def test_a_part_doubles_another_octaves_away_from_beginning_to_end(engine, octaves):
    double(engine, 1, 0, octaves)
    start = engine.frame
    play(engine, [(10, note_on(72, 77)), (500, note_off(72))], 640)
    records = engine.results()
    check_notes(records)
    assert heard(note_ons(records)) == [(0, 72), (1, 72 + 12 * octaves)]
    assert set((note_ons(records)["frame"] - start).tolist()) == {10}
    assert set((note_offs(records)["frame"] - start).tolist()) == {500}
    assert set(note_ons(records)["b"].tolist()) == {77}
    assert note_ons(records)["c"].tolist() == [layout.BY_ZONES, layout.BY_DOUBLING]


def test_beyond_its_range_a_part_does_not_double(engine):
    engine.command(layout.SET, layout.HIGH, 1, 83.0, None)
    double(engine, 1, 0, 1)
    play(engine, [(0, note_on(71)), (10, note_on(72))], 64)
    assert heard(note_ons(engine.results())) == [(0, 71), (0, 72), (1, 83)]


def test_a_key_beyond_the_keyboard_is_not_doubled(engine):
    double(engine, 1, 0, 2)
    double(engine, 2, 3, -2)
    play(engine, [(0, note_on(120)), (10, note_on(12))], 64)
    assert heard(note_ons(engine.results())) == [(0, 120), (3, 12)]


def test_a_part_that_is_out_does_not_double(engine):
    double(engine, 1, 0)
    engine.set("playing", 0, 1)
    play(engine, [(0, note_on(72))], 64)
    assert heard(note_ons(engine.results())) == [(0, 72)]


def test_what_doubles_is_not_doubled_again_and_two_may_double_each_other(engine):
    double(engine, 1, 0)
    double(engine, 0, 1)
    double(engine, 2, 1)
    play(engine, [(0, note_on(72))], 64)
    assert heard(note_ons(engine.results())) == [(0, 72), (1, 72)]
    play(engine, [(0, note_off(72)), (1, note_on(66))], 64)
    assert heard(note_ons(engine.results())) == [(0, 66), (1, 66), (2, 66)]
    play(engine, [(0, note_off(66))], 64)
    assert engine.stats().held_notes == 0


def test_a_part_may_play_its_own_notes_in_octaves(engine):
    double(engine, 0, 0, -1)
    play(engine, [(0, note_on(72)), (50, note_off(72))], 128)
    records = engine.results()
    check_notes(records)
    assert heard(note_ons(records)) == [(0, 60), (0, 72)]
    double(engine, 0, 0, 0)
    play(engine, [(0, note_on(72)), (50, note_off(72))], 128)
    assert heard(note_ons(engine.results())) == [(0, 72)]


def test_a_part_for_one_note_keeps_the_note_rather_than_its_octave(engine):
    engine.command(layout.SET, layout.POLYPHONY, 0, 1.0, None)
    double(engine, 0, 0, -1)
    play(engine, [(0, note_on(72))], 64)
    assert heard(note_ons(engine.results())) == [(0, 72)]


def test_a_note_that_sounds_there_already_is_not_struck_again(engine):
    double(engine, 0, 2, 1)
    play(engine, [(0, note_on(72)), (10, note_on(60))], 64)
    assert heard(note_ons(engine.results())) == [(0, 72), (2, 60)]
    play(engine, [(0, note_off(60))], 64)
    assert engine.stats().part_notes[:4].tolist() == [1, 0, 0, 0]


def test_the_pedal_holds_both_and_lets_both_go(engine):
    double(engine, 3, 0, -1)
    keys = (72, 74, 76, 77)
    play(engine, [(0, controller(64, 127)), *((i, note_on(key)) for i, key in enumerate(keys))], 64)
    play(engine, [(0, note_off(key)) for key in keys], 64)
    assert engine.stats().held_notes == 8
    play(engine, [(0, controller(64, 0))], 64)
    assert engine.stats().held_notes == 0
    check_notes(engine.results())


def test_what_yields_takes_its_double_along(engine):
    engine.command(layout.SET, layout.POLYPHONY, 0, 2.0, None)
    double(engine, 3, 0, -1)
    play(engine, [(10 * i, note_on(72 + i)) for i in range(4)], 64)
    records = engine.results()
    check_notes(records, all_ended=False)
    assert engine.stats().part_notes[:4].tolist() == [2, 0, 0, 2]
    assert heard(note_offs(records)) == [(0, 72), (0, 73), (3, 60), (3, 61)]


def test_a_double_may_yield_alone(engine):
    engine.command(layout.SET, layout.POLYPHONY, 3, 1.0, None)
    double(engine, 3, 0, -1)
    play(engine, [(0, note_on(72)), (10, note_on(74))], 64)
    assert engine.stats().part_notes[:4].tolist() == [2, 0, 0, 1]
    play(engine, [(0, note_off(72)), (10, note_off(74))], 64)
    check_notes(engine.results())
    assert engine.stats().held_notes == 0


CHANGES = {
    "no doubling": lambda e: e.set("doubles", 0, 1),
    "other octaves": lambda e: e.set("double_octaves", 2, 1),
    "out": lambda e: e.set("playing", 0, 1),
    "another range": lambda e: e.command(layout.SET, layout.HIGH, 1, 20.0, None),
    "another sound": lambda e: e.command(layout.SET, layout.DESTINATION, 1, 0.0, None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_double_ends_where_it_began_whatever_was_changed(engine, change):
    double(engine, 1, 0, -1)
    play(engine, [(0, note_on(72))], 64)
    CHANGES[change](engine)
    play(engine, [(0, note_off(72))], 9600)
    check_notes(engine.results())
    assert (engine.stats().held_notes, engine.stats().voices) == (0, 0)


def test_a_key_of_the_doubled_part_struck_by_hand_takes_over(engine):
    """The player's own note replaces the double; its end is its own."""
    double(engine, 1, 0, 0)
    engine.set("pin_channel", 2, 1)
    play(engine, [(0, note_on(72)), (10, note_on(72, channel=1)), (20, note_off(72))], 64)
    records = engine.results()
    check_notes(records, all_ended=False)
    assert engine.stats().part_notes[:4].tolist() == [0, 1, 0, 0]
    play(engine, [(0, note_off(72, 1))], 64)
    assert engine.stats().held_notes == 0


def test_notes_that_name_their_part_are_not_doubled(engine):
    double(engine, 1, 0)
    engine.part_midi(0, note_on(72), engine.frame)
    engine.render(64)
    assert heard(note_ons(engine.results())) == [(0, 72)]


def test_the_pressure_of_a_key_reaches_what_doubles_it(engine):
    double(engine, 1, 0, 1)
    play(engine, [(0, note_on(72)), (5, bytes((0xA0, 72, 99)))], 64)
    told = of_kind(engine.results(), layout.CONTROLLER)
    told = told[told["a"] == 0xA0]
    assert [(int(r["part"]), int(r["b"]), int(r["c"])) for r in told] == [(0, 72, 99), (1, 84, 99)]


def test_all_notes_off_and_a_full_memory_of_notes_leave_nothing(engine):
    double(engine, 1, 0, 0)
    double(engine, 2, 0, 1)
    events = [(i, note_on(70 + i % 50, channel=i // 50)) for i in range(700)]
    play(engine, events, 1024)
    play(engine, [(0, controller(123, 0))], 64)
    check_notes(engine.results())
    assert engine.stats().held_notes == 0
    assert np.all(engine._rig.parts["sounding"] == 0)
