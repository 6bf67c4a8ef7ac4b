"""Which part a note gets, and when: window, budget, ranges, rules, deadline.

The networks here are told what to think: their output is a bias alone, so that every note wants
the same classes with the same odds.
"""

# An intrinsic's first parameter is numba's own.
# pyright: reportCallIssue=false

import dataclasses
import itertools

import numpy as np
import pytest
from numba import carray, cfunc, types

from engine.rt import layout
from engine.rt.native import as_pointer
from tests.engine.rig_helpers import (
    Saved,
    check_notes,
    ensemble_of,
    new_engine,
    note_off,
    note_offs,
    note_on,
    note_ons,
    of_kind,
    play,
    weights_of_odds,
)

ODDS = np.array([0.5, 0.3, 0.15, 0.05])  # of soprano, alto, tenor, bass
WINDOW = 960  # frames in 20 ms


@pytest.fixture(scope="module")
def made():
    engine = new_engine(ready=False, network=True)
    engine.load_separator(weights_of_odds(ODDS))
    engine.apply(ensemble_of(4))
    engine.render(1024)
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def engine(made):
    engine, saved = made
    engine = saved.restore()
    engine.results()
    engine.reset_stats()
    return engine


def heard(engine, events, frames=4096):
    """Play; return (frame, pitch, part, delay) of each note as it began, frames from the start."""
    start = engine.frame
    play(engine, events, frames)
    records = note_ons(engine.results())
    return [
        (int(r["frame"]) - start, int(r["a"]), int(r["part"]), int(r["delay_frames"]))
        for r in records
    ]


# No window


@pytest.mark.parametrize("offset", [0, 1, 62, 63])
def test_without_a_window_notes_sound_at_once_each_on_its_best_part(engine, offset):
    notes = heard(engine, [(offset, note_on(60)), (offset + 5, note_on(64))])
    assert notes == [(offset, 60, 0, 0), (offset + 5, 64, 0, 0)]
    assert engine.stats().notes_network == 2


@pytest.mark.parametrize("offset", [0, 1, 31, 62, 63])
@pytest.mark.parametrize("block", [32, 64, 256])
def test_a_chord_of_ten_sounds_within_two_quanta_all_by_the_network(engine, offset, block):
    chord = [(offset, note_on(40 + 3 * i)) for i in range(10)]
    start = engine.frame
    play(engine, chord, 512, block)
    records = note_ons(engine.results())
    assert records["a"].tolist() == [40 + 3 * i for i in range(10)]
    assert records["c"].tolist() == [layout.BY_NETWORK] * 10
    frames = (records["frame"] - start).tolist()
    assert frames == [offset] * 6 + [64] * 4
    assert max(frames) - offset <= 128
    stats = engine.stats()
    assert (stats.notes_network, stats.notes_rule, stats.notes_late_rule) == (10, 0, 0)


def test_no_quantum_takes_more_steps_than_its_budget(engine):
    """Two chords in one quantum: the later waits behind the earlier, in order."""
    chord = [(10, note_on(40 + i)) for i in range(8)] + [(50, note_on(70 + i)) for i in range(8)]
    notes = heard(engine, chord)
    assert [pitch for _, pitch, _, _ in notes] == [40 + i for i in range(8)] + [
        70 + i for i in range(8)
    ]
    assert [frame for frame, *_ in notes] == [10] * 6 + [64] * 6 + [128] * 4
    assert engine.stats().notes_network == 16


def test_a_note_after_those_that_wait_does_not_overtake_them(engine):
    chord = [(60, note_on(40 + i)) for i in range(14)] + [(64, note_on(90))]
    notes = heard(engine, chord)
    assert [pitch for _, pitch, _, _ in notes] == [*range(40, 54), 90]


def test_beyond_sixteen_waiting_notes_the_rule_decides_at_once(engine):
    notes = heard(engine, [(0, note_on(30 + i)) for i in range(40)])
    stats = engine.stats()
    assert (stats.notes_network, stats.notes_late_rule) == (22, 18)
    assert stats.notes_rule == 18
    assert sorted(pitch for _, pitch, _, _ in notes) == list(range(30, 70))
    assert max(frame for frame, *_ in notes) == 192


def test_confidence_is_the_networks_probability(engine):
    play(engine, [(i, note_on(60 + i)) for i in range(4)], 64)
    records = note_ons(engine.results())
    np.testing.assert_allclose(records["confidence"], ODDS[records["part"]], rtol=1e-5)


def test_confidence_in_a_chord_is_that_of_all_its_notes_together(engine):
    """Four notes for four parts, each as likely any of them: who gets which is a toss."""
    engine.set("chord_window_ms", 20)
    play(engine, [(i, note_on(60 + i)) for i in range(4)], 64)
    records = note_ons(engine.results())
    np.testing.assert_allclose(records["confidence"], [0.25] * 4, rtol=1e-5)


# The window


def test_the_notes_of_a_chord_wait_for_its_window_and_get_distinct_parts(engine):
    engine.set("chord_window_ms", 20)
    notes = heard(engine, [(10, note_on(60)), (110, note_on(64))])
    assert [(n[0], n[1], n[3]) for n in notes] == [
        (10 + WINDOW, 60, WINDOW),
        (10 + WINDOW, 64, WINDOW - 100),
    ]
    assert sorted(part for _, _, part, _ in notes) == [0, 1]


def test_the_window_ends_when_every_class_has_a_note(engine):
    engine.set("chord_window_ms", 20)
    notes = heard(engine, [(10 * i, note_on(60 + i)) for i in range(4)])
    assert [(frame, delay) for frame, _, _, delay in notes] == [
        (30, 30),
        (30, 20),
        (30, 10),
        (30, 0),
    ]
    assert sorted(part for _, _, part, _ in notes) == [0, 1, 2, 3]


def test_the_next_chord_has_a_window_of_its_own(engine):
    """Six notes: four complete a chord, two open the next; the first window's end is not theirs."""
    engine.set("chord_window_ms", 20)
    notes = heard(engine, [(100 * i, note_on(60 + i)) for i in range(6)])
    assert [frame for frame, *_ in notes] == [300] * 4 + [400 + WINDOW] * 2


def test_a_window_of_45_ms_delays_by_45_ms(engine):
    engine.set("chord_window_ms", 45)
    assert heard(engine, [(0, note_on(60))]) == [(2160, 60, 0, 2160)]
    assert engine.stats().delay_ms["p50"] == pytest.approx(45, abs=0.1)


def test_a_key_released_before_its_chord_sounds_keeps_its_length(engine):
    engine.set("chord_window_ms", 20)
    start = engine.frame
    play(
        engine,
        [(0, note_on(60)), (50, note_on(64)), (300, note_off(60)), (2000, note_off(64))],
        4096,
    )
    records = engine.results()
    check_notes(records)
    ends = {int(r["a"]): int(r["frame"]) - start for r in note_offs(records)}
    assert ends == {60: WINDOW + 300, 64: WINDOW - 50 + 2000}


def test_the_same_key_again_begins_a_new_chord(engine):
    engine.set("chord_window_ms", 20)
    start = engine.frame
    events = [(0, note_on(60)), (100, note_off(60)), (200, note_on(60)), (300, note_off(60))]
    play(engine, events, 4096)
    records = engine.results()
    check_notes(records)
    assert (note_ons(records)["frame"] - start).tolist() == [200, 200 + WINDOW]


@pytest.mark.parametrize("mode", [0, 1])
def test_two_parts_that_share_a_key_strike_it_together_the_higher_first(engine, mode):
    """As in a file: the same key at the same frame, here on two channels, is one chord's."""
    engine.set("chord_mode", mode)
    engine.set("chord_window_ms", 20)
    start = engine.frame
    keys = [(60, 0), (67, 0), (60, 1)]
    play(engine, [(10, note_on(key, channel=channel)) for key, channel in keys], 4096)
    records = engine.results()
    began = note_ons(records)
    assert set((began["frame"] - start).tolist()) == {10 if mode else 10 + WINDOW}
    part = {int(r["note"]): int(r["part"]) for r in [*began, *of_kind(records, layout.MOVED)]}
    first, other, second = (part[note] for note in sorted(part))
    assert {first, other, second} == {0, 1, 2}
    assert first < second
    play(engine, [(0, note_off(key, channel=channel)) for key, channel in keys], 9600)
    check_notes(np.concatenate([records, engine.results()]))


@pytest.mark.parametrize(
    "change", [("chord_window_ms", 0), ("chord_mode", 1), ("assigner", 1), ("chord_window_ms", 45)]
)
def test_a_chord_that_waits_sounds_whatever_is_set_meanwhile(engine, change):
    engine.set("chord_window_ms", 20)
    start = engine.frame
    engine.set(*change, frame=start + 50)
    play(engine, [(0, note_on(60)), (10, note_on(64)), (100, note_on(67))], 4096)
    play(engine, [(i, note_off(key)) for i, key in enumerate((60, 64, 67))], 9600)
    records = engine.results()
    check_notes(records)
    assert (note_ons(records)["frame"] - start).tolist().count(WINDOW) >= 2
    assert len(note_ons(records)) == 3


def test_an_ensemble_applied_while_a_chord_waits_plays_it(engine):
    engine.set("chord_window_ms", 20)
    play(engine, [(0, note_on(60)), (10, note_on(64))], 64)
    engine.apply(ensemble_of(1))
    engine.render(4096)
    records = note_ons(engine.results())
    assert records["part"].tolist() == [0, 0]


# Settle


def test_settling_notes_sound_at_once_and_move_when_the_chord_is_complete(engine):
    engine.set("chord_mode", 1)
    engine.set("chord_window_ms", 20)
    start = engine.frame
    play(engine, [(10 * i, note_on(60 + i)) for i in range(3)], 4096)
    records = engine.results()
    began, moved = note_ons(records), of_kind(records, layout.MOVED)
    assert (began["frame"] - start).tolist() == [0, 10, 20]
    assert began["part"].tolist() == [0, 0, 0]
    assert (moved["frame"] - start).tolist() == [WINDOW] * 2
    assert sorted(moved["part"].tolist()) == [1, 2]
    assert moved["c"].tolist() == [0, 0]
    orders = list(itertools.permutations(range(4), 3))
    worth = [np.prod(ODDS[list(order)]) for order in orders]
    for part, confidence in zip(moved["part"], moved["confidence"], strict=True):
        mine = sum(w for order, w in zip(orders, worth, strict=True) if order[1] == part)
        assert confidence == pytest.approx(mine / sum(worth), rel=1e-5)
    assert sorted(engine.stats().part_notes[:4].tolist()) == [0, 1, 1, 1]
    play(engine, [(0, note_off(60 + i)) for i in range(3)], 64)
    check_notes(np.concatenate([records, engine.results()]))


def test_a_note_released_before_its_chord_settles_stays(engine):
    engine.set("chord_mode", 1)
    engine.set("chord_window_ms", 20)
    play(
        engine, [(0, note_on(60)), (10, note_on(64)), (50, note_off(60)), (60, note_off(64))], 4096
    )
    records = engine.results()
    check_notes(records)
    assert len(of_kind(records, layout.MOVED)) == 0
    assert engine.stats().held_notes == 0


def test_a_moved_note_tells_its_new_part_of_the_controllers(engine):
    engine.set("chord_mode", 1)
    engine.set("chord_window_ms", 20)
    play(engine, [(0, bytes((0xB0, 1, 50))), (0, note_on(60)), (10, note_on(64))], 4096)
    told = of_kind(engine.results(), layout.CONTROLLER)
    assert sorted(told["part"].tolist()) == [0, 1]


def test_in_a_part_for_one_note_a_settled_chord_still_has_all_its_notes(engine):
    engine.apply(ensemble_of(4, polyphony=1, chord_window_ms=20, chord_mode="settle"))
    play(engine, [(10 * i, note_on(60 + i)) for i in range(4)], 4096)
    check_notes(engine.results(), all_ended=False)
    assert engine.stats().part_notes[:4].tolist() == [1, 1, 1, 1]


# Ranges, parts, polyphony


def ranged(*ranges):
    plain = ensemble_of(len(ranges))
    parts = [
        dataclasses.replace(part, low=low, high=high)
        for part, (low, high) in zip(plain.parts, ranges, strict=True)
    ]
    return dataclasses.replace(plain, parts=tuple(parts))


def apply_ranged(engine, ensemble):
    slot = engine._players.slots[19, 0, 0, 127]
    for part in ensemble.parts:
        engine._players.slots[19, 0, part.low, part.high] = slot
    engine.apply(ensemble)


RANGES = ((60, 80), (55, 75), (48, 68), (36, 56))


@pytest.mark.parametrize("window_ms", [0, 20])
@pytest.mark.parametrize(
    ("pitch", "part"),
    [(80, 0), (60, 0), (59, 1), (55, 1), (54, 2), (48, 2), (47, 3), (20, 3), (99, 0)],
)
def test_a_note_goes_to_the_likeliest_part_that_has_it_in_range_or_nearest(
    engine, pitch, part, window_ms
):
    apply_ranged(engine, ranged(*RANGES))
    engine.set("chord_window_ms", window_ms)
    assert [n[2] for n in heard(engine, [(0, note_on(pitch))])] == [part]


@pytest.mark.parametrize("assigner", [1, 2])
def test_the_rules_keep_to_the_ranges_too(engine, assigner):
    apply_ranged(engine, ranged((70, 80), (60, 69), (50, 59), (40, 49)))
    engine.set("assigner", assigner)
    keys = (45, 55, 65, 75, 41, 58)
    notes = heard(engine, [(i * 100, note_on(key)) for i, key in enumerate(keys)])
    assert [part for _, _, part, _ in notes] == [3, 2, 1, 0, 3, 2]


def test_two_parts_share_the_four_voices(engine):
    """As an organ does: every voice but the highest belongs to the last part."""
    engine.apply(ensemble_of(2, chord_window_ms=20))
    notes = heard(engine, [(10 * i, note_on(60 + i)) for i in range(4)])
    assert sorted(part for _, _, part, _ in notes) == [0, 1, 1, 1]


def test_the_oldest_yields_beyond_a_parts_polyphony(engine):
    engine.apply(ensemble_of(1, polyphony=3))
    play(engine, [(100 * i, note_on(60 + i)) for i in range(5)], 4096)
    records = engine.results()
    assert note_offs(records)["a"].tolist() == [60, 61]
    assert engine.stats().part_notes[0] == 3


# What the network is told of the classes at the next note


def classes_were(engine, events):
    """Play, and a note half a second later; return the key of each class before it, -1 none."""
    play(engine, events, 24000)
    play(engine, [(0, note_on(30))], 64)
    return engine._rig.memory[0]["class_pitch"][:4].tolist()


def test_at_once_what_was_given_is_revised_with_the_chord(engine):
    assert classes_were(engine, [(0, note_on(72)), (10, note_on(67))]) == [72, 67, -1, -1]


@pytest.mark.parametrize("window_ms", [0, 20])
def test_what_the_player_says_is_where_the_class_was(engine, window_ms):
    engine.set("chord_window_ms", window_ms)
    engine.set("pin_channel", 3, 2)
    events = [(0, note_on(72, channel=2)), (10, note_on(67)), (20, note_on(60))]
    assert classes_were(engine, events) == [67, 60, 72, -1]


@pytest.mark.parametrize("window_ms", [0, 20])
def test_so_is_what_ranges_leave(engine, window_ms):
    apply_ranged(engine, ranged(*RANGES))
    engine.set("chord_window_ms", window_ms)
    assert classes_were(engine, [(0, note_on(40)), (10, note_on(58))]) == [-1, 58, -1, 40]


def test_so_is_what_a_rule_decides(engine):
    engine.set("assigner", 1)
    assert classes_were(engine, [(0, note_on(75)), (0, note_on(45))]) == [75, -1, -1, 45]


# Rules


@pytest.mark.parametrize(
    ("zones", "parts"),
    [((57, 63, 69), [3, 3, 2, 2, 1, 1, 0, 0]), ((50, 60, 70), [3, 2, 2, 1, 1, 1, 1, 0])],
)
def test_zones_have_their_lower_bound_inside(engine, zones, parts):
    engine.apply(ensemble_of(4, assigner="zones", zones=zones))
    keys = (49, 56, 57, 62, 63, 68, 69, 70)
    notes = heard(engine, [(i * 10, note_on(key)) for i, key in enumerate(keys)])
    assert [part for _, _, part, _ in notes] == parts
    assert engine.stats().notes_rule == 8


def test_the_closest_last_pitch_takes_the_note(engine):
    engine.apply(ensemble_of(4, assigner="closest"))
    keys = (84, 45, 80, 49, 77, 52)
    notes = heard(engine, [(i * 10, note_on(key)) for i, key in enumerate(keys)])
    assert [part for _, _, part, _ in notes] == [0, 3, 0, 3, 0, 3]


def test_without_a_network_its_place_is_taken_by_zones():
    engine = new_engine(ready=False)
    engine.load_separator(None)
    engine.apply(ensemble_of(4, assigner="network", chord_window_ms=45))
    play(engine, [(0, note_on(72)), (0, note_on(40))], 4096)
    records = note_ons(engine.results())
    assert records["part"].tolist() == [0, 3]
    assert records["c"].tolist() == [layout.BY_ZONES] * 2
    assert records["confidence"].tolist() == [1, 1]
    assert records["delay_frames"].tolist() == [0, 0]
    engine.close()


@cfunc(types.int32(types.int32, types.int64))
def _ticking(clock, timespec):
    """A clock that goes on by scratch[9] ns whenever it is read."""
    words = carray(as_pointer(timespec), 8, np.int64)
    words[6] += words[7]
    words[0] = words[6] // 1000000000
    words[1] = words[6] % 1000000000
    return 0


def with_clock(engine, tick_ns, deadline=True, block=64):
    engine.begin(block, deadline)
    engine._rig.native[layout.CLOCK] = _ticking.address
    engine._rig.scratch[8:10] = 10**15, tick_ns
    return engine


def test_a_network_that_would_be_late_leaves_the_note_to_the_rule(engine):
    """400 us a look at the clock, blocks of 1333 us: the second note finds half its block gone."""
    with_clock(engine, 400_000)
    play(engine, [(0, note_on(key)) for key in (72, 66, 60)], 64)
    records = note_ons(engine.results())
    assert records["c"].tolist() == [layout.BY_NETWORK, layout.BY_ZONES, layout.BY_ZONES]
    assert records["part"].tolist() == [0, 1, 2]
    stats = engine.stats()
    assert (stats.notes_network, stats.notes_rule, stats.notes_late_rule) == (1, 2, 2)
    play(engine, [(0, note_off(key)) for key in (72, 66, 60)], 640)
    assert not engine._rig.memory[0]["held"].any()


def test_without_a_deadline_the_network_takes_its_time(engine):
    with_clock(engine, 400_000, deadline=False)
    play(engine, [(0, note_on(key)) for key in (72, 66, 60)], 64)
    assert engine.stats().notes_network == 3


def test_the_load_is_counted_by_the_clock(engine):
    with_clock(engine, 400_000)
    engine.render(64 * 97)
    play(engine, [(0, note_on(72))], 64)
    engine.render(64 * 2)
    load = engine.stats().load_percent
    assert load["p50"] == pytest.approx(30, abs=0.51)
    assert load["p999"] == pytest.approx(60, abs=0.51)
    assert load["max"] == pytest.approx(60, abs=0.01)
    assert engine.stats().cycles == 100
