"""MIDI out: what parts play leaves at its frame, every note ends where it began, nothing hangs."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from engine.core import Engine
from engine.rt import layout
from tests.engine.rig_helpers import (
    Saved,
    bend,
    controller,
    ensemble_of,
    new_engine,
    note_off,
    note_on,
    send,
)

CHANNELS, PORTS = 0, 1
KEYS = (40, 60, 66, 76)  # one of each part: 3, 2, 1, 0


@pytest.fixture(scope="module")
def made():
    engine = new_engine(fluid=False)
    engine.midi_out()
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def engine(made) -> Engine:
    engine, saved = made
    saved.restore()
    engine.apply(ensemble_of(4, assigner="zones"))
    engine.render(1024)
    engine.midi_out()
    return engine


def sent(engine: Engine, start: int = 0) -> list[tuple[int, int, str]]:
    """(frame from start, port, message) of what went out since the last look."""
    return [
        (int(r["frame"]) - start, int(r["port"]), r["data"][: r["size"]].tobytes().hex())
        for r in engine.midi_out()
    ]


def check_ends(messages: list[tuple[int, int, str]]) -> None:
    """Every note-on is ended on its own port and channel."""
    sounding: Counter[tuple[int, str, str]] = Counter()
    for _, port, message in messages:
        key = port, message[1], message[2:4]
        if message[0] == "9":
            assert not sounding[key], f"{key} begun twice"
            sounding[key] += 1
        elif message[0] == "8":
            assert sounding[key] == 1, f"{key} ended and never begun"
            sounding[key] -= 1
    assert not +sounding, f"{+sounding} hang"


def test_a_part_plays_on_its_channel_at_the_notes_own_frame(engine):
    start = engine.frame
    send(engine, [(i * 111, note_on(key)) for i, key in enumerate(KEYS)])
    send(engine, [(1000 + i * 7, note_off(key)) for i, key in enumerate(KEYS)])
    engine.render(2000, 100)
    assert sent(engine, start) == [
        *((i * 111, 0, f"9{3 - i}{key:02x}64") for i, key in enumerate(KEYS)),
        *((1000 + i * 7, 0, f"8{3 - i}{key:02x}40") for i, key in enumerate(KEYS)),
    ]


def test_a_port_a_part(engine):
    engine.set("send_programs", 0)
    engine.set("midi_out_mode", PORTS)
    engine.render(64)
    send(engine, [(0, note_on(key)) for key in KEYS])
    engine.render(64)
    assert [(port, message[:4]) for _, port, message in sent(engine)] == [
        (4 - i, f"90{key:02x}") for i, key in enumerate(KEYS)
    ]


def test_controllers_bend_and_pressure_follow_the_notes(engine):
    send(
        engine,
        [
            (0, note_on(76)),
            (1, controller(1, 50)),
            (2, bend(12288)),
            (3, bytes((0xD0, 33))),
            (4, bytes((0xA0, 76, 44))),
            (5, note_on(40)),
        ],
    )
    engine.render(64)
    messages = [message for _, _, message in sent(engine)]
    assert messages[1:5] == ["b00132", "e00060", "d021", "a04c2c"]
    assert set(messages[5:-1]) == {"b30132", "e30060", "d321"}  # part 3 learns when it plays
    assert messages[-1] == "932864"


def test_the_pedal_is_lifted_also_where_nothing_sounds_any_more(engine):
    send(engine, [(0, controller(64, 127)), (1, note_on(76)), (2, note_off(76)), (9, note_on(40))])
    send(engine, [(10, note_off(40)), (500, controller(64, 0))])
    engine.render(640)
    messages = sent(engine)
    pedals = [m for _, _, m in messages if m[0] == "b"]
    assert sorted(pedals) == ["b04000", "b0407f", "b34000", "b3407f"]
    check_ends(messages)


def test_programs_and_banks_are_sent_with_the_ensemble_and_when_asked(engine):
    ensemble = ensemble_of(2, programs=[48, 61])
    parts = (replace(ensemble.parts[0], bank=8, sound="midi"), ensemble.parts[1])
    engine.apply(replace(ensemble, parts=parts))
    engine.render(1024)
    expected = ["b00008", "b02000", "c030", "b10000", "b12000", "c13d"]
    assert [message for _, _, message in sent(engine)] == expected
    engine.announce_programs()
    engine.render(64)
    assert [message for _, _, message in sent(engine)] == expected
    engine.set("send_programs", 0)
    engine.announce_programs()
    engine.render(64)
    assert sent(engine) == []


def test_a_part_without_a_sound_here_is_silent_and_plays_out(engine):
    ensemble = ensemble_of(4, assigner="zones")
    parts = tuple(replace(part, sound="midi") for part in ensemble.parts)
    engine.apply(replace(ensemble, parts=parts))
    engine.render(1024)
    sent(engine)
    send(engine, [(0, note_on(60))])
    assert not engine.render(1024).any()
    assert [message for _, _, message in sent(engine)] == ["923c64"]


def test_two_notes_of_one_key_on_one_channel_end_with_the_last(engine):
    ensemble = ensemble_of(4, assigner="zones")
    parts = tuple(replace(part, midi_channel=1) for part in ensemble.parts)
    engine.apply(replace(ensemble, parts=parts))
    engine.set("send_programs", 0)
    engine.render(1024)
    sent(engine)
    for part, frame in ((0, 0), (1, 10)):
        engine.part_midi(part, note_on(60), engine.frame + frame)
        engine.part_midi(part, note_off(60), engine.frame + frame + 100)
    engine.render(640)
    assert [message for _, _, message in sent(engine)] == ["903c64", "803c40", "903c64", "803c40"]


def test_a_note_ends_where_it_began_through_every_change(engine):
    """Ensembles, channels, modes and chord modes change under held keys: nothing hangs."""
    random = np.random.default_rng(11)
    ensembles = [
        ensemble_of(4, assigner="zones", id="a"),
        ensemble_of(2, assigner="zones", id="b"),
        replace(
            ensemble_of(4, assigner="zones", id="c"),
            parts=tuple(
                replace(part, midi_channel=16 - i, sound="midi" if i % 2 else "bank")
                for i, part in enumerate(ensemble_of(4).parts)
            ),
        ),
    ]
    down: set[int] = set()
    everything = []
    for step in range(300):
        pitch = int(random.integers(36, 96))
        if pitch in down:
            send(engine, [(0, note_off(pitch))])
            down.discard(pitch)
        else:
            send(engine, [(0, note_on(pitch))])
            down.add(pitch)
        if step % 7 == 0:
            engine.apply(ensembles[int(random.integers(3))])
        if step % 11 == 0:
            engine.set("midi_out_mode", int(random.integers(2)))
        if step % 13 == 0:
            engine.set("chord_mode", int(random.integers(2)))
            engine.set("chord_window_ms", float(random.choice([0, 20])))
        if step % 17 == 0:
            send(engine, [(0, controller(64, int(random.choice([0, 127]))))])
        engine.render(int(random.integers(1, 1500)))
        everything += sent(engine)
    send(engine, [(0, note_off(pitch)) for pitch in down] + [(1, controller(64, 0))])
    engine.render(4800)
    everything += sent(engine)
    check_ends(everything)
    pedals: dict[tuple[int, str], str] = {}
    for _, port, message in everything:
        if message[0] == "b" and message[2:4] == "40":
            pedals[port, message[1]] = message[4:]
    assert set(pedals.values()) == {"00"}, pedals


def test_a_note_that_moves_to_another_part_moves_out_there_too():
    for sound in ("bank", "midi"):
        engine = new_engine(fluid=False, sound=sound, network=True, chord_window_ms=30)
        engine.set("chord_mode", 1)
        engine.set("send_programs", 0)
        engine.render(1024)
        engine.midi_out()
        everything, moved = [], 0
        random = np.random.default_rng(2)
        for _ in range(40):
            chord = [int(p) for p in random.choice(np.arange(40, 80), 4, replace=False)]
            send(engine, [(i * 300, note_on(p)) for i, p in enumerate(chord)])
            engine.render(2400)
            send(engine, [(0, note_off(p)) for p in chord])
            engine.render(2400)
            records = engine.results()
            moved += int((records["kind"] == layout.MOVED).sum())
            everything += sent(engine)
        assert moved > 5
        check_ends(everything)
        begun = sum(message[0] == "9" for _, _, message in everything)
        assert begun == 160 + moved
        engine.close()


@pytest.mark.parametrize("mode", [CHANNELS, PORTS])
def test_panic_ends_notes_and_silences_every_channel_or_port(engine, mode):
    engine.set("send_programs", 0)
    engine.set("midi_out_mode", mode)
    send(engine, [(0, note_on(60)), (1, controller(64, 127)), (2, bend(16383))])
    engine.render(64)
    engine.midi_out()
    engine.panic()
    engine.render(64)
    messages = [(port, message) for _, port, message in sent(engine)]
    place = (0, "2") if mode == CHANNELS else (3, "0")
    assert messages[0] == (place[0], f"8{place[1]}3c40")
    silence = messages[-48:]
    if mode == CHANNELS:
        expected = [(0, f"b{c:x}{n}00") for c in range(16) for n in ("40", "78", "7b")]
    else:
        expected = [(p, f"b0{n}00") for p in range(1, 17) for n in ("40", "78", "7b")]
    assert silence == expected
    assert (place[0], f"e{place[1]}0040") in messages


def test_the_end_of_a_stream_leaves_nothing_sounding_behind_the_ports(engine):
    send(engine, [(0, note_on(60)), (1, note_on(40)), (2, controller(64, 127))])
    engine.render(64)
    messages = sent(engine)
    engine.command(layout.QUIT, 0, -1, 0.0, -1)
    engine.render(64)
    messages += sent(engine)
    check_ends(messages)
    assert [message for _, _, message in messages[-48:]][:3] == ["b04000", "b07800", "b07b00"]
    engine.command(layout.QUIT, 0, -1, 1.0, -1)  # another device goes on
    send(engine, [(0, note_off(60)), (0, controller(64, 0))])
    engine.render(64)
    assert [m for _, _, m in sent(engine) if m[0] in "89"] == []


def test_what_finds_no_room_is_counted_and_no_note_off_is_lost(engine):
    send(engine, [(0, note_on(60))])
    engine.render(64)
    everything = sent(engine)
    for i in range(40):  # more than the ring takes
        send(engine, [(j, controller(1, (i + j) % 128)) for j in range(64)])
        engine.render(64)
    send(engine, [(0, note_off(60)), (1, note_on(62))])
    engine.render(64)
    assert engine.stats().held_notes == 1
    everything += sent(engine)
    engine.render(64)
    everything += sent(engine)
    assert int(engine._rig.stats[0]["midi_out_dropped"]) > 0
    assert not any(message == "923e64" for _, _, message in everything)
    check_ends(everything)
    send(engine, [(0, note_off(62))])
    engine.render(64)
    assert sent(engine) == []
