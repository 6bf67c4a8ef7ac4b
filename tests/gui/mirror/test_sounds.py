"""Kinds of sound in words, also those this window does not know."""

from gui.mirror.sounds import kinds, morph_sounds, played_with


def test_the_kind_of_a_part_is_always_among_them() -> None:
    known = ("soundfont", "bank", "midi")
    assert kinds(known, "bank") == [
        ("soundfont", "SoundFont"),
        ("bank", "Note bank"),
        ("midi", "MIDI only"),
    ]
    assert kinds(known, "glass_harp")[-1] == ("glass_harp", "Glass harp")


def test_morph_sounds_are_listed_by_name_files_too() -> None:
    answer = {"sounds": [{"id": "strings_swell", "name": "Strings swell", "tags": []}]}
    assert morph_sounds(answer, "strings_swell") == [("strings_swell", "Strings swell")]
    assert morph_sounds(answer, "/home/me/my_reeds.toml")[-1] == (
        "/home/me/my_reeds.toml",
        "My reeds",
    )
    assert morph_sounds({}) == []


def test_what_a_part_sounds_like() -> None:
    assert played_with("soundfont", 40) == "Violin"
    assert played_with("midi", 40) == "MIDI only"
    assert played_with("morph", 40, "strings_swell") == "Strings swell"
    assert played_with("morph", 40) == "Morph"
    assert played_with("glass", 40) == "Glass"
