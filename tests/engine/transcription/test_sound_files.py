"""Recordings of every kind come in as mono; what is none is refused in one sentence."""

import numpy as np
import pytest
import soundfile

from engine.transcription import sound_files
from engine.transcription.sound_files import SoundFileError, open_recording


def noise(seconds: float, rate_hz: int, channels: int = 1) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.uniform(-0.5, 0.5, (round(seconds * rate_hz), channels)).astype(np.float32)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "aiff", "mp3"])
def test_usual_formats_are_read(tmp_path, kind):
    path = tmp_path / f"sound.{kind}"
    soundfile.write(path, noise(1.0, 44100, 2), 44100)
    recording = open_recording(path)
    assert (recording.rate_hz, recording.channels) == (44100, 2)
    assert recording.seconds == pytest.approx(1.0, abs=0.06)
    assert 0.2 < recording.peak < 1.2


def test_stereo_becomes_mono_and_long_sound_comes_in_pieces(tmp_path):
    path, audio = tmp_path / "sound.wav", noise(21.0, 8000, 2)
    soundfile.write(path, audio, 8000, subtype="FLOAT")
    pieces = list(open_recording(path).pieces())
    assert [len(piece) for piece in pieces] == [80_000, 80_000, 8_000]
    np.testing.assert_allclose(np.concatenate(pieces), audio.mean(axis=1), atol=1e-6)


def test_numbers_that_are_none_become_silence(tmp_path):
    path, audio = tmp_path / "sound.wav", noise(0.5, 8000)
    audio[100:110], audio[200] = np.nan, np.inf
    soundfile.write(path, audio, 8000, subtype="FLOAT")
    recording = open_recording(path)
    assert recording.peak <= 0.5
    assert all(np.isfinite(piece).all() for piece in recording.pieces())


def test_what_is_no_sound_is_refused(tmp_path):
    (tmp_path / "text.wav").write_text("no sound at all")
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "cut.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    for name in ("text.wav", "empty.wav", "cut.wav"):
        with pytest.raises(SoundFileError, match=f"{name}: not a sound file we can read"):
            open_recording(tmp_path / name)
    with pytest.raises(SoundFileError, match="there is no such file"):
        open_recording(tmp_path / "nothing.wav")
    with pytest.raises(SoundFileError, match="it is a folder"):
        open_recording(tmp_path)


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_too_short_is_refused(tmp_path, seconds):
    soundfile.write(tmp_path / "short.wav", noise(seconds, 8000), 8000)
    with pytest.raises(SoundFileError, match=r"it lasts .* s; 0.1 s to 6 hours"):
        open_recording(tmp_path / "short.wav")


def test_too_long_is_refused_before_it_is_read(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "long.wav", noise(2.0, 8000), 8000)
    monkeypatch.setattr(sound_files, "LONGEST_S", 1.0)
    with pytest.raises(SoundFileError, match="it lasts 2 s"):
        open_recording(tmp_path / "long.wav")


def test_silence_and_odd_rates_are_refused(tmp_path):
    soundfile.write(tmp_path / "still.wav", np.zeros(8000), 8000)
    with pytest.raises(SoundFileError, match="it is silent"):
        open_recording(tmp_path / "still.wav")
    soundfile.write(tmp_path / "slow.wav", noise(1.0, 2000), 2000)
    with pytest.raises(SoundFileError, match="its sampling rate is 2000 Hz; 4000 to 400000 Hz"):
        open_recording(tmp_path / "slow.wav")
