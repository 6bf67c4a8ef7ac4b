"""`--sound neural:NAME`: real host processes under sessions, renders and the offline engine."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import cli
from engine.ensembles import load_ensemble, with_sound
from engine.errors import RipienoError
from engine.midi.files import write_midi
from engine.midi.performance import Track, new_events
from engine.midi.tempo import TempoMap
from engine.neural.sounds import chains_of, is_neural, played_offline
from engine.offline import new_engine
from engine.plugins.chain import ChainSpec, PluginSpec
from engine.plugins.manager import Plugins
from engine.session import Session
from engine.settings import Settings
from tests.engine.rig_helpers import note_on
from tests.engine.test_jack import wait_until
from tests.engine.test_session_sync import SILENT

NAME = "neural:cello_flute_trumpet"


def test_each_part_has_a_chain_over_the_live_sound_of_that_name() -> None:
    assert is_neural(NAME)
    assert not is_neural("morph")
    assert not is_neural(None)
    ensemble = with_sound(load_ensemble("string_quartet"), NAME)
    assert {(part.sound, part.morph) for part in ensemble.parts} == {
        ("morph", "cello_flute_trumpet")
    }
    chain = ChainSpec((PluginSpec(NAME),))
    assert chains_of(ensemble) == {f"part {n}": chain for n in (1, 2, 3, 4)}


def one_part(rate_hz: int = 48000):
    ensemble = with_sound(load_ensemble("string_quartet"), NAME)
    engine = new_engine(ensemble, rate_hz, 0.0, None)
    return engine, ensemble


@pytest.mark.slow
def test_a_dead_synth_gives_the_part_back_to_the_live_voices() -> None:
    engine, _ = one_part()
    said: list[str] = []
    plugins = Plugins(engine, said.append)
    try:
        plugins.set_chain("part 1", ChainSpec((PluginSpec(NAME),)))
        assert wait_until(lambda: plugins.state()["part 1"]["state"] == "running", 60)
        engine.render(4096)
        assert "neural synth (C" in said[0]
        assert said[0].endswith(" ms later.")
        engine.part_midi(0, note_on(60))
        heard = engine.render(48000, stems=True)[24000:, 2]
        assert np.abs(heard).max() > 0.01
        assert engine._rig.morph[0]["active"] == 0, "the live voices were not needed"
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
        peak_hz = float(np.argmax(spectrum)) * 2
        assert abs(peak_hz / 261.63 - round(peak_hz / 261.63)) < 0.03
        os.kill(plugins.state()["part 1"]["pid"], signal.SIGKILL)
        assert wait_until(lambda: any("starts again" in sentence for sentence in said))
        engine.render(4096)
        engine.part_midi(0, note_on(64))
        engine.render(256)
        assert engine._rig.morph[0]["active"] == 1
        assert np.abs(engine.render(24000, stems=True)[12000:, 2]).max() > 0.01
        assert "It is bypassed and starts again." in said[1]
    finally:
        plugins.close()
        engine.close()


@pytest.mark.slow
def test_a_render_by_the_synth_is_in_time_and_in_tune(tmp_path: Path) -> None:
    score, wav = tmp_path / "note.mid", tmp_path / "note.wav"
    rows = [(0.0, bytes((0x90, 72, 100)), 0), (1.0, bytes((0x80, 72, 0)), 0)]
    write_midi(score, [Track("soprano")], new_events(rows), TempoMap())
    assert cli.main(["render", str(score), "-o", str(wav), "--sound", NAME, "--tail", "1"]) == 0
    audio, rate_hz = soundfile.read(wav)
    begin = int(np.argmax(np.abs(audio[:, 0]) > 1e-4))
    assert begin < 0.03 * rate_hz, "the lead was taken out"
    held = audio[rate_hz // 2 : rate_hz, 0]
    peak_hz = np.argmax(np.abs(np.fft.rfft(held * np.hanning(len(held))))) * rate_hz / len(held)
    assert abs(peak_hz / 523.25 - round(peak_hz / 523.25)) < 0.02
    assert 0.01 < np.abs(audio).max() < 1


@pytest.mark.slow
def test_what_cannot_be_loaded_is_one_sentence() -> None:
    engine, ensemble = one_part()
    wrong = with_sound(ensemble, "neural:no_such_sound")
    try:
        with (
            pytest.raises(RipienoError, match="part . cannot play by the neural synth: .*no_such"),
            played_offline(engine, wrong, "neural:no_such_sound", lambda _: None),
        ):
            pass
    finally:
        engine.close()


@pytest.mark.slow
def test_a_session_begins_with_it() -> None:
    said: list[str] = []
    with Session(Settings(**SILENT, sound=NAME), say=said.append) as session:
        assert session.plugins.slots() == ["part 1", "part 2", "part 3", "part 4"]
        assert wait_until(
            lambda: {s["state"] for s in session.plugins.state().values()} == {"running"}, 60
        )
        assert {part.morph for part in session.ensemble.parts} == {"cello_flute_trumpet"}
    assert sum("neural synth" in sentence for sentence in said) == 4
