"""Banks rendered from a SoundFont: their zones, their loops, their cache."""

import numpy as np
import pytest

from engine import banks
from engine.banks import GUARD_AFTER, GUARD_BEFORE, Bank, crossfade_loop, find_loop, render_bank
from engine.paths import cache_folder
from engine.soundfonts import find_soundfont
from tests.engine.rig_helpers import bank_of

ORGAN, PIANO = 19, 0


@pytest.fixture(scope="module")
def organ():
    return render_bank(find_soundfont(), ORGAN, 0, 60, 66)


def stored():
    return sorted((cache_folder() / "banks").glob("*"))


def test_every_key_and_velocity_has_one_zone(organ):
    zones = organ.zones
    for key in range(128):
        for velocity in range(1, 128):
            inside = (zones["key_low"] <= key) & (key <= zones["key_high"])
            inside &= (zones["velocity_low"] <= velocity) & (velocity <= zones["velocity_high"])
            assert inside.sum() == 1, (key, velocity)


def test_zones_are_rendered_at_their_root_keys(organ):
    """The loudest partial of each note is a multiple of its key's frequency."""
    for zone in organ.zones:
        at = int(zone["offset"]) + 24000
        note = organ.data[at : at + 24000] * np.hanning(24000)
        partial = np.argmax(np.abs(np.fft.rfft(note, 1 << 18))) * 48000 / (1 << 18)
        ratio = partial / (440 * 2 ** ((zone["root_key"] - 69) / 12))
        octaves = ratio * 4  # organs sound octaves and twelfths below and above their key
        assert abs(octaves - round(octaves)) < 0.03 * octaves


def test_held_instruments_loop_and_the_seam_matches(organ):
    for zone in organ.zones:
        start, end = int(zone["loop_start"]), int(zone["loop_end"])
        assert 0 < start < end <= zone["length"]
        note = organ.data[int(zone["offset"]) :]
        np.testing.assert_array_equal(
            note[end : end + GUARD_AFTER], note[start : start + GUARD_AFTER]
        )
        usual = np.abs(np.diff(note[:end])).max()
        assert abs(note[end] - note[end - 1]) <= usual


def test_decaying_instruments_do_not_loop_and_end_in_silence():
    bank = render_bank(find_soundfont(), PIANO, 0, 84, 84)
    for zone in bank.zones:
        assert zone["loop_end"] == 0
        end = int(zone["offset"] + zone["length"])
        assert abs(bank.data[end - 1]) < 1e-4
        np.testing.assert_array_equal(bank.data[end : end + GUARD_AFTER], 0)


def test_loudness_follows_the_soundfont(organ):
    """A zone's gain undoes its own velocity's square, which the voice applies."""
    for zone in organ.zones:
        rendered = {88: 72, 127: 112}[int(zone["velocity_high"])]
        assert zone["gain"] * (rendered / 127) ** 2 == pytest.approx(1, rel=1e-6)


def test_the_second_time_a_bank_is_read_not_rendered(organ, monkeypatch):
    monkeypatch.setattr(banks, "_render", None)
    again = render_bank(find_soundfont(), ORGAN, 0, 60, 66)
    np.testing.assert_array_equal(again.data, organ.data)
    np.testing.assert_array_equal(again.zones, organ.zones)


def tiny(*_):
    return bank_of(np.linspace(-1, 1, 50))


@pytest.mark.parametrize(
    "damage",
    [b"", b"garbage", b"PK\x03\x04 and then nothing", "half", "loop"],
    ids=["empty", "garbage", "not quite a zip", "cut short", "a loop that never ends"],
)
def test_a_damaged_cache_is_rendered_again(monkeypatch, tmp_path, damage):
    monkeypatch.setattr(banks, "_render", tiny)
    monkeypatch.setattr(banks, "cache_folder", lambda: tmp_path)
    render_bank(find_soundfont(), 1, 0, 60, 60)
    (path,) = (tmp_path / "banks").iterdir()
    if damage == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "loop":
        bad = tiny()
        bad.zones["loop_start"] = bad.zones["loop_end"] = 20
        np.savez(path, data=bad.data, zones=bad.zones)
    else:
        path.write_bytes(damage)
    np.testing.assert_array_equal(render_bank(find_soundfont(), 1, 0, 60, 60).data, tiny().data)
    monkeypatch.setattr(banks, "_render", None)
    render_bank(find_soundfont(), 1, 0, 60, 60)  # and mended
    assert len(list((tmp_path / "banks").iterdir())) == 1


def test_a_cache_that_cannot_be_written_costs_time_only(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setattr(banks, "_render", tiny)
    monkeypatch.setattr(banks, "cache_folder", lambda: tmp_path / "file")
    assert len(render_bank(find_soundfont(), 1, 0, 60, 60).zones) == 1


def test_another_range_or_program_is_another_bank(monkeypatch, tmp_path):
    monkeypatch.setattr(banks, "_render", tiny)
    monkeypatch.setattr(banks, "cache_folder", lambda: tmp_path)
    for program, bank, low, high in (
        (1, 0, 60, 60),
        (2, 0, 60, 60),
        (1, 8, 60, 60),
        (1, 0, 59, 60),
    ):
        render_bank(find_soundfont(), program, bank, low, high)
    assert len(list((tmp_path / "banks").iterdir())) == 4


def test_a_loop_is_found_where_the_wave_repeats():
    tone = np.sin(2 * np.pi * 220.5 * np.arange(2 * 48000) / 48000).astype(np.float32)
    start, end = find_loop(tone, 48000)
    periods = (end - start) * 220.5 / 48000
    assert abs(periods - round(periods)) < 0.01
    looped = crossfade_loop(tone, start, end)
    assert abs(looped[end - 1] - tone[start - 1]) < 0.01
    np.testing.assert_array_equal(looped[: end - 2048], tone[: end - 2048])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offset": 0}, "zone 0 must lie within 1 to 51, got 0 to 50"),
        ({"length": 51}, "zone 0 must lie within 1 to 51, got 1 to 52"),
        ({"length": 0}, "must lie within"),
        (
            {"loop_start": 10, "loop_end": 10},
            "loop of zone 0 must lie within 0 to 50, got 10 to 10",
        ),
        ({"loop_end": 51}, "loop of zone 0"),
        ({"loop_start": -1, "loop_end": 9}, "loop of zone 0"),
        ({"rate_hz": 0}, "rate of zone 0 must be 1 to 1000000 Hz, got 0"),
        ({"rate_hz": np.nan}, "rate of zone 0"),
        ({"root_key": np.inf}, "finite"),
        ({"gain": np.nan}, "finite"),
    ],
)
def test_a_bank_that_would_mislead_a_voice_cannot_be_made(changes, message):
    good = tiny()
    assert len(good.data) == 50 + GUARD_BEFORE + GUARD_AFTER
    zones = good.zones.copy()
    for name, value in changes.items():
        zones[name] = value
    with pytest.raises(ValueError, match=message):
        Bank(good.data, zones)


def test_a_bank_is_finite_floats_in_a_row():
    good = tiny()
    with pytest.raises(ValueError, match="data must be a row of float32, got float64"):
        Bank(good.data.astype(np.float64), good.zones)
    with pytest.raises(ValueError, match="data must be a row"):
        Bank(np.zeros(200, np.float32)[::2], good.zones)
    bad = good.data.copy()
    bad[7] = np.nan
    with pytest.raises(ValueError, match="finite"):
        Bank(bad, good.zones)
