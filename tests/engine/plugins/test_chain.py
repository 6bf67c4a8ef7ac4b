"""Chains as data: tables in, tables out, and what is refused."""

import pytest

from engine.plugins.chain import ChainSpec, PluginError, PluginSpec, slot_number


def test_a_chain_survives_its_table() -> None:
    spec = ChainSpec(
        (
            PluginSpec("/x/Synth.vst3", name="Lead", state=bytes(range(256))),
            PluginSpec("pedalboard:Reverb", bypass=True, parameters={"room_size": 1, "width": 0.5}),
        )
    )
    table = spec.to_table()
    assert table["plugins"][1] == {
        "path": "pedalboard:Reverb",
        "bypass": True,
        "parameters": {"room_size": 1.0, "width": 0.5},
    }
    assert ChainSpec.from_table(table) == spec
    assert [plugin.title for plugin in spec.plugins] == ["Lead", "Reverb"]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ([], "a chain must be a table with the key plugins, not []"),
        ({"plugins": 3}, "plugins = 3 must be a list of tables"),
        ({"plugins": []}, "a chain has 1 to 16 plugins, not 0"),
        ({"plugins": [{"path": "x.vst3"}] * 17}, "a chain has 1 to 16 plugins, not 17"),
        ({"plugins": ["x.vst3"]}, "plugin 1: 'x.vst3' must be a table"),
        ({"plugins": [{"name": "x"}]}, 'plugin 1: the key "path" is missing'),
        ({"plugins": [{"path": ""}]}, "plugin 1: path is empty"),
        ({"plugins": [{"path": "a\nb"}]}, "plugin 1: path = 'a\\nb' must be one line of text"),
        ({"plugins": [{"path": "x", "gain": 1}]}, "plugin 1: unknown key 'gain', legal are path"),
        ({"plugins": [{"path": "x", "bypass": 1}]}, "bypass = 1 must be true or false"),
        (
            {"plugins": [{"path": "x"}, {"path": "x", "parameters": {"Gain": 1.5}}]},
            "plugin 2: 'Gain' = 1.5 must be a number from 0 to 1",
        ),
        (
            {"plugins": [{"path": "x", "parameters": {"Gain": float("nan")}}]},
            "'Gain' = nan must be a number from 0 to 1",
        ),
        ({"plugins": [{"path": "x", "parameters": [1]}]}, "parameters = [1] must be a table"),
        ({"plugins": [{"path": "x", "state": "?"}]}, "state = '?' must be text in base64"),
        ({"plugins": [{"path": "x", "state": 5}]}, "state = 5 must be text in base64"),
    ],
)
def test_what_is_wrong_is_named(table, sentence: str) -> None:
    with pytest.raises(PluginError) as caught:
        ChainSpec.from_table(table)
    assert sentence in str(caught.value)


def test_slots_have_names() -> None:
    names = ("part 1", "Part  16", "SEND A", "send b", "master")
    assert [slot_number(name) for name in names] == [0, 15, 16, 17, 18]
    for name in ("part 0", "part 17", "send", ""):
        with pytest.raises(PluginError, match="choose part 1 to part 16, send a, send b or master"):
            slot_number(name)
