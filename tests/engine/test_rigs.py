"""Rigs and set lists as files: the shipped ones, the way there and back, and what is refused."""

import tomllib
from pathlib import Path

import pytest

from engine import bindings, rigs
from engine.ensembles import load_ensemble
from engine.paths import config_folder, presets_folder
from engine.plugins.builtin import EFFECTS
from engine.plugins.chain import BUILT_IN
from engine.preset_files import PresetError, file_name
from engine.rigs import Rig, RigError, list_rigs, load_rig, rig_of, save_rig
from engine.setlists import SetList, SetListError, list_setlists, load_setlist

SHIPPED = sorted((presets_folder() / "rigs").glob("*.toml"))
GOOD = 'format = 1\nname = "Mine"\n'


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_rig_loads_and_finds_its_players_and_plugins(path: Path) -> None:
    rig = load_rig(path.stem)
    assert rig.description
    assert rig.tags
    ensemble = rig.players()
    assert set(rig.parts) <= {part.name for part in ensemble.parts}
    for chain in rig.chains.values():
        for plugin in chain["plugins"]:
            effect = plugin["path"].removeprefix(BUILT_IN)
            names = {span.attribute for span in EFFECTS[effect]}
            assert set(plugin.get("parameters", {})) <= names


def test_there_are_rigs_and_a_set_list_of_them() -> None:
    found, complaints = list_rigs()
    assert {rig.id for rig in found} >= {path.stem for path in SHIPPED}
    assert len(SHIPPED) >= 4
    assert complaints == []
    setlists, complaints = list_setlists()
    assert "concert" in [setlist.id for setlist in setlists]
    assert complaints == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_rig_is_written_as_it_was_read(path: Path, tmp_path: Path) -> None:
    rig = load_rig(path)
    again = load_rig(save_rig(rig, tmp_path))
    assert again.table() == rig.table()


def test_a_rig_changes_what_it_mentions_alone() -> None:
    own = load_ensemble("string_quartet")
    rig = Rig("x", "X", parts={"Viola": {"program": 71, "pan": -0.9, "mute": 1}})
    ensemble = rig.players()
    assert (ensemble.parts[2].program, ensemble.parts[2].pan) == (71, -0.9)
    assert ensemble.parts[2].low == own.parts[2].low
    assert ensemble.parts[:2] == own.parts[:2]
    assert rig.table()["parts"] == {"Viola": {"program": 71, "pan": -0.9, "mute": 1}}


def test_an_ensemble_file_lies_beside_the_rig(tmp_path: Path) -> None:
    trio = (presets_folder() / "ensembles" / "satb_choir.toml").read_text(encoding="utf-8")
    write(tmp_path, trio, "trio.toml")
    path = write(tmp_path, GOOD + 'ensemble = "trio.toml"\n')
    assert load_rig(path).players().id == "trio"


def test_ones_own_comes_before_a_shipped_one() -> None:
    path = write(config_folder() / "rigs", GOOD, "chamber_quartet.toml")
    try:
        assert load_rig("chamber_quartet").name == "Mine"
    finally:
        path.unlink()


def test_a_broken_one_of_ones_own_is_told_and_hides_no_other() -> None:
    path = write(config_folder() / "rigs", 'format = 1\nname = ""\n', "broken.toml")
    try:
        found, complaints = list_rigs()
        assert len(found) == len(SHIPPED)
        assert len(complaints) == 1
        assert str(path) in complaints[0]
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name = "x"\n', "format = None must be 1"),
        ('format = 2\nname = "x"\n', "is of format 2, made by a newer Ripieno; this one reads"),
        ("format = true\n", "format = True must be 1"),
        ("format = 1\n", 'the key "name" is missing'),
        (GOOD + "colour = 3\n", "unknown key 'colour', legal are name"),
        (GOOD + "[settings]\ntempo_bpm = 1000\n", "tempo_bpm = 1000 must be a number from 20"),
        (GOOD + '[settings]\nassigner = "me"\n', "assigner = 'me' must be one of \"network\""),
        (GOOD + "[settings]\nvolume = 1\n", "settings: unknown key 'volume'"),
        (GOOD + "[settings]\ncontrol = 1\n", "settings: unknown key 'control'"),
        (GOOD + "settings = 3\n", "settings = 3 must be a table"),
        (GOOD + "[parts.Viola]\npan = 2\n", "part 'Viola': pan = 2 must be a number from -1 to 1"),
        (GOOD + '[parts.Viola]\nname = "x"\n', "part 'Viola': unknown key 'name'"),
        (GOOD + "[parts.Viola]\nmute = 0.5\n", "mute = 0.5 must be a whole number from 0 to 1"),
        (GOOD + '[chains."part 17"]\nplugins = []\n', "chain of 'part 17'"),
        (GOOD + '[chains."part 1"]\nplugins = []\n', "a chain has 1 to 16 plugins"),
        (GOOD + "[[learned]]\nnumber = 3\n", 'learned control 1: the key "address" is missing'),
        (GOOD + 'learned = "x"\n', "learned = 'x' must be tables"),
        (GOOD + '[settings]\nsync_source = "sun"\n', "sync_source = 'sun' must be one of"),
        ("format = \n", "is not valid TOML"),
        (GOOD + 'tags = ["a", 3]\n', "tags = ['a', 3] must be"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_the_file(text: str, says: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PresetError) as caught:
        load_rig(path)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match='there is no rig "x"; there are: answering_quartet'):
        load_rig("x")
    with pytest.raises(PresetError, match="cannot be read"):
        load_rig(tmp_path / "none.toml")
    path = write(tmp_path, "")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(PresetError, match="is not UTF-8 text"):
        load_rig(path)
    with pytest.raises(RigError, match=r"no part of String quartet is called 'Harp': Violin I"):
        Rig("x", "X", parts={"Harp": {}}).players()
    with pytest.raises(RigError, match="part 'Viola'"):
        Rig("x", "X", parts={"Viola": {"low": 90, "high": 20}}).players()


def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PresetError, match="cannot be written"):
        save_rig(Rig("x", "X"), tmp_path / "file")


def test_the_readme_names_every_key() -> None:
    text = (presets_folder() / "README.md").read_text(encoding="utf-8")
    keys = {*rigs.TOP_RULES, *rigs.setting_rules(), *rigs.part_rules(), *bindings.KEYS, "format"}
    assert {key for key in keys if f"`{key}`" not in text} == set()
    assert {path.stem for path in SHIPPED if f"`{path.stem}`" not in text} == set()


def test_names_become_names_of_files() -> None:
    assert file_name("  Évening: No. 1 / b ") == "évening_no_1_b"
    with pytest.raises(PresetError, match="letters or digits"):
        file_name("../..")


def test_a_table_without_a_folder_is_a_rig_too() -> None:
    table = tomllib.loads('name = "X"\nlearned = []\n')
    assert rig_of("x", table).learned == ()
    assert rig_of("x", {"name": "X"}).learned is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD + "rigs = []\n", "must be a list of 1 to 128"),
        (GOOD, 'the key "rigs" is missing'),
        (GOOD + 'rigs = ["faders", "nowhere"]\n', 'there is no rig "nowhere"'),
        (GOOD + 'rigs = ["faders"]\ntempo = 3\n', "unknown key 'tempo'"),
        ('format = 9\nname = "x"\nrigs = ["faders"]\n', "is of format 9, made by a newer"),
    ],
)
def test_a_wrong_set_list_is_one_sentence(text: str, says: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PresetError) as caught:
        load_setlist(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_set_list_may_name_files_beside_it(tmp_path: Path) -> None:
    rig = write(tmp_path, GOOD, "one.toml")
    path = write(tmp_path, GOOD + 'rigs = ["one.toml", "faders"]\n', "list.toml")
    assert load_setlist(path) == SetList("list", "Mine", (str(rig), "faders"))
    with pytest.raises(SetListError, match="rigs"):
        SetList("x", "X", ())
