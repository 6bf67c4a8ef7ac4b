"""Presets: the shipped ones are sound, and a wrong one costs one sentence, never a traceback."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ensembles import (
    ENSEMBLE_RULES,
    MODEL_CLASSES,
    MODEL_MIDDLES,
    MODEL_PLACES,
    MODEL_ZONES,
    PART_RULES,
    Ensemble,
    EnsembleError,
    Part,
    list_ensembles,
    load_ensemble,
)
from engine.errors import RipienoError
from engine.paths import presets_folder
from models.registry import list_models

FILES = sorted((presets_folder() / "ensembles").glob("*.toml"))
WANTED = {
    "satb_choir",
    "string_quartet",
    "brass_quartet",
    "woodwind_quartet",
    "pop_band",
    "organ_pedal",
}
TRIO = """
name = "Trio"
[[parts]]
name = "Top"
program = 73
voices = ["soprano", "alto"]
[[parts]]
name = "Middle"
program = 71
voices = ["tenor"]
[[parts]]
name = "Low"
program = 70
voices = ["bass"]
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration folder that holds nothing."""
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def refusal(tmp_path: Path, text: str) -> str:
    """The message with which a file holding `text` is refused."""
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EnsembleError) as caught:
        load_ensemble(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def test_the_promised_ensembles_are_there() -> None:
    assert {path.stem for path in FILES} >= WANTED
    assert {ensemble.id for ensemble in list_ensembles()} == {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_preset_is_playable(path: Path) -> None:
    ensemble = load_ensemble(path.stem)
    assert ensemble == load_ensemble(path)
    assert ensemble.id == path.stem
    played = sorted(voice for part in ensemble.parts for voice in part.voices)
    classes = MODEL_CLASSES[ensemble.model]
    for places in MODEL_PLACES.get(ensemble.model, ()):
        if len(places) == len(ensemble.parts):
            classes = tuple(classes[k] for k in places)
    assert played == sorted(classes)
    channels = [part.midi_channel for part in ensemble.parts]
    assert len(set(channels)) == len(channels)
    assert 10 not in channels, "channel 10 is percussion in General MIDI"
    assert len(ensemble.description) > 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_preset_covers_the_range_of_four_part_writing(path: Path) -> None:
    """Some part plays every key from C2 to A5, and each voice's middle lies in its own part."""
    ensemble = load_ensemble(path.stem)
    for key in range(36, 82):
        assert any(part.low <= key <= part.high for part in ensemble.parts), key
    middles = dict(zip(MODEL_CLASSES[ensemble.model], MODEL_MIDDLES[ensemble.model], strict=True))
    for part in ensemble.parts:
        for voice in part.voices:
            assert part.low <= middles[voice] <= part.high, (part.name, voice)


def test_the_models_have_the_classes_that_presets_speak_of() -> None:
    assert {model.name: model.classes for model in list_models()} == MODEL_CLASSES
    assert {model.name: model.zones for model in list_models()} == MODEL_ZONES
    assert {model.name: model.middle_pitches for model in list_models()} == MODEL_MIDDLES


def test_left_out_keys_have_the_documented_values(tmp_path: Path) -> None:
    path = tmp_path / "trio.toml"
    path.write_text(TRIO, encoding="utf-8")
    trio = load_ensemble(path)
    assert (trio.id, trio.name, trio.tags, trio.description) == ("trio", "Trio", (), "")
    assert (trio.assigner, trio.chord_mode, trio.chord_window_ms) == ("network", "wait", 0.0)
    assert trio.zones == (57, 63, 69)
    assert [part.midi_channel for part in trio.parts] == [1, 2, 3]
    middle = trio.parts[1]
    assert (middle.low, middle.high, middle.polyphony, middle.bank) == (0, 127, 8, 0)
    assert (middle.gain_db, middle.pan, middle.reverb_send, middle.chorus_send) == (0, 0, 0.2, 0)


def test_every_key_is_in_the_schema() -> None:
    """What the README of the presets documents is what the loader knows."""
    schema = (presets_folder() / "README.md").read_text(encoding="utf-8")
    for key in {*ENSEMBLE_RULES, *PART_RULES} - {"id"}:
        assert f"`{key}`" in schema, key
    assert {field.name for field in dataclasses.fields(Part)} == set(PART_RULES)
    for path in FILES:
        assert f"`{path.stem}`" in schema, path.stem


def test_the_users_preset_takes_the_place_of_a_shipped_one(home: Path) -> None:
    folder = home / "config" / "ensembles"
    folder.mkdir(parents=True)
    (folder / "pop_band.toml").write_text(TRIO, encoding="utf-8")
    (folder / "mine.toml").write_text(TRIO, encoding="utf-8")
    assert load_ensemble("pop_band").name == "Trio"
    assert [ensemble.id for ensemble in list_ensembles()].count("pop_band") == 1
    assert "mine" in {ensemble.id for ensemble in list_ensembles()}


def test_a_broken_preset_of_the_users_does_not_hide_the_others(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = home / "config" / "ensembles"
    folder.mkdir(parents=True)
    (folder / "broken.toml").write_text("name = [", encoding="utf-8")
    assert {ensemble.id for ensemble in list_ensembles()} == {path.stem for path in FILES}
    assert "broken.toml is not valid TOML" in caplog.text


def test_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(EnsembleError, match=r'no ensemble "kazoos".*satb_choir, saxophone_quartet'):
        load_ensemble("kazoos")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(EnsembleError, match="no.toml cannot be read: No such file"):
        load_ensemble(tmp_path / "no.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(EnsembleError, match="cannot be read"):
        load_ensemble(tmp_path / "folder.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"Trio"', "7", "name = 7 must be text of 1 to 64 printable characters"),
        ('"Trio"', '"a\\nb"', "name = 'a\\nb' must be text"),
        ("73", "128", "part 1: program = 128 must be a whole number from 0 to 127"),
        ("73", "true", "part 1: program = True must be a whole number"),
        ("73", "7.5", "part 1: program = 7.5 must be a whole number"),
        ("71", "71\ngain_db = 13", "part 2: gain_db = 13 must be a number from -60 to 12"),
        ("71", "71\ngain_db = nan", "part 2: gain_db = nan must be a number from -60 to 12"),
        ("71", "71\npan = -inf", "part 2: pan = -inf must be a number from -1 to 1"),
        ("71", '71\npan = "left"', "part 2: pan = 'left' must be a number from -1 to 1"),
        ("71", "71\npolyphony = 0", "polyphony = 0 must be a whole number from 1 to 64"),
        ("71", "71\nlow = 61\nhigh = 60", "part 2: low = 61 must not be above high = 60"),
        ("71", "71\nvolume = 3", "part 2: unknown key 'volume', legal are bank, chorus_send"),
        ('"Trio"', '"Trio"\nchord_window_ms = 46', "chord_window_ms = 46 must be a number from 0"),
        ('"Trio"', '"Trio"\nzones = [1, 2]', "zones = (1, 2) must be a list of 3, one fewer"),
        ('"Trio"', '"Trio"\nzones = [60, 50, 70]', "zones = (60, 50, 70) must rise"),
        ('"Trio"', '"Trio"\nassigner = "magic"', 'must be one of "network", "zones", "closest"'),
        ('"Trio"', '"Trio"\ntempo = 3', "unknown key 'tempo'"),
        ('"Trio"', '"Trio"\nid = "x"', "unknown key 'id'"),
        ('"Middle"', '"low"', 'two parts share the name "low"'),
        ('"Middle"', '"a/b"', "name = 'a/b' must be text"),
        ('["tenor"]', "[]", 'the voice "tenor" is played by 0 parts'),
        ('["tenor"]', '["bass"]', 'the voice "tenor" is played by 0 parts'),
        ('["tenor"]', '["tenor", "bass"]', 'the voice "bass" is played by 2 parts'),
        ('["tenor"]', '["drums"]', "voices = ['drums'] must be a list of 0 to 6"),
        ('name = "Trio"', "", 'the key "name" is missing'),
        ("program = 71", "", 'part 2: the key "program" is missing'),
    ],
)
def test_refusals_name_the_key_the_value_and_the_range(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in TRIO
    assert message in refusal(tmp_path, TRIO.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'the key "name" is missing'),
        ('name = "x"\nparts = 3', "parts = 3 must be tables"),
        ('name = "x"\nparts = [1]', "parts = [1] must be tables"),
        ('name = "x"\nparts = []', "has 0 parts, must have 1 to 16"),
        ("name = ", "is not valid TOML"),
        ("a = " + "[" * 5000, "is not valid TOML"),
        ("a = " + "9" * 9999, "is not valid TOML"),
        ('name = "x"\nparts = 0x' + "f" * 9999, "parts = a value of type int must be tables"),
    ],
)
def test_files_that_hold_no_ensemble(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(tmp_path, text)


def test_a_file_without_voices_is_read_with_some_other_ensembles_may_have_none(
    tmp_path: Path,
) -> None:
    path = tmp_path / "trio.toml"
    path.write_text(re.sub("voices.*", "", TRIO), encoding="utf-8")
    assert sum(len(part.voices) for part in load_ensemble(path).parts) == 4
    parts = tuple(Part(name=f"Part {number}", program=number) for number in range(16))
    assert len(Ensemble(id="file", name="File", parts=parts).parts) == 16
    with pytest.raises(EnsembleError, match="has 17 parts"):
        Ensemble(id="file", name="File", parts=(*parts, Part(name="Last", program=0)))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b'name = "\xff\xfe"')
    with pytest.raises(EnsembleError, match="binary.toml is not UTF-8 text, at byte 8"):
        load_ensemble(path)


def test_settings_are_stored_in_their_own_types() -> None:
    part = Part(name="Bell", program=9, gain_db=3, pan=0, voices=["bass"])  # pyright: ignore
    assert isinstance(part.gain_db, float)
    assert isinstance(part.pan, float)
    assert part.voices == ("bass",)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.sampled_from(["soprano", "alto", "tenor", "bass", "network", "wait", "bank"])
)
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=4)
    | st.dictionaries(st.text(max_size=4), SCALARS, max_size=2)
)


@given(
    part=st.dictionaries(st.sampled_from([*PART_RULES, "other"]), VALUES),
    head=st.dictionaries(st.sampled_from([*ENSEMBLE_RULES, "other"]), VALUES),
)
def test_values_of_any_type_are_legal_or_refused_in_one_sentence(
    part: dict[str, Any], head: dict[str, Any]
) -> None:
    empty = {"id": "x", "name": "x"}
    whole: dict[str, Any] = {
        "name": "Solo",
        "program": 0,
        "voices": ["soprano", "alto", "tenor", "bass"],
    }
    solo = Part(**whole)
    for kind, values in (
        (Part, {**whole, **part}),
        (Ensemble, {**empty, "parts": (solo,), **head}),
    ):
        try:
            kind(**values)
        except EnsembleError as error:
            assert "\n" not in str(error)
            assert len(str(error)) < 400  # longest where a list of names is told
        except TypeError as error:
            assert "unexpected keyword argument 'other'" in str(error)


@given(data=st.binary(max_size=200), cut=st.integers(0, len(TRIO)))
def test_damaged_files_are_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cut: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.toml"
    path.write_bytes(TRIO.encode()[:cut] + data)
    try:
        load_ensemble(path)
    except RipienoError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)


def test_a_presets_own_soundfont_lies_beside_it_or_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = (presets_folder() / "ensembles" / "satb_choir.toml").read_text(encoding="utf-8")
    for named, expected in (("own.sf2", tmp_path / "own.sf2"), ("/x/y.sf3", Path("/x/y.sf3"))):
        path.write_text(f'soundfont = "{named}"\n{text}', encoding="utf-8")
        assert load_ensemble(path).soundfont_path == expected
    assert load_ensemble("satb_choir").soundfont_path is None
