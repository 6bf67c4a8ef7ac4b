"""The address table: legal and illegal messages, and its copy in CONTROL.md."""

from pathlib import Path

import pytest

from engine import addresses
from engine.addresses import OutOfRangeError, WrongMessageError, check, find, path_of
from engine.parameters import GLOBAL_PARAMETERS, PART_PARAMETERS

PROJECT = Path(__file__).resolve().parents[2]


def test_control_md_holds_the_table_as_it_is() -> None:
    text = (PROJECT / "engine" / "CONTROL.md").read_text(encoding="utf-8")
    assert text.endswith("<!-- table -->\n" + addresses.markdown())


def test_no_address_stands_twice() -> None:
    paths = [row.path for row in addresses.RECEIVED]
    assert len(paths) == len(set(paths))


def test_find_names_the_part_from_zero() -> None:
    row, at = find("/ripieno/part/16/gain")
    assert (row.parameter, at.part) == ("gain_db", 15)
    assert find("/ripieno/panic")[1].part is None


def test_find_names_chain_plugin_and_parameter() -> None:
    row, at = find("/ripieno/chain/part_16/2/parameter/ratio")
    assert row.path == "/ripieno/chain/{slot}/{plugin}/parameter/{parameter}"
    assert (at.slot, at.plugin, at.name) == ("part 16", 1, "ratio")
    assert find("/ripieno/chain/send_a/1/bypass")[1].slot == "send a"
    assert find("/ripieno/chain/master")[0].path == "/ripieno/chain/{slot}"


def test_the_address_of_a_parameter_is_found_back() -> None:
    assert path_of("gain_db", 2) == "/ripieno/part/3/gain"
    assert path_of("tempo_bpm") == "/ripieno/tempo"
    assert path_of("tempo_bpm", 2) == path_of("gain_db") == path_of("nothing") == ""


def test_every_parameter_of_the_engine_has_an_address() -> None:
    parameters = {row.parameter for row in addresses.RECEIVED if row.parameter}
    assert parameters == {*GLOBAL_PARAMETERS, *PART_PARAMETERS}


def test_rows_allow_what_the_engine_allows() -> None:
    for row in addresses.RECEIVED:
        if row.parameter:
            table = PART_PARAMETERS if row.per_part else GLOBAL_PARAMETERS
            argument, parameter = row.arguments[0], table[row.parameter]
            if argument.choices:
                assert (parameter.low, parameter.high) == (0, len(argument.choices) - 1)
            else:
                assert (argument.low, argument.high) == (parameter.low, parameter.high), row.path
                assert (argument.tag == "i") == parameter.whole, row.path


def test_whatever_may_be_learned_can_be() -> None:
    for row in addresses.RECEIVED:
        if row.learn == addresses.VALUE:
            assert row.setting, row.path
            assert not (row.arguments[-1].tag == "s" and not row.arguments[-1].choices), row.path
        elif row.learn:
            assert all(argument.optional for argument in row.arguments), row.path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/ripieno",
        "/ripieno/part/x/gain",
        "/ripieno/part/²/gain",
        "/ripieno/part/1/colour",
        "/ripieno/chain/part_17",
        "/ripieno/chain/left/1/bypass",
        "/ripieno/chain/master/one/bypass",
    ],
)
def test_unknown_addresses_are_wrong_messages(path: str) -> None:
    with pytest.raises(WrongMessageError):
        find(path)


@pytest.mark.parametrize("number", [0, 17, 999999])
def test_a_part_that_cannot_exist_is_out_of_range(number: int) -> None:
    with pytest.raises(OutOfRangeError, match=r"1 \.\. 16"):
        find(f"/ripieno/part/{number}/gain")


@pytest.mark.parametrize(
    ("path", "values", "expected"),
    [
        ("/ripieno/chord_window", [20], (20.0,)),
        ("/ripieno/chord_window", [44.5], (44.5,)),
        ("/ripieno/part/1/mute", [1.0], (1,)),
        ("/ripieno/part/1/mute", [True], (1,)),
        ("/ripieno/chord_mode", ["settle"], ("settle",)),
        ("/ripieno/subscribe", ["events"], ("events",)),
        ("/ripieno/subscribe", ["events", 5], ("events", 5.0)),
    ],
)
def test_legal_values(path: str, values: list, expected: tuple) -> None:
    assert check(find(path)[0], values) == expected


@pytest.mark.parametrize(
    ("path", "values", "error"),
    [
        ("/ripieno/chord_window", [45.5], OutOfRangeError),
        ("/ripieno/chord_window", [float("nan")], OutOfRangeError),
        ("/ripieno/chord_window", [float("inf")], OutOfRangeError),
        ("/ripieno/chord_window", ["20"], WrongMessageError),
        ("/ripieno/chord_window", [20, 20], WrongMessageError),
        ("/ripieno/chord_window", [b"\x00"], WrongMessageError),
        ("/ripieno/part/1/mute", [0.5], OutOfRangeError),
        ("/ripieno/chord_mode", ["later"], OutOfRangeError),
        ("/ripieno/chord_mode", [1], WrongMessageError),
        ("/ripieno/panic", [1], WrongMessageError),
        ("/ripieno/subscribe", ["events", 0.1], OutOfRangeError),
        ("/ripieno/ensemble", [None], WrongMessageError),
    ],
)
def test_illegal_values(path: str, values: list, error: type[Exception]) -> None:
    with pytest.raises(error):
        check(find(path)[0], values)


def test_a_range_error_names_the_value_and_the_range() -> None:
    with pytest.raises(OutOfRangeError, match=r"tempo: bpm 1000 is outside 20 \.\. 400"):
        check(find("/ripieno/tempo")[0], [1000])
