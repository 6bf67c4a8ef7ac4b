"""Frames of morph voices: what the decoder says, in tables and in the sound."""

import dataclasses

import numpy as np
import pytest

from engine.rt.morph_decoder import HARMONICS, LEVELS, TABLE, kept_by_interpolation
from models.errors import ModelError
from models.morph.voice_model import conditioning, random_model
from tests.engine.morph_helpers import (
    new_morph_engine,
    set_weights,
    sound_of,
    still,
    voices,
)
from tests.engine.rig_helpers import RAMPED, new_engine, note_on, play, stem

MODEL = random_model(1)
RATE_HZ = 48000


def goal_db(engine, place, voice):
    """Levels of the table and the noise a voice moves to, less its note's level, in dB."""
    rig = engine._rig
    table = rig.morph_tables[place, voice["target"], 1 : TABLE + 1].astype(np.float64)
    harmonics = 2 * np.abs(np.fft.rfft(table))[1 : HARMONICS + 1] / TABLE
    harmonics *= kept_by_interpolation(np.arange(1, HARMONICS + 1) / TABLE)
    levels = np.concatenate([harmonics, rig.morph_noise[place, voice["target"]]])
    return 20 * np.log10(np.maximum(levels, 1e-9))


def reference_db(z, key, velocity, age_s, model=MODEL):
    return model.decode(z, conditioning(key, velocity, age_s))


@pytest.mark.parametrize(("key", "velocity"), [(36, 20), (48, 100), (55, 127)])
@pytest.mark.parametrize("weights", [(1, 0), (0.25, 0.75), (-0.2, 1.2)])
def test_a_frame_is_the_reference_models(tmp_path, key, velocity, weights):
    sound = sound_of(gain_db=-3)
    engine = new_morph_engine(tmp_path, sound)
    set_weights(engine, *weights)
    play(engine, [(10, note_on(key, velocity))], 4096)
    (voice,), (place,) = voices(engine)
    end = int(voice["ramp_at"] + voice["ramp_span"])
    age_s = (end - int(voice["start"])) / RATE_HZ
    tables = [MODEL.anchor_table(k, sound.anchors[k].dynamics)[key] for k in range(2)]
    z = np.float32(weights[0]) * tables[0] + np.float32(weights[1]) * tables[1]
    expected = reference_db(z, key, velocity, age_s) + MODEL.level_db(0, key, velocity) - 3
    found = goal_db(engine, place, voice)
    engine.close()
    loud = expected > expected.max() - 70  # of a table in float32
    assert loud.sum() > 40
    np.testing.assert_allclose(found[loud], expected[loud], atol=1e-3)


def test_the_baseline_mixes_the_anchors_levels_in_db(tmp_path):
    sound = sound_of(mode="baseline", anchors=3)
    engine = new_morph_engine(tmp_path, sound)
    weights = np.array([0.5, 0.2, 0.3])
    set_weights(engine, *weights)
    play(engine, [(0, note_on(50, 90))], 4096)
    (voice,), (place,) = voices(engine)
    age_s = (int(voice["ramp_at"] + voice["ramp_span"]) - int(voice["start"])) / RATE_HZ
    tables = [MODEL.anchor_table(k, sound.anchors[k].dynamics)[50] for k in range(3)]
    apart = np.array([reference_db(z, 50, 90, age_s) for z in tables])
    expected = weights @ apart + MODEL.level_db(0, 50, 90)
    found = goal_db(engine, place, voice)
    engine.close()
    loud = expected > expected.max() - 70
    np.testing.assert_allclose(found[loud], expected[loud], atol=1e-3)


def test_what_is_heard_are_the_decoded_harmonics(tmp_path):
    """A note's partials, measured in the sound itself, where the noise lets them be."""
    engine = new_morph_engine(tmp_path, model=still(MODEL, 24))
    audio = play(engine, [(0, note_on(45, 100))], 2 * RATE_HZ)[RATE_HZ:, 0].astype(np.float64)
    (voice,), (place,) = voices(engine)
    expected = goal_db(engine, place, voice)[:HARMONICS]
    engine.close()
    window = np.blackman(len(audio))
    time_s = np.arange(len(audio)) / RATE_HZ
    f0_hz = 440 * 2 ** ((45 - 69) / 12)
    found = [
        20 * np.log10(2 * abs(np.sum(audio * window * np.exp(-2j * np.pi * h * f0_hz * time_s))))
        - 20 * np.log10(window.sum())
        for h in range(1, 25)
    ]
    np.testing.assert_allclose(found, expected[:24], atol=0.2)


@pytest.mark.parametrize("rate_hz", [32000, 48000, 96000])
def test_nothing_is_folded_back_from_above_half_the_rate(tmp_path, rate_hz):
    engine = new_morph_engine(tmp_path, model=still(MODEL, HARMONICS), rate_hz=rate_hz)
    key = 99  # 2489 Hz
    audio = play(engine, [(0, note_on(key, 80))], 3 * rate_hz // 4)[rate_hz // 4 :, 0]
    engine.close()
    spectrum = np.abs(np.fft.rfft(audio * np.blackman(len(audio)))) ** 2
    f0 = 440 * 2 ** ((key - 69) / 12) * len(audio) / rate_hz
    near = np.zeros(len(spectrum), bool)
    for h in range(1, HARMONICS + 1):
        centre = round(h * f0)
        near[max(centre - 8, 0) : centre + 9] = True
    assert spectrum[~near].sum() < 1e-5 * spectrum.sum()


def test_a_held_frame_does_not_wobble(tmp_path):
    engine = new_morph_engine(tmp_path, model=still(MODEL, HARMONICS))
    audio = play(engine, [(0, note_on(57, 100))], RATE_HZ)[4800:, 0].astype(np.float64)
    engine.close()
    period = RATE_HZ / 220
    whole = audio[: int(len(audio) // (24 * period) * 24 * period)]
    pieces = np.array_split(whole, len(whole) // int(24 * period))
    rms_db = [10 * np.log10(np.mean(piece**2)) for piece in pieces]
    assert max(rms_db) - min(rms_db) < 0.05


def test_every_voice_gets_its_frame_within_two_quanta(tmp_path):
    engine = new_morph_engine(tmp_path)
    for i in range(32):
        engine.part_midi(0, note_on(30 + i))
    engine.render(1280)
    for _ in range(10):
        engine.render(64)
        found, _ = voices(engine)
        assert (engine.frame - found["ramp_at"]).max() <= 192
        assert set(found["ramp_span"].tolist()) == {128}
    engine.close()


def test_unrest_moves_the_levels_as_much_as_the_model_says(tmp_path):
    model = dataclasses.replace(still(MODEL, HARMONICS), texture_db=np.full(LEVELS, 2, np.float32))
    engine = new_morph_engine(tmp_path, sound_of(texture=0.5), model=model)
    play(engine, [(0, note_on(40, 100))], RATE_HZ)
    levels = []
    for _ in range(400):
        engine.render(512)
        (voice,), (place,) = voices(engine)
        levels.append(goal_db(engine, place, voice)[:20])
    engine.close()
    wander = np.std(levels, axis=0)
    assert np.all((wander > 0.7) & (wander < 1.35))
    assert wander.mean() == pytest.approx(1.0, abs=0.1)
    together = np.corrcoef(np.array(levels).T)[np.triu_indices(20, 1)]
    assert abs(together.mean()) < 0.05


def test_parts_of_one_engine_have_noises_of_their_own(tmp_path):
    engine = new_morph_engine(
        tmp_path, sound_of("a"), sound_of("b"), model=still(MODEL, 0, noise_db=-30)
    )
    for part in range(2):
        engine.part_midi(part, note_on(60, 127))
    audio = engine.render(RATE_HZ, stems=True)[RAMPED:]
    engine.close()
    one, other = stem(audio, 0)[:, 0], stem(audio, 1)[:, 0]
    expected_db = -30 + 10 * np.log10(24) + MODEL.level_db(0, 60, 127)
    for noise in (one, other):
        assert 10 * np.log10(np.mean(noise**2)) == pytest.approx(expected_db, abs=0.7)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hidden": 100}, "a hidden layer must have a multiple of 8 units, at most 512, got 100"),
        ({"hidden": 520}, "a hidden layer must have a multiple of 8 units, at most 512, got 520"),
    ],
)
def test_a_model_the_callback_cannot_run_is_refused(change, said):
    engine = new_engine(ready=False)
    with pytest.raises(ModelError, match=said):
        engine.use_morph_model(random_model(1, **change))
    engine.use_morph_model(MODEL)
    with pytest.raises(ModelError, match="random 1 is in use already"):
        engine.use_morph_model(MODEL)
    engine.close()


def test_weights_that_are_no_numbers_are_refused():
    bad = MODEL.w1.copy()
    bad[3, 5] = np.nan
    with pytest.raises(ModelError, match="w1 must be finite float32"):
        dataclasses.replace(MODEL, w1=bad)
