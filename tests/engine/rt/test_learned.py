"""MIDI learn inside the callback: what is reported, and what no longer reaches the parts."""

import numpy as np
import pytest

from engine.rt import layout
from engine.rt.learned import BEND, KEPT_FREE, NEVER, NOTES, PRESSURE
from tests.engine.rig_helpers import (
    Saved,
    bend,
    check_notes,
    controller,
    new_engine,
    note_off,
    note_on,
    note_ons,
    of_kind,
    ones_bank,
    send,
)


@pytest.fixture(scope="module")
def zoned():
    engine = new_engine(ones_bank(release_s=0.01))
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def engine(zoned):
    return zoned[1].restore()


def results(engine, *messages: bytes) -> np.ndarray:
    """What is reported when a key is down and the messages come, on source 2."""
    send(engine, [(8 * i, message, 2) for i, message in enumerate((note_on(60), *messages))])
    engine.render(8 * len(messages) + 64)
    return engine.results()


def played(records: np.ndarray) -> list[tuple[int, ...]]:
    """(source, bytes) of every message reported as it came."""
    records = of_kind(records, layout.PLAYED)
    return [(int(r["note"]), int(r["a"]), int(r["b"]), int(r["c"])) for r in records]


def told(records: np.ndarray) -> list[int]:
    """Status bytes of what reached the parts."""
    return of_kind(records, layout.CONTROLLER)["a"].tolist()


def test_controllers_are_reported_at_their_frame_with_source_and_channel(engine) -> None:
    start = engine.frame
    records = results(engine, controller(7, 90, 3), bytes((0xC5, 12)), bytes((0xD0, 33)))
    assert played(records) == [(2, 0xB3, 7, 90), (2, 0xC5, 12, 0), (2, 0xD0, 33, 0)]
    frames = of_kind(records, layout.PLAYED)["frame"] - start
    assert frames.tolist() == [8, 16, 24]


def test_without_learning_a_controller_reaches_the_parts_and_notes_are_no_controls(engine) -> None:
    records = results(engine, controller(7, 90), note_off(60))
    assert told(records) == [0xB0]
    assert [message[1] for message in played(records)] == [0xB0]


@pytest.mark.parametrize(
    ("place", "message"),
    [(21, controller(21, 90, 4)), (BEND, bend(9000, 4)), (PRESSURE, bytes((0xD4, 60)))],
)
def test_what_is_taken_is_reported_and_reaches_no_part(engine, place, message) -> None:
    engine.take_control(4, place, True)
    other = bytes((message[0] & 0xF0 | 5, *message[1:]))
    records = results(engine, message)
    assert told(records) == []
    assert played(records) == [(2, *message, *bytes(3 - len(message)))]
    assert told(results(engine, other)) != []  # the same of another channel is music
    engine.take_control(4, place, False)
    assert told(results(engine, message)) != []


def test_a_taken_note_sounds_no_more_but_one_that_is_held_still_ends(engine) -> None:
    first = results(engine)
    engine.take_control(0, NOTES + 60, True)
    send(engine, [(0, note_off(60), 2), (8, note_on(60, 77), 2), (16, note_off(60), 2)])
    engine.render(128)
    records = np.concatenate([first, engine.results()])
    check_notes(records)
    assert len(note_ons(records)) == 1
    assert (2, 0x90, 60, 77) in played(records)


def test_notes_are_reported_while_one_is_to_be_learned(engine) -> None:
    engine.learn_notes(True)
    records = results(engine)
    assert played(records) == [(2, 0x90, 60, 100)]
    assert len(note_ons(records)) == 0, "it is to be a control, not music"
    engine.learn_notes(False)
    send(engine, [(0, note_off(60), 2), (8, note_on(60), 2), (16, note_off(60), 2)])
    engine.render(64)
    records = engine.results()
    check_notes(records)
    assert len(note_ons(records)) == 1


def test_a_files_notes_sound_while_a_key_is_to_be_learned(engine) -> None:
    engine.learn_notes(True)
    send(engine, [(0, note_on(60), layout.FILE_SOURCE), (8, note_off(60), layout.FILE_SOURCE)])
    engine.render(64)
    records = engine.results()
    assert played(records) == []
    assert len(note_ons(records)) == 1


def test_a_panic_controller_stays_one_when_it_has_been_learned(engine) -> None:
    engine.take_control(0, 119, True)
    records = results(engine, controller(119, 127))
    assert of_kind(records, layout.PANICKED).size == 1


def test_a_storm_of_controllers_leaves_room_for_the_notes_results(engine) -> None:
    storm = [(0, controller(16 + i % 4, i % 128)) for i in range(1000)]
    for _ in range(layout.RESULTS // len(storm) + 1):  # nobody reads meanwhile
        send(engine, storm)
        engine.render(64)
    send(engine, [(0, note_on(60))])
    engine.render(64)
    assert engine.stats().results_dropped == 0
    records = engine.results()
    assert len(played(records)) == layout.RESULTS - KEPT_FREE
    assert len(note_ons(records)) == 1


def test_places_that_are_none_are_refused(engine) -> None:
    for channel, place in ((16, 0), (-1, 0), (0, NEVER), (0, -1)):
        with pytest.raises(ValueError, match="must be 0 to"):
            engine.take_control(channel, place, True)
