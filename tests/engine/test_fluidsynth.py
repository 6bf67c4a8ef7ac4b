"""The binding to libfluidsynth: what it loads, refuses and plays."""

import ctypes

import numpy as np
import pytest

from engine import fluidsynth
from engine.fluidsynth import FluidSynth, FluidSynthError
from engine.rt import layout
from engine.soundfonts import find_soundfont


@pytest.fixture
def synth():
    synth = FluidSynth(find_soundfont(), 48000, pairs=1)
    yield synth
    synth.close()


def heard(synth, frames=9600):
    audio = np.zeros((2, frames), np.float32)
    synth.write(audio)
    return audio


def test_a_note_sounds_until_it_is_released(synth):
    assert not heard(synth).any()
    synth.select(0, 0, 19)
    synth.note(0, 69, 100)
    assert np.abs(heard(synth)).max() > 0.001
    synth.note(0, 69, 0)
    heard(synth, 48000)
    assert np.abs(heard(synth)).max() < 1e-5


def test_programs_differ(synth):
    def sample(program):
        synth.select(0, 0, program)
        synth.note(0, 69, 100)
        audio = heard(synth)
        synth.note(0, 69, 0)
        heard(synth, 96000)
        return np.abs(np.fft.rfft(audio[0, 4800:]))

    organ, brass = sample(19), sample(61)
    likeness = organ @ brass / np.linalg.norm(organ) / np.linalg.norm(brass)
    assert likeness < 0.9


def test_the_tenth_channel_is_a_channel_like_others(synth):
    synth.select(9, 0, 19)
    synth.note(9, 69, 100)
    ninth = heard(synth)[0, 4800:]
    frequency = (
        np.argmax(np.abs(np.fft.rfft(ninth * np.hanning(4800), 1 << 16))) * 48000 / (1 << 16)
    )
    octaves = np.log2(frequency / 440)
    assert abs(octaves - round(octaves)) < 0.02


def test_a_program_the_font_lacks_is_named(synth):
    with pytest.raises(FluidSynthError, match="has no preset 5 in bank 77"):
        synth.select(0, 77, 5)


def test_a_file_that_is_no_soundfont_is_named(tmp_path):
    path = tmp_path / "noise.sf2"
    path.write_bytes(b"RIFF\x00\x00\x00\x00sfbk garbage")
    with pytest.raises(FluidSynthError, match="noise.sf2 is not a SoundFont"):
        FluidSynth(path, 48000, pairs=1)
    with pytest.raises(FluidSynthError, match="missing.sf2 is not a SoundFont"):
        FluidSynth(tmp_path / "missing.sf2", 48000, pairs=1)


def test_without_the_library_the_fix_is_told(monkeypatch):
    def refuse(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    with pytest.raises(
        FluidSynthError, match="FluidSynth, which plays the SoundFonts, is missing: "
    ):
        fluidsynth.load_library()


def test_the_callback_gets_an_address_for_every_function_it_calls(synth):
    functions = synth.functions
    assert set(functions) == {
        index
        for name, index in vars(layout).items()
        if name.startswith("FLUID_") and name not in ("FLUID_OP", "FLUID_OPS")
    }
    assert all(functions.values())
    assert len(set(functions.values())) == len(functions)


def test_closing_twice_is_harmless():
    synth = FluidSynth(find_soundfont(), 48000, pairs=1)
    synth.close()
    synth.close()
    assert synth.address == 0


def test_synths_are_independent(synth):
    other = FluidSynth(find_soundfont(), 48000, pairs=1)
    synth.select(0, 0, 19)
    synth.note(0, 69, 100)
    assert not heard(other).any()
    assert heard(synth).any()
    other.close()


def test_it_prints_nothing(synth, capfd):
    synth.note(0, 69, 100)
    heard(synth)
    FluidSynth(find_soundfont(), 44100, pairs=16).close()
    out, err = capfd.readouterr()
    assert out == err == ""
