"""Rigs whose ensembles need another separation model: switched while playing, read ahead."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import ensembles
from engine.errors import RipienoError
from engine.rt import layout
from engine.rt.network import random_weights
from engine.settings import Settings
from models import registry
from tests.engine.rig_helpers import check_notes, note_off, note_on, note_ons
from tests.engine.test_repertoire import QUIET, Hands, by_hand, own, setlist

__all__ = ["own"]

ENTRY = """\
description = "Three voices"
file = "trio.npz"
sha256 = "{sha256}"
licence = "GPL-3.0-or-later"
classes = ["high", "middle", "low"]
zones = [55, 65]
middle_pitches = [72, 60, 48]
live_accuracy = [[0, 50.0]]
"""
ENSEMBLE = """\
name = "Trio"
model = "trio"
[[parts]]
name = "Flute"
program = 73
voices = ["high"]
[[parts]]
name = "Viola"
program = 41
voices = ["middle"]
[[parts]]
name = "Cello"
program = 42
voices = ["low"]
"""
RIG = 'format = 1\nname = "{name}"\nensemble = "{ensemble}"\n'


@pytest.fixture
def trio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second model, whose network always wants the lowest of its three voices."""
    weights = random_weights(3, seed=1)
    weights["output"][:] = 0
    weights["output_bias"] = np.log(np.array([0.1, 0.2, 0.7], np.float32))
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **weights)
    (tmp_path / "trio.npz").write_bytes(content.getvalue())
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    (tmp_path / "trio.toml").write_text(ENTRY.format(sha256=digest))
    find = registry.find
    monkeypatch.setitem(ensembles.MODEL_CLASSES, "trio", ("high", "middle", "low"))
    monkeypatch.setattr(
        registry, "find", lambda name: find(name, tmp_path) if name == "trio" else find(name)
    )
    return tmp_path


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def hands(said: list[str], trio: Path) -> Iterator[Hands]:
    with by_hand(Settings(**QUIET), said) as session:
        session.play(0.1)
        yield session
        session.engine.render(1024)


@pytest.fixture
def rigs(own: Path) -> Path:
    (own / "three.toml").write_text(RIG.format(name="Three", ensemble="players.toml"))
    (own / "players.toml").write_text(ENSEMBLE)
    (own / "four.toml").write_text(RIG.format(name="Four", ensemble="string_quartet"))
    return own


def heard(hands: Hands, seconds: float, *messages: bytes) -> np.ndarray:
    found: list[np.ndarray] = []
    hands._on_results = lambda records: found.append(records.copy())
    hands.play(seconds, *messages)
    hands._on_results = None
    return np.concatenate(found) if found else np.zeros(0, layout.RESULT)


def test_a_rig_with_another_model_plays_at_once_and_back(hands: Hands, rigs: Path) -> None:
    records = [heard(hands, 0.05, note_on(72))]
    assert note_ons(records[0])["part"].tolist() == [0]
    hands.repertoire.play("three")
    assert (hands.model.name, hands.ensemble.zones) == ("trio", (57, 69))
    assert hands.state()["model"]["live_accuracy"] == [[0, 50.0]]
    records.append(heard(hands, 0.1))
    records.append(heard(hands, 0.05, note_on(74), note_on(76)))
    assert note_ons(records[-1])["part"].tolist() == [2, 2]
    np.testing.assert_allclose(note_ons(records[-1])["confidence"], 0.7, rtol=1e-5)
    hands.repertoire.play("four")
    records.append(heard(hands, 0.1))
    assert hands.model.name == "chorales"
    records.append(heard(hands, 0.05, *(note_off(key) for key in (72, 74, 76)), note_on(79)))
    assert note_ons(records[-1])["part"].tolist() == [0]
    records.append(heard(hands, 0.05, note_off(79)))
    check_notes(np.concatenate(records))
    assert hands.engine._memory.networks == 1


def test_a_set_list_has_the_neighbours_models_at_hand(hands: Hands, rigs: Path, trio: Path) -> None:
    hands.repertoire.use_setlist(setlist(rigs, "four", "three", "four"))
    hands.look()
    assert set(hands.separators._ready) == {"chorales", "trio"}
    (trio / "trio.npz").unlink()  # it is in memory
    hands.repertoire.step(1)
    hands.look()
    assert hands.ensemble.name == "Trio"
    assert hands.model.name == "trio"


def test_a_model_that_cannot_be_had_changes_nothing(
    hands: Hands, rigs: Path, trio: Path, said: list[str]
) -> None:
    (trio / "trio.npz").write_bytes(b"not what it was")
    before = hands.repertoire.text()
    with pytest.raises(RipienoError, match="trio.npz is damaged"):
        hands.repertoire.play("three")
    assert (hands.repertoire.text(), hands.model.name) == (before, "chorales")
    records = heard(hands, 0.05, note_on(72))
    assert note_ons(records)["part"].tolist() == [0]


def test_it_can_be_taken_back(hands: Hands, rigs: Path) -> None:
    hands.repertoire.play("four")
    hands.repertoire.play("three")
    hands.repertoire.undo()
    assert hands.model.name == "chorales"
    hands.repertoire.redo()
    assert hands.model.name == "trio"
