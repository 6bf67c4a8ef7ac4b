"""The transport: beats and frames, changes of tempo, jumps, the clock going out, clicks, events."""

import numpy as np
import pytest

from engine.core import Engine
from engine.rt import layout
from engine.transport import Transport, reported
from tests.engine.rig_helpers import Saved, new_engine, note_off, note_on, of_kind, onset

BEAT = 24000  # frames at 120 bpm
TICK = BEAT // 24


@pytest.fixture(scope="module")
def made():
    engine = new_engine(fluid=False)
    engine.midi_out()
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def engine(made) -> Engine:
    _, saved = made
    return saved.restore()


def sent(engine: Engine, start: int) -> list[tuple[int, str]]:
    """What went out since the last look: frame from `start`, the message in hexadecimal."""
    return [
        (int(record["frame"]) - start, record["data"][: record["size"]].tobytes().hex())
        for record in engine.midi_out()
    ]


def ticks(engine: Engine, start: int) -> list[int]:
    return [frame for frame, message in sent(engine, start) if message == "f8"]


def moves(engine: Engine) -> list[Transport]:
    return reported(engine.results(), engine.rate_hz)


def beat_at(line: list[Transport], frame: int) -> float:
    """The beat of a frame by the last report before it."""
    return [move for move in line if move.frame <= frame][-1].beat_at(frame)


def test_it_stands_at_beat_0_and_rolls_from_the_frame_it_is_told(engine):
    start = engine.frame
    engine.set("rolling", 1, frame=start + 100)
    engine.render(100)
    assert not engine.transport().rolling
    engine.render(BEAT)
    now = engine.transport()
    assert now.rolling
    assert now.beat == pytest.approx(1.0, abs=1e-9)
    assert (now.tempo_bpm, now.source, now.beats_per_bar) == (120.0, "internal", 4)
    assert now.beat_at(start + 100) == pytest.approx(0.0, abs=1e-9)
    assert now.frame_at(2.0) == start + 100 + 2 * BEAT
    (move,) = moves(engine)
    assert (move.frame, move.beat, move.rolling) == (start + 100, 0.0, True)


def test_a_stop_keeps_the_beat_and_a_start_goes_on_from_it(engine):
    start = engine.frame
    for frame, rolling in ((0, 1), (BEAT // 2, 0), (BEAT, 1)):
        engine.set("rolling", rolling, frame=start + frame)
    engine.render(BEAT + BEAT // 4)
    assert engine.transport().beat == pytest.approx(0.75)


def test_another_tempo_takes_effect_at_its_frame(engine):
    start = engine.frame
    engine.set("rolling", 1, frame=start)
    engine.set("tempo_bpm", 60, frame=start + BEAT)
    engine.render(3 * BEAT)
    assert engine.transport().beat == pytest.approx(2.0)
    assert engine.transport().tempo_bpm == 60
    assert [(m.frame - start, m.beat, m.tempo_bpm) for m in moves(engine)] == [
        (0, 0.0, 120.0),
        (BEAT, 1.0, 60.0),
    ]


@pytest.mark.parametrize("source", range(5))
def test_whoever_leads_the_beat_goes_on(engine, source):
    engine.set("rolling", 1)
    engine.render(5000)
    before = engine.transport()
    engine.set("sync_source", source)
    engine.render(5000)
    after = engine.transport()
    assert after.beat == pytest.approx(before.beat + 5000 / BEAT)
    assert after.rolling
    engine.set("sync_source", 0)
    engine.render(5000)
    assert engine.transport().beat == pytest.approx(before.beat + 10000 / BEAT)


def test_a_small_correction_is_taken_over_and_a_big_one_is_a_jump(engine):
    start = engine.frame
    engine.set("clock_out", 1)
    engine.set("rolling", 1, frame=start)
    engine.render(BEAT)
    engine.align(1.01, start + BEAT)
    engine.render(BEAT)
    assert engine.transport().beat == pytest.approx(2.01)
    assert [m for _, m in sent(engine, start) if m != "f8"] == ["fa"]
    engine.align(9.0, start + 2 * BEAT)
    engine.render(BEAT)
    assert engine.transport().beat == pytest.approx(10.0)
    assert [m for _, m in sent(engine, start) if m != "f8"] == ["fc", "f22400", "fb"]


def test_what_is_followed_from_playing_is_there_with_its_first_tempo(engine):
    engine.set("rolling", 1)
    engine.set("sync_source", layout.PLAYING)
    engine.render(BEAT)
    assert (engine.transport().source, engine.transport().locked) == ("playing", False)
    engine.set("tempo_bpm", 90)
    engine.render(BEAT)
    assert engine.transport().locked
    assert engine.transport().beat == pytest.approx(1.75)
    assert [move.locked for move in moves(engine)][-1]


@pytest.mark.parametrize("block", [32, 64, 1000])
@pytest.mark.parametrize("tempo_bpm", [60, 97.3, 200, 123.456])
def test_ticks_lie_on_their_frames_in_blocks_of_any_size(engine, block, tempo_bpm):
    start = engine.frame
    engine.set("tempo_bpm", tempo_bpm)
    engine.set("clock_out", 1)
    engine.set("rolling", 1, frame=start)
    engine.render(4 * BEAT, block)
    expected = np.arange(1000) * 60.0 * 48000 / tempo_bpm / 24
    expected = np.ceil(expected - 1e-6)
    assert ticks(engine, start) == expected[expected < 4 * BEAT].tolist()


def test_the_clock_ticks_evenly_while_it_stands(engine):
    start = engine.frame
    engine.set("clock_out", 1, frame=start)
    engine.render(10 * TICK)
    assert ticks(engine, start) == list(range(0, 10 * TICK, TICK))


def test_start_stop_continue_and_song_position_are_sent(engine):
    start = engine.frame
    engine.set("clock_out", 1, frame=start)
    engine.set("rolling", 1, frame=start + 500)
    engine.set("rolling", 0, frame=start + 500 + 8 * TICK + 10)
    engine.set("rolling", 1, frame=start + 500 + 20 * TICK)
    engine.render(500 + 40 * TICK)
    found = sent(engine, start)
    others = [(frame, message) for frame, message in found if message != "f8"]
    again = 500 + 20 * TICK
    first = again + 4 * TICK - 10  # it stood 10 frames past tick 8: the next sixteenth is tick 12
    assert others == [
        (500, "fa"),
        (500 + 8 * TICK + 10, "fc"),
        (again, "f20200"),
        (first, "fb"),
    ]
    place = found.index((500, "fa"))
    assert found[place + 1] == (500, "f8")  # beat 0 is the tick after the start
    place = found.index((first, "fb"))
    assert found[place + 1] == (first, "f8")


def test_a_jump_while_it_stands_sends_the_song_position(engine):
    engine.set("clock_out", 1)
    engine.render(64)
    sent(engine, 0)
    engine.locate(300.0)
    engine.render(64)
    assert [m for _, m in sent(engine, 0) if m != "f8"] == ["f23009"]  # 1200 sixteenths
    with pytest.raises(ValueError, match="beat must be -1e"):
        engine.locate(float("nan"))


def test_no_tick_is_lost_or_doubled_by_changes_of_tempo_and_corrections(engine):
    random = np.random.default_rng(3)
    start = engine.frame
    engine.set("clock_out", 1, frame=start)
    engine.set("rolling", 1, frame=start)
    for frame in np.sort(random.integers(1, 40 * BEAT, 60)):
        engine.set("tempo_bpm", random.uniform(40, 300), frame=start + int(frame))
    engine.render(40 * BEAT, 100)
    line = reported(engine.results(), 48000)
    found = ticks(engine, start)
    beats = [beat_at(line, start + frame) for frame in found]
    assert np.abs(np.array(beats) * 24 - np.arange(len(found))).max() < 0.02
    assert len(found) == int(engine.transport().beat * 24 - 1e-9) + 1


def test_a_note_that_waits_for_its_beat_sounds_there_whatever_the_tempo_does(engine):
    start = engine.frame
    engine.set("rolling", 1, frame=start)
    for i in range(16):
        engine.part_midi_at_beat(0, note_on(60 + i), i * 0.5)
        engine.part_midi_at_beat(0, note_off(60 + i), i * 0.5 + 0.25)
    engine.set("tempo_bpm", 60, frame=start + BEAT + 5000)  # between two notes
    engine.set("tempo_bpm", 173, frame=start + 2 * BEAT + 777)  # while one sounds
    engine.render(9 * BEAT, 333)
    records = engine.results()
    line = reported(records, 48000)
    ons = of_kind(records, layout.NOTE_ON)
    offs = of_kind(records, layout.NOTE_OFF)
    one_frame = 173 / 60 / 48000
    assert ons["a"].tolist() == offs["a"].tolist() == list(range(60, 76))
    for i, (on, off) in enumerate(zip(ons, offs, strict=True)):
        assert -1e-6 <= beat_at(line, on["frame"]) - i * 0.5 < one_frame + 1e-6
        assert -1e-6 <= beat_at(line, off["frame"]) - i * 0.5 - 0.25 < one_frame + 1e-6


def test_a_stop_or_a_jump_voids_what_waits_and_ends_what_sounds(engine):
    for leave in (lambda: engine.set("rolling", 0), lambda: engine.locate(100.0)):
        engine.locate(0.0)
        engine.set("rolling", 1)
        engine.part_midi_at_beat(1, note_on(50), 0.0)
        engine.part_midi_at_beat(1, note_off(50), 1.0)
        engine.part_midi_at_beat(1, note_on(52), 1.0)
        engine.part_midi_at_beat(1, note_off(52), 2.0)
        engine.render(1000)
        assert engine.stats().held_notes == 1
        leave()
        engine.render(64)
        assert engine.stats().held_notes == 0
        engine.set("rolling", 1)
        engine.render(3 * BEAT)
        assert of_kind(engine.results(), layout.NOTE_ON)["a"].tolist() == [50]


def test_no_more_wait_than_there_is_room_for_and_no_end_is_lost(engine):
    engine.set("rolling", 1)
    for i in range(layout.BEATS_WAITING + 50):
        engine.part_midi_at_beat(0, note_on(60), 1000.0 + i)
        if i % 512 == 0:
            engine.render(64)
    engine.midi(note_on(40))
    engine.part_midi_at_beat(0, note_off(60), 3000.0)
    engine.render(64)
    assert engine.stats().dropped_events == 50


def test_a_count_in_clicks_and_starts_the_clock_at_beat_0(engine):
    start = engine.frame
    engine.set("click", 1, frame=start)
    engine.set("click_gain_db", -6, frame=start)
    engine.set("clock_out", 1, frame=start)
    engine.locate(-2.0, start)
    engine.set("rolling", 1, frame=start)
    audio = engine.render(4 * BEAT)
    assert [onset(audio[i * BEAT : (i + 1) * BEAT]) for i in range(4)] == [1, 1, -1, -1]
    assert 0.2 < np.abs(audio).max() < 0.51
    found = sent(engine, start)
    assert (2 * BEAT, "fa") in found
    assert [m for _, m in found if m != "f8"] == ["f20000", "fa"]
    assert len(found) == 4 * 24 + 2


def test_clicks_are_in_the_master_alone_and_do_not_depend_on_the_blocks(engine):
    saved = Saved(engine)
    heard = []
    for block in (64, 100):
        saved.restore()
        engine.set("click", 2)
        engine.set("rolling", 1)
        heard.append(engine.render(2 * BEAT, block, stems=True))
    assert np.array_equal(*heard)
    assert np.abs(heard[0][:, :2]).max() > 0.05
    assert not heard[0][:, 2:].any()


def test_what_can_be_set_names_its_range(engine):
    for name, value in (("tempo_bpm", 19), ("beats_per_bar", 0), ("sync_source", 5), ("click", 3)):
        with pytest.raises(ValueError, match=name):
            engine.set(name, value)
    engine.set("beats_per_bar", 3)
    engine.render(64)
    assert engine.transport().beats_per_bar == 3
