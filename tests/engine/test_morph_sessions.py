"""`--sound`: sessions, renders and the demo with morph voices, by the weights that ship."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import cli
from engine.ensembles import Part
from engine.errors import RipienoError
from engine.midi.files import read_midi
from engine.rt import layout
from engine.session import Session
from engine.settings import Settings
from tests.engine.test_jack import wait_until
from tests.engine.test_session_sync import SILENT

OWN = Part("any", 0).morph


@pytest.mark.parametrize("rig", [None, "brass_fanfare"])
def test_a_session_begins_with_the_sound_and_plays_it(rig: str | None) -> None:
    settings = Settings(**SILENT, sound="cello_flute_trumpet", rig=rig)
    with Session(settings, say=lambda _: None) as session:
        parts = session.ensemble.parts
        assert {(p.sound, p.morph) for p in parts} == {("morph", "cello_flute_trumpet")}
        told = session.engine._rig.parts["destination"]
        assert wait_until(lambda: (told[: len(parts)] == layout.MORPH).all())
        session.engine.part_midi(0, bytes((0x90, 60, 100)))
        assert wait_until(lambda: session.engine.stats().rms[1] > 1e-3)
        assert session.engine._rig.morph[0]["active"] == 1
        session.edit_part(0, sound="soundfont")
        assert session.engine._rig.morph[0]["active"] == 1  # the note ends where it began
        session.engine.part_midi(0, bytes((0x80, 60, 0)))
        assert wait_until(lambda: session.engine._rig.morph[0]["active"] == 0)


def test_a_sound_that_is_not_there_is_one_sentence() -> None:
    with (
        pytest.raises(RipienoError, match="no_such_sound"),
        Session(Settings(**SILENT, sound="no_such_sound"), say=lambda _: None),
    ):
        pass


@pytest.mark.slow
def test_the_demo_with_morph_voices(tmp_path: Path) -> None:
    where = ["--offline", "--out"]
    assert cli.main(["demo", "--sound", "morph", *where, str(tmp_path / "morph")]) == 0
    report = json.loads((tmp_path / "morph" / "demo.json").read_text(encoding="utf-8"))
    assert report["sounds"] == [OWN]
    assert report["notes"] == 190
    audio, rate_hz = soundfile.read(tmp_path / "morph" / "demo.wav")
    assert 0.2 < np.abs(audio).max() < 1
    rms = np.sqrt(np.mean(audio[: len(audio) // rate_hz * rate_hz].reshape(-1, rate_hz, 2) ** 2))
    assert 10 ** (-30 / 20) < rms < 10 ** (-12 / 20)

    score = tmp_path / "morph" / "demo.mid"
    assert len(read_midi(score).notes()) == 190
    sounds = ["--sound", "organ_under_choir"]
    assert cli.main(["render", str(score), "-o", str(tmp_path / "organ.wav"), *sounds]) == 0
    other, _ = soundfile.read(tmp_path / "organ.wav")
    assert np.sqrt(np.mean(other**2)) > 1e-3
