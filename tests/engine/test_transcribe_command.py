"""`ripieno transcribe`: what it writes and says, and what it refuses in one sentence."""

import pytest
import soundfile

from engine.cli import main
from engine.midi.files import read_midi
from tests.engine.transcription.tones import MELODY, melody


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "melody.wav"
    soundfile.write(path, melody(44100), 44100)
    return path


def test_a_recording_becomes_a_midi_file_and_a_picture(recording, tmp_path, capsys):
    out = tmp_path / "out.mid"
    command = ["transcribe", str(recording), "-o", str(out), "--instruments", "oboe", "--png"]
    assert main([*command, "--tempo", "90"]) == 0
    assert f"{out}: Oboe {len(MELODY)} notes; 4.2 s of sound in" in capsys.readouterr().out
    score = read_midi(out)
    assert [track.name for track in score.tracks] == ["Oboe"]
    assert [int(note["pitch"]) for note in score.notes()] == [pitch for _, pitch in MELODY]
    assert score.tempo.seconds_per_beat[0] == pytest.approx(60 / 90, abs=1e-5)
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a sound file and -o OUT.mid are needed, or --live"),
        (["IN"], "a sound file and -o OUT.mid are needed, or --live"),
        (["IN", "-o", "OUT", "--gain", "3"], "--in, --to, --gain and --duration are for --live"),
        (["IN", "--live"], "--live listens to an input"),
        (["--live", "--png"], "--live listens to an input"),
        (["IN", "-o", "OUT", "--solo", "--instruments", "oboe"], "--solo finds the one instrument"),
        (["IN", "-o", "OUT", "--instruments", "kazoo"], "instrument 'kazoo' is none of: violin"),
        (["IN", "-o", "nowhere/OUT"], "there is no folder nowhere"),
        (["nothing.wav", "-o", "OUT"], "nothing.wav: there is no such file"),
        ([__file__, "-o", "OUT"], "not a sound file we can read"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(recording, tmp_path, capsys, arguments, message):
    places = {"IN": str(recording), "OUT": str(tmp_path / "out.mid")}
    assert main(["transcribe", *(places.get(word) or word for word in arguments)]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out.mid").exists()


@pytest.mark.parametrize("option", ["--tempo=5", "--gain=90", "--duration=0"])
def test_numbers_out_of_range_name_the_range(option, capsys):
    assert main(["transcribe", option]) == 2
    assert " .. " in capsys.readouterr().err
