"""The floor: when the ensemble takes over, how long it plays, when it yields."""

import numpy as np
import pytest

from engine.continuation.memory import plan_memory as pm
from engine.rt import layout
from tests.engine.continuation.plan_helpers import (
    BEAT,
    floor_engine,
    heard,
    scale,
    word,
    write_plan,
)
from tests.engine.rig_helpers import (
    check_notes,
    controller,
    new_engine,
    note_off,
    note_on,
    note_ons,
    ones_bank,
    play,
    send,
)

PHRASE = [(0, note_on(64)), (BEAT, note_off(64))]  # a quarter note at beat 0


def beats(records):
    return np.round(records["beat"], 6).tolist()


def floors(memory):
    """(beat, who) of every change of the floor."""
    changes = heard(memory, pm.FLOOR_IS)
    return list(zip(beats(changes), changes["part"].tolist(), strict=True))


def ensemble_ons(engine):
    records = note_ons(engine.results())
    return records[records["c"] == layout.BY_ENSEMBLE]


def test_the_ensemble_takes_over_after_beats_of_silence_to_the_frame():
    engine, memory = floor_engine()
    start = engine.frame
    engine.set("continuation_silence_beats", 1.5)
    play(engine, PHRASE, BEAT + 1)
    write_plan(memory, scale(2.0, 8), 2.0, 6.0)
    engine.render(4 * BEAT)
    assert floors(memory) == [(2.5, pm.ENSEMBLE)]
    played = ensemble_ons(engine)
    assert played["frame"][0] == start + round(2.5 * BEAT)
    assert played["a"][0] == 61, "what was planned for beat 2 was never needed"
    assert word(memory, "LATE") == 0
    engine.close()


@pytest.mark.parametrize("held", ["key", "pedal"])
def test_what_the_player_holds_is_no_silence(held):
    engine, memory = floor_engine()
    pedal = [(100, controller(64, 127))] if held == "pedal" else []
    off = [] if held == "key" else [(BEAT, note_off(64))]
    play(engine, [(0, note_on(64)), *pedal, *off], 6 * BEAT)
    assert floors(memory) == []
    let_go = note_off(64) if held == "key" else controller(64, 0)
    play(engine, [(0, let_go)], 3 * BEAT)
    assert floors(memory) == [(8.0, pm.ENSEMBLE)]
    engine.close()


def test_without_anything_played_or_in_mode_off_the_ensemble_stays_silent():
    engine, memory = floor_engine()
    write_plan(memory, scale(0.0, 20), 0.0, 10.0)
    engine.render(8 * BEAT)
    engine.set("continuation_mode", 0)
    play(engine, PHRASE, BEAT + 1)
    write_plan(memory, scale(9.5, 20), 9.5, 20.0)
    engine.render(8 * BEAT)
    assert floors(memory) == []
    assert len(ensemble_ons(engine)) == 0
    engine.close()


def test_each_planned_note_sounds_at_its_beat_as_long_and_as_loud_as_planned():
    engine, memory = floor_engine()
    start = engine.frame
    play(engine, PHRASE, BEAT + 1)
    notes = [(3.0, 1, 60, 0.5, 90), (3.0, 2, 55, 2.0, 40), (3.75, 1, 62, 0.25, 101)]
    write_plan(memory, notes, 2.5, 6.0)
    engine.render(6 * BEAT)
    records = engine.results()
    check_notes(records)
    ons = note_ons(records)
    ons = ons[ons["c"] == layout.BY_ENSEMBLE]
    assert ons[["frame", "part", "a", "b"]].tolist() == [
        (start + 3 * BEAT, 1, 60, 90),
        (start + 3 * BEAT, 2, 55, 40),
        (start + round(3.75 * BEAT), 1, 62, 101),
    ]
    ends = {int(r["a"]): int(r["frame"]) for r in records[records["kind"] == layout.NOTE_OFF][1:]}
    assert ends == {
        60: start + round(3.5 * BEAT),
        55: start + 5 * BEAT,
        62: start + 4 * BEAT,
    }
    played = heard(memory, pm.PLAYED)
    assert played["duration"].tolist() == [0.5, 2.0, 0.25]
    assert played["id"].tolist() == [1, 2, 3], "their places in PLAN"
    assert len(heard(memory, pm.STOPPED)) == 0
    engine.close()


@pytest.mark.parametrize("block", [32, 64, 128, 333, 1024])
def test_the_same_plan_gives_the_same_samples_at_any_block_size(block):
    def concert(block):
        engine, memory = floor_engine()
        phrase = [
            (700, note_on(64)),
            (9111, note_off(64)),
            (8000, note_on(50)),
            (9777, note_off(50)),
        ]
        play(engine, phrase, 12000, block)
        write_plan(memory, [(1.1 + i * 0.13, i % 4, 50 + i, 0.31) for i in range(40)], 1.0, 7.0)
        send(engine, [(4 * BEAT + 77, note_on(70)), (4 * BEAT + 999, note_off(70))])
        audio = engine.render(5 * BEAT, block)
        engine.close()
        return audio, heard(memory)

    (audio, records), (other, others) = concert(64), concert(block)
    assert np.abs(audio).max() > 0.1
    assert np.array_equal(audio, other)
    assert np.array_equal(records, others)


def test_the_players_next_key_stops_the_ensemble_in_the_same_frame():
    engine, memory = floor_engine()
    play(engine, PHRASE, BEAT + 1)
    write_plan(memory, [(3.0, 1, 60, 8.0), (3.5, 2, 55, 8.0), (5.0, 3, 50, 1.0)], 3.0, 9.0)
    engine.render(3 * BEAT)
    engine.results()
    begins = engine.frame + 1234
    play(engine, [(1234, note_on(72)), (2 * BEAT, note_off(72))], 3 * BEAT)
    records = engine.results()
    offs = records[records["kind"] == layout.NOTE_OFF]
    assert offs["frame"][:2].tolist() == [begins, begins]
    stopped = heard(memory, pm.STOPPED)
    assert stopped["id"].tolist() == [1, 2]
    assert len(heard(memory, pm.PLAYED)) == 2, "what was planned is void"
    assert floors(memory)[-1][1] == pm.PLAYER
    assert word(memory, "YIELDS") == 1
    assert engine.stats().held_notes == 0
    engine.close()


def test_a_yield_is_a_release_and_no_click():
    engine, memory = floor_engine(bank=ones_bank(release_s=0.05))
    play(engine, PHRASE, BEAT + 1)
    write_plan(memory, [(3.0, 1, 60, 8.0)], 3.0, 9.0)
    engine.render(3 * BEAT)
    engine.set("continuation_mode", 0)
    audio = engine.render(4800)[:, 0]
    assert audio[0] > 0.5
    assert audio[-1] == 0.0
    assert np.abs(np.diff(audio)).max() < 0.01
    engine.close()


def test_after_its_length_the_ensemble_rests_and_its_last_notes_end_in_their_time():
    engine, memory = floor_engine()
    engine.set("continuation_length_bars", 1)
    play(engine, PHRASE, BEAT + 1)
    write_plan(memory, [(3.0, 1, 60, 1.0), (6.5, 2, 55, 2.0), (7.5, 1, 60, 1.0)], 3.0, 9.0)
    engine.render(12 * BEAT)
    assert floors(memory) == [(3.0, pm.ENSEMBLE), (7.0, pm.PLAYER)]
    assert beats(heard(memory, pm.PLAYED)) == [3.0, 6.5]
    assert len(heard(memory, pm.STOPPED)) == 0
    assert word(memory, "YIELDS") == 0
    engine.close()


def test_start_and_stop_act_now_and_a_stopped_ensemble_waits_for_the_player():
    engine, memory = floor_engine()
    engine.render(BEAT)
    write_plan(memory, scale(1.0, 20), 1.0, 11.0)
    engine.take_over()
    engine.render(2 * BEAT)
    engine.yield_floor()
    engine.render(6 * BEAT)
    assert floors(memory) == [(1.0, pm.ENSEMBLE), (3.0, pm.PLAYER)]
    play(engine, PHRASE, 4 * BEAT)
    assert floors(memory)[-1] == (12.0, pm.ENSEMBLE)
    engine.close()


def test_a_pedal_starts_and_stops_and_reaches_no_part():
    engine, memory = floor_engine()
    engine.set("continuation_pedal", 80)
    press = [(0, controller(80, 127)), (100, controller(80, 0))]
    play(engine, press, BEAT)
    play(engine, press, BEAT)
    assert floors(memory) == [(0.0, pm.ENSEMBLE), (1.0, pm.PLAYER)]
    assert not np.any(engine.results()["kind"] == layout.CONTROLLER)
    engine.set("continuation_pedal", -1)
    play(engine, press, BEAT)
    assert len(floors(memory)) == 2
    engine.close()


def test_the_control_setting_hands_the_floor_over_and_takes_it_back():
    engine, memory = floor_engine()
    engine.set("control", 0)
    engine.render(BEAT)
    assert engine.get("control") == 0
    engine.set("control", 1)
    engine.render(BEAT)
    assert floors(memory) == [(0.0, pm.ENSEMBLE), (1.0, pm.PLAYER)]
    engine.close()


def test_trade_changes_turns_at_bar_lines():
    engine, memory = floor_engine("trade")
    engine.set("continuation_bars", 2)
    play(engine, [(2 * BEAT, note_on(60)), (3 * BEAT, note_off(60))], 20 * BEAT)
    assert floors(memory) == [(8.0, pm.ENSEMBLE), (16.0, pm.PLAYER)], "his bar began at 0"
    play(engine, [(0, note_on(60)), (BEAT, note_off(60))], 14 * BEAT)
    assert floors(memory)[2:] == [(24.0, pm.ENSEMBLE), (32.0, pm.PLAYER)], "he kept to the turns"
    play(engine, [(7 * BEAT, note_on(60)), (8 * BEAT, note_off(60))], 20 * BEAT)
    assert floors(memory)[4:] == [(48.0, pm.ENSEMBLE)], "a turn left out: his bar begins at 40"
    engine.close()


def test_in_a_trade_a_last_note_on_the_bar_line_is_the_end_of_the_players_phrase():
    engine, memory = floor_engine("trade")
    engine.set("continuation_bars", 1)
    events = [(0, note_on(60)), (BEAT, note_off(60)), (4 * BEAT + 2000, note_on(62))]
    play(engine, [*events, (5 * BEAT, note_off(62))], 6 * BEAT)
    assert floors(memory) == [(4.0, pm.ENSEMBLE)]
    play(engine, [(0, note_on(60)), (BEAT, note_off(60))], BEAT)
    assert floors(memory)[-1] == (6.0, pm.PLAYER)
    engine.close()


def test_accompanying_both_have_the_floor_and_the_players_keys_are_not_doubled():
    engine, memory = floor_engine("accompany")
    play(engine, [(0, note_on(60))], BEAT // 2)  # by its zone on part 2
    (mine,) = set(heard(memory, pm.NOTE_ON)["part"].tolist())
    other = (mine + 1) % 4
    write_plan(memory, [(1.0, other, 50, 1.0), (1.0, mine, 52, 1.0)], 0.5, 8.0)
    play(engine, [(BEAT, note_off(60)), (BEAT, note_on(61)), (2 * BEAT, note_off(61))], 3 * BEAT)
    assert floors(memory) == [(0.0, pm.BOTH)]
    played = heard(memory, pm.PLAYED)
    assert played["part"].tolist() == [other], "the part he plays is his"
    assert len(heard(memory, pm.STOPPED)) == 0
    assert engine.get("control") == 1
    engine.close()


def test_a_key_the_player_holds_is_not_struck_again_in_his_part():
    engine, memory = floor_engine()
    play(engine, [(0, note_on(60))], BEAT)
    (mine,) = set(heard(memory, pm.NOTE_ON)["part"].tolist())
    write_plan(memory, [(1.5, mine, 60, 1.0), (1.5, mine, 64, 1.0)], 1.0, 8.0)
    engine.take_over()
    engine.render(2 * BEAT)
    assert heard(memory, pm.PLAYED)["pitch"].tolist() == [64]
    assert len(heard(memory, pm.NOTE_OFF)) == 0
    engine.close()


def test_only_active_parts_that_may_continue_sound_within_their_range():
    engine, memory = floor_engine(parts=3, low=40, high=80)
    engine.set("continues", 0, 1)
    engine.render(64)
    write_plan(memory, [(1.0, part, 60, 1.0) for part in range(4)], 0.5, 8.0)
    write_plan(memory, [(1.5, 0, 81, 1.0), (1.5, 0, 80, 1.0)], 1.25, 8.0)
    engine.take_over()
    engine.render(2 * BEAT)
    played = heard(memory, pm.PLAYED)
    assert played[["part", "pitch"]].tolist() == [(0, 60), (2, 60), (0, 80)]
    engine.close()


@pytest.mark.parametrize("what", ["panic", "locate", "ensemble"])
def test_panic_a_jump_and_another_ensemble_make_it_forget(what):
    engine, memory = floor_engine()
    engine.set("rolling", 1)
    engine.locate(0.0)
    play(engine, PHRASE, BEAT + 1)
    write_plan(memory, [(3.0, 1, 60, 8.0), (5.0, 3, 50, 1.0)], 3.0, 9.0)
    engine.render(3 * BEAT)
    count = word(memory, "HEARD_NOTES")
    forgotten = len(heard(memory, pm.FORGET))
    if what == "panic":
        engine.panic()
    elif what == "locate":
        engine.locate(100.0)
    else:
        engine.forget_past()
    engine.render(BEAT)
    assert len(heard(memory, pm.FORGET)) == forgotten + 1
    assert len(heard(memory, pm.STOPPED)) == 1
    assert floors(memory)[-1][1] == pm.PLAYER
    assert word(memory, "HEARD_NOTES") == count + 1
    assert engine.stats().held_notes == 0
    engine.render(8 * BEAT)
    assert len(floors(memory)) == 2, "it waits for the player"
    engine.close()


def test_the_musics_beat_is_the_transports_while_it_rolls_and_runs_on_when_it_stops():
    engine, memory = floor_engine()
    engine.set("tempo_bpm", 60)
    engine.render(2 * BEAT)
    assert memory.now()[2] == pytest.approx(1.0, abs=0.01)
    engine.set("rolling", 1)
    engine.locate(10.0)
    engine.render(2 * BEAT)
    assert memory.now()[2] == pytest.approx(11.0, abs=0.01)
    engine.set("rolling", 0)
    engine.render(2 * BEAT)
    frame, _, beat, bpm = memory.now()
    assert beat == pytest.approx(12.0, abs=0.01)
    assert bpm == pytest.approx(60.0)
    assert frame == engine.frame - 64
    assert heard(memory, pm.TEMPO_IS)["duration"].tolist() == pytest.approx([120.0, 60.0])
    engine.close()


def test_the_worker_is_told_when_the_ensemble_will_play():
    engine, memory = floor_engine()
    play(engine, PHRASE, 2 * BEAT)
    assert memory.header_f8[pm.NEXT_BEAT] == pytest.approx(3.0)
    engine.set("continuation_length_bars", 2)
    engine.render(2 * BEAT)
    assert memory.header_f8[pm.END_BEAT] == pytest.approx(11.0)
    assert word(memory, "FLOOR") == pm.ENSEMBLE
    assert word(memory, "MODE") == pm.TAKEOVER
    engine.close()


def test_how_late_the_first_note_was_after_a_takeover_is_counted():
    engine, memory = floor_engine()
    play(engine, PHRASE, 4 * BEAT)
    assert word(memory, "TAKEOVERS") == 1
    assert word(memory, "SCHEDULED") == 0
    write_plan(memory, [(4.5, 1, 60, 1.0)], 4.25, 8.0)
    engine.render(BEAT)
    assert word(memory, "SCHEDULED") == word(memory, "SOUNDED") == 1
    assert word(memory, "SCHEDULED_FRAMES") == pytest.approx(BEAT, abs=64)
    assert word(memory, "SOUNDED_FRAMES") == pytest.approx(1.5 * BEAT, abs=64)
    engine.close()


def test_the_floors_changes_are_reported_for_remotes():
    engine, memory = floor_engine()
    engine.results()
    play(engine, PHRASE, 4 * BEAT)
    moved = [r for r in engine.results() if r["kind"] == layout.FLOOR_MOVED]
    assert [int(r["a"]) for r in moved] == [pm.ENSEMBLE]
    assert word(memory, "FLOOR") == pm.ENSEMBLE
    engine.close()


def test_an_engine_without_a_worker_hears_nothing_and_plays_as_ever():
    engine = new_engine()
    engine.set("continuation_mode", 1)
    engine.take_over()
    engine.forget_past()
    play(engine, PHRASE, 6 * BEAT)
    assert engine._rig.floor[0]["heard"] == 0
    assert engine.get("control") == 1
    engine.close()
