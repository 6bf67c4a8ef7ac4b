"""The registry and its weights: what ships is whole, and what is not is refused in one sentence."""

import hashlib

import numpy as np
import pytest

from models import registry
from models.errors import ModelError

ENTRY = """
description = "two voices"
file = "duo.npz"
sha256 = "{sha256}"
licence = "CC0-1.0"
classes = ["high", "low"]
zones = [60]
middle_pitches = [72, 48]
live_accuracy = [[0, 90], [40, 98.0]]
"""
PLAYS_ON = f"""
kind = "continuation"
description = "plays on"
file = "duo.npz"
sha256 = "{64 * "0"}"
licence = "CC0-1.0"
"""


@pytest.fixture
def folder(tmp_path):
    np.savez(tmp_path / "duo.npz", weights=np.arange(3, dtype=np.float32))
    write_entry(tmp_path)
    return tmp_path


def write_entry(folder, **changed):
    digest = hashlib.sha256((folder / "duo.npz").read_bytes()).hexdigest()
    lines = ENTRY.format(sha256=digest).strip().split("\n")
    for key, value in changed.items():
        lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in lines]
    (folder / "duo.toml").write_text("\n".join(lines))


@pytest.mark.parametrize("model", registry.list_models(), ids=lambda model: model.name)
def test_every_shipped_model_is_whole(model):
    weights = registry.load(model)
    assert weights["output_bias"].shape == (len(model.classes),)
    assert model.file.stat().st_size < 4_000_000
    card = model.card.read_text(encoding="utf-8")
    for word in ("Data", "Licence", "Seed", "Hardware", "live", "clean"):
        assert word in card


def test_chorales_ship():
    model = registry.find("chorales")
    assert model.classes == ("soprano", "alto", "tenor", "bass")
    assert model.zones == (57, 63, 69)


def test_the_registry_and_the_card_state_the_same_accuracy():
    model = registry.find("chorales")
    rows = [line.split("|")[1:-1] for line in model.card.read_text("utf-8").splitlines()]
    (live,) = (row[1:] for row in rows if row and row[0].strip() == "live")
    assert [accuracy for _, accuracy in model.live_accuracy] == [float(cell) for cell in live]
    assert [window for window, _ in model.live_accuracy] == [0, 10, 20, 30, 45]


def test_accuracy_between_measured_windows(folder):
    model = registry.find("duo", folder)
    assert [model.accuracy_at(ms) for ms in (0, 20, 45)] == [90.0, 94.0, 98.0]


def test_a_model_is_found_and_loaded(folder):
    model = registry.find("duo", folder)
    assert model.classes == ("high", "low")
    np.testing.assert_array_equal(registry.load(model)["weights"], [0, 1, 2])


def test_an_unknown_name_lists_the_known(folder):
    with pytest.raises(ModelError, match="no model 'trio'; there are: duo"):
        registry.find("trio", folder)
    with pytest.raises(ModelError, match="no model"):
        registry.find("../duo", folder / "inside")


def test_a_damaged_file_is_refused(folder):
    content = bytearray((folder / "duo.npz").read_bytes())
    content[-1] ^= 1
    (folder / "duo.npz").write_bytes(content)
    with pytest.raises(ModelError, match=r"duo\.npz is damaged: its sha256 is"):
        registry.load(registry.find("duo", folder))


def test_a_missing_file_is_named(folder):
    (folder / "duo.npz").unlink()
    with pytest.raises(ModelError, match=r"duo\.npz cannot be read"):
        registry.load(registry.find("duo", folder))


def test_models_are_listed_by_what_they_are_for(folder):
    (folder / "plays_on.toml").write_text(PLAYS_ON)
    assert [model.name for model in registry.list_models(folder)] == ["duo"]
    assert [entry.name for entry in registry.list_continuations(folder)] == ["plays_on"]
    assert registry.find_continuation("plays_on", folder).licence == "CC0-1.0"
    with pytest.raises(ModelError, match="'duo' is one for separation, not for continuation"):
        registry.find_continuation("duo", folder)
    with pytest.raises(ModelError, match="'plays_on' is one for continuation, not for separation"):
        registry.find("plays_on", folder)
    with pytest.raises(ModelError, match="no model 'trio'; there are: plays_on"):
        registry.find_continuation("trio", folder)


def test_what_is_in_a_file_is_checked_whatever_its_kind(folder):
    (folder / "plays_on.toml").write_text(PLAYS_ON)
    with pytest.raises(ModelError, match=r"duo\.npz is damaged: its sha256 is"):
        registry.content(registry.find_continuation("plays_on", folder))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"file": '"duo.npz"\nkind = "cooking"'}, "'kind' must be one of separation, continuation"),
        ({"classes": "4"}, r"'classes' must be a list of str, got 4"),
        ({"classes": '["one"]'}, "classes must be 2 to 6, got 1"),
        ({"zones": "[60, 70]"}, r"zones must be 1 keys of 0 to 127, got \(60, 70\)"),
        ({"zones": "[200]"}, "zones must be 1 keys of 0 to 127"),
        ({"middle_pitches": "[true, 4]"}, "'middle_pitches' must be a list of int"),
        ({"live_accuracy": "[[0, 101]]"}, "'live_accuracy' must be pairs of 0 to 45 ms"),
        ({"live_accuracy": "[[9, 1], [5, 2]]"}, "live_accuracy must rise"),
        ({"live_accuracy": "[]"}, "live_accuracy must rise"),
        ({"sha256": '"12"'}, "sha256 must be 64 hex digits, got '12'"),
        ({"file": "3"}, "'file' must be a text, got 3"),
        ({"licence": ""}, "is not a registry entry"),
    ],
)
def test_a_wrong_entry_is_refused_in_one_sentence(folder, changed, message):
    write_entry(folder, **changed)
    with pytest.raises(ModelError, match=message) as error:
        registry.find("duo", folder)
    assert "duo" in str(error.value)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut short"])
def test_what_is_not_weights_is_refused(content):
    with pytest.raises(ModelError, match=r"x\.npz is not a file of weights"):
        registry.read_weights(content, "x.npz")


def test_nothing_is_unpickled_and_only_float32_is_taken(tmp_path):
    for array, message in (
        (np.array([{}], object), "not a file of weights"),
        (np.zeros(2), "array 'a' must be float32, got float64"),
    ):
        np.savez(tmp_path / "x.npz", a=array)
        with pytest.raises(ModelError, match=message):
            registry.read_weights((tmp_path / "x.npz").read_bytes(), "x.npz")
