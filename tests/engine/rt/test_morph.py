"""Morph voices: what the decoder says, where it is due, from the first frame to the last."""

import dataclasses

import numpy as np
import pytest

from engine.morph_sounds import Source, Vibrato
from engine.rt import layout
from engine.rt.morph_decoder import HARMONICS, LEVELS, TABLE, kept_by_interpolation
from models.errors import ModelError
from models.morph.voice_model import conditioning, random_model
from tests.engine.morph_helpers import ensemble_of, new_morph_engine, sound_of, still
from tests.engine.rig_helpers import (
    RAMPED,
    bend,
    biggest_step,
    controller,
    new_engine,
    note_off,
    note_on,
    of_kind,
    onset,
    play,
    stem,
)

MODEL = random_model(1)
RATE_HZ = 48000


def voices(engine):
    """The sounding voices' records, and their places in the pool."""
    count = int(engine._rig.morph[0]["active"])
    places = engine._rig.morph_active[:count].copy()
    return engine._rig.morph_voices[places], places


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
    slot = engine._rig.morph_parts[0]["sound"]
    engine._rig.morphs[slot]["weights"][:2] = weights
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
    weights = (0.5, 0.2, 0.3)
    slot = engine._rig.morph_parts[0]["sound"]
    engine._rig.morphs[slot]["weights"][:3] = weights
    play(engine, [(0, note_on(50, 90))], 4096)
    (voice,), (place,) = voices(engine)
    age_s = (int(voice["ramp_at"] + voice["ramp_span"]) - int(voice["start"])) / RATE_HZ
    tables = [MODEL.anchor_table(k, sound.anchors[k].dynamics)[50] for k in range(3)]
    expected = sum(
        weight * reference_db(z, 50, 90, age_s) for weight, z in zip(weights, tables, strict=True)
    )
    expected = expected + MODEL.level_db(0, 50, 90)
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


@pytest.mark.parametrize("block", [32, 64, 100])
def test_a_note_sounds_a_frame_after_its_event(tmp_path, block):
    engine = new_morph_engine(tmp_path)
    for offset in (0, 1, 63, 64, 65, 99, 127):
        audio = play(engine, [(offset, note_on(60, 127))], 640, block)
        assert onset(audio) == offset + 1
        play(engine, [(0, note_off(60))], 64 * 1000, 4096)
        assert engine.stats().voices == 0
    engine.close()


def concert(folder):
    """A fresh engine with every event of a busy little piece in its rings."""
    sounds = [
        sound_of("one", texture=1.0, vibrato=Vibrato(depth_cents=9)),
        sound_of("two", mode="baseline", anchors=4, texture=0.3),
        sound_of("three", release=0.25),
    ]
    engine = new_morph_engine(
        folder, *sounds, chord_window_ms=20, chord_mode="settle", polyphony=20
    )
    random = np.random.default_rng(3)
    start = engine.frame
    for _ in range(90):
        frame, key = start + int(random.integers(0, 5000)), int(random.integers(36, 90))
        engine.midi(note_on(key, int(random.integers(1, 128))), frame, int(key % 3))
        engine.midi(note_off(key), frame + int(random.integers(1, 1500)), int(key % 3))
    for frame in random.integers(0, 6000, 20).tolist():
        engine.midi(bend(frame * 2), start + frame)
        engine.midi(controller(1, frame % 128), start + frame + 7)
        engine.midi(controller(64, frame % 128), start + frame + 9)
        engine.midi(controller(11, 60 + frame % 60), start + frame + 3)
    return engine


@pytest.mark.parametrize("cuts", [[(4096, 4096)], [(77, 13), (1, 1), (300, 100)], [(32, 32)]])
def test_the_samples_do_not_depend_on_how_the_stream_is_cut(tmp_path, cuts):
    def performed(pieces):
        engine = concert(tmp_path)
        audio, done, i = [], 0, 0
        while done < 7000:
            frames, block = pieces[i % len(pieces)]
            frames = min(frames, 7000 - done)
            audio.append(engine.render(frames, block, stems=True))
            done += frames
            i += 1
        records = engine.results()
        assert engine.stats().voices_stolen > 0
        engine.close()
        return np.concatenate(audio), records

    expected, records = performed([(64, 64)])
    found, found_records = performed(cuts)
    assert np.abs(expected).max() > 0.1
    assert len(of_kind(records, layout.NOTE_ON)) > 60
    np.testing.assert_array_equal(found_records, records)
    np.testing.assert_array_equal(found, expected)


def test_a_held_frame_does_not_wobble(tmp_path):
    engine = new_morph_engine(tmp_path, model=still(MODEL, HARMONICS))
    audio = play(engine, [(0, note_on(57, 100))], RATE_HZ)[4800:, 0].astype(np.float64)
    engine.close()
    period = RATE_HZ / 220
    whole = audio[: int(len(audio) // (24 * period) * 24 * period)]
    pieces = np.array_split(whole, len(whole) // int(24 * period))
    rms_db = [10 * np.log10(np.mean(piece**2)) for piece in pieces]
    assert max(rms_db) - min(rms_db) < 0.05


def test_bend_is_two_semitones_each_way(tmp_path):
    engine = new_morph_engine(tmp_path, model=still(MODEL, 1))
    for value in (0, 8192, 12288):
        play(engine, [(0, bend(value)), (0, note_on(69, 100))], 6400)
        audio = engine.render(19200)[:, 0]
        play(engine, [(0, note_off(69))], 64 * 600, 4096)
        rising = np.flatnonzero((audio[:-1] < 0) & (audio[1:] >= 0))
        exact = rising - audio[rising] / (audio[rising + 1] - audio[rising])
        hz = RATE_HZ * (len(exact) - 1) / (exact[-1] - exact[0])
        assert hz == pytest.approx(440 * 2 ** ((value - 8192) / 8192 / 6), rel=1e-4)
    engine.close()


def test_the_wheel_swings_the_pitch_unless_it_moves_the_puck(tmp_path):
    wheel = Source(axis="x", kind="cc", controller=1)
    plain, led = sound_of("plain"), sound_of("led", sources=(wheel,))
    engine = new_morph_engine(tmp_path, plain, led)
    for part in range(2):
        engine.part_midi(part, controller(1, 127))
        engine.part_midi(part, note_on(69))
    steps = []
    for _ in range(80):
        engine.render(128)
        steps.append(sorted(voices(engine)[0][["part", "step"]].tolist()))
    engine.close()
    swings = np.ptp(np.array([[step for _, step in pair] for pair in steps]), axis=0)
    assert swings[0] > 0
    assert swings[1] == 0


def test_volume_and_expression_are_those_of_the_other_voices(tmp_path):
    engine = new_morph_engine(tmp_path, model=still(MODEL, 8))
    loud = play(engine, [(0, note_on(57, 100))], RATE_HZ)[-4800:]
    soft = play(engine, [(0, controller(11, 64)), (0, controller(7, 80))], RATE_HZ)[-4800:]
    engine.close()
    expected = (80 / 100 * 64 / 127) ** 2
    found = np.sqrt(np.mean(soft**2) / np.mean(loud**2))
    assert found == pytest.approx(expected, rel=0.02)


def test_the_sustain_pedal_holds_notes(tmp_path):
    engine = new_morph_engine(tmp_path)
    held = [(0, controller(64, 127)), (0, note_on(57, 100)), (640, note_off(57))]
    assert np.abs(play(engine, held, RATE_HZ)[-640:]).max() > 1e-3
    assert np.abs(play(engine, [(0, controller(64, 0))], 4 * RATE_HZ, 4096)[-640:]).max() == 0
    assert engine.stats().voices == 0
    engine.close()


def test_a_release_falls_by_sixty_db_in_the_models_time(tmp_path):
    model = dataclasses.replace(
        still(MODEL, HARMONICS), release_s=np.full_like(MODEL.release_s, 0.4)
    )
    engine = new_morph_engine(tmp_path, sound_of(release=2), model=model)
    audio = play(engine, [(0, note_on(69, 127)), (9600, note_off(69))], 9600 + 54000)[:, 0]
    engine.close()
    rms = np.sqrt(np.mean(audio[: len(audio) // 480 * 480].reshape(-1, 480) ** 2, axis=1))
    before, later = rms[18], rms[20 + 40]  # from 9600 + 0.4 s on
    assert 20 * np.log10(later / before) == pytest.approx(-30, abs=1)
    assert np.all(audio[9600 + 52000 :] == 0)  # from 80 dB down on


@pytest.mark.parametrize("offset", [0, 17, 63])
def test_beginnings_ends_and_thefts_make_no_click(tmp_path, offset):
    """No step is bigger than those of the tones themselves."""
    model = dataclasses.replace(still(MODEL, 1), release_s=np.full_like(MODEL.release_s, 0.02))
    engine = new_morph_engine(tmp_path, model=model)
    one = play(engine, [(0, note_on(45, 127))], 9600)
    play(engine, [(0, note_off(45))], 9600)
    step = biggest_step(one[4800:])
    ends = play(engine, [(offset, note_on(45, 127)), (4000 + offset, note_off(45))], 9600)
    assert biggest_step(ends) < 1.5 * step
    engine.close()


@pytest.mark.parametrize("offset", [0, 17, 63])
def test_stealing_makes_no_click(tmp_path, offset):
    """Each part has one note, the first 16 of 48 are stolen: a cut would step by a level."""
    engine = new_morph_engine(
        tmp_path, *[sound_of(str(n)) for n in range(16)], model=still(MODEL, 1)
    )
    for i in range(48):
        engine.part_midi(i % 16, note_on(36 + i, 127), engine.frame + offset + 400 * i)
    audio = engine.render(400 * 52, stems=True)[:, 2:]
    assert engine.stats().voices_stolen == 16
    assert engine.stats().refused_notes == 0
    engine.close()
    level = 10 ** ((MODEL.level_db(0, 60, 127) - 6) / 20)
    assert np.abs(audio[400 * 15 : 400 * 16]).max() == pytest.approx(level, rel=0.01)
    for part in range(16):
        hz = 440 * 2 ** ((np.array([36, 52, 68]) + part - 69) / 12)
        assert biggest_step(audio[:, 2 * part]) < level * (2 * np.pi * hz / RATE_HZ + 1 / 64).sum()


def test_thirty_two_voices_and_those_that_fade(tmp_path):
    engine = new_morph_engine(tmp_path, *[sound_of(str(n)) for n in range(4)])
    for i in range(100):
        engine.part_midi(i % 4, note_on(20 + i, 100), engine.frame)
    engine.render(64)
    stats = engine.stats()
    assert (stats.voices, stats.voices_stolen, stats.refused_notes) == (96, 64, 4)
    audio = engine.render(1280)
    assert engine.stats().voices == 32
    assert np.isfinite(audio).all()
    for i in range(100):
        engine.part_midi(i % 4, note_off(20 + i))
    engine.render(4 * RATE_HZ, 4096)
    assert (engine.stats().voices, engine.stats().held_notes) == (0, 0)
    engine.close()


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


def test_vibrato_begins_after_its_delay(tmp_path):
    vibrato = Vibrato(rate_hz=5.0, depth_cents=50, delay_s=0.2)
    engine = new_morph_engine(tmp_path, sound_of(vibrato=vibrato))
    engine.part_midi(0, note_on(69))
    cents = []
    for _ in range(1000):
        engine.render(64)
        (voice,), _ = voices(engine)
        cents.append(1200 * np.log2(voice["step"] / 2**32 / voice["base_step"]))
    engine.close()
    assert np.abs(cents[:150]).max() < 1e-3
    assert max(cents) == pytest.approx(50, abs=0.5)
    assert min(cents) == pytest.approx(-50, abs=0.5)


def test_settling_goes_on_where_the_note_was(tmp_path):
    engine = new_morph_engine(
        tmp_path,
        *[sound_of(str(n)) for n in range(4)],
        model=still(MODEL, 1),
        chord_mode="settle",
        chord_window_ms=20,
        assigner="zones",
    )
    chord = [(i * 10, note_on(50 + 5 * i, 100)) for i in range(4)]
    audio = play(engine, chord, 9600)
    assert biggest_step(audio[:4800]) < 1.3 * biggest_step(audio[4800:])
    engine.close()


def test_a_switch_lets_sounding_notes_end_as_they_began(tmp_path):
    engine = new_morph_engine(tmp_path, sound_of("first"))
    play(engine, [(0, note_on(60))], 1280)
    before = int(engine._rig.morph_parts[0]["sound"])
    engine.apply(ensemble_of(tmp_path, sound_of("second", anchors=3), id="other"))
    play(engine, [(0, note_on(64))], 1280)
    found, _ = voices(engine)
    assert found["sound"].tolist() == [before, int(engine._rig.morph_parts[0]["sound"])]
    assert len(set(found["sound"].tolist())) == 2
    engine.results()
    assert engine._rig.morphs[before]["points"] != 0
    play(engine, [(0, note_off(60)), (0, note_off(64))], 3 * RATE_HZ, 4096)
    assert of_kind(engine.results(), layout.MORPH_FREED)["a"].tolist() == [before]
    assert engine._rig.morphs[before]["points"] == 0
    engine.close()


def test_a_held_chord_is_the_same_whether_the_ensemble_changes_or_not(tmp_path):
    def performed(switches):
        engine = new_morph_engine(tmp_path, sound_of("first", texture=1.0))
        audio = [play(engine, [(0, note_on(60)), (0, note_on(67))], 2000)]
        if switches:
            engine.apply(ensemble_of(tmp_path, sound_of("second", anchors=3), id="other"))
        audio.append(engine.render(9600))
        engine.close()
        return np.concatenate(audio)

    np.testing.assert_array_equal(performed(True), performed(False))


def test_what_is_no_number_is_silence(tmp_path):
    engine = new_morph_engine(tmp_path)
    slot = engine._rig.morph_parts[0]["sound"]
    play(engine, [(0, note_on(60))], 640)
    engine._rig.morphs[slot]["weights"][1] = np.nan
    audio = play(engine, [(0, note_on(72)), (700, note_off(60))], 9600)
    assert np.isfinite(audio).all()
    engine._rig.morphs[slot]["weights"][1] = 0
    audio = play(engine, [(0, note_on(50))], 9600)
    assert np.isfinite(audio).all()
    assert np.abs(audio[-640:]).max() > 1e-3
    engine.close()


def test_panic_silences_them(tmp_path):
    engine = new_morph_engine(tmp_path)
    play(engine, [(0, note_on(40 + i)) for i in range(8)], 1280)
    engine.panic()
    engine.render(1280)
    assert engine.stats().voices == 0
    assert np.all(engine.render(640) == 0)
    engine.close()


def test_a_part_without_a_sound_refuses_with_a_count():
    engine = new_engine()
    engine.command(layout.SET, layout.DESTINATION, 0, layout.MORPH, None)
    audio = play(engine, [(0, note_on(84))], 640, stems=True)
    assert np.all(stem(audio, 0) == 0)
    assert engine.stats().refused_notes == 1
    engine.close()


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
