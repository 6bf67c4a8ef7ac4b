"""What the callback reads of morph sounds: tables, loops of noise, slots, and what is refused."""

import gc
import weakref

import numpy as np
import pytest

from engine import morph_memory
from engine.ensembles import EnsembleError, Part, load_ensemble, with_sound
from engine.morph_memory import noise_loops, tables_of
from engine.morph_sounds import Anchor, MorphSound, MorphSoundError
from engine.rt.layout import MAX_MORPHS, QUANTUM
from models.morph.voice_model import random_model
from tests.engine.morph_helpers import ensemble_of, new_morph_engine, sound_of
from tests.engine.rig_helpers import RAMPED

MODEL = random_model(1)


def test_tables_hold_each_anchor_s_points_levels_and_releases():
    anchors = (Anchor("instrument 3", 0.4, x=0), Anchor("instrument 1", 0.9, x=1, gain_db=-4))
    tables = tables_of(MODEL, MorphSound("two", "two", anchors=anchors, release=2))
    np.testing.assert_array_equal(tables.points[0], MODEL.anchor_table(2, 0.4))
    np.testing.assert_array_equal(tables.points[1], MODEL.anchor_table(0, 0.9))
    np.testing.assert_allclose(tables.levels[1], MODEL.levels_db[0] - 4)
    np.testing.assert_allclose(np.exp(tables.releases[0]), 2 * MODEL.release_s[2], rtol=1e-6)
    assert tables.ranges.tolist() == [36, 36, 0, 0, 0, 0, 0, 0]
    assert not tables.points[2:].any()


def test_an_instrument_the_model_does_not_know_is_named():
    sound = MorphSound("odd", "odd", anchors=(Anchor("theremin"),))
    with pytest.raises(MorphSoundError, match="odd: random 1 knows no instrument 'theremin'"):
        tables_of(MODEL, sound)


@pytest.mark.parametrize("rate_hz", [16000, 48000])
def test_loops_of_noise_lie_in_their_bands_and_are_equally_loud(rate_hz):
    edges = MODEL.band_edges_hz
    loops, lengths = noise_loops(edges, rate_hz)
    at = 0
    for band, length in enumerate(lengths.tolist()):
        loop = loops[at : at + length].astype(np.float64)
        np.testing.assert_array_equal(loops[at + length : at + length + QUANTUM], loop[:QUANTUM])
        at += length + QUANTUM
        if edges[band] > rate_hz / 2:
            assert not loop.any()
            continue
        assert np.mean(loop**2) == pytest.approx(1, rel=1e-3)
        power = np.abs(np.fft.rfft(loop)) ** 2
        hz = np.arange(power.size) * rate_hz / length
        width = edges[band + 1] - edges[band]
        inside = (hz > edges[band] - 0.1 * width) & (hz < edges[band + 1] + 0.1 * width)
        assert power[inside].sum() > 0.999 * power.sum()
    assert at == len(loops)
    assert len(set(lengths.tolist())) == len(lengths)


def test_a_switch_to_what_cannot_be_played_changes_nothing(tmp_path):
    engine = new_morph_engine(tmp_path)
    odd = MorphSound("odd", "odd", anchors=(Anchor("theremin"),))
    before = engine.ensemble
    with pytest.raises(MorphSoundError, match="theremin"):
        engine.apply(ensemble_of(tmp_path, sound_of("new"), odd))
    engine.render(RAMPED)
    assert engine.ensemble is before
    assert engine._rig.morph_parts[0]["sound"] == 0
    engine.close()


def test_sounds_stay_while_they_are_wanted_and_go_when_they_are_not(tmp_path):
    engine = new_morph_engine(tmp_path, sound_of("a"), sound_of("b"))
    first = weakref.ref(engine._players.morphs._tables[0].points)
    engine.preload([ensemble_of(tmp_path, sound_of("c"))])
    engine.apply(ensemble_of(tmp_path, sound_of("b")))
    engine.render(64)
    engine.results()
    gc.collect()
    assert first() is None
    kept = {key[1].name for key in engine._players.morphs._slots}
    assert kept == {"b", "c"}
    for i in range(3 * MAX_MORPHS):  # places are taken again
        engine.apply(ensemble_of(tmp_path, sound_of(f"another {i}")))
        engine.render(64)
        engine.results()
    engine.close()


def test_each_part_has_a_sound_of_its_own(tmp_path):
    engine = new_morph_engine(tmp_path, sound_of("same"), sound_of("same"))
    assert engine._rig.morph_parts["sound"][:2].tolist() == [0, 1]
    engine.close()


def test_without_a_model_a_part_cannot_play_any(monkeypatch):
    monkeypatch.setattr(morph_memory.registry, "list_morphs", list)
    with pytest.raises(MorphSoundError, match="no model of morph voices is installed"):
        morph_memory.shipped_model()


def test_every_part_gets_the_sound_that_is_asked_for():
    quartet = load_ensemble("string_quartet")
    chosen = with_sound(quartet, "cello_flute_trumpet")
    assert {(p.sound, p.morph) for p in chosen.parts} == {("morph", "cello_flute_trumpet")}
    own = with_sound(quartet, "morph")
    assert [p.sound for p in own.parts] == ["morph"] * 4
    assert [p.morph for p in own.parts] == [p.morph for p in quartet.parts]


def test_a_part_s_morph_sound_has_a_name():
    with pytest.raises(EnsembleError, match="morph = '' must be text of 1 to 400"):
        Part("Cello", 42, sound="morph", morph="")
