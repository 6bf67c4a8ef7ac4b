"""TOML written by us reads back as what it was."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.toml_text import to_toml

KEYS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
PLAIN: Any = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=30),
)
TABLES: Any = st.recursive(
    st.dictionaries(KEYS, st.one_of(PLAIN, st.lists(PLAIN, max_size=4)), max_size=4),
    lambda inner: st.dictionaries(
        KEYS, st.one_of(PLAIN, inner, st.lists(inner, min_size=1, max_size=3)), max_size=4
    ),
    max_leaves=12,
)


@given(TABLES)
def test_what_was_written_is_read(table: dict) -> None:
    assert tomllib.loads(to_toml(table)) == table


def test_it_reads_well() -> None:
    table = {
        "format": 1,
        "parts": {"Violin I": {"gain_db": -2.0}, "Cello": {"mute": 1}},
        "chains": {"send a": {"plugins": [{"path": "x", "parameters": {"mix": 0.5}}]}},
        "learned": [],
        "name": "Grüße \x7f\n",
    }
    assert to_toml(table) == (
        'format = 1\nlearned = []\nname = "Grüße \\u007f\\n"\n\n'
        '[parts."Violin I"]\ngain_db = -2.0\n\n[parts.Cello]\nmute = 1\n\n'
        '[[chains."send a".plugins]]\npath = "x"\n\n'
        '[chains."send a".plugins.parameters]\nmix = 0.5\n'
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, b"x", object()])
def test_what_toml_has_not_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="cannot be written as TOML"):
        to_toml({"key": value})
