"""The variable-Q transform: where a sine stands, how loud, when, and that live equals offline."""

import numpy as np
import pytest

from models.errors import ModelError
from models.morph.spectrum import (
    BINS,
    FLOOR_DB,
    HOP,
    RATE_HZ,
    VqtStream,
    bin_of,
    frequencies_hz,
    lead_frames,
    vqt,
    windows,
)


def sine(pitch: float, rate_hz: int = RATE_HZ, seconds: float = 1.0) -> np.ndarray:
    hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz).astype(np.float32)


def noise(seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    generator = np.random.default_rng(1)
    return 0.1 * generator.standard_normal(int(seconds * rate_hz)).astype(np.float32)


def test_the_bins_are_the_papers():
    assert (len(frequencies_hz()), frequencies_hz()[0]) == (410, 30.0)
    assert frequencies_hz()[48] == pytest.approx(60.0)
    assert 11_000 < frequencies_hz()[-1] < 11_100
    assert (windows().max(), windows().min()) == (4096, 512)


@pytest.mark.parametrize("pitch", [28, 45, 69, 100])
def test_a_sine_stands_in_its_bin_at_its_level(pitch):
    frame = vqt(0.5 * sine(pitch))[40]
    assert frame.argmax() == round(bin_of(pitch))
    assert frame.max() == pytest.approx(-6.02, abs=0.1)


@pytest.mark.parametrize("pitch", [36, 60, 84])
def test_a_semitone_up_is_four_bins_up(pitch):
    assert vqt(sine(pitch + 1))[40].argmax() == vqt(sine(pitch))[40].argmax() + 4


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 44100, 48000, 96000])
def test_every_rate_gives_the_same_spectrum(rate_hz):
    one, other = vqt(sine(69)), vqt(sine(69, rate_hz), rate_hz)
    assert len(one) == len(other) == 1 + RATE_HZ // HOP
    heard = one[30:60] > -60
    np.testing.assert_allclose(other[30:60][heard], one[30:60][heard], atol=0.1)


@pytest.mark.parametrize("rate_hz", [24000, 44100, 48000])
def test_a_click_is_in_the_frame_of_its_moment(rate_hz):
    audio = np.zeros(rate_hz, np.float32)
    frame = 37
    audio[round(frame * HOP / RATE_HZ * rate_hz)] = 1.0
    high = vqt(audio, rate_hz)[:, 380]
    assert high.argmax() == frame
    elsewhere = np.delete(high, range(frame - 1, frame + 2))
    assert elsewhere.max() < high[frame] - 50


def test_any_hop_can_be_asked_for():
    audio = np.zeros(RATE_HZ, np.float32)
    audio[RATE_HZ // 2] = 1.0
    spectrum = vqt(audio, hop_s=0.01)
    assert len(spectrum) == 101
    assert spectrum[:, 380].argmax() == 50
    assert len(vqt(audio, hop_s=0.5)) == 3  # a hop longer than any window
    assert vqt(audio, hop_s=0.5)[:, 380].argmax() == 1


@pytest.mark.parametrize("rate_hz", [24000, 44100, 48000])
@pytest.mark.parametrize("early", [False, True])
def test_a_stream_in_pieces_equals_the_whole(rate_hz, early):
    audio = noise(1.3, rate_hz)
    stream = VqtStream(rate_hz, early=early)
    pieces, at, generator = [], 0, np.random.default_rng(2)
    while at < len(audio):
        size = int(generator.integers(1, 3000))
        pieces.append(stream.push(audio[at : at + size]))
        at += size
    pieces.append(stream.finish())
    whole = vqt(audio, rate_hz, early=early)
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=0.02)


def test_a_finished_stream_is_as_new():
    stream = VqtStream(48000)
    audio = noise(0.4, 48000)
    once = np.concatenate([stream.push(audio), stream.finish()])
    again = np.concatenate([stream.push(audio), stream.finish()])
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("rate_hz", [24000, 44100, 48000])
def test_a_frame_comes_within_the_latency_it_states(rate_hz):
    stream = VqtStream(rate_hz)
    block, frames = 64, 0
    for heard in range(block, rate_hz, block):
        frames += len(stream.push(np.zeros(block, np.float32)))
        due_s = (heard - block) / rate_hz - stream.latency_s
        assert frames >= int(due_s * RATE_HZ / HOP)
    assert 0.085 < stream.latency_s < 0.095


def test_an_early_spectrum_is_the_same_with_its_columns_moved():
    audio = noise(1.0)
    plain, early, lead = vqt(audio), vqt(audio, early=True), lead_frames()
    assert (lead[0], lead[-1]) == (0, 7)
    moved = np.stack([plain[20 + lead[k] : 60 + lead[k], k] for k in range(BINS)], axis=1)
    np.testing.assert_allclose(10 ** (early[20:60] / 20), 10 ** (moved / 20), atol=1e-5)


def test_silence_is_the_floor_and_an_empty_sound_one_frame():
    assert (vqt(np.zeros(5000, np.float32)) == FLOOR_DB).all()
    assert vqt(np.zeros(0, np.float32)).shape == (1, BINS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate_hz": 100}, "4000 to 400000 Hz, got 100"),
        ({"hop_s": 0}, "hop_s must be 0.001 to 1 s, got 0"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(ModelError, match=message):
        vqt(np.zeros(100, np.float32), **arguments)


def test_sound_of_two_channels_is_refused():
    with pytest.raises(ModelError, match="mono"):
        vqt(np.zeros((100, 2), np.float32))
