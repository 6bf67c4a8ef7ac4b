"""The mirror takes what the engine tells, and tells its listeners once a frame."""

import pytest

from gui.mirror.mirror import HOLD_S, Mirror
from tests.gui.mirror.told import note_on, state, statistics

GAIN = "/ripieno/part/2/gain"


@pytest.fixture
def mirror() -> Mirror:
    mirror = Mirror()
    mirror.take("/ripieno/state", (state(),), 0.0)
    mirror.notify(0.0)
    return mirror


def test_every_setting_of_the_state_is_known_by_its_address(mirror: Mirror) -> None:
    assert mirror.value(GAIN) == -3.0
    assert mirror.value("/ripieno/part/2/low") == 36
    assert mirror.value("/ripieno/part/1/mute") == 0
    assert mirror.value("/ripieno/ensemble") == "duo"
    assert mirror.value("/ripieno/chord_window") == 10.0
    assert mirror.value("/ripieno/transport/beats_per_bar") == 4
    assert isinstance(mirror.value("/ripieno/transport/beats_per_bar"), int)
    assert mirror.value("/ripieno/rig") == "night"
    assert mirror.value("/ripieno/input") == ""
    assert [part.name for part in mirror.ensemble.parts] == ["Violin", "Cello"]
    assert mirror.ensemble.live_accuracy == ((0.0, 90.0), (20.0, 95.0))


def test_listeners_hear_once_a_frame_however_much_changed(mirror: Mirror) -> None:
    heard: list[float] = []
    mirror.on(GAIN, lambda: heard.append(mirror.value(GAIN)))
    for db in (-4.0, -5.0, -6.0):
        mirror.take(GAIN, (db,), 1.0)
    assert heard == []
    mirror.notify(1.0)
    assert heard == [-6.0]
    mirror.take(GAIN, (-6.0,), 2.0)  # nothing new
    mirror.notify(2.0)
    assert heard == [-6.0]


def test_who_leaves_hears_no_more(mirror: Mirror) -> None:
    heard: list[int] = []
    leave = mirror.on("statistics", lambda: heard.append(1))
    leave()
    leave()
    mirror.take("/ripieno/statistics", (statistics(),), 1.0)
    mirror.notify(1.0)
    assert heard == []


def test_a_topic_that_is_none_is_named(mirror: Mirror) -> None:
    with pytest.raises(ValueError, match="'mixer' is neither an address nor one of"):
        mirror.on("mixer", lambda: None)


def test_a_control_in_the_players_hand_does_not_jump_back(mirror: Mirror) -> None:
    mirror.set_here(GAIN, -10.0, 1.0)
    mirror.take(GAIN, (-8.0,), 1.05)  # the engine answers an earlier message
    mirror.notify(1.05)
    assert mirror.value(GAIN) == -10.0
    mirror.take(GAIN, (-10.0,), 1.1)
    mirror.notify(1.0 + HOLD_S)
    assert mirror.value(GAIN) == -10.0


def test_what_the_engine_said_last_holds_in_the_end(mirror: Mirror) -> None:
    """It refused the player's value, or another hand moved it too."""
    mirror.set_here(GAIN, -10.0, 1.0)
    mirror.take(GAIN, (-7.0,), 1.2)
    mirror.notify(1.0 + HOLD_S)
    assert mirror.value(GAIN) == -7.0


def test_a_changed_section_is_due_until_it_comes(mirror: Mirror) -> None:
    mirror.take("/ripieno/changed", ("rig", 2), 1.0)
    assert mirror.take_due() == {"rig"}
    assert mirror.take_due() == set()  # asked already
    mirror.ask_again()
    assert mirror.take_due() == {"rig"}
    mirror.take("/ripieno/state", ({"rig": {**state()["rig"], "name": "Day"}},), 1.1)
    assert mirror.sections_due == set()
    assert mirror.section("rig")["name"] == "Day"
    assert mirror.ensemble.name == "Duo"


def test_an_answer_older_than_the_last_change_is_not_the_last_word(mirror: Mirror) -> None:
    mirror.take("/ripieno/changed", ("rig", 2), 1.0)
    assert mirror.take_due() == {"rig"}
    mirror.take("/ripieno/changed", ("rig", 3), 1.05)  # the answer is on its way
    mirror.take("/ripieno/state", ({"rig": {**state()["rig"], "name": "Before"}},), 1.1)
    assert mirror.take_due() == {"rig"}
    mirror.take("/ripieno/state", ({"rig": {**state()["rig"], "name": "After"}},), 1.2)
    assert mirror.take_due() == set()
    assert mirror.section("rig")["name"] == "After"


def test_a_revision_that_goes_back_is_another_engine(mirror: Mirror) -> None:
    mirror.take("/ripieno/changed", ("rig", 7), 1.0)
    mirror.take("/ripieno/note_on", note_on(1), 1.0)
    mirror.take("/ripieno/changed", ("rig", 1), 2.0)
    assert {"ensemble", "device", "about"} <= mirror.sections_due
    mirror.take("/ripieno/state", (state(revision=0),), 2.1)
    assert not mirror.notes.sounding
    assert not mirror.notes.bars


def test_parts_that_are_gone_leave_no_settings(mirror: Mirror) -> None:
    alone = state(revision=3)
    alone["parts"] = alone["parts"][:1]
    mirror.take("/ripieno/state", (alone,), 1.0)
    assert mirror.value(GAIN) is None
    assert mirror.value("/ripieno/part/1/gain") == 0.0


def test_addresses_of_another_version_and_strange_values_do_no_harm(mirror: Mirror) -> None:
    before = dict(mirror.values)
    mirror.take("/ripieno/part/99/gain", (1.0,), 1.0)
    mirror.take("/ripieno/whatever", (1.0,), 1.0)
    mirror.take("/ripieno/panic", (1,), 1.0)
    mirror.take("/ripieno/state", ("not JSON",), 1.0)
    assert mirror.values == before


def test_the_engines_death_ends_the_notes_on_the_keyboard(mirror: Mirror) -> None:
    mirror.take("/ripieno/statistics", (statistics(frame=5000),), 1.0)
    mirror.take("/ripieno/note_on", note_on(1, frame=1000), 1.0)
    mirror.set_connection("connected")
    mirror.set_connection("gone")
    assert mirror.notes.pitches() == {}
    assert mirror.notes.bars[0].end_frame == 5000


def test_transport_moves_and_the_floor_changes(mirror: Mirror) -> None:
    mirror.take("/ripieno/transport_moved", (96000, 8.0, 60.0, 0), 2.0)
    assert (mirror.transport.beat, mirror.transport.rolling) == (8.0, False)
    assert mirror.transport.beat_at(1e9) == 8.0
    mirror.take("/ripieno/floor", ("both", 1), 2.0)
    assert mirror.floor == "both"


def test_the_continuations_settings_have_their_addresses(mirror: Mirror) -> None:
    """Only those that this engine's table has."""
    told = {"mode": "trade", "silence_beats": 3.0, "parts": [True, False], "floor": "ensemble"}
    mirror.take("/ripieno/state", ({"continuation": told},), 1.0)
    assert mirror.floor == "ensemble"
    assert mirror.value("/ripieno/continuation/mode") in ("trade", None)


def test_confidences_are_tallied(mirror: Mirror) -> None:
    for number, sure in enumerate((0.97, 0.99, 0.31)):
        mirror.take("/ripieno/note_on", note_on(number, sure=sure), 1.0)
    assert dict(mirror.tallies.bins()) == {30.0: 1, 95.0: 2}
    assert mirror.tallies.how == {"network": 3}
