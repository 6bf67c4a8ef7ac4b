"""Morph sounds as files: the shipped ones, the way there and back, and what is refused."""

import dataclasses
import re
from pathlib import Path

import pytest

from engine.errors import RipienoError
from engine.morph_sounds import (
    Anchor,
    MorphSound,
    MorphSoundError,
    Point,
    Source,
    list_morph_sounds,
    load_morph_sound,
    morph_sound_ids,
    save_morph_sound,
    sound_of,
)
from engine.paths import config_folder, presets_folder
from models import registry
from models.morph.voice_model import load

SHIPPED = sorted((presets_folder() / "sounds").glob("*.toml"))
GOOD = """
format = 1
name = "Mine"
anchors = [{ instrument = "cello", x = 0, y = 0 }, { instrument = "flute", x = 1, y = 0 }]
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path / "home"))


def refusal(tmp_path: Path, text: str) -> str:
    """The one sentence with which a file holding `text` is refused."""
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RipienoError) as caught:
        load_morph_sound(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_sound_loads_and_says_what_it_is(path: Path) -> None:
    sound = load_morph_sound(path.stem)
    assert sound.description
    assert sound.tags
    assert sound.anchors
    assert sound.id == path.stem


def test_the_shipped_weights_have_every_instrument_of_the_shipped_sounds() -> None:
    sounds, complaints = list_morph_sounds()
    assert complaints == []
    assert len(sounds) >= 8
    for name in (entry.name for entry in registry.list_morphs()):
        model = load(name)
        for sound in sounds:
            for anchor in sound.anchors:
                assert model.index(anchor.instrument) >= 0


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_sound_is_written_as_it_was_read(path: Path, tmp_path: Path) -> None:
    sound = load_morph_sound(path)
    again = load_morph_sound(save_morph_sound(sound, tmp_path))
    assert dataclasses.replace(again, id=sound.id) == sound


def test_what_a_file_leaves_out_is_as_usual(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")
    sound = load_morph_sound(path)
    assert sound == MorphSound(
        "mine", "Mine", anchors=(Anchor("cello", x=0, y=0), Anchor("flute", x=1, y=0))
    )
    assert sound.puck == Point(0.5, 0.5)
    assert sound.mode == "latent"


def test_a_sound_of_the_users_own_comes_before_ours() -> None:
    folder = config_folder() / "sounds"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(GOOD, encoding="utf-8")
    ours = SHIPPED[0].stem
    (folder / f"{ours}.toml").write_text(GOOD, encoding="utf-8")
    assert {"mine", ours} <= set(morph_sound_ids())
    assert load_morph_sound(ours).name == "Mine"
    sounds, complaints = list_morph_sounds()
    assert complaints == []
    assert len(sounds) == len(SHIPPED) + 1


def test_a_broken_sound_is_named_and_the_others_are_listed() -> None:
    folder = config_folder() / "sounds"
    folder.mkdir(parents=True)
    (folder / "broken.toml").write_text("format = 1\nname = 3\nanchors = []", encoding="utf-8")
    sounds, complaints = list_morph_sounds()
    assert len(sounds) == len(SHIPPED)
    assert len(complaints) == 1
    assert "broken.toml" in complaints[0]


def test_a_name_nobody_knows_is_answered_with_those_there_are() -> None:
    with pytest.raises(RipienoError, match=f'no morph sound "kazoo".*{SHIPPED[0].stem}'):
        load_morph_sound("kazoo")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("texture = 2", "texture = 2 must be a number from 0 to 1"),
        ("release = 0.1", "release = 0.1 must be a number from 0.25 to 4"),
        ('mode = "loud"', 'mode = \'loud\' must be one of "latent", "baseline"'),
        ("loop = 1", "loop = 1 must be true or false"),
        ("puck = { x = 1.5 }", "puck: x = 1.5 must be a number from 0 to 1"),
        ("puck = 3", "puck = 3 must be a table"),
        ("vibrato = { depth_cents = 200 }", "vibrato: depth_cents = 200 must be a number from 0"),
        ("colour = 1", "unknown key 'colour', legal are name"),
        (
            '[[sources]]\naxis = "z"\nkind = "cc"',
            'source 1: axis = \'z\' must be one of "x", "y"',
        ),
        ('[[sources]]\naxis = "x"', 'source 1: the key "kind" is missing'),
        (
            '[[sources]]\naxis = "x"\nkind = "cc"\ncontroller = 120',
            "source 1: controller = 120 must be a whole number from 1 to 119",
        ),
        ("trajectory = [[0, 0, 0]]", "trajectory must begin at time 0 and have two points"),
        ("trajectory = [[1, 0, 0], [2, 0, 1]]", "trajectory must begin at time 0"),
        (
            "trajectory = [[0, 0, 0], [0, 0, 1]]",
            "trajectory point 2 at 0 must be later than the one before, at 0",
        ),
        (
            "trajectory = [[0, 0, 0], [1, 0, 2]]",
            "trajectory point 2 = [1, 0, 2] must be [time, x, y], the time 0 to 36000, x and y 0",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, change: str, said: str) -> None:
    assert said in refusal(tmp_path, GOOD + change)


def test_anchors_are_one_to_eight_and_apart(tmp_path: Path) -> None:
    start = 'format = 1\nname = "Mine"\n'
    assert "has 0 anchors, must have 1 to 8" in refusal(tmp_path, start + "anchors = []")
    nine = ", ".join(f'{{ instrument = "cello", x = {k / 10}, y = 0 }}' for k in range(9))
    assert "has 9 anchors" in refusal(tmp_path, start + f"anchors = [{nine}]")
    same = '{ instrument = "cello", x = 0.5, y = 0 }, { instrument = "oboe", x = 0.501, y = 0 }'
    message = refusal(tmp_path, start + f"anchors = [{same}]")
    assert re.search("anchors 1 and 2 lie at the same place", message)
    assert 'the key "anchors" is missing' in refusal(tmp_path, start)


def test_a_record_that_exists_is_valid() -> None:
    with pytest.raises(MorphSoundError, match="dynamics = 2 must be a number from 0 to 1"):
        Anchor("cello", dynamics=2)
    with pytest.raises(MorphSoundError, match="kind = 'breath' must be one of"):
        Source("x", "breath")
    nine = (Source("x", "cc"),) * 9
    with pytest.raises(MorphSoundError, match="has 9 sources, may have 8"):
        MorphSound("a", "A", anchors=(Anchor("cello"),), sources=nine)
    with pytest.raises(MorphSoundError, match="must be a table"):
        sound_of("a", {"name": "A", "anchors": [3]})
