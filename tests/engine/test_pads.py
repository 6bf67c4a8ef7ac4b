"""Pads on a session with the real engine: sounds, sources, courses, rigs, what remotes see."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import operations
from engine.errors import RipienoError
from engine.midi.files import write_midi
from engine.morph_sounds import KIND, Source, load_morph_sound
from engine.parameters import PAD_PARAMETERS
from engine.paths import config_folder
from engine.rigging import capture, set_up
from engine.session import Settings
from models.morph.voice_model import random_model
from tests.engine.morph_helpers import new_morph_engine, sound_of
from tests.engine.rig_helpers import controller, note_off, note_on, play
from tests.engine.test_morph_paths import performance
from tests.engine.test_repertoire import QUIET, Hands, by_hand

WHEEL = """
format = 1
name = "Wheel"
puck = { x = 0, y = 0.5 }
even_motion = true
texture = 0
sources = [{ axis = "x", kind = "cc" }]
trajectory = [[0, 0, 0.5], [1, 1, 0.5]]
[[anchors]]
instrument = "instrument 1"
x = 0
y = 0.5
[[anchors]]
instrument = "instrument 2"
x = 1
y = 0.5
"""
PATH = "/ripieno/part/1/morph"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hands]:
    folder = config_folder() / KIND
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("wheel", WHEEL), ("still", WHEEL.replace("x = 0, y", "x = 1, y"))):
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    with by_hand(Settings(**QUIET), []) as session:
        session.engine.use_morph_model(random_model(3))
        session.play(0.05)
        yield session
        session.engine.render(1024)
    for name in ("wheel", "still"):
        (folder / f"{name}.toml").unlink()


@pytest.fixture
def hands(made: Hands) -> Hands:
    made.learn.replace([])
    made.set_ensemble("string_quartet")
    made.set("assigner", 1)  # zones: 72 plays part 1
    set_it(made, f"{PATH}/sound", "wheel")
    made.play(0.1, controller(1, 0))
    return made


def set_it(hands: Hands, path: str, *values) -> None:
    operations.set_value(hands, path, *values)


def puck(hands: Hands) -> tuple[float, float]:
    found = hands.engine.pads.puck(0)
    return round(found.x, 3), round(found.y, 3)


def pad_of(hands: Hands) -> dict:
    return hands.state_section("morph")["morph"]["parts"][0]


def test_the_wheel_moves_the_sound(hands: Hands) -> None:
    before = hands.play(0.3, note_on(72))[-4096:, 0]
    hands.play(0.1, controller(1, 127))
    after = hands.play(0.2)[-4096:, 0]
    hands.play(0.3, note_off(72), controller(1, 0))
    assert puck(hands) == (0.0, 0.5)
    bins = np.round(440 * 2 ** ((72 - 69) / 12) * np.arange(1, 9) * 4096 / 48000).astype(int)
    spectra = [np.abs(np.fft.rfft(one * np.hanning(4096)))[bins] for one in (before, after)]
    moved_db = 20 * np.log10(spectra[1] / spectra[0])
    assert np.abs(moved_db - moved_db.mean()).max() > 2.0, "another sound"


def test_any_blocks_give_the_same_samples(tmp_path: Path) -> None:
    """Offline is live: what the pad does depends on no block."""
    sources = (Source("x", "cc"), Source("y", "lfo", period_s=0.1, shape="random"))
    sources += (Source("y", "envelope", attack_s=0.1, decay_s=0.1),)
    runs = []
    for block in (64, 37):
        engine = new_morph_engine(tmp_path, sound_of(anchors=3, sources=sources, texture=0.5))
        wheel = [(100 + 517 * k, controller(1, 9 * k)) for k in range(14)]
        runs.append(play(engine, [(90, note_on(60)), *wheel, (9000, note_off(60))], 14400, block))
        engine.close()
    assert np.abs(runs[0]).max() > 0.001
    np.testing.assert_array_equal(runs[0], runs[1])


def test_the_puck_is_a_parameter_that_is_learned_like_others(hands: Hands) -> None:
    set_it(hands, f"{PATH}/x", 0.75)
    hands.play(0.05)
    assert puck(hands)[0] == 0.75
    assert operations.value_of(hands, f"{PATH}/x") == 0.75
    set_it(hands, "/ripieno/learn", f"{PATH}/y")
    for value in (0, 10, 127):  # it is learned, picked up, moved
        hands.play(0.05, controller(20, value))
    hands.play(0.05)
    assert puck(hands)[1] == 1.0


def test_another_sound_begins_as_it_is_and_another_part_changes_nothing(hands: Hands) -> None:
    set_it(hands, f"{PATH}/x", 0.3)
    set_it(hands, f"{PATH}/mode", "baseline")
    set_it(hands, "/ripieno/part/2/sound", "bank")
    hands.play(0.05)
    assert puck(hands)[0] == 0.3
    assert operations.value_of(hands, f"{PATH}/mode") == "baseline"
    set_it(hands, f"{PATH}/sound", "still")
    for _ in range(40):  # the slower the machine, the later its frame
        hands.play(0.05)
        if puck(hands)[0] == 1.0:
            break
    assert puck(hands)[0] == 1.0
    assert operations.value_of(hands, f"{PATH}/mode") == "latent"
    assert pad_of(hands)["weights"] == [0.0, 1.0]
    set_it(hands, f"{PATH}/sound", "")
    assert operations.value_of(hands, f"{PATH}/sound") == ""
    assert hands.ensemble.parts[0].sound == "soundfont"
    assert pad_of(hands) is None


def test_a_recording_becomes_the_trajectory(hands: Hands) -> None:
    set_it(hands, f"{PATH}/record", 1)
    hands.play(0.02)
    assert operations.value_of(hands, f"{PATH}/record") == 1
    for value in range(0, 128, 4):
        hands.play(0.02, controller(1, value))
    set_it(hands, f"{PATH}/record", 0)
    hands.play(0.05, controller(1, 0))
    assert pad_of(hands)["trajectory_of"] == "puck"
    points = pad_of(hands)["trajectory"]
    assert points[0][1] == pytest.approx(0, abs=0.01)
    assert points[-1][1] == pytest.approx(1, abs=0.05)
    assert any("of the puck are recorded" in sentence for sentence in hands.said)
    set_it(hands, f"{PATH}/loop", 0)
    set_it(hands, f"{PATH}/play", 1)
    hands.play(2.0)
    assert puck(hands)[0] == pytest.approx(1, abs=0.05)
    set_it(hands, f"{PATH}/play", 0)
    hands.play(0.05)
    assert puck(hands)[0] == 0


def test_the_trajectory_of_a_rig_comes_back(hands: Hands) -> None:
    set_it(hands, f"{PATH}/record", 1)
    for value in range(0, 128, 16):
        hands.play(0.05, controller(1, value))
    set_it(hands, f"{PATH}/record", 0)
    hands.play(0.05, controller(1, 0))
    set_it(hands, f"{PATH}/x", 0.4)
    set_it(hands, f"{PATH}/mode", "baseline")
    set_it(hands, f"{PATH}/interpolation", "cubic")
    before = pad_of(hands)["trajectory"]
    rig = capture(hands)
    values = rig.parts["Violin I"]
    assert values["morph"] == "wheel"
    assert values["morph_mode"] == "baseline"
    assert {"morph_texture", "morph_play", "morph_loop", "morph_y"}.isdisjoint(values)
    hands.set_ensemble("brass_quartet")
    hands.play(0.05)
    assert pad_of(hands) is None
    set_up(hands, rig)
    hands.play(0.05)
    assert puck(hands)[0] == 0.4
    assert pad_of(hands)["trajectory"] == before
    assert operations.value_of(hands, f"{PATH}/interpolation") == "cubic"
    assert capture(hands).parts == rig.parts


def test_a_trajectory_is_drawn_from_a_file(
    hands: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piece = performance([(0, 1, 60, 80, 0), (1, 2, 62, 80, 1), (2, 3, 60, 80, 0)], (42, 73))
    write_midi(tmp_path / "piece.mid", piece.tracks, piece.events)
    with pytest.raises(RipienoError, match=r"piece.mid: a trajectory needs two notes .* cello"):
        set_it(hands, f"{PATH}/draw", str(tmp_path / "piece.mid"))
    assert pad_of(hands)["trajectory_of"] == "sound"
    sound = load_morph_sound("wheel")
    names = ("cello", "flute")
    text = sound.text()
    for k, name in enumerate(names, start=1):
        text = text.replace(f"instrument {k}", name)
    model = random_model(3)
    object.__setattr__(model, "instruments", (*names, *model.instruments[2:]))
    monkeypatch.setattr(hands.engine._players.morphs, "model", model)
    file = tmp_path / "drawn.toml"
    file.write_text(text, encoding="utf-8")
    set_it(hands, f"{PATH}/sound", str(file))
    set_it(hands, f"{PATH}/draw", str(tmp_path / "piece.mid"))
    assert pad_of(hands)["trajectory_of"] == "labels"
    set_it(hands, f"{PATH}/play", 1)
    hands.play(1.02)
    assert pad_of(hands)["weights"] == pytest.approx([0, 1], abs=0.15)
    kept = capture(hands).parts["Violin I"]
    assert [one[1] for one in kept["morph_labels"]] == ["cello", "flute", "cello"]
    with pytest.raises(RipienoError, match="is kept in rigs"):
        set_it(hands, f"{PATH}/save", "Drawn")
    hands.set_ensemble("string_quartet")


def test_a_sound_is_kept_as_it_is_now(hands: Hands) -> None:
    set_it(hands, f"{PATH}/x", 0.25)
    set_it(hands, f"{PATH}/texture", 0.125)
    path = hands.pads.save(0, "My own")
    kept = load_morph_sound(path)
    assert (kept.puck.x, kept.texture, kept.name) == (0.25, 0.125, "My own")
    assert kept.anchors == load_morph_sound("wheel").anchors
    path.unlink()


def test_a_part_without_a_morph_sound_says_so(hands: Hands) -> None:
    for path, value in ((f"{PATH}/record", 1), (f"{PATH}/draw", "x.mid"), (f"{PATH}/save", "x")):
        with pytest.raises(RipienoError, match="part 2 plays no morph sound"):
            set_it(hands, path.replace("/1/", "/2/"), value)
    with pytest.raises(RipienoError, match='no morph sound "kazoo"'):
        set_it(hands, f"{PATH}/sound", "kazoo")
    assert hands.ensemble.parts[0].morph == "wheel"


def test_records_are_let_go_when_the_callback_has_left_them(hands: Hands) -> None:
    for _ in range(3):
        set_it(hands, f"{PATH}/sound", "still")
        hands.play(0.05)
        set_it(hands, f"{PATH}/sound", "wheel")
        hands.play(0.05)
    hands.engine.pads.sweep()
    assert hands.engine.pads.records == 1


def test_state_and_statistics_show_the_puck(hands: Hands) -> None:
    shown = pad_of(hands)
    assert shown["sound"] == "wheel"
    assert [anchor["instrument"] for anchor in shown["anchors"]] == [
        "instrument 1",
        "instrument 2",
    ]
    assert shown["sources"][0]["kind"] == "cc"
    statistics = hands.statistics()
    assert statistics["puck_x"][0] == shown["puck"]["x"]
    part = hands.state_section("ensemble")["parts"][0]
    assert part["morph/sound"] == "wheel"
    assert part["morph_mode"] == "latent"
    assert set(PAD_PARAMETERS) <= set(part)


def test_a_part_that_is_edited_leaves_the_pads_of_the_others(hands: Hands) -> None:
    set_it(hands, f"{PATH}/loop", 0)
    set_it(hands, f"{PATH}/play", 1)
    hands.play(0.6)
    before = puck(hands)[0]
    set_it(hands, "/ripieno/part/3/program", 70)
    hands.play(0.1)
    assert puck(hands)[0] > before, "the trajectory goes on"
    set_it(hands, "/ripieno/part/3/program", 41)


def test_a_drawn_course_goes_with_its_sound(hands: Hands) -> None:
    set_it(hands, f"{PATH}/interpolation", "cubic")
    hands.engine.render(1024)
    set_it(hands, f"{PATH}/sound", "still")
    assert operations.value_of(hands, f"{PATH}/interpolation") == "linear"
    set_it(hands, f"{PATH}/interpolation", "none")
    hands.set_ensemble("string_quartet")
    set_it(hands, f"{PATH}/sound", "still")
    assert operations.value_of(hands, f"{PATH}/interpolation") == "linear"
