"""The promises of MIDI: ends follow beginnings, pedals and controllers reach the parts, panic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.midi.messages import MessageParser
from engine.rt import layout
from tests.engine.rig_helpers import (
    Saved,
    bend,
    check_notes,
    controller,
    ensemble_of,
    new_engine,
    note_off,
    note_offs,
    note_on,
    note_ons,
    of_kind,
    ones_bank,
    play,
    sine_bank,
    stem,
)


@pytest.fixture(scope="module")
def zoned():
    """Assigned by zones: 72 plays part 0, 66 part 1, 60 part 2, 50 part 3."""
    engine = new_engine(ones_bank(release_s=0.01))
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def engine(zoned):
    return zoned[1].restore()


@pytest.fixture(scope="module")
def networked():
    engine = new_engine(network=True)
    yield engine, Saved(engine)
    engine.close()


def sounding(engine):
    return engine.stats().part_notes[:4].tolist()


def controls(records, part=None):
    """(status, data1, data2) of the controller messages a part was sent."""
    records = of_kind(records, layout.CONTROLLER)
    if part is not None:
        records = records[records["part"] == part]
    return [(int(r["a"]), int(r["b"]), int(r["c"])) for r in records]


# Ends follow beginnings


CHANGES = {
    "another ensemble": lambda e: e.apply(ensemble_of(2, assigner="zones")),
    "ensemble of one": lambda e: e.apply(ensemble_of(1, assigner="zones")),
    "another range": lambda e: e.apply(ensemble_of(4, low=90, high=100)),
    "muted": lambda e: [e.set("mute", 1, p) for p in range(4)],
    "soloed": lambda e: e.set("solo", 1, 3),
    "chord window": lambda e: e.set("chord_window_ms", 45),
    "settle": lambda e: (e.set("chord_mode", 1), e.set("chord_window_ms", 45)),
    "closest": lambda e: e.set("assigner", 2),
    "no control": lambda e: e.set("control", 0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_note_ends_where_it_began_whatever_was_changed(engine, change):
    keys = (72, 66, 60, 50)
    play(engine, [(0, note_on(key)) for key in keys], 64)
    CHANGES[change](engine)
    engine.render(640)
    began = note_ons(engine.results())
    assert engine.stats().held_notes == 4
    play(engine, [(i, note_off(key)) for i, key in enumerate(keys)], 640)
    ended = note_offs(engine.results())
    assert ended[["note", "part", "a"]].tolist() == began[["note", "part", "a"]].tolist()
    engine.render(9600)
    assert (engine.stats().held_notes, engine.stats().voices) == (0, 0)
    assert sounding(engine) == [0, 0, 0, 0]


def test_a_note_of_the_soundfont_ends_there_after_a_switch_to_banks():
    engine = new_engine(sound="soundfont", fluid=True)
    play(engine, [(0, note_on(72))], 9600)
    engine._players.slots[19, 0, 0, 127] = engine.add_bank(ones_bank())
    engine.apply(ensemble_of(4, assigner="zones"))
    assert np.abs(play(engine, [(0, note_off(72))], 96000)[-4800:]).max() < 1e-5
    check_notes(engine.results())
    engine.close()


def test_ends_come_at_their_own_frame_with_the_id_of_their_beginning(engine):
    start = engine.frame
    play(
        engine, [(10, note_on(60)), (20, note_on(72)), (77, note_off(72)), (99, note_off(60))], 200
    )
    records = engine.results()
    assert (records["frame"] - start).tolist() == [10, 20, 77, 99]
    assert records["note"].tolist() == [0, 1, 1, 0]
    assert records["part"].tolist() == [2, 0, 0, 2]
    assert records["delay_frames"].tolist() == [0, 0, 0, 0]


def test_a_note_on_without_velocity_is_a_note_off(engine):
    play(engine, [(0, note_on(60)), (50, note_on(60, 0))], 128)
    assert engine.results()["kind"].tolist() == [layout.NOTE_ON, layout.NOTE_OFF]


def test_a_note_off_of_nothing_is_nothing(engine):
    play(engine, [(0, note_off(60)), (0, note_off(60)), (1, note_on(60, 0))], 64)
    assert len(engine.results()) == 0


def test_a_key_struck_twice_ends_its_first_note(engine):
    play(
        engine,
        [(0, note_on(60)), (100, note_on(60)), (200, note_off(60)), (300, note_off(60))],
        400,
    )
    records = engine.results()
    check_notes(records)
    assert records["kind"].tolist() == [1, 2, 1, 2]
    assert records["note"].tolist() == [0, 0, 1, 1]


def test_a_key_struck_again_under_the_pedal_sounds_once(engine):
    play(engine, [(0, controller(64, 127))], 64)
    for _ in range(5):
        play(engine, [(0, note_on(60)), (32, note_off(60))], 64)
    assert engine.stats().held_notes == 1
    play(engine, [(0, controller(64, 0))], 64)
    assert engine.stats().held_notes == 0
    check_notes(engine.results())


def test_two_keyboards_hold_the_same_key(engine):
    """The later takes the part's pitch over; the earlier one's release must not end it."""
    play(engine, [(0, note_on(60), 0), (50, note_on(60, 90), 3)], 64)
    assert engine.stats().held_notes == 1
    play(engine, [(0, note_off(60), 0)], 64)
    assert engine.stats().held_notes == 1
    audio = play(engine, [(0, note_off(60), 3)], 6400)
    assert audio[-1].max() == 0
    check_notes(engine.results())


def test_two_channels_of_a_keyboard_are_two_sets_of_keys(engine):
    play(engine, [(0, note_on(60, channel=0)), (0, note_on(72, channel=5))], 64)
    play(engine, [(0, note_off(60, channel=5)), (0, note_off(72, channel=0))], 64)
    assert engine.stats().held_notes == 2
    play(engine, [(0, note_off(60, channel=0)), (0, note_off(72, channel=5))], 64)
    assert engine.stats().held_notes == 0


def test_notes_that_name_their_part_end_there(engine):
    engine.part_midi(3, note_on(72))
    engine.part_midi(1, note_on(72))
    play(engine, [(10, note_on(72))], 64)
    engine.part_midi(1, note_off(72))
    engine.render(64)
    records = engine.results()
    assert note_ons(records)["part"].tolist() == [3, 1, 0]
    assert note_ons(records)["c"].tolist() == [layout.BY_SOURCE, layout.BY_SOURCE, layout.BY_ZONES]
    assert note_offs(records)["part"].tolist() == [1]
    engine.part_midi(3, note_off(72))
    play(engine, [(0, note_off(72))], 64)
    check_notes(np.concatenate([records, engine.results()]))


def test_the_oldest_note_yields_when_a_part_is_full(engine):
    engine.apply(ensemble_of(4, polyphony=2, assigner="zones"))
    play(engine, [(10 * i, note_on(70 + i)) for i in range(4)], 128)
    records = engine.results()
    assert note_offs(records)["a"].tolist() == [70, 71]
    assert sounding(engine) == [2, 0, 0, 0]
    play(engine, [(10 * i, note_off(70 + i)) for i in range(4)], 128)
    check_notes(np.concatenate([records, engine.results()]))


# Pedals and controllers


@pytest.mark.parametrize("channel", [0, 9])
def test_the_pedal_holds_notes_whatever_channel_it_comes_on(engine, channel):
    play(engine, [(0, note_on(60)), (10, controller(64, 64, channel)), (20, note_off(60))], 64)
    assert engine.render(6400)[-1].min() > 0.1
    assert note_offs(engine.results())["frame"].tolist() == [engine.frame - 6400 - 44]
    audio = play(engine, [(0, controller(64, 63, channel))], 6400)
    assert audio[-1].max() == 0
    assert engine.stats().held_notes == 0
    assert len(note_offs(engine.results())) == 0  # reported when the key came up


def test_the_pedal_of_one_keyboard_does_not_hold_anothers_notes(engine):
    play(engine, [(0, controller(64, 127), 1), (0, note_on(60), 0), (0, note_on(72), 1)], 64)
    play(engine, [(0, note_off(60), 0), (0, note_off(72), 1)], 64)
    assert sounding(engine) == [1, 0, 0, 0]
    play(engine, [(0, controller(64, 0), 0)], 64)
    assert sounding(engine) == [1, 0, 0, 0]
    play(engine, [(0, controller(64, 0), 1)], 64)
    assert sounding(engine) == [0, 0, 0, 0]


def test_a_key_still_down_outlives_the_pedal(engine):
    play(engine, [(0, controller(64, 127)), (5, note_on(60)), (9, controller(64, 0))], 64)
    assert engine.stats().held_notes == 1


def test_the_pedal_of_a_part_is_its_own(engine):
    for part in (0, 1):
        engine.part_midi(part, note_on(60))
    engine.part_midi(0, controller(64, 127))
    for part in (0, 1):
        engine.part_midi(part, note_off(60))
    engine.render(64)
    assert sounding(engine) == [1, 0, 0, 0]
    engine.part_midi(0, controller(64, 0))
    engine.render(64)
    assert sounding(engine) == [0, 0, 0, 0]


PLAYER_MESSAGES = [
    controller(1, 33),
    controller(2, 44),
    controller(7, 55),
    controller(11, 66),
    controller(64, 127),
    controller(74, 3),
    bend(1234),
    bytes((0xD0, 77)),
]


@pytest.mark.parametrize("message", PLAYER_MESSAGES)
def test_every_part_that_holds_notes_is_told_and_the_others_when_they_play(engine, message):
    told = (message[0], message[1], message[2] if len(message) == 3 else 0)
    play(engine, [(0, note_on(72)), (0, note_on(50)), (20, message)], 64)
    records = engine.results()
    assert controls(records, 0) == controls(records, 3) == [told]
    assert controls(records, 1) == controls(records, 2) == []
    play(engine, [(0, note_on(60))], 64)
    records = engine.results()
    assert controls(records, 2) == [told]
    assert records["kind"].tolist() == [layout.CONTROLLER, layout.NOTE_ON]  # told before it sounds
    play(engine, [(0, note_on(61))], 64)
    assert controls(engine.results()) == []  # and only once


def test_key_pressure_goes_to_the_part_of_its_key(engine):
    play(engine, [(0, note_on(72)), (0, note_on(50)), (9, bytes((0xA0, 50, 99)))], 64)
    assert controls(engine.results()) == [(0xA0, 50, 99)]
    play(engine, [(0, bytes((0xA0, 51, 99)))], 64)
    assert len(engine.results()) == 0


def test_expression_and_volume_are_heard(engine):
    loud = play(engine, [(0, note_on(60))], 1280)[-1, 0]
    soft = play(engine, [(0, controller(11, 64))], 1280)[-1, 0]
    assert soft / loud == pytest.approx((64 / 127) ** 2, rel=1e-4)
    softer = play(engine, [(0, controller(7, 50))], 1280)[-1, 0]
    assert softer / soft == pytest.approx(0.25, rel=1e-4)


@pytest.mark.parametrize("number", [120, 123])
def test_all_notes_off_ends_the_notes_of_its_keyboard_pedal_or_not(engine, number):
    play(
        engine,
        [(0, controller(64, 127)), (1, note_on(60)), (1, note_on(72)), (2, note_off(60))],
        64,
    )
    play(engine, [(0, note_on(50), 1)], 64)
    play(engine, [(0, controller(number, 0))], 64)
    assert sounding(engine) == [0, 0, 0, 1]
    play(engine, [(0, note_off(72)), (0, note_off(50), 1)], 64)
    check_notes(engine.results())


@pytest.mark.parametrize("number", [120, 123])
def test_all_notes_off_reaches_the_notes_that_name_their_part(engine, number):
    engine.part_midi(1, note_on(60))
    engine.part_midi(2, note_on(60))
    engine.part_midi(1, controller(number, 0))
    engine.render(64)
    assert sounding(engine) == [0, 0, 1, 0]
    check_notes(engine.results(), all_ended=False)


def test_reset_all_controllers_reaches_the_parts_that_sound(engine):
    engine.render(1)
    play(
        engine,
        [(0, note_on(60)), (1, bend(0)), (1, controller(1, 90)), (1, controller(64, 127))],
        64,
    )
    play(engine, [(0, note_off(60)), (0, note_on(61))], 64)
    engine.results()
    play(engine, [(0, controller(121, 0))], 64)
    assert set(controls(engine.results(), 2)) >= {(0xE0, 0, 64), (0xB0, 1, 0), (0xB0, 64, 0)}
    assert engine.stats().held_notes == 1  # the pedal let the released one go


# Panic


def is_silent(engine):
    return np.all(engine.render(640)[-320:] == 0)


def test_panic_ends_everything_and_reports_each_end_first(engine):
    events = [(0, controller(64, 127)), (0, bend(0)), (0, controller(11, 5))]
    events += [(i, note_on(30 + i)) for i in range(60)]
    events += [(90, note_off(30 + i)) for i in range(30)]
    play(engine, events, 128)
    engine.part_midi(2, note_on(99))
    engine.render(64)
    engine.panic()
    assert is_silent(engine)
    records = engine.results()
    check_notes(records)
    ends = [layout.NOTE_OFF, layout.PANICKED]
    assert of_kind(records, *ends)["kind"].tolist()[-1] == layout.PANICKED
    assert len(note_ons(records)) == len(note_offs(records)) == 61
    assert (engine.stats().held_notes, engine.stats().voices) == (0, 0)
    play(engine, [(0, note_off(31)), (1, note_on(60)), (9, note_off(60))], 64)
    assert engine.stats().held_notes == 0  # the pedal was forgotten too
    check_notes(engine.results())


def test_panic_by_a_controller_that_can_be_chosen(engine):
    play(engine, [(0, note_on(60)), (9, controller(119, 0))], 64)
    assert engine.stats().held_notes == 1
    play(engine, [(0, controller(119, 127))], 64)
    assert is_silent(engine)
    engine.set("panic_cc", 30)
    play(engine, [(0, note_on(60)), (9, controller(119, 127))], 64)
    assert engine.stats().held_notes == 1
    play(engine, [(0, controller(30, 1))], 64)
    assert is_silent(engine)
    engine.set("panic_cc", -1)
    play(engine, [(0, note_on(60)), (9, controller(30, 127)), (9, controller(119, 9))], 64)
    assert engine.stats().held_notes == 1


def test_panic_silences_the_reverb_too(engine):
    for part in range(4):
        engine.set("reverb_send", 1, part)
        engine.set("chorus_send", 1, part)
    play(engine, [(0, note_on(60)), (0, note_on(72))], 9600)
    engine.panic()
    assert is_silent(engine)


def test_panic_forgets_a_chord_that_waits_and_releases_to_come(networked):
    engine = networked[1].restore()
    engine.set("chord_window_ms", 40)
    play(engine, [(0, note_on(60)), (1, note_on(64)), (5, note_off(60))], 64)
    engine.panic()
    engine.render(9600)
    records = engine.results()
    assert records["kind"].tolist() == [layout.PANICKED]
    play(engine, [(0, note_on(60)), (1000, note_off(60))], 9600)
    check_notes(engine.results())


# What the network remembers must be what the player holds


def remembered(engine):
    return np.flatnonzero(engine._rig.memory[0]["held"]).tolist()


HARD_ON_MEMORY = {
    "plain": ([(0, note_on(60)), (9, note_on(64)), (50, note_off(60))], [64]),
    "all notes off": ([(0, note_on(60)), (9, controller(123, 0)), (20, note_off(60))], []),
    "same key from two keyboards": (
        [(0, note_on(60), 0), (9, note_on(60), 1), (20, note_off(60), 0), (30, note_off(60), 1)],
        [],
    ),
    "part full": (
        [(i, note_on(60 + i)) for i in range(20)] + [(50 + i, note_off(60 + i)) for i in range(20)],
        [],
    ),
    "released before its step": (
        [(0, note_on(50 + i)) for i in range(12)] + [(1, note_off(50 + i)) for i in range(12)],
        [],
    ),
    "more than the network takes": (
        [(0, note_on(30 + i)) for i in range(60)] + [(1, note_off(30 + i)) for i in range(60)],
        [],
    ),
}


@pytest.mark.parametrize("case", HARD_ON_MEMORY)
def test_the_network_remembers_the_keys_that_are_down(networked, case):
    engine = networked[1].restore()
    if case == "part full":
        engine.apply(ensemble_of(4, polyphony=2))
    events, held = HARD_ON_MEMORY[case]
    play(engine, events, 640)
    assert remembered(engine) == held


@pytest.mark.parametrize("assigner", [1, 2])
def test_keys_struck_under_a_rule_are_remembered_for_the_network(networked, assigner):
    engine = networked[1].restore()
    engine.set("assigner", assigner)
    play(engine, [(0, note_on(60)), (5, note_on(67))], 64)
    assert remembered(engine) == [60, 67]
    play(engine, [(0, note_off(60)), (0, note_off(67))], 64)
    assert remembered(engine) == []


# Hostile input


KEYS = st.integers(40, 52)
KIND = st.sampled_from(
    ["on", "off", "pedal", "all off", "reset", "panic", "wheel", "apply", "window"]
)
STEPS = st.lists(st.tuples(KIND, KEYS, st.integers(0, 90), st.integers(0, 2)), max_size=60)


def tidy_up(engine, records):
    """Release everything as a player would, and check that nothing is left."""
    for source in range(3):
        for key in range(128):
            for channel in range(16):
                if engine._rig.held[source, channel, key]:
                    assert engine.midi(note_off(key, channel), None, source)
        for channel in range(16):
            engine.midi(controller(64, 0, channel), None, source)
    engine.render(64 * 60)
    records.append(engine.results())
    check_notes(np.concatenate(records))
    stats = engine.stats()
    assert stats.held_notes == 0
    assert stats.part_notes.sum() == 0
    assert np.all(engine._rig.held == 0)
    assert engine._rig.state[0]["deferred"] == 0
    assert engine._rig.state[0]["queued"] == 0
    engine.render(9600)
    assert engine.stats().voices == 0


@settings(max_examples=60)
@given(STEPS, st.sampled_from([0, 10, 45]), st.booleans(), st.booleans())
def test_no_music_leaves_a_note_behind(networked, zoned, steps, window_ms, settle, by_network):
    engine = (networked if by_network else zoned)[1].restore()
    engine.set("chord_window_ms", window_ms)
    engine.set("chord_mode", int(settle))
    records = []
    for kind, key, frames, source in steps:
        messages = {
            "on": note_on(key, 20 + key),
            "off": note_off(key),
            "pedal": controller(64, key * 10 % 128),
            "all off": controller(123, 0),
            "reset": controller(121, 0),
            "wheel": bend(key * 200),
        }
        if kind in messages:
            engine.midi(messages[kind], engine.frame + frames // 2, source)
        elif kind == "panic":
            engine.panic()
        elif kind == "apply":
            engine.apply(ensemble_of(1 + key % 5, polyphony=1 + key % 3))
        else:
            engine.set("chord_window_ms", key % 4 * 15)
        engine.render(frames)
        records.append(engine.results())
    engine.render(128)  # what was sent ahead
    tidy_up(engine, records)


@settings(max_examples=60)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=20))
def test_no_stream_of_bytes_leaves_a_note_behind(zoned, pieces):
    engine = zoned[1].restore()
    parser = MessageParser()
    records = []
    for piece in pieces:
        for message in parser.feed(piece):
            assert engine.midi(message)
        engine.render(100)
        records.append(engine.results())
    assert engine.stats().bad_messages == 0
    tidy_up(engine, records)


@settings(max_examples=60)
@given(st.lists(st.binary(min_size=0, max_size=5), max_size=30), st.booleans())
def test_malformed_messages_are_counted_and_harmless(zoned, messages, direct):
    engine = zoned[1].restore()
    for message in messages:
        (engine.part_midi(2, message) if direct else engine.midi(message))
    engine.render(100)
    bad = sum(not (m and 0x80 <= m[0] < 0xF0 and max(m[1:3], default=0) < 0x80) for m in messages)
    assert engine.stats().bad_messages == bad
    if direct:
        engine.panic()
    tidy_up(engine, [engine.results()])


def test_a_message_for_a_part_that_never_was_is_counted(engine):
    engine.part_midi(9, note_on(60))
    engine.render(64)
    assert engine.stats().bad_messages == 1
    assert len(engine.results()) == 0


@pytest.mark.parametrize("window_ms", [0, 45])
def test_a_flood_drops_with_a_count_and_leaves_nothing(networked, window_ms):
    """10,000 note-ons a second for ten seconds, and a note-off for each that was taken."""
    engine = networked[1].restore()
    engine.set("chord_window_ms", window_ms)
    random = np.random.default_rng(5)
    down, sent, refused, seen = [], 0, 0, []
    for _ in range(100):
        for key in random.integers(0, 128, 1000).tolist():
            if engine.midi(note_on(key), engine.frame + sent % 4800):
                down.append(key)
            else:
                refused += 1
            sent += 1
        engine.render(4800, 64)
        for key in down:
            while not engine.midi(note_off(key), engine.frame):
                engine.render(64)
        down.clear()
        seen.append(engine.results())
    stats = engine.stats()
    assert stats.dropped_events == refused
    assert stats.notes_network + stats.notes_rule == sent - refused
    assert stats.results_dropped == 0
    tidy_up(engine, seen)


def test_a_ring_that_nobody_empties_refuses_and_nothing_hangs(engine):
    """Not even note-offs find room; whatever was taken must still come to an end."""
    engine.apply(ensemble_of(4, assigner="zones"))
    start = engine.frame
    keys = [
        (key, channel, source) for key in range(128) for channel in range(16) for source in (0, 1)
    ]
    taken = [
        engine.midi(note_on(key, 100, channel), start + 10 * i, source)
        for i, (key, channel, source) in enumerate(keys)
    ]
    assert taken.count(True) == 4096 - 1024
    offs = [
        engine.midi(note_off(key, channel), start + 41000, source) for key, channel, source in keys
    ]
    assert offs.count(True) == 1024
    assert engine.stats().dropped_events == taken.count(False) + offs.count(False)
    records = []
    for _ in range(50):
        engine.render(1000)
        records.append(engine.results())
    assert engine.stats().held_notes == 0
    check_notes(np.concatenate(records))
    play(engine, [(0, note_on(60))], 640)
    assert engine.stats().held_notes == 1


def test_a_note_off_lost_behind_a_full_queue_leaves_nothing_hanging(engine):
    """Its note-on waits in the ring, behind more than the queue takes at once."""
    start = engine.frame
    for i in range(3000):
        engine.midi(controller(1, i % 128), start + 20000)
    engine.render(64)
    for i in range(3000):
        engine.midi(controller(1, i % 128), start + 20000)
    engine.render(64)
    for i in range(2000):
        engine.midi(controller(1, i % 128), start + 20000)
    engine.midi(note_on(60), start + 20000)
    while engine.midi(controller(2, 5), start + 20000):
        pass
    assert not engine.midi(note_off(60), start + 20001)
    engine.render(64 * 400)
    assert engine.stats().held_notes == 0
    engine.render(64 * 400)
    assert engine.stats().held_notes == 0


def test_more_notes_than_there_are_slots(engine):
    """4,096 notes at most, all of them waiting under pedals; the oldest yields."""
    engine.apply(ensemble_of(16, assigner="zones"))
    for source in range(3):
        engine.midi(controller(64, 127), None, source)
    for part in range(16):
        for key in range(128):
            assert engine.part_midi(part, note_on(key))
        engine.render(64)
    assert engine.stats().held_notes == 16 * 64
    check_notes(engine.results(), all_ended=False)
    engine.panic()
    engine.render(640)
    assert engine.stats().held_notes == 0


def test_a_bend_moves_only_parts_that_sound():
    engine = new_engine(sine_bank(100))
    start = play(
        engine, [(0, note_on(72, 60)), (0, note_on(50, 60)), (0, bend(16383))], 640, stems=True
    )
    assert np.abs(stem(start, 0)).max() > 0.1
    ratios = engine._rig.parts["bend"][:4]
    np.testing.assert_allclose(ratios, [2 ** (8191 / 8192 / 6), 1, 1, 2 ** (8191 / 8192 / 6)])
    engine.close()
