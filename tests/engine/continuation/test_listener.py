"""What the player does reaches the stream: in time, in chords, at its true length."""

import pytest

from engine.continuation.listener import Listener, tick_of
from engine.continuation.memory import plan_memory as pm
from engine.continuation.settings import Settings
from models.mmt.stream import Stream
from tests.engine.continuation.stage import CHOIR, QUARTET, record, tiny


def listener(parts=CHOIR) -> Listener:
    settings = Settings(parts=parts)
    return Listener(Stream(tiny(), [part.code for part in parts]), settings)


def on(ear: Listener, beat: float, pitch: int, part: int = 0, number: int = 1) -> None:
    values = {"part": part, "pitch": pitch, "velocity": 80, "id": number}
    ear.note_on(record(pm.NOTE_ON, beat, **values)[0], 120)


def off(ear: Listener, beat: float, number: int = 1) -> None:
    ear.note_off(record(pm.NOTE_OFF, beat, id=number)[0])


@pytest.mark.parametrize(
    ("beat", "tick"),
    [(0.0, 0), (3.04, 36), (0.96, 12), (0.27, 3), (0.36, 4), (0.1, 1), (0.48, 6), (7.76, 93)],
)
def test_onsets_are_meant_where_music_begins(beat, tick):
    assert tick_of(beat) == tick


def test_a_chord_shares_a_tick():
    ear = listener()
    for place, beat in enumerate((4.03, 4.05, 4.09)):
        on(ear, beat, 60 + 4 * place, place, place + 1)
    on(ear, 4.25, 72, 0, 9)
    assert [note.tick for note in ear.stream.notes] == [48, 48, 48, 51]


def test_lengths_are_guessed_then_known():
    ear = listener()
    for k in range(4):
        on(ear, k, 60 + k, number=k + 1)
        off(ear, k + 0.5, k + 1)
    assert [note.length for note in ear.stream.notes] == [6] * 4
    on(ear, 4, 70, number=9)
    assert ear.stream.notes[-1].length == ear.guess == 6
    ear.age(4.2)
    assert ear.stream.notes[-1].length == 6
    ear.age(5.5)
    assert ear.stream.notes[-1].length >= 18
    off(ear, 6, 9)
    assert ear.stream.notes[-1].length == 24
    assert not ear.held


def test_notes_last_as_they_would_be_written():
    ear = listener()
    on(ear, 0, 60, number=1)
    on(ear, 0, 64, number=2)
    on(ear, 0, 48, part=3, number=3)
    off(ear, 0.8, 1)
    off(ear, 0.7, 2)
    off(ear, 0.8, 3)
    on(ear, 1, 62, number=4)
    off(ear, 1.3, 4)
    on(ear, 2, 64, number=5)
    lengths = {(note.tick, note.key): note.length for note in ear.stream.notes}
    assert lengths[0, 60] == lengths[0, 64] == 12
    assert lengths[0, 48] == 10  # nothing follows in its part
    assert lengths[12, 62] == 4  # meant short


def test_a_note_that_moves_keeps_its_place():
    ear = listener(QUARTET)
    on(ear, 1, 60, part=0)
    on(ear, 1, 60, part=3)
    (note,) = ear.stream.notes
    assert note.part == 3
    assert note.instrument == QUARTET[3].code
    off(ear, 2)
    assert note.length == 12


def test_what_sounded_of_the_plan_is_heard():
    ear = listener()
    on(ear, 0, 60)
    planned = ear.stream.add(24, 64, 12, CHOIR[1].code, heard=False)
    assert planned
    ear.sounded(record(pm.PLAYED, 2, part=1, pitch=64, duration=1, id=17)[0], {17: planned})
    assert planned.heard
    ear.stopped(record(pm.STOPPED, 2.5, id=17)[0], {17: planned})
    assert planned.length == 6
    ear.sounded(record(pm.PLAYED, 3, part=2, pitch=50, duration=2, id=99)[0], {})
    other = ear.stream.notes[-1]
    assert (other.tick, other.key, other.length, other.part) == (36, 50, 24, 2)
    assert other.number == 100


def test_forgetting_forgets_held_notes():
    ear = listener()
    on(ear, 0, 60)
    ear.forget()
    off(ear, 1)
    assert ear.stream.notes == []
    assert ear.held == {}
