"""WAV files that are whole at every moment."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.waves import GrowingWave

HALF = np.full((100, 2), 0.5, np.float32)


@pytest.mark.parametrize(("sample_format", "subtype"), [("24-bit", "PCM_24"), ("float", "FLOAT")])
def test_the_header_is_right_after_each_update(
    tmp_path: Path, sample_format: str, subtype: str
) -> None:
    wave = GrowingWave(tmp_path / "a.wav", 48000, 2, sample_format)
    wave.update_header()
    assert soundfile.info(tmp_path / "a.wav").frames == 0
    for number in range(1, 4):
        wave.write(HALF, wave.frames)
        wave.update_header()
        info = soundfile.info(tmp_path / "a.wav")
        assert (info.frames, info.subtype, info.samplerate) == (100 * number, subtype, 48000)
    wave.close()
    audio, _ = soundfile.read(tmp_path / "a.wav")
    assert (audio == 0.5).all()


@pytest.mark.parametrize("sample_format", ["24-bit", "float"])
def test_a_jump_forward_is_silence(tmp_path: Path, sample_format: str) -> None:
    wave = GrowingWave(tmp_path / "a.wav", 48000, 2, sample_format)
    wave.write(HALF, 48_000)
    wave.write(HALF, 96_000)
    wave.close(100_000)
    wave.close(200_000)
    audio, _ = soundfile.read(tmp_path / "a.wav")
    assert len(audio) == 100_000
    loud = np.flatnonzero(audio[:, 0])
    assert loud.tolist() == [*range(48_000, 48_100), *range(96_000, 96_100)]


def test_too_loud_is_clipped_in_24_bits_and_kept_in_float(tmp_path: Path) -> None:
    loudest = {}
    for sample_format in ("24-bit", "float"):
        wave = GrowingWave(tmp_path / "a.wav", 48000, 2, sample_format)
        wave.write(np.full((10, 2), 1.5, np.float32), 0)
        wave.close()
        loudest[sample_format] = soundfile.read(tmp_path / "a.wav")[0].min()
    assert loudest == {"24-bit": pytest.approx(1.0, abs=1e-6), "float": 1.5}


def test_going_back_and_unknown_formats_are_refused(tmp_path: Path) -> None:
    wave = GrowingWave(tmp_path / "a.wav", 48000, 2, "float")
    wave.write(HALF, 0)
    with pytest.raises(ValueError, match="at_frame must be 100 or more, got 50"):
        wave.write(HALF, 50)
    wave.close()
    with pytest.raises(ValueError, match="sample_format must be one of 24-bit, float, got 'mp3'"):
        GrowingWave(tmp_path / "b.wav", 48000, 2, "mp3")
