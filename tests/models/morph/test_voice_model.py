"""The decoder of a morph voice: what it reckons, what it refuses, how it is loaded."""

import hashlib
import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from models import registry
from models.errors import ModelError
from models.morph.voice_model import (
    FEATURES,
    FLOOR_DB,
    LEVELS,
    MorphModel,
    conditioning,
    from_arrays,
    load,
    random_model,
)


def arrays_of(model: MorphModel) -> dict[str, np.ndarray]:
    return {f.name: getattr(model, f.name) for f in fields(model)[2:]}


def register(model: MorphModel, folder: Path, name: str = "small") -> None:
    np.savez(folder / f"{name}.npz", **arrays_of(model))  # pyright: ignore[reportArgumentType]
    digest = hashlib.sha256((folder / f"{name}.npz").read_bytes()).hexdigest()
    names = ", ".join(f'"{i}"' for i in model.instruments)
    (folder / f"{name}.toml").write_text(
        f'kind = "morph"\ndescription = "d"\nfile = "{name}.npz"\nsha256 = "{digest}"\n'
        f'licence = "l"\ninstruments = [{names}]\n'
    )


def test_features_are_as_documented() -> None:
    features = conditioning(72, 127, 0.05)
    assert features.shape == (FEATURES,)
    assert features.dtype == np.float32
    assert features[:4] == pytest.approx([0.5, 0.25, 1, 0.0125])
    assert features[6] == pytest.approx(math.exp(-1))
    assert np.array_equal(conditioning(60, 64, 20.0)[3], np.float32(4))


def test_features_of_many_notes_are_those_of_each() -> None:
    many = conditioning(np.array([48, 60]), np.array([20, 90]), np.array([0.0, 1.0]))
    assert many.shape == (2, FEATURES)
    assert np.array_equal(many[1], conditioning(60, 90, 1.0))


def test_decode_is_the_network_written_out() -> None:
    model = random_model(3, latent=4, hidden=6)
    z, features = model.anchors[2, 60, 1], conditioning(60, 80, 0.3)
    x = [*map(float, z), *map(float, features)]
    for weight, bias in ((model.w0, model.b0), (model.w1, model.b1)):
        x = [
            max(0.0, sum(x[i] * float(weight[i, j]) for i in range(len(x))) + float(bias[j]))
            for j in range(6)
        ]
    expected = [
        max(FLOOR_DB, sum(x[i] * float(model.w2[i, j]) for i in range(6)) + float(model.b2[j]))
        for j in range(LEVELS)
    ]
    assert model.decode(z, features) == pytest.approx(expected, abs=1e-3)


def test_nothing_is_decoded_below_the_floor() -> None:
    model = random_model(1)
    quiet = replace(model, b2=np.full(LEVELS, -500, np.float32))
    assert (quiet.decode(model.anchors[0, 60, 0], conditioning(60, 80, 0.0)) == FLOOR_DB).all()


def test_the_level_follows_its_law() -> None:
    model = random_model(1)
    full = model.level_db(0, 60, 127)
    assert full == float(model.levels_db[0, 60])
    assert model.level_db(0, 60, 0) == full - float(model.velocity_range_db[0])
    levels = [model.level_db(0, 60, velocity) for velocity in range(128)]
    assert levels == sorted(levels)


def test_anchors_between_two_dynamics_lie_between_them() -> None:
    model = random_model(1)
    assert np.array_equal(model.anchor_table(1, 0), model.anchors[1, :, 0])
    assert np.array_equal(model.anchor_table(1, 1), model.anchors[1, :, -1])
    middle = model.anchor_table(1, 0.125)
    assert middle == pytest.approx((model.anchors[1, :, 0] + model.anchors[1, :, 1]) / 2)
    with pytest.raises(ModelError, match=r"dynamics must be 0 to 1, got 1\.5"):
        model.anchor_table(1, 1.5)


def test_random_models_are_repeatable_and_differ_by_seed() -> None:
    assert np.array_equal(random_model(5).w1, random_model(5).w1)
    assert not np.array_equal(random_model(5).w1, random_model(6).w1)


def test_an_instrument_is_found_by_name() -> None:
    model = random_model(1)
    assert model.index("instrument 3") == 2
    with pytest.raises(ModelError, match="knows no instrument 'kazoo'; it has: instrument 1, "):
        model.index("kazoo")


def test_a_registered_model_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    model = random_model(2)
    register(model, tmp_path)
    loaded = load("small", tmp_path)
    assert loaded.instruments == model.instruments
    for name, array in arrays_of(model).items():
        assert np.array_equal(getattr(loaded, name), array), name
    assert [entry.name for entry in registry.list_morphs(tmp_path)] == ["small"]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    register(random_model(2), tmp_path)
    with (tmp_path / "small.npz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match=r"small\.npz is damaged"):
        load("small", tmp_path)


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no model 'none'"):
        load("none", tmp_path)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("w1", np.zeros((4, 4), np.float32), r"w1 must be \(128, 128\), got \(4, 4\)"),
        ("b1", np.zeros(128), "b1 must be finite float32"),
        ("b1", np.full(128, np.nan, np.float32), "b1 must be finite float32"),
        ("release_s", np.zeros((12, 128), np.float32), r"release_s must be 0\.01 to 30, got 0"),
        ("levels_db", np.ones((12, 128), np.float32), "levels_db must be -100 to 0, got 1 to 1"),
        ("low_keys", np.full(12, 99, np.float32), "low_keys must not be above high_keys"),
        ("dynamics", np.full(5, 0.5, np.float32), "dynamics must rise"),
        ("texture_pole", np.ones(1, np.float32), r"texture_pole must be 0 to 0\.9999, got 1"),
        ("anchors", np.zeros((12, 128), np.float32), r"anchors must be \(instruments, 128"),
    ],
)
def test_what_is_not_a_model_is_refused(name: str, array: np.ndarray, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        replace(random_model(1), **{name: array})


def test_arrays_must_be_the_models_own() -> None:
    model = random_model(1)
    arrays = arrays_of(model)
    lacking = {name: array for name, array in arrays.items() if name != "b1"}
    with pytest.raises(ModelError, match="array 'b1' is missing"):
        from_arrays(lacking, model.instruments, "m")
    with pytest.raises(ModelError, match="array 'extra' is not known"):
        from_arrays({**arrays, "extra": arrays["b1"]}, model.instruments, "m")


def test_instruments_have_names_of_their_own() -> None:
    with pytest.raises(ModelError, match="instruments must be different names"):
        replace(random_model(1), instruments=("a",) * 12)
