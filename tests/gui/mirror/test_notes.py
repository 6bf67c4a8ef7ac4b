"""Notes as they sound, the clock behind them, and what is planned."""

import pytest

from gui.mirror.clock import StreamClock
from gui.mirror.notes import KEEP_S, MOST_NOTES, Notes
from gui.mirror.transport import Transport
from tests.gui.mirror.told import note_on


@pytest.fixture
def notes() -> Notes:
    return Notes()


def on(notes: Notes, note: int, at_s: float = 1.0, **more) -> None:
    notes.take("/ripieno/note_on", note_on(note, **more), at_s)


def test_a_note_sounds_in_its_part_until_it_ends(notes: Notes) -> None:
    on(notes, 5, part=2, pitch=64, frame=1000)
    assert notes.pitches() == {64: 1}
    assert notes.last_part_s == {1: 1.0}
    notes.take("/ripieno/note_off", (5, 2, 64, 0, 3000), 1.1)
    assert notes.pitches() == {}
    assert (notes.bars[0].start_frame, notes.bars[0].end_frame) == (1000, 3000)


def test_a_note_that_moves_is_another_parts(notes: Notes) -> None:
    on(notes, 1, part=1)
    notes.take("/ripieno/note_moved", (1, 3, 1, 60, 1200), 1.0)
    assert notes.pitches() == {60: 2}


def test_panic_and_lost_events(notes: Notes) -> None:
    on(notes, 1, frame=1000)
    on(notes, 2, frame=1000, pitch=62)
    notes.take("/ripieno/panicked", (1500,), 1.0)
    assert [bar.end_frame for bar in notes.bars] == [1500, 1500]
    notes.take("/ripieno/events_lost", (7,), 1.0)
    assert notes.lost == 7
    notes.take("/ripieno/note_off", (1, 1, 60, 0, 1600), 1.0)  # ended already
    assert not notes.take("/ripieno/said", ("hello",), 1.0)


def test_what_left_the_picture_is_forgotten_and_memory_is_bounded(notes: Notes) -> None:
    for number in range(3 * MOST_NOTES):
        on(notes, number, at_s=1.0, frame=1000)
        notes.take("/ripieno/note_off", (number, 1, 60, 0, 1100), 1.0)
    assert len(notes.bars) == MOST_NOTES
    notes.prune(2.0 + KEEP_S)
    assert not notes.bars


def test_a_note_whose_end_was_lost_ends_some_day(notes: Notes) -> None:
    on(notes, 1, at_s=1.0, frame=48000)
    notes.prune(500.0)
    assert notes.sounding
    notes.prune(700.0)
    assert not notes.sounding


def test_the_plan_is_replaced_whole(notes: Notes) -> None:
    plan = {"serial": 1, "until_beat": 12.0, "notes": [[1, 60, 70, 8.0, 1.0], [2, 48, 70, 9.0, 2]]}
    assert notes.take("/ripieno/plan", (plan,), 1.0)
    assert [(p.part, p.pitch, p.beat, p.beats) for p in notes.plan] == [
        (0, 60, 8.0, 1.0),
        (1, 48, 9.0, 2.0),
    ]
    standing = Transport(beat=2.0)
    assert notes.plan_beat(96000, standing) == 2.0
    now = {"frame": 48000, "beat": 7.0, "tempo_bpm": 60.0}
    notes.take("/ripieno/plan", ({"serial": 2, "until_beat": 0, "notes": [], **now},), 1.0)
    assert notes.plan == ()
    assert notes.plan_beat(96000, standing) == pytest.approx(8.0)
    rolling = Transport(frame=0, beat=0.0, tempo_bpm=120.0, rolling=True)
    assert notes.plan_beat(96000, rolling) == pytest.approx(4.0)


def test_the_clock_runs_evenly_through_late_messages() -> None:
    clock = StreamClock(48000)
    delays_s = [0.001, 0.012, 0.003, 0.030, 0.002]
    for step in range(100):
        frame = step * 4800
        clock.hear(frame, frame / 48000 + delays_s[step % 5] + 10.0)
    now_s = 99 * 0.1 + 10.0
    assert clock.frame(now_s) == pytest.approx(99 * 4800 - 48, abs=1)  # 1 ms late at best
    assert clock.frame(now_s + 0.5) - clock.frame(now_s) == pytest.approx(24000)


def test_the_clock_follows_a_stream_that_begins_anew() -> None:
    clock = StreamClock(48000)
    clock.hear(48000 * 1000, 5.0)
    clock.hear(100, 6.0)
    assert clock.frame(6.0) == pytest.approx(100)
    clock.set_rate(44100)
    clock.hear(44100, 7.0)
    assert clock.frame(8.0) == pytest.approx(88200)


def test_beats_go_on_between_messages() -> None:
    transport = Transport(frame=48000, beat=4.0, tempo_bpm=120.0, rolling=True)
    assert transport.beat_at(48000 + 24000) == pytest.approx(5.0)
    assert transport.bar_and_beat(48000 + 12000) == (2, 1, pytest.approx(0.5))
    assert transport.frames(2.0) == pytest.approx(48000)
    counting_in = Transport(frame=0, beat=-4.0, rolling=True)
    assert counting_in.bar_and_beat(0)[0] == 0
