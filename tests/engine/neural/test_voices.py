"""The voices of the neural synth, by the weights that ship: pitch, level, time, and no clicks."""

from __future__ import annotations

import numpy as np
import pytest

from engine.morph_sounds import Anchor, MorphSound, Point, Source, Vibrato
from engine.neural.voices import HELD, Voices, held_db
from models.morph.paper_model import PaperModel, load
from models.morph.voice_model import MorphModel
from models.morph.voice_model import load as load_live

RATE_HZ = 24000


@pytest.fixture(scope="module")
def models() -> tuple[PaperModel, MorphModel]:
    return load("morph_paper"), load_live("morph_orchestra")


def sound_of(*instruments: str, **settings) -> MorphSound:
    places = tuple(Anchor(name, x=k, y=0.5) for k, name in enumerate(instruments))
    settings.setdefault("texture", 0.0)
    settings.setdefault("puck", Point(0.0, 0.5))
    return MorphSound("test", "test", anchors=places, **settings)


def strike(voices: Voices, key: int, velocity: int = 96) -> None:
    voices.midi(bytes((0x90, key, velocity)))


def rms_db(audio: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(audio.astype(float) ** 2) + 1e-12))


def share_at(audio: np.ndarray, hz: float, width: float = 0.01) -> float:
    """The share of the power that lies at multiples of a frequency."""
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    place = np.arange(len(power)) * RATE_HZ / len(audio)
    number = np.maximum(np.round(place / hz), 1)
    near = np.abs(place - number * hz) < max(width * hz, 2.2 * RATE_HZ / len(audio))
    return float(power[near].sum() / power.sum())


def test_an_instrument_has_its_keys_pitch_and_level(models) -> None:
    decoder, live = models
    for place, name in list(enumerate(decoder.instruments))[::3]:
        key = int(decoder.low_keys[place] + decoder.high_keys[place]) // 2
        voices = Voices(decoder, live, sound_of(name), RATE_HZ)
        strike(voices, key)
        audio = voices.render(3 * RATE_HZ // 4)[RATE_HZ // 2 :]
        hz = 440 * 2 ** ((key - 69) / 12)
        tuned = [share_at(audio, hz * 2 ** (cents / 1200)) for cents in (0, 30, -30)]
        assert tuned[0] == max(tuned), name
        assert tuned[0] > 0.8, name
        if not decoder.falls_db_s()[place].any():
            wanted = live.level_db(place, key, 96) + held_db(live, place, 0.6)[key]
            assert rms_db(audio) == pytest.approx(wanted, abs=1.5), name


def test_harder_keys_are_louder_and_a_decaying_sound_dies_away(models) -> None:
    levels = []
    for velocity in (30, 70, 110):
        voices = Voices(models[0], models[1], sound_of("clarinet"), RATE_HZ)
        strike(voices, 60, velocity)
        levels.append(rms_db(voices.render(RATE_HZ // 2)[RATE_HZ // 4 :]))
    assert levels[0] + 4 < levels[1] < levels[2] - 4
    voices = Voices(models[0], models[1], sound_of("piano"), RATE_HZ)
    strike(voices, 60)
    early, late = rms_db(voices.render(RATE_HZ // 2)), rms_db(voices.render(2 * RATE_HZ)[-RATE_HZ:])
    assert late < early - 6


def test_a_released_note_falls_and_gives_its_voice_back(models) -> None:
    voices = Voices(models[0], models[1], sound_of("flute"), RATE_HZ)
    strike(voices, 72)
    voices.render(RATE_HZ // 2)
    voices.midi(bytes((0x80, 72, 0)))
    assert rms_db(voices.render(2400)) > -60
    voices.render(2 * RATE_HZ)
    assert not voices.render(480).any()
    assert not voices._stage.any()


def test_silence_is_asked_of_a_note_that_falls_and_it_does_not_rise_again(models) -> None:
    voices = Voices(models[0], models[1], sound_of("harp"), RATE_HZ)
    strike(voices, 60)
    voices.render(RATE_HZ // 2)
    voices.midi(bytes((0x80, 60, 0)))
    voices.render(RATE_HZ // 2)
    before = rms_db(voices.render(240))
    voices.midi(bytes((0xB0, 120, 0)))
    assert rms_db(voices.render(48)) < before + 3
    voices.render(2400)
    assert not voices._stage.any()


def test_a_held_chord_does_not_beat(models) -> None:
    voices = Voices(models[0], models[1], sound_of("oboe"), RATE_HZ)
    strike(voices, 62)
    audio = voices.render(3 * RATE_HZ)[RATE_HZ:]
    pieces = audio[: len(audio) // 960 * 960].reshape(-1, 960).astype(float)
    assert (10 * np.log10((pieces**2).mean(1))).std() < 0.2


def test_nothing_clicks(models, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beginnings, ends, stolen voices and a leap of the puck bend the wave no more than it does."""
    monkeypatch.setattr("engine.neural.voices.MOST_VOICES", 6)
    source = Source("x", "cc", controller=1)
    voices = Voices(models[0], models[1], sound_of("cello", "trumpet", sources=(source,)), RATE_HZ)
    for key in range(48, 54):
        strike(voices, key)
    voices.render(RATE_HZ // 2)

    def bend(audio: np.ndarray) -> float:
        return float(np.abs(np.diff(audio, 2)).max())

    usual = []
    for wheel in (127, 0):
        voices.midi(bytes((0xB0, 1, wheel)))
        voices.render(RATE_HZ // 8)
        usual.append(bend(voices.render(RATE_HZ // 8)))
    heard = [voices.render(2)]
    for step in range(8):
        strike(voices, 81 + step)
        voices.midi(bytes((0x80, 48 + step, 0)))
        voices.midi(bytes((0xB0, 1, 127 * (step % 2))))
        heard.append(voices.render(1000))
    voices.midi(bytes((0xB0, 120, 0)))
    heard.append(voices.render(2400))
    assert bend(np.concatenate(heard)) < 2.5 * max(usual)
    assert not voices.render(64).any()


def test_what_was_let_go_makes_room_first_and_then_the_oldest(
    models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.neural.voices.MOST_VOICES", 3)
    voices = Voices(models[0], models[1], sound_of("flute"), RATE_HZ)
    for key in (60, 64, 67):
        strike(voices, key)
    voices.midi(bytes((0x80, 64, 0)))

    def held() -> list[int]:
        return sorted(voices._key[voices._stage == HELD].tolist())

    strike(voices, 72)
    assert held() == [60, 67, 72]
    voices.render(RATE_HZ // 20)
    strike(voices, 74)
    assert held() == [67, 72, 74]


def test_the_same_sound_however_it_is_cut(models) -> None:
    heard = []
    for pieces in ([4096], [64] * 64, [1, 63, 500, 12, 3520]):
        voices = Voices(models[0], models[1], sound_of("french horn", texture=0.5), RATE_HZ)
        strike(voices, 55)
        heard.append(np.concatenate([voices.render(count) for count in pieces]))
    for other in heard[1:]:
        np.testing.assert_allclose(other, heard[0], atol=2e-3 * np.abs(heard[0]).max())


def test_the_powers_of_two_voices_noise_add_up(models) -> None:
    voices = Voices(models[0], models[1], sound_of("flute"), RATE_HZ)
    voices._noise[:, :2] = 0.01
    one, both = (
        voices._noises(np.arange(count), np.ones((count, 480), np.float32), 0, 480)
        for count in (1, 2)
    )
    assert one.any()
    np.testing.assert_allclose(both, 2**0.5 * one, atol=1e-5)


def test_bend_wheel_and_expression(models) -> None:
    voices = Voices(models[0], models[1], sound_of("organ"), RATE_HZ)
    strike(voices, 60)
    voices.midi(bytes((0xE0, 127, 127)))
    voices.render(RATE_HZ // 2)
    audio = voices.render(RATE_HZ // 2)
    assert share_at(audio, 440 * 2 ** (-7 / 12)) > 0.8
    voices.midi(bytes((0xB0, 11, 64)))
    voices.render(4096)
    quieter = voices.render(RATE_HZ // 2)
    assert rms_db(quieter) - rms_db(audio) == pytest.approx(40 * np.log10(64 / 127), abs=1)


def test_notes_struck_together_swing_apart(models) -> None:
    vibrato = Vibrato(rate_hz=5.0, depth_cents=30, delay_s=0.0)
    voices = Voices(models[0], models[1], sound_of("violin", vibrato=vibrato), RATE_HZ)
    for key in (60, 64, 67):
        strike(voices, key)
    pitches = []
    for _ in range(200):
        voices.render(120)
        steps = voices._steps(np.arange(POOL_USED))
        pitches.append(1200 * np.log2(steps * RATE_HZ / (440 * 2 ** ((KEYS - 69) / 12))))
    swing = np.array(pitches)[100:]
    assert (swing.max(0) > 20).all()
    together = np.corrcoef(swing.T)[np.triu_indices(POOL_USED, 1)]
    assert together.max() < 0.9


KEYS = np.array([60, 64, 67])
POOL_USED = len(KEYS)
