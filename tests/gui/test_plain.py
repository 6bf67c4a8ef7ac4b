"""What the window reckons without Qt: scales, colours, preferences, shortcuts, letters as keys."""

from pathlib import Path

import pytest

from engine.addresses import RECEIVED
from gui import preferences, shortcuts
from gui.colours import AA_LARGE, AA_TEXT, CONES, Palette, contrast, difference, mixed
from gui.palettes import DARK, LIGHT
from gui.piano_keys import PianoKeys
from gui.preferences import Preferences
from gui.scale import Scale, choices_of, learnable, scale_of

BOTH = pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])


@BOTH
def test_text_keeps_the_contrast_of_wcag_aa(palette: Palette) -> None:
    for ground in (palette.window, palette.panel, palette.raised):
        assert contrast(palette.text, ground) >= AA_TEXT
        assert contrast(palette.muted, ground) >= AA_TEXT
    for name in ("good", "warn", "bad", "accent"):
        assert contrast(getattr(palette, name), palette.panel) >= AA_TEXT, name
    assert contrast(palette.on_accent, palette.accent) >= AA_TEXT
    assert contrast(palette.on_bad, palette.bad) >= AA_TEXT
    assert contrast(palette.window, palette.good) >= AA_TEXT
    assert contrast(palette.line, palette.panel) >= 2.0


@BOTH
def test_parts_are_seen_and_told_apart_also_by_colour_blind_eyes(palette: Palette) -> None:
    assert len(palette.parts) == 16
    for part in palette.parts:
        assert contrast(part, palette.panel) >= AA_LARGE
    for eyes in CONES:
        for first in range(16):
            for second in range(first):
                least = 16.0 if first < 8 else 6.0
                found = difference(palette.parts[first], palette.parts[second], eyes)
                assert found >= least, (eyes, first, second, found)


def test_colours_arithmetic() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert mixed("#FFFFFF", "#000000", 0.5) == "#808080"
    assert DARK.part(16) == DARK.part(0)
    assert DARK.part(-1) == DARK.muted
    assert difference("#FF0000", "#00A000", "deutan") < difference("#FF0000", "#00A000")


def test_a_faders_way_is_fine_near_0_db_and_goes_both_ways() -> None:
    fader = scale_of("/ripieno/part/1/gain")
    assert fader is not None
    assert fader.position(0.0) == pytest.approx(0.75)
    assert (fader.position(-60), fader.position(12)) == (0.0, 1.0)
    for position in (0.0, 0.1, 0.4, 0.75, 0.9, 1.0):
        assert fader.position(fader.value(position)) == pytest.approx(position)
    assert (fader.text(-60.0), fader.text(-6.0)) == ("-∞ dB", "-6.0 dB")


@pytest.mark.parametrize(
    ("address", "value", "text"),
    [
        ("/ripieno/part/1/pan", -0.5, "L 50"),
        ("/ripieno/part/1/pan", 0.0, "C"),
        ("/ripieno/part/1/reverb", 0.3, "30 %"),
        ("/ripieno/tempo", 120.0, "120.0 bpm"),
        ("/ripieno/chord_window", 20.0, "20 ms"),
        ("/ripieno/part/1/polyphony", 4.0, "4"),
    ],
)
def test_values_in_words(address: str, value: float, text: str) -> None:
    scale = scale_of(address)
    assert scale is not None
    assert scale.text(value) == text


def test_every_setting_of_the_table_has_a_scale_or_words() -> None:
    marks = {"part": "1", "slot": "master", "plugin": "1", "parameter": "mix"}
    for row in RECEIVED:
        path = row.path
        for name, value in marks.items():
            path = path.replace(f"{{{name}}}", value)
        scale = scale_of(path)
        if row.setting and row.arguments[0].tag != "s":
            assert scale is not None
            assert scale.low <= scale.default <= scale.high
            assert scale.clamp(scale.default) == scale.default
        elif row.arguments and row.arguments[0].tag == "s":
            assert scale is None
            assert choices_of(path) == row.arguments[0].choices
        assert learnable(path) == bool(row.learn)


def test_a_scale_without_length_is_named() -> None:
    with pytest.raises(ValueError, match="from 3 to 3 has no length"):
        Scale(3, 3)
    whole = Scale(0, 10, whole=True)
    assert (whole.clamp(3.6), whole.clamp(99)) == (4.0, 10.0)


def test_preferences_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "window.toml"
    changed = Preferences(theme="light", page="mixer", shortcuts={"tap": "F2"}, path=path)
    changed.save()
    assert preferences.load(path) == changed


@pytest.mark.parametrize(
    "text",
    ['theme = "pink"', "size = [1]", "page = 3", "shortcuts = 1", "seconds_shown = 99", "x = 1"],
)
def test_a_wrong_preference_is_left_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / "window.toml"
    path.write_text(f"{text}\nfirst_run_done = true\n")
    assert preferences.load(path) == Preferences(first_run_done=True, path=path)


def test_a_file_that_cannot_be_read_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "window.toml"
    path.write_text("theme = [")
    assert preferences.load(path) == Preferences(path=path)
    assert (tmp_path / "window.unreadable").read_text() == "theme = ["


def test_shortcuts_are_changed_and_never_given_twice() -> None:
    changed = shortcuts.with_keys("tap", "F2", {})
    assert shortcuts.keys_of(shortcuts.NAMES["tap"], changed) == "F2"
    with pytest.raises(ValueError, match="Esc already does: Panic"):
        shortcuts.with_keys("tap", "Esc", changed)
    with pytest.raises(ValueError, match="'dance' is none of"):
        shortcuts.with_keys("dance", "F2", {})
    assert shortcuts.with_keys("tap", "", changed)["tap"] == ""
    usual = [action.keys for action in shortcuts.ACTIONS if action.keys]
    assert len(set(usual)) == len(usual)


def test_letters_are_keys_of_a_piano() -> None:
    sent: list[tuple[int, int]] = []
    piano = PianoKeys(lambda pitch, velocity: sent.append((pitch, velocity)))
    assert piano.press("A")
    assert piano.press("a")  # held: it does not strike again
    assert piano.press("x")
    assert piano.press("w")
    assert not piano.press("q")
    assert piano.release("a")  # ends what it began, an octave below
    assert not piano.release("a")
    assert sent == [(60, 80), (73, 80), (60, 0)]
    piano.press("v")
    piano.press("s")
    piano.release_all()
    assert sent[3:] == [(74, 96), (73, 0), (74, 0)]
