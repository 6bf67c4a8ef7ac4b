"""A recording to a score: what is played comes out, at any rate, in any company."""

import numpy as np
import pytest
import soundfile

from engine.errors import RipienoError
from engine.midi.files import read_midi
from engine.transcription.transcribing import Transcription, instrument_place, transcribe
from models import registry
from tests.engine.transcription.tones import HELD_S, MELODY, melody

WITHIN_S = 0.05


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "melody.wav"
    soundfile.write(path, melody(44100), 44100)
    return path


def assert_is_the_melody(found: Transcription) -> None:
    assert found.notes["pitch"].tolist() == [pitch for _, pitch in MELODY]
    starts_s = [start_s for start_s, _ in MELODY]
    np.testing.assert_allclose(found.notes["start_s"], starts_s, atol=WITHIN_S)
    np.testing.assert_allclose(found.notes["end_s"], np.array(starts_s) + HELD_S, atol=2 * WITHIN_S)


def test_a_melody_is_found(recording):
    shares = []
    found = transcribe(recording, most=1, watch=shares.append)
    assert_is_the_melody(found)
    assert shares[-1] == 1.0
    assert len(found.tracks) == 1
    assert found.seconds == pytest.approx(4.2, abs=0.01)


@pytest.mark.parametrize("rate_hz", [8000, 24000, 96000])
def test_the_rate_does_not_matter(tmp_path, rate_hz):
    notes = [(start_s, pitch) for start_s, pitch in MELODY if pitch < 80]
    path = tmp_path / "melody.flac"
    soundfile.write(path, melody(rate_hz, notes), rate_hz)
    assert set(transcribe(path, most=1).notes["pitch"].tolist()) == {pitch for _, pitch in notes}


def test_one_side_of_a_soft_stereo_file_is_enough(tmp_path):
    audio = np.zeros((round(4.2 * 48000), 2), np.float32)
    audio[:, 1] = 0.01 * melody(48000)
    soundfile.write(tmp_path / "side.wav", audio, 48000, subtype="FLOAT")
    assert_is_the_melody(transcribe(tmp_path / "side.wav", most=1))


def test_two_notes_at_once_are_two(tmp_path):
    notes = [(0.5, 48), (0.5, 64), (1.2, 52), (1.2, 69)]
    soundfile.write(tmp_path / "two.wav", melody(24000, notes, 2.2), 24000)
    found = transcribe(tmp_path / "two.wav")
    assert sorted(found.notes["pitch"].tolist()) == sorted(pitch for _, pitch in notes)


def test_who_is_said_to_play_has_the_tracks(recording):
    found = transcribe(recording, ["oboe", "french-horn"])
    assert {track.name for track in found.tracks} <= {"Oboe", "French horn"}
    assert {track.program for track in found.tracks} <= {68, 60}


def test_the_shipped_instruments_have_programs():
    entry = registry.find_transcription("transcription")
    assert len(entry.instruments) >= 12
    assert entry == registry.find_transcription("transcription")
    assert registry.find_transcription("transcription_live").instruments == entry.instruments


def test_names_are_found_by_their_parts_and_else_listed():
    names = ("violin", "viola", "french horn", "double bass", "bassoon")
    assert instrument_place("Horn", names) == 2
    assert instrument_place("french-horn", names) == 2
    assert instrument_place("violin", names) == 0
    for words in ("bass", "kazoo"):
        with pytest.raises(RipienoError, match=f"'{words}' is none of: violin, viola, french horn"):
            instrument_place(words, names)


def test_the_score_is_written_and_read(recording, tmp_path):
    from engine.midi.files import write_midi

    found = transcribe(recording, ["flute"])
    write_midi(tmp_path / "out.mid", found.tracks, found.events)
    read = read_midi(tmp_path / "out.mid")
    assert read.tracks[0].name == "Flute"
    notes = read.notes()
    np.testing.assert_allclose(notes["start_seconds"], found.notes["start_s"], atol=0.001)
    assert notes["pitch"].tolist() == found.notes["pitch"].tolist()
    assert notes["velocity"].tolist() == found.notes["velocity"].tolist()


def test_a_file_without_notes_is_told_of(tmp_path):
    click = np.zeros(24000, np.float32)
    click[12000] = 0.9
    soundfile.write(tmp_path / "click.wav", click, 24000)
    with pytest.raises(RipienoError, match=r"click\.wav: no notes are heard in it"):
        transcribe(tmp_path / "click.wav")
