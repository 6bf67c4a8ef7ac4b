"""The plan: never late, never in the past, in the ensemble's hands, the same by seed, for ever."""

import math

import numpy as np
import pytest

from engine.continuation.memory import plan_memory as pm
from engine.continuation.planner import HELD_BEATS, MARGIN_S, REST_BEATS, REST_S
from engine.continuation.settings import Part
from models.mmt.decoder import Decoder, from_floats
from models.mmt.instruments import code_of
from models.mmt.representation import DURATION
from models.mmt.shape import random_weights
from models.mmt.stream import length_code
from tests.engine.continuation.stage import CHOIR, QUARTET, TINY, Stage, planner, record, tiny

CHORDS = ((48, 55, 64, 72), (50, 57, 65, 74), (47, 55, 62, 74))


def play(stage: Stage, beats: int = 8) -> None:
    """The player plays a chord a beat, from the beat that is now."""
    for beat in range(beats):
        chord = CHORDS[beat % len(CHORDS)]
        for place, pitch in enumerate(chord):
            stage.on(3 - place, pitch)
        stage.go(0.9)
        for place, pitch in enumerate(chord):
            stage.off(3 - place, pitch)
        stage.go(0.1)


def polyphony_of(stage: Stage, part: int) -> int:
    """How many planned notes of a part sounded at once, at most."""
    notes = [note for note in stage.sounded if note.part == part]
    return max(sum(n.beat <= m.beat < n.beat + n.duration for n in notes) for m in notes)


def test_a_plan_is_always_ready_and_begins_at_once():
    stage = Stage(planner())
    play(stage)
    for _ in range(40):
        stage.go(0.1)
        first = [beat for beat, _, _ in stage._pending]
        assert first
        assert first[0] >= stage.beat
        assert first[0] <= stage.beat + 3
        assert stage.until > stage.beat + 1


def test_nothing_is_planned_for_the_past():
    stage = Stage(planner(), bpm=170)
    play(stage)
    stage.give(pm.ENSEMBLE)
    stage.go(20)
    assert stage.late == 0
    assert stage.starved_beats == 0
    assert len(stage.begun) > 5
    assert all(begin >= now + MARGIN_S * 0.9 - 1 / 12 for now, begin in stage.begun)


def test_the_ensemble_plays_within_reach_and_one_note_at_a_time():
    stage = Stage(planner())
    play(stage)
    stage.give(pm.ENSEMBLE)
    stage.go(40)
    assert len(stage.sounded) > 20
    for note in stage.sounded:
        assert CHOIR[note.part].low <= note.pitch <= CHOIR[note.part].high
        assert 0 < note.duration <= 8
        assert 1 <= note.velocity <= 127
    parts = {note.part for note in stage.sounded}
    assert len(parts) >= 3
    assert all(polyphony_of(stage, part) == 1 for part in parts)


def test_the_answer_is_about_as_busy_as_the_player():
    answered = []
    for beats in (1, 4):
        stage = Stage(planner())
        for _ in range(16 // beats):
            play(stage, 1)
            stage.go(beats - 1)
        stage.give(pm.ENSEMBLE)
        stage.go(24)
        answered.append(len(stage.sounded) / 24)
    busy, calm = answered
    assert busy > 1.5 * calm


def test_only_parts_that_may_continue_play():
    parts = tuple(
        Part(part.code, part.low, part.high, part.voices, continues=number in (1, 3))
        for number, part in enumerate(QUARTET)
    )
    stage = Stage(planner(parts=parts))
    play(stage)
    stage.give(pm.ENSEMBLE)
    stage.go(16)
    assert {note.part for note in stage.sounded} == {1, 3}


def test_nobody_may_continue_and_nothing_is_planned():
    parts = tuple(Part(p.code, p.low, p.high, 1, continues=False) for p in CHOIR)
    stage = Stage(planner(parts=parts))
    play(stage, 2)
    stage.give(pm.ENSEMBLE)
    stage.go(4)
    assert stage.sounded == []
    assert stage.planner.compose(8, 16) == 0


def test_same_seed_same_input_same_output():
    def perform(seed: int) -> list:
        stage = Stage(planner(seed=seed))
        play(stage)
        stage.give(pm.ENSEMBLE)
        stage.go(12)
        return stage.sounded

    first = perform(1)
    assert first == perform(1)
    assert first != perform(2)


def test_a_plan_in_one_go_is_whole_and_the_same_by_seed():
    def compose(seed: int) -> np.ndarray:
        made = planner(seed=seed)
        stage = Stage(made)
        play(stage, 4)
        made.telling.take()
        notes = made.compose(6, 26)
        records = made.telling.take()
        assert notes == (records["kind"] == pm.NOTE).sum() > 10
        return records

    records = compose(1)
    assert np.array_equal(records, compose(1))
    assert not np.array_equal(records, compose(2))
    assert (records[0]["kind"], records[0]["beat"]) == (pm.BEGIN, 6)
    assert (records[-1]["kind"], records[-1]["beat"]) == (pm.UNTIL, 26)
    beats = records["beat"][records["kind"] == pm.NOTE]
    assert (np.diff(beats) >= 0).all()
    assert 6 <= beats[0] <= beats[-1] < 26


def test_the_player_takes_the_floor_and_gives_it_back():
    stage = Stage(planner())
    play(stage, 4)
    for _ in range(5):
        stage.give(pm.ENSEMBLE)
        stage.go(6)
        count = len(stage.sounded)
        play(stage, 2)
        assert len(stage.sounded) == count
    assert stage.late == 0
    heard = [note for note in stage.planner.stream.notes if note.heard and note.number]
    assert len(heard) <= len(stage.sounded)
    assert not [n for n in stage.planner.stream.notes if not n.heard and n.tick < stage.beat * 12]


def test_the_plan_begins_when_the_ensemble_is_due():
    stage = Stage(planner())
    play(stage, 4)
    stage.next_beat = 6.25
    stage.go(2.2)
    now, begin = stage.begun[-1]
    assert begin == 6.25
    assert now < 6.25
    assert stage._pending[0][0] >= 6.25


def test_other_settings_count_soon_while_the_ensemble_plays():
    stage = Stage(planner())
    play(stage, 4)
    stage.give(pm.ENSEMBLE)
    stage.go(4)
    begun = len(stage.begun)
    settings = stage.planner.settings
    stage.planner.configure(type(settings)(**{**vars(settings), "density": 1.0}))
    stage.go(8)
    assert len(stage.begun) == begun + 1
    now, begin = stage.begun[-1]
    assert 0.5 <= begin - now <= 1.5
    assert stage.late == 0
    assert stage.starved_beats == 0


def test_off_only_listens():
    stage = Stage(planner(mode="off"))
    play(stage, 4)
    assert stage.begun == []
    assert len(stage.planner.stream.notes) == 16


def test_accompanying_leaves_the_player_his_parts():
    stage = Stage(planner(mode="accompany", parts=QUARTET))
    stage.give(pm.BOTH)
    for beat in range(24):
        stage.on(0, 72 + beat % 5)
        stage.go(0.9)
        stage.off(0, 72 + beat % 5)
        stage.go(0.1)
    assert {note.part for note in stage.sounded} <= {1, 2, 3}
    assert len(stage.sounded) > 3
    assert stage.late == 0
    count = len(stage.sounded)
    stage.go(40)
    last = max(note.beat for note in stage.sounded)
    assert len(stage.sounded) > count
    assert last < 24 + 24  # with nobody to accompany it ends


def test_vary_says_the_players_bars_again():
    for variation in (0.0, 1.0):
        stage = Stage(planner(mode="vary", bars=1, variation=variation))
        play(stage, 8)
        stage.give(pm.ENSEMBLE)
        stage.go(14)
        told = [n for n in stage.sounded if n.beat < 20]
        onsets = sorted({note.beat % 4 for note in told})
        assert onsets == [0, 1, 2, 3]
        assert len(told) >= 30
        played = {(beat, pitch) for beat in range(4) for pitch in CHORDS[(beat + 4) % 3]}
        same = sum((round(n.beat) % 4, n.pitch) in played for n in told) / len(told)
        assert same == 1 if variation == 0 else same < 0.7


@pytest.mark.parametrize("bpm", [40, 120])
def test_it_neither_holds_nor_rests_for_long(bpm: float):
    """However slow the player was and however little is wanted: somebody begins again."""
    stage = Stage(planner(density=-1.0, temperature=2.0), bpm=bpm, step_s=0.02)
    for _ in range(3):
        stage.on(0, 72)
        stage.go(1.0)
        stage.off(0, 72)
        stage.go(5.0)
    stage.give(pm.ENSEMBLE)
    stage.go(160)
    notes = sorted(stage.sounded, key=lambda note: note.beat)
    onsets = np.diff([note.beat for note in notes])
    ends = np.maximum.accumulate([note.beat + note.duration for note in notes])[:-1]
    silences = np.array([note.beat for note in notes[1:]]) - ends
    tick = 1 / 12
    assert len(notes) > 40
    assert onsets.max() <= HELD_BEATS
    assert silences.max() <= min(REST_BEATS, REST_S * bpm / 60) + tick
    assert silences.max() * 60 / bpm < 2.0
    assert max(note.duration for note in notes) > HELD_BEATS, "some voice may hold on"


def test_a_tempo_of_400_is_kept_up_with():
    stage = Stage(planner(), bpm=400)
    play(stage)
    stage.give(pm.ENSEMBLE)
    stage.go(60)
    assert stage.late == 0
    assert stage.starved_beats == 0


@pytest.mark.slow
def test_thirty_minutes_without_a_gap():
    stage = Stage(planner(memory_beats=16), step_s=0.05, pieces=12)
    play(stage)
    stage.give(pm.ENSEMBLE)
    stage.go(30 * 120)
    assert stage.planner.stream.renewals > 20
    assert stage.planner.stream.overflows == 0
    assert stage.late == 0
    assert stage.starved_beats == 0
    beats = sorted(note.beat for note in stage.sounded)
    assert max(np.diff(beats)) <= HELD_BEATS
    assert len(stage.planner.stream.notes) < 400
    assert len(stage.planner.listener.played) < 400
    assert len(stage.planner.telling.notes) < 5000


def test_a_new_worker_goes_on_with_the_plan_that_is_there():
    stage = Stage(planner())
    told: list[np.ndarray] = []
    take = stage.planner.telling.take
    stage.planner.telling.take = lambda: told.append(take()) or told[-1]
    play(stage, 4)
    stage.give(pm.ENSEMBLE)
    stage.go(4.5)
    before = list(stage._pending)
    again = planner(tiny(), seed=5)
    again.telling.written = stage.planner.telling.written
    for note in stage.planner.stream.notes:
        if note.heard:
            again.stream.add(note.tick, note.key, note.length, note.instrument)
    again.listener.floor = pm.ENSEMBLE
    again.at(stage.beat, 120, stage.heard_notes)
    plan = np.concatenate(told)
    again.resume(plan, again.telling.written - len(plan))
    stage.planner = again
    stage.go(6)
    sounded = [note.beat for note in stage.sounded]
    assert len(before) > 4
    assert all(beat in sounded for beat, _, _ in before if beat <= stage.beat)
    assert stage.late == 0
    assert stage.starved_beats == 0
    assert stage.begun[-1][0] < 4.5


def test_a_plan_made_for_other_notes_is_not_resumed():
    made = planner()
    records = np.zeros(2, pm.PLAN_RECORD)
    records["kind"], records["heard"], records["beat"] = (pm.BEGIN, pm.UNTIL), 7, (0, 50)
    made.resume(records, 0)
    assert made.until < 50 * 12


def test_forgetting_drops_what_was_heard_and_planned():
    stage = Stage(planner())
    play(stage, 4)
    stage.planner.hear(record(pm.FORGET, 2.0))
    assert stage.planner.stream.notes == []
    stage.beat, stage.heard_notes = 2.0, stage.heard_notes + 1
    stage.go(1)
    assert stage.begun[-1][1] >= 2


def test_a_key_that_is_held_at_takeover_is_as_long_as_it_has_been():
    stage = Stage(planner())
    play(stage, 4)
    stage.on(3, 48)
    stage.go(5)
    stage.give(pm.ENSEMBLE)
    stage.go(0.2)
    held = next(note for note in stage.planner.stream.notes if (note.tick, note.key) == (48, 48))
    assert held.length >= 5 * 12
    stage.off(3, 48)
    assert held.length == 62  # what it was in the end


def test_planned_notes_whose_time_has_passed_unheard_are_let_go():
    """As when nothing renders for a while: what nobody heard is no past, and planning goes on."""
    made = planner()
    stage = Stage(made)
    play(stage, 4)
    made.hear(record(pm.FLOOR_IS, 4.0, part=pm.ENSEMBLE))
    for beat in range(4, 60):
        made.at(float(beat), 120, stage.heard_notes)
        while made.work():
            pass
        assert all(note.heard or note.tick >= (beat - 2) * 12 for note in made.stream.notes)
        assert made.until > (beat + 4) * 12
        made.telling.take()


def long_noted() -> Decoder:
    """A network that likes notes of eight beats."""
    weights = random_weights(TINY, 3)
    weights[f"turn{DURATION}.logits_bias"][length_code(8 * 12)] += 20
    return from_floats(weights, TINY)


def test_long_notes_leave_a_voice_free():
    """One voice alone ends within four beats; of four, three may hold on."""
    for parts, longest in ((CHOIR[:1], HELD_BEATS), (CHOIR, 8)):
        made = planner(long_noted(), parts=parts)
        count = made.compose(0, 64)  # beyond what is remembered
        told = made.telling.take()
        told = told[told["kind"] == pm.NOTE]
        assert count == len(told) >= 16
        assert math.ceil(told["duration"].max()) == longest
        assert np.diff(told["beat"]).max() <= HELD_BEATS


def test_the_plan_ends_where_the_ensemble_is_to_rest():
    made = planner()
    made.hear(record(pm.FLOOR_IS, 0.0, part=pm.ENSEMBLE))
    for _ in range(400):
        made.at(0.0, 120, 0, math.inf, 3.0)
        made.work()
    assert 3 * 12 <= made.until < 3 * 12 + HELD_BEATS * 12
    told = made.telling.take()
    assert (told["beat"][told["kind"] == pm.NOTE] < 3).any()
    for _ in range(400):
        made.at(0.0, 120, 0)
        made.work()
    assert made.until > 7 * 12


def test_a_phrase_begins_at_the_next_bar_however_late_it_is():
    stage = Stage(planner(mode="vary", bars=1, variation=0.0))
    play(stage, 4)
    stage.go(9.5)  # a silence of more than two bars
    stage.give(pm.ENSEMBLE)
    stage.go(8)
    assert min(note.beat for note in stage.sounded) == 16
    assert {note.beat for note in stage.sounded} == set(range(16, 22))


def test_a_missing_count_makes_another_plan():
    """The callback may let a plan go without a note; it counts that as well."""
    stage = Stage(planner())
    play(stage, 4)
    stage.give(pm.ENSEMBLE)
    stage.go(2)
    stage.heard_notes += 1
    stage._pending, stage._open = [], False
    stage.go(0.2)
    assert stage._pending
    assert stage._pending[0][0] < stage.beat + 3
    assert math.isfinite(stage.until)


def test_instruments_of_the_ensemble_only():
    made = planner(parts=QUARTET)
    stage = Stage(made)
    play(stage, 4)
    made.compose(4, 40)
    codes = {note.instrument for note in made.stream.notes}
    assert codes <= {code_of("violin"), code_of("viola"), code_of("cello")}
