"""The player's hints from outside the callback: presets, rigs, learned controls, editing a part."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import operations
from engine.bindings import Binding
from engine.ensembles import load_ensemble
from engine.parameters import PART_HINTS
from engine.rigs import load_rig
from engine.session import Settings
from tests.engine.rig_helpers import check_notes, controller, note_off, note_on, note_ons
from tests.engine.test_repertoire import QUIET, Hands, by_hand, own

__all__ = ["own"]


@pytest.fixture(scope="module")
def made() -> Iterator[Hands]:
    with by_hand(Settings(**QUIET), []) as session:
        session.play(0.1)
        yield session
        session.engine.render(1024)


@pytest.fixture
def hands(made: Hands) -> Hands:
    made.learn.replace([])
    made.set_ensemble("string_quartet")
    made.set("assigner", 1)  # zones: 72 plays part 1, 66 part 2, 60 part 3, 50 part 4
    made.set("solo_hold", 0)
    made.play(0.1)
    return made


def parts_of(hands: Hands, *keys: int) -> list[tuple[int, int]]:
    """Strike keys and lift them: part, from 1, and key of every note that sounded."""
    found: list[np.ndarray] = []
    hands._on_results = lambda records: found.append(records.copy())
    hands.play(0.03, *(note_on(key) for key in keys))
    hands.play(0.03, *(note_off(key) for key in keys))
    hands._on_results = None
    records = np.concatenate(found)
    check_notes(records)
    return sorted((int(r["part"]) + 1, int(r["a"])) for r in note_ons(records))


def test_an_ensembles_preset_doubles(hands: Hands) -> None:
    hands.set_ensemble("chamber_orchestra")
    hands.set("assigner", 1)
    hands.play(0.1)
    assert parts_of(hands, 72, 50) == [(1, 72), (4, 50), (5, 84), (7, 50), (8, 38)]
    hands.set_ensemble("string_quartet")
    hands.set("assigner", 1)
    hands.play(0.1)
    assert parts_of(hands, 72, 50) == [(1, 72), (4, 50)]


def test_the_rig_in_hand_does_what_its_comments_say(hands: Hands) -> None:
    hands.repertoire.play("in_hand")
    hands.set("assigner", 1)
    hands.play(0.1)
    assert parts_of(hands, 72, 40) == [(1, 72), (4, 40)]
    assert parts_of(hands, 66) != [(2, 66)]  # the second violin is out
    hands.play(0.03, controller(20, 127))
    hands.play(0.1)
    assert parts_of(hands, 72) == [(1, 72), (2, 60)]
    hands.play(0.03, controller(67, 127))
    hands.play(0.1)
    assert parts_of(hands, 41) == [(1, 41)]
    hands.play(0.03, controller(67, 0))
    hands.play(0.1)
    assert parts_of(hands, 41) == [(4, 41)]
    hands.play(0.03, note_on(24))
    assert parts_of(hands, 80) == [(4, 80)]
    hands.play(0.03, note_off(24))


def test_hints_are_saved_with_a_rig_and_come_back(hands: Hands, own: Path) -> None:
    values = dict(zip(PART_HINTS, (0, 60, 40, 50, 3, 24, 1, -1), strict=True))
    for name, value in values.items():
        hands.set(name, value, 2)
    for name, value in (("keyswitch_mode", 1), ("low_confidence", 3), ("confidence", 0.25)):
        hands.set(name, value)
    hands.set("solo_hold", 2)
    hands.repertoire.save("Hinted")
    rig = load_rig("hinted")
    assert rig.parts["Viola"] == values
    assert rig.settings["low_confidence"] == "tutti"
    assert "solo_hold" not in rig.settings
    hands.set_ensemble("string_quartet")
    assert hands.get("home", 2) == -1
    hands.repertoire.play("hinted")
    assert {name: hands.get(name, 2) for name in PART_HINTS} == values
    assert (hands.get("keyswitch_mode"), hands.get("confidence")) == (1, 0.25)
    assert hands.state()["parts"][2]["keyswitch"] == 24
    assert hands.state()["low_confidence"] == "tutti"


def test_editing_a_part_leaves_the_hints_and_does_not_flicker(hands: Hands) -> None:
    hands.set("playing", 0, 1)
    hands.set("keyswitch", 24, 3)
    hands.set("low_confidence", 2)
    hands.play(0.03, note_on(24))
    hands.edit_part(0, program=41)
    hands.play(0.1)
    assert (hands.get("playing", 1), hands.get("low_confidence")) == (0, 2)
    assert parts_of(hands, 72) == [(4, 72)]  # its switch is still held
    hands.play(0.03, note_off(24))


def test_every_hint_can_be_learned(hands: Hands) -> None:
    names = [f"/ripieno/part/3/{name}" for name in PART_HINTS]
    names += ["/ripieno/keyswitch_mode", "/ripieno/low_confidence", "/ripieno/solo_hold"]
    names += ["/ripieno/confidence"]
    for number, name in enumerate(names, start=20):
        hands.learn.bind(Binding(name, channel=1, number=number, mode="jump"))
    hands.play(0.03, *(controller(number, 127) for number in range(20, 20 + len(names))))
    hands.play(0.1)
    top = {"playing": 1, "pin_channel": 16, "doubles": 16, "double_octaves": 2}
    for name in PART_HINTS:
        assert hands.get(name, 2) == top.get(name, 127), name
    found = [operations.value_of(hands, name) for name in names[len(PART_HINTS) :]]
    assert found == ["latch", "tutti", 16, 1.0]


@pytest.mark.parametrize("name", ["chamber_orchestra"])
def test_what_a_preset_says_is_what_the_engine_is_told(hands: Hands, name: str) -> None:
    hands.set_ensemble(name)
    for index, part in enumerate(load_ensemble(name).parts):
        for hint in PART_HINTS:
            assert hands.get(hint, index) == getattr(part, hint)
