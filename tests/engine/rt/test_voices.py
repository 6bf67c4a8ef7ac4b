"""Our own voices: every sample against plain arithmetic, starts, ends, stealing, banks."""

import gc
import weakref

import numpy as np
import pytest

from engine.rt import layout
from tests.engine.rig_helpers import (
    bank_of,
    bend,
    biggest_step,
    controller,
    new_engine,
    note_off,
    note_on,
    note_ons,
    of_kind,
    ones_bank,
    onset,
    play,
    sine_bank,
    stem,
)

LEVEL = (32 / 127) ** 2  # of a note of velocity 32


def catmull_rom(samples, step, frames):
    """The samples (with one guard before, three behind) read at multiples of step."""
    position = np.arange(frames) * (int(step * 2**32) / 2**32)
    whole = position.astype(int)
    t = position - whole
    a, b, c, d = (samples[whole + i].astype(np.float64) for i in range(4))
    c1 = 0.5 * (c - a)
    c2 = a - 2.5 * b + 2 * c - 0.5 * d
    c3 = 0.5 * (d - a) + 1.5 * (b - c)
    return ((c3 * t + c2) * t + c1) * t + b


def frequency_hz(audio, rate_hz=48000):
    """Frequency of a clean tone from its rising zero crossings."""
    rising = np.flatnonzero((audio[:-1] < 0) & (audio[1:] >= 0))
    exact = rising - audio[rising] / (audio[rising + 1] - audio[rising])
    return rate_hz * (len(exact) - 1) / (exact[-1] - exact[0])


@pytest.mark.parametrize(("pitch", "part"), [(60, 2), (61, 2), (67, 1), (43, 3), (84, 0)])
def test_interpolation_is_that_of_the_reference(pitch, part):
    bank = bank_of(np.random.default_rng(1).uniform(-0.5, 0.5, 3000))
    engine = new_engine(bank)
    audio = stem(play(engine, [(0, note_on(pitch, 127))], 512, stems=True), part)
    engine.close()
    expected = catmull_rom(bank.data, 2 ** ((pitch - 60) / 12), 512)
    expected *= np.minimum(np.arange(512) / 8, 1)  # the shortest attack
    np.testing.assert_allclose(audio[:, 0], expected, atol=1e-5)
    np.testing.assert_allclose(audio[:, 1], expected, atol=1e-5)


def test_a_bank_of_another_rate_keeps_its_pitch():
    engine = new_engine(sine_bank(50, rate_hz=24000.0))
    audio = play(engine, [(0, note_on(60))], 9600)
    engine.close()
    assert frequency_hz(audio[1000:, 0]) == pytest.approx(480, rel=1e-4)


@pytest.mark.parametrize("pitch", [60, 64, 71])
def test_the_seam_of_a_loop_is_not_heard(pitch):
    engine = new_engine(sine_bank(100))
    audio = play(engine, [(0, note_on(pitch, 127))], 9600)[:, 0]
    engine.close()
    step = int(2 ** ((pitch - 60) / 12) * 2**32) / 2**32
    expected = np.sin(2 * np.pi / 100 * step * np.arange(9600))
    limited = np.abs(expected) < 0.69  # below the limiter's knee
    limited[:8] = False
    assert np.abs(audio - expected)[limited].max() < 1e-4


def test_a_loop_shorter_than_a_step_is_survived():
    engine = new_engine(bank_of(np.ones(4), loop=(0, 4), root_key=24))
    audio = play(engine, [(0, note_on(127, 32))], 640)
    engine.close()
    np.testing.assert_allclose(audio[16:, 0], LEVEL, rtol=1e-5)


def test_a_sample_without_loop_ends_by_itself():
    engine = new_engine(bank_of(np.ones(1000)))
    audio = play(engine, [(0, note_on(60, 32))], 2048)
    assert np.all(audio[1:1000] > 0)
    assert np.all(audio[1003:] == 0)
    assert engine.stats().voices == 0
    engine.close()


def test_attack_decay_sustain_release():
    engine = new_engine(ones_bank(attack_s=1 / 64, decay_s=0.2, sustain=0.25, release_s=0.1))
    audio = play(engine, [(0, note_on(60, 32)), (19200, note_off(60))], 28800)[:, 0] / LEVEL
    engine.close()
    np.testing.assert_allclose(audio[:751], np.arange(751) / 750, atol=1e-5)
    quanta = np.arange(0, 60)
    decay = 0.25 + 0.75 * 10 ** (-3 * quanta * 64 / (0.2 * 48000))
    np.testing.assert_allclose(audio[750 + 64 * quanta], decay, atol=1e-4)
    np.testing.assert_allclose(audio[14400:19200], 0.25, atol=1e-4)
    release = 0.25 * 10 ** (-3 * quanta * 64 / (0.1 * 48000))
    np.testing.assert_allclose(audio[19200 + 64 * quanta], release, atol=1e-4)
    assert np.all(np.diff(audio[19200:]) <= 1e-9)
    assert audio[-1] == 0


@pytest.mark.parametrize("attack_s", [0.0, 0.01])
def test_a_release_during_the_attack_has_no_step(attack_s):
    engine = new_engine(ones_bank(attack_s=attack_s))
    audio = play(engine, [(0, note_on(60, 32)), (5, note_off(60))], 6400)
    engine.close()
    assert biggest_step(audio) <= LEVEL / 8 * 1.01
    assert audio.max() <= LEVEL * 5.01 / 8
    assert audio[-1].max() == 0


@pytest.mark.parametrize("block", [32, 64, 100])
def test_a_note_starts_one_frame_after_its_event_wherever_it_falls(block):
    engine = new_engine()
    for offset in (0, 1, 31, 63, 64, 65, 99, 100, 127):
        audio = play(engine, [(offset, note_on(60))], 600, block)
        assert onset(audio) == offset + 1
        play(engine, [(0, note_off(60))], 9600)
    engine.close()


def test_velocity_is_loudness_squared():
    engine = new_engine(bank_of(np.ones(64), loop=(0, 64), release_s=0.0))
    levels = [
        play(engine, [(0, note_on(60, v)), (640, note_off(60))], 1280)[320, 0] for v in (1, 40, 80)
    ]
    engine.close()
    np.testing.assert_allclose(levels, [(v / 127) ** 2 for v in (1, 40, 80)], rtol=1e-4)


def test_a_zone_has_its_place_in_the_stereo_picture():
    engine = new_engine(ones_bank(pan=-1.0))
    left, right = play(engine, [(0, note_on(60, 32))], 640)[-1]
    engine.close()
    assert left == pytest.approx(LEVEL * 2**0.5, rel=1e-5)
    assert right == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("value", [0, 4096, 8192, 12288, 16383])
def test_pitch_bend_is_two_semitones_each_way(value):
    engine = new_engine(sine_bank(100))
    audio = play(engine, [(0, note_on(60, 40)), (64, bend(value))], 19200)[4800:, 0]
    engine.close()
    expected = 480 * 2 ** ((value - 8192) / 8192 * 2 / 12)
    assert frequency_hz(audio) == pytest.approx(expected, rel=2e-5)


def test_a_bend_before_the_note_holds_for_it_too():
    engine = new_engine(sine_bank(100))
    audio = play(engine, [(0, bend(16383)), (200, note_on(60, 40))], 19200)[4800:, 0]
    engine.close()
    assert frequency_hz(audio) == pytest.approx(480 * 2 ** (8191 / 8192 / 6), rel=2e-5)


def test_modulation_swings_the_pitch():
    engine = new_engine(sine_bank(100))
    audio = play(engine, [(0, note_on(60, 40)), (0, controller(1, 127))], 48000)[4800:, 0]
    engine.close()
    parts = [frequency_hz(audio[i : i + 1200]) for i in range(0, 40000, 600)]
    assert max(parts) == pytest.approx(480 * 2 ** (0.5 / 12), rel=0.004)
    assert min(parts) == pytest.approx(480 * 2 ** (-0.5 / 12), rel=0.004)


def test_three_hundred_voices_sound_at_once():
    engine = new_engine(ones_bank(gain=0.01), parts=16, polyphony=512)
    for part in range(16):
        for key in range(20):
            engine.part_midi(part, note_on(30 + key, 127))
    audio = engine.render(640)
    assert engine.stats().voices == 320
    assert audio[-1, 0] > 0.9
    assert engine.stats().refused_notes == engine.stats().voices_stolen == 0
    stems = engine.render(64, stems=True)
    np.testing.assert_allclose(stems[:, 2:].max(axis=0), 0.2, rtol=1e-4)
    engine.close()


def test_stealing_makes_no_click():
    notes = [(400 * i, note_on(36 + i, 32)) for i in range(24)]
    settings = {"attack_s": 0.01, "release_s": 1.0}
    few, many = (new_engine(ones_bank(**settings), polyphony=p) for p in (4, 256))
    stolen, free = play(few, notes, 9600, stems=True), play(many, notes, 9600, stems=True)
    assert few.stats().voices_stolen == 20
    assert many.stats().voices_stolen == 0
    assert few.stats().refused_notes == 0
    assert biggest_step(free[:, 2:]) < LEVEL / 200
    assert biggest_step(stolen[:, 2:]) < LEVEL / 64 * 1.2  # a cut would step by LEVEL
    few.close()
    many.close()


def test_released_notes_are_stolen_first_then_the_oldest():
    engine = new_engine(ones_bank(release_s=20.0), parts=6, polyphony=3)
    for part in range(3):
        engine.part_midi(part, note_on(60))
        engine.render(64)
    engine.part_midi(1, note_off(60))
    engine.render(64)
    engine.part_midi(3, note_on(60))
    audible = np.abs(engine.render(320, stems=True)[-1])[2::2] > 0
    assert audible.tolist()[:6] == [True, False, True, True, False, False]
    engine.part_midi(4, note_on(60))
    audible = np.abs(engine.render(320, stems=True)[-1])[2::2] > 0
    assert audible.tolist()[:6] == [False, False, True, True, True, False]
    engine.close()


def test_an_exhausted_pool_refuses_with_a_count():
    """One voice and 64 to fade in: of 100 notes at one frame 65 start."""
    engine = new_engine(parts=2, polyphony=1)
    for i in range(100):
        engine.part_midi(i % 2, note_on(i), engine.frame)
    engine.render(64)
    assert engine.stats().refused_notes == 35
    assert len(note_ons(engine.results())) == 100
    for i in range(100):
        engine.part_midi(i % 2, note_off(i))
    engine.render(9600)
    assert (engine.stats().held_notes, engine.stats().voices) == (0, 0)
    assert play(engine, [(0, note_on(60))], 640).max() > 0
    engine.close()


def test_a_bank_leaves_after_its_last_voice_and_its_memory_with_it():
    bank = ones_bank()
    data = weakref.ref(bank.data)
    engine = new_engine(bank)
    del bank
    play(engine, [(0, note_on(60))], 640)
    engine.remove_bank(0)
    audio = engine.render(6400)
    assert audio[-1].min() > 0.1
    assert len(of_kind(engine.results(), layout.BANK_FREED)) == 0
    play(engine, [(0, note_off(60))], 9600)
    freed = of_kind(engine.results(), layout.BANK_FREED)
    assert freed["a"].tolist() == [0]
    gc.collect()
    assert data() is None
    with pytest.raises(ValueError, match="bank 0 is not taken"):
        engine.remove_bank(0)
    engine.close()


def test_a_slot_is_taken_again_only_when_its_bank_is_gone():
    engine = new_engine()
    play(engine, [(0, note_on(60))], 64)
    engine.remove_bank(0)
    engine.render(64)
    assert engine.add_bank(sine_bank()) == 1
    play(engine, [(0, note_off(60))], 9600)
    engine.results()
    assert engine.add_bank(sine_bank()) == 0
    engine.close()


def test_a_note_without_a_bank_is_refused_and_ends_as_usual():
    engine = new_engine()
    engine.remove_bank(0)
    engine.render(64)
    audio = play(engine, [(0, note_on(60)), (100, note_off(60))], 640)
    assert np.all(audio == 0)
    assert engine.stats().refused_notes == 1
    assert engine.stats().held_notes == 0
    engine.close()


def test_sixty_four_banks_and_no_more():
    engine = new_engine(ready=False)
    for slot in range(1, layout.MAX_BANKS):
        assert engine.add_bank(ones_bank()) == slot
    with pytest.raises(ValueError, match="all 64 banks are taken"):
        engine.add_bank(ones_bank())
    engine.close()


def test_after_a_panic_notes_sound_as_in_a_fresh_engine():
    music = [(7, note_on(60)), (300, note_on(64)), (333, bend(9000)), (900, note_off(60))]
    fresh, used = (new_engine(sine_bank(release_s=0.01), polyphony=3) for _ in range(2))
    play(used, [(i * 37, note_on(30 + i)) for i in range(60)] + [(99, bend(0))], 4096)
    used.panic()
    used.render(64 * 20)
    np.testing.assert_array_equal(play(used, music, 4096), play(fresh, music, 4096))
    fresh.close()
    used.close()


def test_settling_cross_fades_without_a_click():
    engine = new_engine(
        ones_bank(attack_s=0.01, gain=0.2), network=True, chord_mode="settle", chord_window_ms=20
    )
    chord = [(i * 10, note_on(48 + 7 * i, 127)) for i in range(4)]
    audio = play(engine, chord, 4800)
    assert len(of_kind(engine.results(), layout.MOVED)) >= 2
    engine.close()
    np.testing.assert_allclose(audio[600:1000, 0], audio[-1, 0], rtol=1e-3)
    assert biggest_step(audio) < 0.2 * 4 / 64


def test_a_note_far_below_its_sample_stands_still_but_never_hangs():
    engine = new_engine(sine_bank(root_key=256.0, rate_hz=1.0))
    play(engine, [(0, note_on(40))], 640)
    assert engine.stats().voices == 1
    play(engine, [(0, note_off(40))], 48000)
    assert engine.stats().voices == 0
    engine.close()
