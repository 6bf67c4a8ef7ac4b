"""The two autoencoders: what they are made of, what they lose, that they learn and can go on."""

import argparse
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.morph.voice_model import conditioning, from_arrays, random_model
from tests.training.latent_morph.tones import made_corpus, write_packs
from training.latent_morph import held_out, paths, ship
from training.latent_morph import laws as velocity_laws
from training.latent_morph.data import Frames, Manner
from training.latent_morph.network import (
    SIZES,
    Pair,
    Shape,
    divergence,
    label_loss,
    labels_of,
    one_hot,
)
from training.latent_morph.sources import EIGHT, NAMES, TEST_PITCH, TRAIN, VALID_PITCH
from training.latent_morph.train import (
    KINDS,
    build,
    detour,
    follow,
    losses,
    rate_at,
    restored,
    train,
)


def options(folder: Path, **changed) -> argparse.Namespace:
    usual = {
        "kind": "B", "seed": 1, "name": None, "out": folder, "updates": 60, "batch": 24,
        "rate": 1e-3, "every": 30, "latent": 8, "hidden": 32, "threads": 1, "resume": False,
        "stop": 0,
    }  # fmt: skip
    return argparse.Namespace(**(usual | changed))


@pytest.fixture(scope="module")
def made():
    """Return a corpus of every instrument."""
    return made_corpus()


@pytest.fixture(scope="module")
def trained(made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a network trained for a moment."""
    folder = tmp_path_factory.mktemp("trained")
    train(made, options(folder, updates=60, every=30))
    return folder


def test_labels_are_octave_class_dynamics_and_instrument() -> None:
    pitch, dynamics, instrument = (torch.tensor([v]) for v in (60, -1, 2))
    labels = labels_of(pitch, dynamics, instrument)
    assert labels.tolist() == [[4, 0, -1, 2]]
    hot = one_hot(labels)
    assert hot.shape == (1, sum(SIZES))
    assert hot.sum() == 3
    assert hot[0, 21 : 21 + SIZES[2]].sum() == 0


def test_divergence_is_none_of_itself_and_known_of_another() -> None:
    mean, spread = torch.zeros(3, 4), torch.zeros(3, 4)
    assert divergence(mean, spread) == 0
    assert divergence(mean + 1, spread, mean, spread) == pytest.approx(2)
    assert divergence(mean, spread + 1) == pytest.approx(4 * (np.e - 2) / 2, rel=1e-5)


def test_a_label_that_lacks_costs_nothing() -> None:
    logits = tuple(torch.zeros(2, size) for size in SIZES)
    all_known = torch.tensor([[4, 0, 1, 2], [4, 0, 3, 2]])
    one_lacks = torch.tensor([[4, 0, 1, 2], [4, 0, -1, 2]])
    assert label_loss(logits, all_known) == pytest.approx(sum(np.log(SIZES)), rel=1e-5)
    assert label_loss(logits, one_lacks) == pytest.approx(sum(np.log(SIZES)), rel=1e-5)


def test_a_form_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="form must be A or B, got C"):
        Shape("C")
    with pytest.raises(ValueError, match=r"dropout must be from 0 to below 1, got 1\.0"):
        Shape(dropout=1.0)


def test_the_rate_rises_and_falls() -> None:
    rates = [rate_at(update, 1000) for update in range(1000)]
    assert rates[0] < 0.01 < 0.9 < max(rates) <= 1
    assert rates[-1] == pytest.approx(0.02, abs=0.01)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "paper"])
def test_every_kind_learns(made, tmp_path: Path, kind: str) -> None:
    network = train(made, options(tmp_path, kind=kind, updates=2, every=1))
    rows = (tmp_path / f"{kind}-1.jsonl").read_text().splitlines()
    assert len(rows) == 2
    assert type(network) is type(build(KINDS[kind], 8, 32))
    told = held_out.labels_told(held_out.heard(network, made, VALID_PITCH), made)
    assert 0 <= told.right("octave") <= 100
    assert told.confusion("instrument").sum() == (made.split == VALID_PITCH).sum()


def test_the_paper_s_size_has_56_million_numbers() -> None:
    with torch.device("meta"):
        network = build(KINDS["paper"], 16, 128)
    numbers = sum(weight.numel() for weight in network.parameters())
    assert numbers == pytest.approx(56e6, rel=0.03)


def test_units_rest_while_it_learns_and_not_when_asked(made, tmp_path: Path) -> None:
    network = build(KINDS["classifier"], 8, 32)
    spectra = torch.zeros(1, 410)
    with torch.no_grad():
        assert not torch.equal(network(spectra)[0], network(spectra)[0])
    train(made, options(tmp_path, kind="classifier", updates=1, every=1))
    kept, _ = restored(tmp_path / "classifier-1.pt")
    with torch.no_grad():
        assert torch.equal(kept(spectra)[0], kept(spectra)[0])


def test_eight_instruments_are_learnt_alone(made) -> None:
    laws = velocity_laws.measure(made)
    frames = Frames(made, laws, (TRAIN,), KINDS["B-eight"].names)
    batch = frames.batch(200, Manner(), np.random.default_rng(1))
    assert set(batch.labels[:, 3].tolist()) == {NAMES.index(name) for name in EIGHT}


def test_training_lowers_every_part_of_the_loss(trained: Path) -> None:
    import json

    rows = [json.loads(line) for line in (trained / "B-1.jsonl").read_text().splitlines()]
    for part in ("levels", "through", "told", "symbol"):
        assert rows[-1][part] < rows[0][part]


@pytest.mark.parametrize("kind", ["B", "A"])
def test_a_stopped_training_goes_on_where_it_was(made, tmp_path: Path, kind: str) -> None:
    usual = {"kind": kind, "updates": 4, "every": 2}
    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    whole = train(made, options(tmp_path / "whole", **usual))
    train(made, options(tmp_path / "parts", **usual, stop=2))
    assert len((tmp_path / "parts" / f"{kind}-1.jsonl").read_text().splitlines()) == 1
    again = train(made, options(tmp_path / "parts", **usual, resume=True))
    assert len((tmp_path / "parts" / f"{kind}-1.jsonl").read_text().splitlines()) == 2
    for one, two in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)
    _, about = restored(tmp_path / "parts" / f"{kind}-1.pt")
    assert about["kind"] == kind


def test_the_live_form_is_told_labels_of_the_mean(made, trained: Path) -> None:
    network, _ = restored(trained / "B-1.pt")
    network.train(False)
    frames = Frames(made, velocity_laws.measure(made), (TRAIN,))
    batch = frames.batch(32, Manner(), np.random.default_rng(0))
    drawn = replace(KINDS["B"], plainly=False)
    asked = 2 * [KINDS["B"], drawn]
    told = [float(losses(network, kind, batch)["told"].detach()) for kind in asked]
    assert told[0] == told[2]
    assert told[1] != told[3]


class Bent(torch.nn.Module):
    """A decoder of one number: the way from -1 to 1 has a detour of `bend` in its middle."""

    def __init__(self, bend: float) -> None:
        super().__init__()
        self.bend = bend
        self.shape = KINDS["B"].shape

    def of_symbol(self, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        place = 2.0 * (labels[:, 3:] > 3) - 1
        return place, place

    def signal(self, z: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        return torch.cat([10 * z, self.bend * (1 - z**2)], 1)


def test_a_straight_way_at_an_even_pace_is_no_detour_and_a_bent_one_is(made) -> None:
    batch = Frames(made, velocity_laws.measure(made), (TRAIN,)).batch(
        48, Manner(), np.random.default_rng(0)
    )
    batch = replace(batch, labels=torch.tensor([[4, 0, 2, 0], [4, 0, 2, 9]]).repeat(24, 1))
    detours = [float(detour(Bent(bend), batch)) for bend in (0.0, 5.0, 10.0)]  # pyright: ignore
    assert detours[0] == pytest.approx(0, abs=0.01)
    assert 0.2 < detours[1] < detours[2]


def test_a_mean_follows_the_weights_by_its_share() -> None:
    mean, network = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    for module, value in ((mean, 1.0), (network, 5.0)):
        torch.nn.init.constant_(module.weight, value)
        torch.nn.init.constant_(module.bias, value)
    follow(mean, network, 0.75)
    assert mean.weight.tolist() == [[2, 2]]
    assert mean.bias.tolist() == [2]
    assert network.bias.tolist() == [5]
    follow(mean, network, 0)
    assert torch.equal(mean.weight, network.weight)


def test_a_network_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"none\.pt is missing"):
        restored(tmp_path / "none.pt")


def test_a_key_struck_harder_that_is_no_brighter_costs(made) -> None:
    network = Pair(Shape("B", 8, 16, 16, 16))
    with torch.no_grad():
        next(network.decoder.parameters())[:, 8 + 2] = 0  # deaf to the velocity
    frames = Frames(made, velocity_laws.measure(made), (TRAIN,))
    batch = frames.batch(32, Manner(), np.random.default_rng(0))
    assert losses(network, KINDS["B"], batch)["brighter"] > 1


def test_what_ships_decodes_what_was_trained(made, trained: Path) -> None:
    network, _ = restored(trained / "B-1.pt")
    assert isinstance(network, Pair)
    model = from_arrays(ship.arrays_of(network, made), NAMES, "shipped")
    features = conditioning(57, 80, np.array([0.0, 0.1, 1.0]))
    z = model.anchors[NAMES.index("cello"), 57, 2]
    with torch.no_grad():
        told = network.signal(torch.from_numpy(np.tile(z, (3, 1))), torch.from_numpy(features))
    expected = np.maximum(told.numpy(), -100)
    assert model.decode(np.tile(z, (3, 1)), features) == pytest.approx(expected, abs=1e-3)
    assert np.array_equal(model.anchors[2, 0], model.anchors[2, int(model.low_keys[2])])
    assert {field.name for field in fields(model)} >= {"texture_db", "release_s"}


def test_sounds_of_a_held_out_note_are_made_and_measured(corpus, trained, tmp_path) -> None:
    from training.latent_morph.sources import read_takes

    write_packs(tmp_path)
    takes = read_takes(tmp_path, 100)
    network, _ = restored(trained / "B-1.pt")
    assert isinstance(network, Pair)
    take = held_out.some(corpus, TEST_PITCH, 1)[0]
    found = held_out.distances(held_out.sounds(network, corpus, takes, take))
    assert found["recorded"]["mel"] == 0
    assert found["analysed"]["mel"] < found["labels"]["mel"]
    assert found["nearest"]["mel"] < found["labels"]["mel"]  # a network that has hardly learnt


def test_the_nearest_take_is_transposed_to_the_key(corpus, tmp_path) -> None:
    from training.latent_morph.sources import read_takes

    write_packs(tmp_path)
    takes = read_takes(tmp_path, 100)
    take = held_out.some(corpus, TEST_PITCH, 1)[0]
    sound = held_out.nearest(corpus, takes, take)[2000:8000]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 48000))
    true = 440 * 2 ** ((corpus.pitch[take] - 69) / 12)
    assert spectrum.argmax() / 2 == pytest.approx(true, rel=0.01)


def test_paths_go_through_their_points() -> None:
    points = np.random.default_rng(0).normal(size=(4, 3))
    for how in paths.INTERPOLATIONS:
        path = paths.between(points, 10, how)
        assert path.shape == (30, 3)
        assert path[::10] == pytest.approx(points[:3])
    straight = paths.between(points, 10, "linear")
    assert straight[5] == pytest.approx((points[0] + points[1]) / 2)
    with pytest.raises(ValueError, match="interpolation must be one of none, linear, cubic"):
        paths.between(points, 10, "square")


def test_leaps_are_rougher_than_lines() -> None:
    found = paths.morphing(random_model(1), paths=4, stops=3)
    assert found["none"]["rms"] > 3 * found["linear"]["rms"]


def test_a_way_at_an_even_pace_takes_equal_steps_and_the_same_time() -> None:
    model = random_model(2)
    points = model.anchors[:4, 60, 2]
    straight, even = (paths.between(points, 50, "linear"), paths.evenly(model, points, 50, 60))
    assert even.shape == straight.shape
    assert even[0] == pytest.approx(straight[0])
    steps = [
        np.sqrt((np.diff(paths.heard_db(paths.held(model, way, 60)), axis=0) ** 2).mean(1))
        for way in (straight, even)
    ]
    assert steps[1].std() < 0.3 * steps[0].std()
    assert steps[1].mean() == pytest.approx(steps[0].mean(), rel=0.1)


def test_a_midi_file_is_played_note_by_note(tmp_path: Path) -> None:
    model = random_model(1)
    paths.write_arpeggio(tmp_path / "a.mid", beat_s=0.1)
    sound, notes = paths.from_midi(model, tmp_path / "a.mid", "instrument 1")
    assert [key for key, *_ in notes][:3] == [65, 69, 72]
    assert notes[1][2] == pytest.approx(0.1, abs=0.002)
    assert np.isfinite(sound).all()
    assert sound[: int(0.1 * 24000)].any()
    assert not sound[-2400:].any()
