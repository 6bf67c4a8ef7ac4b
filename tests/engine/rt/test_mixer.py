"""The mixer: ramps without steps, solo and mute, sends, master, meters."""

import time

import numpy as np
import pytest

from engine.rt.effects import KNEE, limit
from engine.rt.mixer import RAMP_FRAMES
from tests.engine.rig_helpers import (
    Saved,
    bank_of,
    biggest_step,
    ensemble_of,
    new_engine,
    note_off,
    note_on,
    ones_bank,
    play,
    stem,
)

LEVEL = (32 / 127) ** 2
KEYS = (72, 66, 60, 50)  # one in each part


@pytest.fixture(scope="module")
def sounding():
    """Four parts, each holding a note of ones: every stem stands at LEVEL."""
    engine = new_engine(ones_bank())
    play(engine, [(0, note_on(key, 32)) for key in KEYS], 640)
    yield engine, Saved(engine)
    engine.close()


@pytest.fixture
def engine(sounding):
    return sounding[1].restore()


def stems(engine, frames=RAMP_FRAMES + 128):
    """The left channels of the first four stems (frames, 4)."""
    return engine.render(frames, stems=True)[:, 2:10:2]


@pytest.mark.parametrize(
    ("name", "value", "left", "right"),
    [
        ("gain_db", -12.0, 10 ** (-12 / 20), 10 ** (-12 / 20)),
        ("gain_db", 12.0, 10 ** (12 / 20), 10 ** (12 / 20)),
        ("gain_db", -60.0, 0.0, 0.0),
        ("pan", -1.0, 2**0.5, 0.0),
        ("pan", 1.0, 0.0, 2**0.5),
        ("pan", 0.5, 2**0.5 * np.cos(0.375 * np.pi), 2**0.5 * np.sin(0.375 * np.pi)),
        ("mute", 1, 0.0, 0.0),
        ("solo", 1, 1.0, 1.0),
    ],
)
def test_a_strip_moves_along_a_straight_ramp(engine, name, value, left, right):
    start = engine.frame + 37
    engine.set(name, value, 1, start)
    audio = stem(engine.render(RAMP_FRAMES + 128, 50, stems=True), 1) / LEVEL
    np.testing.assert_allclose(audio[:38], 1.0, atol=1e-5)
    np.testing.assert_allclose(audio[37 + RAMP_FRAMES :, 0], left, atol=1e-5)
    np.testing.assert_allclose(audio[37 + RAMP_FRAMES :, 1], right, atol=1e-5)
    halfway = audio[37 + RAMP_FRAMES // 2]
    np.testing.assert_allclose(halfway, [(1 + left) / 2, (1 + right) / 2], atol=1e-5)
    assert biggest_step(audio) <= max(abs(1 - left), abs(1 - right)) / RAMP_FRAMES + 1e-5


def test_the_first_note_of_all_does_not_fade_in():
    engine = new_engine(ready=False, gain_db=-6.0, pan=0.3)
    audio = play(engine, [(0, note_on(60, 32))], 2048)
    engine.close()
    np.testing.assert_allclose(audio[8], audio[-1], rtol=1e-5)


def test_a_ramp_turned_round_midway_has_no_step(engine):
    for i in range(20):
        engine.set("gain_db", -60 if i % 2 == 0 else 12, 0, engine.frame + 100 * i)
    audio = stem(engine.render(4000, stems=True), 0) / LEVEL
    assert biggest_step(audio) <= 10 ** (12 / 20) / RAMP_FRAMES + 1e-5
    np.testing.assert_allclose(audio[-1], 10 ** (12 / 20), rtol=1e-4)


def test_mute_is_silence_and_unmute_brings_everything_back(engine):
    engine.set("mute", 1, 2)
    muted = stems(engine)[-1] / LEVEL
    np.testing.assert_allclose(muted, [1, 1, 0, 1], atol=1e-5)
    assert muted[2] == 0
    engine.set("mute", 0, 2)
    np.testing.assert_allclose(stems(engine)[-1] / LEVEL, 1, atol=1e-5)


def test_solo_leaves_the_soloed_and_mute_wins(engine):
    def levels():
        return (stems(engine)[-1] / LEVEL).round(4).tolist()

    engine.set("solo", 1, 0)
    engine.set("solo", 1, 3)
    assert levels() == [1, 0, 0, 1]
    engine.set("mute", 1, 3)
    assert levels() == [1, 0, 0, 0]
    engine.set("solo", 0, 0)
    assert levels() == [0, 0, 0, 0]
    engine.set("solo", 0, 3)
    assert levels() == [1, 1, 1, 0]


def test_a_part_that_joins_during_a_solo_is_silent():
    engine = new_engine(parts=2)
    engine.set("solo", 1, 0)
    engine.apply(ensemble_of(3, assigner="zones"))
    engine.set("solo", 1, 0)
    engine.render(RAMP_FRAMES + 64)
    engine.part_midi(2, note_on(60))
    assert np.all(engine.render(640) == 0)
    engine.close()


def test_the_stems_add_up_to_the_dry_master(engine):
    engine.set("pan", -0.4, 0)
    engine.set("gain_db", 3.0, 1)
    audio = engine.render(RAMP_FRAMES + 640, 33, stems=True)
    assert np.abs(audio[:, :2]).max() < KNEE
    np.testing.assert_allclose(audio[:, 0], audio[:, 2::2].sum(axis=1), atol=1e-6)
    np.testing.assert_allclose(audio[:, 1], audio[:, 3::2].sum(axis=1), atol=1e-6)


def test_unused_stems_are_silent(engine):
    assert np.all(engine.render(640, stems=True)[:, 10:] == 0)


@pytest.mark.parametrize("send", ["reverb_send", "chorus_send"])
def test_sends_ramp_without_steps(engine, send):
    dry = engine.render(640)[-1, 0]
    start = engine.frame + 10
    engine.set(send, 1.0, 0, start)
    audio = engine.render(9600, stems=True)
    assert biggest_step(audio) < LEVEL / 20  # a step of the send would be LEVEL or more
    assert np.abs(audio[-1, 0] - dry) > 0.1 * LEVEL
    np.testing.assert_allclose(audio[:, 2] / LEVEL, 1, atol=1e-5)  # the stem stays dry
    engine.set(send, 0.0, 0)
    engine.render(480000, 4096)
    np.testing.assert_allclose(engine.render(64)[:, 0], dry, atol=1e-5)


def test_the_master_gain_ramps(engine):
    before = engine.render(64)[-1, 0]
    engine.set("master_gain_db", -20.0)
    audio = engine.render(RAMP_FRAMES + 64)
    assert biggest_step(audio) <= before / RAMP_FRAMES + 1e-6
    assert audio[-1, 0] == pytest.approx(before / 10, rel=1e-4)
    engine.set("master_gain_db", -60.0)
    assert np.all(engine.render(RAMP_FRAMES + 64)[-64:] == 0)


def test_meters_show_peak_and_rms(engine):
    engine.set("gain_db", -6.0, 1)
    audio = engine.render(96000, stems=True)
    stats = engine.stats()
    assert stats.peak[0] == pytest.approx(np.abs(audio[-64:, :2]).max(), rel=1e-3)
    assert stats.rms[0] == pytest.approx(audio[-1, 0], rel=0.02)
    half = LEVEL * 10 ** (-6 / 20)
    np.testing.assert_allclose(stats.peak[1:5], [LEVEL, half, LEVEL, LEVEL], rtol=1e-3)
    np.testing.assert_allclose(stats.rms[1:5], [LEVEL, half, LEVEL, LEVEL], rtol=0.02)
    assert np.all(stats.peak[5:] == 0)


def test_peaks_fall_by_twenty_decibels_a_second(engine):
    engine.render(6400)
    for key in KEYS:
        engine.midi(note_off(key))
    engine.render(9600)
    earlier = engine.stats().peak[1]
    engine.render(48000)
    assert engine.stats().peak[1] / earlier == pytest.approx(0.1, rel=0.01)
    assert engine.stats().rms[1] < 0.2 * LEVEL


def test_a_meter_sees_a_single_sample_peak():
    engine = new_engine(bank_of(np.eye(1, 200, 101)[0]))
    play(engine, [(0, note_on(60, 127))], 256)
    assert engine.stats().peak[3] == pytest.approx(1.0, rel=0.02)
    engine.close()


def test_the_limiter_is_the_identity_then_bends_and_never_reaches_one():
    x = np.concatenate([np.linspace(0, 4, 4001), [10, 100, 1e4, 1e6]]).astype(np.float32)
    y = np.array([limit(v) for v in x])
    assert np.all(y[x <= KNEE] == x[x <= KNEE])
    assert np.all(np.diff(y) > 0)
    assert y.max() < 1
    slopes = np.diff(y[:4001]) / np.diff(x[:4001])
    assert np.abs(np.diff(slopes)).max() < 0.02  # no corner at the knee
    np.testing.assert_array_equal(np.array([limit(-v) for v in x]), -y)


def test_the_master_never_reaches_one_however_loud(engine):
    for part in range(4):
        engine.set("gain_db", 12.0, part)
    engine.set("master_gain_db", 12.0)
    play(engine, [(0, note_on(key, 127)) for key in (75, 78, 80, 65, 61, 40)], 640)
    audio = engine.render(4800, stems=True)
    assert np.abs(audio[:, 2:]).max() > 4
    assert 0.9 < np.abs(audio[:, :2]).max() < 1
    assert engine.stats().peak[0] < 1


def burst():
    return bank_of(np.random.default_rng(3).uniform(-1, 1, 480))


@pytest.mark.parametrize("rate_hz", [44100, 48000, 96000])
def test_the_reverb_falls_by_sixty_decibels_in_1_9_seconds(rate_hz):
    engine = new_engine(burst(), rate_hz=rate_hz, reverb_send=1.0)
    tail = play(engine, [(0, note_on(60, 80))], 4 * rate_hz)[rate_hz // 10 :].astype(np.float64)
    engine.close()
    assert np.isfinite(tail).all()
    energy = np.square(tail).sum(axis=1)
    left = 10 * np.log10(np.flip(np.cumsum(np.flip(energy))))
    start, end = np.argmax(left < left[0] - 5), np.argmax(left < left[0] - 35)
    assert 2 * (end - start) / rate_hz == pytest.approx(1.9, rel=0.25)
    one, other = tail[: rate_hz // 2].T
    assert abs(one @ other) < 0.5 * np.linalg.norm(one) * np.linalg.norm(other)  # wide


def test_reverb_and_chorus_die_away_to_nothing_audible():
    engine = new_engine(burst(), reverb_send=1.0, chorus_send=1.0)
    audio = play(engine, [(0, note_on(60, 127))], 480000, 4096)
    assert np.isfinite(audio).all()
    assert 0.01 < np.abs(audio).max() < 1
    assert np.abs(audio[-48000:]).max() < 1e-9
    engine.close()


def test_the_chorus_is_two_moving_delays():
    engine = new_engine(bank_of(np.eye(1, 100, 50)[0]), chorus_send=1.0)
    for _ in range(4):
        audio = play(engine, [(0, note_on(60, 60))], 4800, stems=True)
        wet = audio[:, :2] - audio[:, 2:].reshape(-1, 16, 2).sum(axis=1)
        delays = np.abs(wet).argmax(axis=0) - 50
        assert np.all((delays >= 0.007 * 48000 - 2) & (delays <= 0.017 * 48000 + 2))
        np.testing.assert_allclose(np.abs(wet).sum(axis=0), (60 / 127) ** 2, rtol=0.05)
        engine.render(12345)
    engine.close()


def test_long_silence_costs_no_more_than_sound():
    """Denormal numbers in the delay lines would make silence twenty times as dear."""
    engine = new_engine(burst(), reverb_send=1.0, chorus_send=1.0)

    def seconds():
        start = time.perf_counter()
        engine.render(48000, 4096)
        return time.perf_counter() - start

    play(engine, [(0, note_on(60, 127))], 4800)
    loud = min(seconds() for _ in range(3))
    engine.render(48000 * 60, 4096)
    assert min(seconds() for _ in range(3)) < 3 * loud
    engine.close()
