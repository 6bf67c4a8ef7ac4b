"""Bindings: what may be learned, the arithmetic of ranges, and the way to a file and back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine import addresses
from engine.bindings import Binding, BindingError, learnable, moved_by, value_at, way_of

GAIN, MUTE, MODE = "/ripieno/part/1/gain", "/ripieno/part/2/mute", "/ripieno/chord_mode"
PANIC = "/ripieno/panic"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"number": 0}, "controller 0 is never learned: it selects banks"),
        ({"number": 32}, "controller 32 is never learned"),
        ({"number": 64}, "controller 64 is never learned: it is the sustain pedal"),
        ({"number": 120}, "controller 120 is never learned: 120 to 127"),
        ({"number": 127}, "controller 127 is never learned"),
        ({"number": 128}, "number = 128 must be a whole number, 0 to 127"),
        ({"number": True}, "number = True"),
        ({"number": 1.0}, "number = 1.0"),
        ({"channel": 0}, "channel = 0 must be a whole number, 1 to 16"),
        ({"by": "knob"}, "by = 'knob' must be one of controller"),
        ({"mode": "soft"}, "mode = 'soft' must be one of pickup, jump, relative"),
        ({"low": -61}, "low = -61 must be a number from -60 to 12"),
        ({"high": float("nan")}, "high = nan must be"),
        ({"low": 3, "high": 3}, "low = 3 and high = 3 must differ"),
        ({"curve": 0}, "curve = 0 must be a number from 0.1 to 10"),
        ({"by": "program"}, "is a fader, and a program has only one position"),
        ({"by": "note"}, "is a fader, and a note has only one position"),
        ({"address": "/ripieno/rigs"}, "/ripieno/rigs cannot be learned"),
        ({"address": "/ripieno/nothing"}, "is no address"),
        ({"address": 7}, "address = 7 must be text"),
        ({"address": MODE, "low": 0}, "takes words, not a range"),
    ],
)
def test_what_cannot_be_is_one_sentence(values: dict, says: str) -> None:
    with pytest.raises(BindingError) as caught:
        Binding(**{"address": GAIN, "number": 21, **values})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_controllers_may_all_be_learned() -> None:
    for number in range(128):
        if number not in (0, 32, 64) and number < 120:
            assert Binding(GAIN, number=number).place == number


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"address": GAIN, "knob": 1}, "unknown key 'knob'"),
        ({"number": 1}, 'key "address" is missing'),
        ([], "must be a table"),
    ],
)
def test_tables_are_checked(table: object, says: str) -> None:
    with pytest.raises(BindingError, match=says):
        Binding.of(table)


@given(
    st.builds(
        Binding,
        address=st.just(GAIN),
        by=st.sampled_from(["controller", "bend", "pressure"]),
        channel=st.integers(1, 16),
        number=st.integers(1, 31),
        mode=st.sampled_from(["pickup", "jump", "relative"]),
        low=st.one_of(st.none(), st.floats(-60, -10)),
        high=st.one_of(st.none(), st.floats(0, 12)),
        curve=st.floats(0.1, 10),
        through=st.booleans(),
    ),
    st.floats(0, 1),
)
@example(Binding(GAIN, number=1, low=-52.37791109171658), 1.0)
def test_a_table_and_a_value_find_back(binding: Binding, way: float) -> None:
    table = binding.table()
    again = Binding.of(table)
    assert again.control == binding.control
    assert (again.low, again.high, again.curve) == (binding.low, binding.high, binding.curve)
    row = learnable(GAIN)
    value = value_at(binding, row, way)
    assert isinstance(value, float)
    assert addresses.check(row, [value]) == (value,)
    back = value_at(binding, row, way_of(binding, row, value))
    assert back == pytest.approx(value, abs=1e-6)


def test_ends_are_reached_exactly_also_upside_down() -> None:
    row = learnable(GAIN)
    binding = Binding(GAIN, number=1, low=6, high=-12)
    assert (value_at(binding, row, 0.0), value_at(binding, row, 1.0)) == (6.0, -12.0)
    assert way_of(binding, row, -12.0) == 1.0
    assert way_of(binding, row, 12.0) == 0.0  # beyond its range: at the nearer end


def test_switches_and_words_have_steps() -> None:
    binding = Binding(MUTE, number=1)
    assert [value_at(binding, learnable(MUTE), w) for w in (0, 0.49, 0.5, 1)] == [0, 0, 1, 1]
    upside_down = Binding(MUTE, number=1, low=1, high=0)
    assert [value_at(upside_down, learnable(MUTE), w) for w in (0, 1)] == [1, 0]
    mode = Binding(MODE, number=1)
    assert [value_at(mode, learnable(MODE), w) for w in (0, 1)] == ["wait", "settle"]
    assert way_of(mode, learnable(MODE), "settle") == 1.0
    assigner = Binding("/ripieno/assigner", number=1)
    words = {value_at(assigner, learnable("/ripieno/assigner"), w / 127) for w in range(128)}
    assert words == {"network", "zones", "closest"}


def test_endless_knobs_count_both_ways() -> None:
    assert [moved_by("relative", data) for data in (1, 63, 64, 127)] == [1, 63, -64, -1]


def test_only_what_differs_is_written() -> None:
    assert Binding(GAIN, number=7).table() == {
        "address": GAIN,
        "by": "controller",
        "channel": 1,
        "number": 7,
    }
    assert Binding(PANIC, "note", 10, 36).table()["by"] == "note"
    assert "number" not in Binding(GAIN, "bend", 1, mode="jump").table()
