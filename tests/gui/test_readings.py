"""Meters, lengths, keys and instruments as they are read; no window."""

import math

import pytest

from gui import general_midi
from gui.levels import FALL_DB_S, HOLD_S, Level, to_db
from gui.pitch import parse_pitch, pitch_at, pitch_name, white_place
from gui.readings import METER_LOW_DB, frames_text, length_text, meter_place, peak_text


def test_the_meters_scale_rises_from_its_lowest_to_full_scale() -> None:
    places = [meter_place(db) for db in range(-70, 7)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0.0, 1.0)
    assert meter_place(-20.0) == pytest.approx(0.5)
    assert meter_place(METER_LOW_DB) == 0.0


def test_readings() -> None:
    assert frames_text(128, 48000) == "128 samples \u00b7 2.67 ms"
    assert [length_text(s) for s in (0, 59.9, 61, 3661)] == ["0:00", "0:59", "1:01", "1:01:01"]
    assert [peak_text(db) for db in (-60.0, -6.04, 0.5)] == ["-\u221e", "-6.0", "0.5"]


def test_a_level_rises_at_once_and_falls_by_itself() -> None:
    level = Level()
    level.feed(0.5, 10.0)
    assert level.bar_db(10.0) == pytest.approx(to_db(0.5))
    assert level.bar_db(10.5) == pytest.approx(to_db(0.5) - 0.5 * FALL_DB_S)
    level.feed(0.001, 10.5)  # a quieter moment does not pull it down faster
    assert level.bar_db(10.5) == pytest.approx(to_db(0.5) - 0.5 * FALL_DB_S)
    assert level.bar_db(99.0) == METER_LOW_DB


def test_the_peak_is_held_then_falls() -> None:
    level = Level()
    level.feed(0.5, 10.0)
    assert level.held_db(10.0 + 0.9 * HOLD_S) == pytest.approx(to_db(0.5))
    assert level.held_db(10.0 + HOLD_S + 1.0) < to_db(0.5)
    assert level.resting(30.0)
    level.feed(0.9, 11.0)  # a louder one takes its place
    assert level.held_db(11.0) == pytest.approx(to_db(0.9))


def test_overload_is_remembered_until_it_is_cleared() -> None:
    level = Level()
    level.feed(0.9, 1.0)
    assert not level.clipped
    level.feed(1.2, 2.0)
    level.feed(0.0, 3.0)
    assert level.clipped
    level.clear()
    assert not level.clipped
    assert to_db(math.nan) == METER_LOW_DB


@pytest.mark.parametrize("pitch", range(128))
def test_every_key_has_a_name_and_a_place_that_lead_back_to_it(pitch: int) -> None:
    assert parse_pitch(pitch_name(pitch)) == pitch
    assert pitch_at(white_place(pitch)) == pitch


def test_keys_as_people_type_them() -> None:
    assert [parse_pitch(text) for text in ("c4", "F#3", "Bb2", "61", " 0 ")] == [60, 54, 46, 61, 0]
    assert [parse_pitch(text) for text in ("", "h4", "c", "128", "c99", "-1")] == [None] * 6


def test_all_instruments_of_general_midi_by_family() -> None:
    assert len(general_midi.INSTRUMENTS) == 128
    assert len(set(general_midi.INSTRUMENTS)) == 128
    assert all(len(names) == 8 for _, names in general_midi.FAMILIES)
    assert general_midi.instrument(40) == "Violin"
    assert general_midi.family(40) == "Strings"
    assert general_midi.instrument(60) == "French horn"
    assert general_midi.find("french horn") == [60]
    assert 56 in general_midi.find("brass")
    assert general_midi.find("") == list(range(128))
