"""Morph voices: from the first frame to the last, bends, pedals, thefts, switches."""

import dataclasses

import numpy as np
import pytest

from engine.morph_sounds import Source, Vibrato
from engine.rt import layout
from engine.rt.morph_decoder import HARMONICS
from models.morph.voice_model import random_model
from tests.engine.morph_helpers import (
    ensemble_of,
    new_morph_engine,
    set_weights,
    sound_of,
    still,
    voices,
)
from tests.engine.rig_helpers import (
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
from tests.engine.rt.test_stream import FakeJack, in_a_thread

MODEL = random_model(1)
RATE_HZ = 48000
FRAMES = 7000


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
    settings = {"chord_window_ms": 20, "chord_mode": "settle", "polyphony": 20}
    engine = new_morph_engine(folder, *sounds, model=MODEL, network=True, **settings)
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


def performed(folder, cuts):
    """Audio (frames, channels) and results of the concert, rendered in pieces of `cuts` frames."""
    engine = concert(folder)
    audio, done, i = [], 0, 0
    while done < FRAMES:
        frames, block = cuts[i % len(cuts)]
        frames = min(frames, FRAMES - done)
        audio.append(engine.render(frames, block, stems=True))
        done += frames
        i += 1
    records = engine.results()
    assert engine.stats().voices_stolen > 0
    engine.close()
    return np.concatenate(audio), records


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    audio, records = performed(tmp_path_factory.mktemp("sounds"), [(64, 64)])
    assert np.abs(audio).max() > 0.1
    assert len(of_kind(records, layout.NOTE_ON)) > 60
    assert len(of_kind(records, layout.MOVED)) > 5
    return audio, records


@pytest.mark.parametrize("cuts", [[(4096, 4096)], [(77, 13), (1, 1), (300, 100)], [(32, 32)]])
def test_the_samples_do_not_depend_on_how_the_stream_is_cut(tmp_path, expected, cuts):
    audio, records = performed(tmp_path, cuts)
    np.testing.assert_array_equal(records, expected[1])
    np.testing.assert_array_equal(audio, expected[0])


def test_live_they_are_the_same_samples(tmp_path, expected):
    engine = concert(tmp_path)
    jack = FakeJack(engine, 100)
    audio = in_a_thread(lambda: np.concatenate([jack.cycle() for _ in range(FRAMES // 100)]))
    np.testing.assert_array_equal(engine.results(), expected[1])
    np.testing.assert_array_equal(audio, expected[0])
    engine.close()


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


def test_the_voices_of_a_chord_do_not_swing_as_one(tmp_path):
    vibrato = Vibrato(rate_hz=5.0, depth_cents=50, delay_s=0.0)
    engine = new_morph_engine(tmp_path, sound_of(vibrato=vibrato))
    for key in (60, 64, 67):
        engine.part_midi(0, note_on(key))
    engine.render(48000)
    swings = []
    for _ in range(600):
        engine.render(64)
        found, _ = voices(engine)
        swings.append([1200 * np.log2(v["step"] / 2**32 / v["base_step"]) for v in found])
    engine.close()
    together = np.corrcoef(np.array(swings).T)[np.triu_indices(3, 1)]
    assert together.max() < 0.8
    assert np.ptp(np.mean(swings, 1)) < 0.8 * np.ptp(swings, 0).mean()


def test_settling_goes_on_where_the_note_was(tmp_path):
    engine = new_morph_engine(
        tmp_path,
        *[sound_of(str(n)) for n in range(4)],
        model=still(MODEL, 1),
        network=True,
        chord_mode="settle",
        chord_window_ms=20,
    )
    chord = [(i * 10, note_on(50 + 5 * i, 100)) for i in range(4)]
    audio = play(engine, chord, 9600)
    assert len(of_kind(engine.results(), layout.MOVED)) >= 2
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
    play(engine, [(0, note_on(60))], 640)
    set_weights(engine, 1, np.nan)
    audio = play(engine, [(0, note_on(72)), (700, note_off(60))], 9600)
    assert np.isfinite(audio).all()
    set_weights(engine, 1, 0)
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
