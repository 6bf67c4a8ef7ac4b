"""The plan is another process's word: what is stale, late or senseless is counted, not played."""

import numpy as np
import pytest

from engine.continuation.memory import plan_memory as pm
from tests.engine.continuation.plan_helpers import (
    BEAT,
    floor_engine,
    heard,
    scale,
    word,
    write_plan,
    write_records,
)
from tests.engine.rig_helpers import note_off, note_on, play

PHRASE = [(0, note_on(64)), (BEAT, note_off(64))]


def pitches(memory):
    return heard(memory, pm.PLAYED)["pitch"].tolist()


def test_a_plan_made_before_the_last_note_is_never_played():
    engine, memory = floor_engine()
    play(engine, PHRASE, BEAT + 1)
    write_plan(memory, scale(2.0, 4), 2.0, 4.0, heard=0)
    engine.take_over()
    engine.render(4 * BEAT)
    assert pitches(memory) == []
    assert word(memory, "VOID_NOTES") == 4
    engine.close()


def test_a_new_beginning_replaces_what_was_planned_from_there_on():
    engine, memory = floor_engine()
    play(engine, PHRASE, BEAT + 1)
    write_plan(memory, scale(3.0, 6), 3.0, 6.0)
    write_plan(memory, [(4.0, 2, 40, 0.5), (4.5, 2, 41, 0.5)], 4.0, 6.0)
    engine.render(7 * BEAT)
    assert pitches(memory) == [60, 61, 40, 41]
    engine.close()


def test_a_plan_goes_on_without_another_beginning():
    engine, memory = floor_engine()
    play(engine, PHRASE, BEAT + 1)
    write_plan(memory, scale(3.0, 2), 3.0, 4.0)
    engine.render(BEAT)
    write_records(memory, [(pm.NOTE, 4.5, 0.5, 0, 2, 70, 80), (pm.UNTIL, 5.0, 0, 0, 0, 0, 0)])
    engine.render(4 * BEAT)
    assert pitches(memory) == [60, 61, 70]
    assert word(memory, "STARVED") == 1, "once, after beat 5"
    engine.close()


def test_a_late_note_sounds_if_it_is_late_by_little_and_is_counted():
    engine, memory = floor_engine()
    play(engine, PHRASE, 4 * BEAT)
    write_plan(memory, [(3.5, 1, 60, 1.0), (3.99, 1, 62, 1.0), (4.5, 1, 64, 1.0)], 3.5, 8.0)
    engine.render(BEAT)
    assert pitches(memory) == [62, 64]
    assert word(memory, "LATE") == 2
    engine.close()


SENSELESS = {
    "no kind": (99, 3.0, 1.0, 0, 1, 60, 90),
    "no number": (pm.NOTE, np.nan, 1.0, 0, 1, 60, 90),
    "no end": (pm.NOTE, 3.5, np.inf, 0, 1, 60, 90),
    "no length": (pm.NOTE, 3.5, -1.0, 0, 1, 60, 90),
    "length nan": (pm.NOTE, 3.5, np.nan, 0, 1, 60, 90),
    "begin nowhere": (pm.BEGIN, np.nan, 0, 0, 0, 0, 0),
    "until nan": (pm.UNTIL, np.nan, 0, 0, 0, 0, 0),
    "far away": (pm.NOTE, 1e300, 1.0, 0, 1, 60, 90),
    "before its plan": (pm.NOTE, 1.0, 1.0, 0, 1, 60, 90),
    "part": (pm.NOTE, 3.5, 1.0, 0, 200, 60, 90),
    "pitch": (pm.NOTE, 3.5, 1.0, 0, 1, 128, 90),
    "velocity": (pm.NOTE, 3.5, 1.0, 0, 1, 60, 200),
    "silence": (pm.NOTE, 3.5, 1.0, 0, 1, 60, 0),
}


@pytest.mark.parametrize("record", SENSELESS.values(), ids=SENSELESS.keys())
def test_a_senseless_record_is_counted_and_the_rest_is_played(record):
    engine, memory = floor_engine()
    play(engine, PHRASE, BEAT + 1)
    count = word(memory, "HEARD_NOTES")
    write_records(
        memory,
        [
            (pm.BEGIN, 2.5, 0, count, 0, 0, 0),
            (pm.NOTE, 3.0, 0.5, 0, 1, 50, 90),
            record,
            (pm.NOTE, 4.0, 0.5, 0, 1, 52, 90),
        ],
    )
    engine.render(4 * BEAT)
    assert pitches(memory) == [50, 52]
    assert word(memory, "BAD_RECORDS") == 1
    engine.close()


@pytest.mark.parametrize("write", [-5, pm.PLAN * 3, 2**62, -(2**62)])
def test_a_cursor_that_jumps_is_counted_and_the_next_plan_is_played(write):
    engine, memory = floor_engine()
    memory.plan[:]["kind"] = pm.NOTE
    memory.header[pm.PLAN_WRITE] = write
    play(engine, PHRASE, BEAT + 1)
    assert word(memory, "BAD_RECORDS") == 1
    write_plan(memory, scale(3.0, 2), 3.0, 4.0)
    engine.render(4 * BEAT)
    assert pitches(memory) == [60, 61]
    engine.close()


def test_noise_in_the_whole_ring_harms_nothing():
    engine, memory = floor_engine()
    random = np.random.default_rng(5)
    noise = random.integers(0, 256, memory.plan.nbytes, np.uint8)
    memory.plan.view(np.uint8)[:] = noise
    for _ in range(20):
        memory.header[pm.PLAN_WRITE] += int(random.integers(1, pm.PLAN))
        memory.header[pm.PLAN_READ] = int(random.integers(-(2**62), 2**62))
        play(engine, PHRASE, 3 * BEAT)
    assert word(memory, "BAD_RECORDS") > 100
    engine.close()


def test_more_notes_than_can_wait_are_void():
    engine, memory = floor_engine()
    play(engine, PHRASE, BEAT + 1)
    many = [(3.0 + i * 0.001, i % 4, 30 + i % 60, 0.01) for i in range(pm.PENDING + 10)]
    write_plan(memory, many, 3.0, 5.0)
    engine.render(64)
    assert word(memory, "VOID_NOTES") == 10
    engine.render(4 * BEAT)
    assert word(memory, "PLAYED_NOTES") == pm.PENDING
    engine.close()


def test_the_player_is_heard_with_part_beat_and_length():
    engine, memory = floor_engine()
    play(engine, [(BEAT // 2, note_on(40, 77)), (2 * BEAT, note_off(40))], 3 * BEAT)
    on, off = heard(memory, pm.NOTE_ON, pm.NOTE_OFF)
    assert (on["beat"], on["part"], on["pitch"], on["velocity"]) == (0.5, 3, 40, 77)
    assert (off["beat"], off["id"]) == (2.0, on["id"])
    engine.close()


def test_a_note_that_waited_for_its_chord_is_heard_where_its_key_was():
    engine, memory = floor_engine(network=True, chord_window_ms=20.0)
    play(engine, [(BEAT, note_on(40)), (2 * BEAT, note_off(40))], 3 * BEAT)
    on, off = heard(memory, pm.NOTE_ON, pm.NOTE_OFF)
    assert (on["beat"], off["beat"]) == (1.0, 2.0)
    assert on["frame"] > off["frame"] - 2 * BEAT
    engine.close()


def test_a_note_that_moves_is_heard_again_under_its_number():
    engine, memory = floor_engine(network=True, chord_window_ms=20.0, chord_mode="settle")
    chords = [(i * BEAT, note_on(p)) for i in range(24) for p in (48 + i, 55 + i, 64 - i, 72 - i)]
    lifted = [(i * BEAT + 9999, note_off(m[1])) for i, (_, m) in enumerate(chords)]
    play(engine, chords, 24 * BEAT)
    del lifted
    moved = engine.results()
    moved = moved[moved["kind"] == 3]
    assert len(moved) > 0
    ons = heard(memory, pm.NOTE_ON)
    for record in moved:
        last = ons[ons["id"] == record["note"]][-1]
        assert len(ons[ons["id"] == record["note"]]) == 2
        assert last["part"] == record["part"]
    engine.close()


def test_what_is_older_than_the_ring_is_overwritten_and_the_reader_knows():
    engine, memory = floor_engine("off")
    events = []
    for i in range(900):
        events += [(i * 20, note_on(30 + i % 60)), (i * 20 + 10, note_off(30 + i % 60))]
    for _ in range(5):
        play(engine, events, 18000)
    assert word(memory, "HEARD_WRITE") == 9001
    records, place = memory.heard_since(0)
    assert place == 9001
    assert len(records) == pm.HEARD - 1
    assert np.all(np.diff(records["frame"]) >= 0)
    engine.close()
