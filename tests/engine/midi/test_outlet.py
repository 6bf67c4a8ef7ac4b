"""No note is left sounding, whatever the engine has room for."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.midi.outlet import Outlet
from tests.engine.midi.fake_engine import FakeEngine, stuck_notes

ON, OFF = b"\x90\x3c\x64", b"\x80\x3c\x40"


def outlet() -> tuple[FakeEngine, Outlet]:
    engine = FakeEngine()
    return engine, Outlet(engine, source=3)


def test_messages_pass_with_frame_and_source() -> None:
    engine, out = outlet()
    assert out.send(ON, 480)
    assert out.held_notes == 1
    assert out.send(OFF)
    assert engine.got == [(ON, 480, 3), (OFF, None, 3)]
    assert out.held_notes == 0


def test_a_refused_note_takes_its_off_with_it() -> None:
    engine, out = outlet()
    engine.refuse_next = 1
    assert not out.send(ON)
    assert out.send(OFF)
    assert engine.messages == []
    assert out.refused_notes == 1
    assert out.send(ON)
    assert out.send(OFF)
    assert engine.messages == [ON, OFF]


def test_a_refused_second_strike_does_not_take_the_first_ones_off() -> None:
    engine, out = outlet()
    out.send(ON)
    engine.refuse_next = 1
    out.send(ON)
    out.send(OFF)
    out.send(OFF)
    assert engine.messages == [ON, OFF]


def test_a_refused_off_waits_and_goes_first() -> None:
    engine, out = outlet()
    out.send(ON)
    engine.full = True
    assert out.send(OFF, 64)
    assert not out.send(b"\x90\x40\x64")
    assert out.waiting == 1
    engine.full = False
    assert out.send(b"\x90\x43\x64")
    assert engine.messages == [ON, OFF, b"\x90\x43\x64"]
    assert engine.got[1] == (OFF, 64, 3)


def test_every_waiting_off_of_a_key_is_kept() -> None:
    engine, out = outlet()
    out.send(ON)
    out.send(ON)
    engine.full = True
    out.send(OFF)
    out.send(OFF)
    engine.full = False
    assert out.flush()
    assert engine.messages == [ON, ON, OFF, OFF]


def test_of_waiting_controllers_the_newest_counts() -> None:
    engine, out = outlet()
    engine.full = True
    for value in range(100):
        out.send(bytes((0xB0, 1, value)))
        out.send(bytes((0xE0, 0, value)))
        out.send(b"\x80\x05\x40")  # an off of nothing waits for nobody
    assert out.waiting == 2
    engine.full = False
    out.flush()
    assert engine.messages == [b"\xb0\x01\x63", b"\xe0\x00\x63"]


def test_release_ends_notes_pedals_bends_and_pressure() -> None:
    engine, out = outlet()
    for message in (ON, b"\x95\x40\x20", b"\xb0\x40\x7f", b"\xe5\x00\x10", b"\xd0\x20"):
        out.send(message, 1000)
    engine.got.clear()
    assert out.release(10)
    assert engine.messages == [
        b"\x80\x3c\x40",
        b"\x85\x40\x40",
        b"\xb0\x40\x00",
        b"\xe5\x00\x40",
        b"\xd0\x00",
    ]
    assert {frame for _, frame, _ in engine.got} == {1000}  # not before what was sent ahead
    assert out.held_notes == 0
    engine.got.clear()
    assert out.release()
    assert engine.got == []


def test_what_is_back_at_rest_is_not_released() -> None:
    engine, out = outlet()
    for message in (b"\xb0\x40\x7f", b"\xb0\x40\x00", b"\xe0\x00\x10", b"\xe0\x00\x40"):
        out.send(message)
    engine.got.clear()
    out.release()
    assert engine.got == []


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("+-."), st.booleans()), max_size=80))
@settings(deadline=None)
def test_nothing_stays_whatever_is_refused(steps: list[tuple[int, str, bool]]) -> None:
    engine, out = outlet()
    played: list[bytes] = []
    for key, step, full in steps:
        engine.full = full
        if step == "+":
            played.append(bytes((0x90, key, 64)))
        elif step == "-":
            played.append(bytes((0x80, key, 64)))
        else:
            played.append(bytes((0xB0, 64, key * 40)))
        out.send(played[-1])
    engine.full = False
    out.flush()
    assert out.held_notes == sum(stuck_notes(engine.messages).values())
    if not stuck_notes(played):
        assert not stuck_notes(engine.messages)
    out.release()
    assert not stuck_notes(engine.messages)
