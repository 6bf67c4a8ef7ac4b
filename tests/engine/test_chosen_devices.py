"""What was chosen while playing is what is played through the next time."""

import pytest

from engine import cli
from engine.chosen_devices import (
    Chosen,
    chosen_file,
    input_there,
    open_output,
    remember,
    remembered,
)
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont

QUIET = {"output": "none", "input_port": "none", "soundfont": bundled_soundfont()}


def test_nothing_is_remembered_before_anything_is_chosen() -> None:
    assert remembered() == Chosen()
    assert open_output(remembered(), None, None, None, 0) == (None, "")
    assert input_there(remembered()) == (None, "")


def test_each_choice_is_kept_beside_the_other() -> None:
    remember(output='Studio "A"', block_frames=256)
    remember(input_port="Launchkey")
    assert remembered() == Chosen('Studio "A"', 256, "Launchkey")
    remember(output="auto", block_frames=0)
    assert remembered() == Chosen(input_port="Launchkey")


@pytest.mark.parametrize(
    "text", ["format = 2", "what = 1", "format = 1\nblock_frames = 3", "format = 1\noutput = 7"]
)
def test_a_file_that_says_nonsense_is_as_none(text: str, caplog: pytest.LogCaptureFixture) -> None:
    chosen_file().parent.mkdir(parents=True, exist_ok=True)
    chosen_file().write_text(text)
    assert remembered() == Chosen()
    assert "the chosen devices are forgotten" in caplog.text
    remember(output="jack")
    assert remembered() == Chosen("jack")


def test_what_is_not_there_any_more_is_said_and_not_used() -> None:
    device, sentence = open_output(Chosen("No such card"), None, None, 2, 0)
    assert device is None
    assert sentence.startswith("No such card, chosen the last time, cannot be played through: ")
    name, sentence = input_there(Chosen(input_port="No such keyboard"))
    assert name is None
    assert "No such keyboard, chosen the last time, is not there" in sentence
    assert input_there(Chosen(input_port="none")) == ("none", "")


@pytest.mark.parametrize("remembers", [True, False])
def test_a_session_remembers_what_is_chosen_while_it_plays(remembers: bool) -> None:
    with Session(Settings(**QUIET, remember=remembers), lambda sentence: None) as session:
        session.choose_output("none", 512)
        session.choose_input("none")
    assert remembered() == (Chosen("none", 512, "none") if remembers else Chosen())


def test_play_uses_it_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    remember(output="none", block_frames=512, input_port="none")
    play = ["play", "--duration", "0.1", "--no-record", "--osc-port", "0"]
    assert cli.main(play) == 0
    assert "no sound (48000 Hz, 512 frames)" in "".join(capsys.readouterr())
    assert cli.main([*play, "--out", "none"]) == 0
    assert "no sound (48000 Hz, 128 frames)" in "".join(capsys.readouterr())


def test_play_goes_on_without_what_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    remember(output="No such card", input_port="No such keyboard")
    play = ["play", "--duration", "0.1", "--no-record", "--osc-port", "0", "--out", "none"]
    assert cli.main(play) == 0
    assert "No such keyboard, chosen the last time" in "".join(capsys.readouterr())
