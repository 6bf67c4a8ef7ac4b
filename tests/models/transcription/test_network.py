"""The transcription network in numpy: pieces equal the whole, harmonics lie where they should."""

import numpy as np
import pytest

from models.errors import ModelError
from models.morph.spectrum import BINS, FLOOR_DB, vqt
from models.transcription.network import (
    AROUND,
    CONTEXT,
    HARMONICS,
    KEYS,
    LOWEST_KEY,
    Network,
    NetworkStream,
    harmonic_bins,
    random_network,
    shapes,
)

PARTS = ("onset", "sounding", "dynamics", "instrument")


def levels(frames: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(FLOOR_DB, 0, (frames, BINS)).astype(np.float32)


def test_it_says_something_of_every_key_in_every_frame():
    heard = NetworkStream(random_network(0, instruments=5)).push(levels(7))
    assert heard.onset.shape == heard.sounding.shape == (7, KEYS)
    assert heard.dynamics.shape == (7, KEYS, 5)
    assert heard.instrument.shape == (7, KEYS, 5)
    assert ((heard.onset > 0) & (heard.onset < 1)).all()
    np.testing.assert_allclose(np.exp(heard.instrument).sum(axis=2), 1, atol=1e-5)


def test_pieces_equal_the_whole():
    network, sound = random_network(1), levels(40)
    whole, stream = NetworkStream(network).push(sound), NetworkStream(network)
    pieces = [stream.push(piece) for piece in np.split(sound, [1, 2, 9, 9, 30])]
    for name in PARTS:
        joined = np.concatenate([getattr(piece, name) for piece in pieces])
        np.testing.assert_allclose(joined, getattr(whole, name), atol=1e-4)


def test_a_finished_stream_gives_what_it_owes_and_is_as_new():
    stream, sound = NetworkStream(random_network(1, lag=4)), levels(20)
    once = stream.push(sound)
    assert len(stream.finish()) == 4
    np.testing.assert_array_equal(stream.push(sound).onset, once.onset)
    assert len(NetworkStream(random_network(1, early=True, lag=-1)).finish()) == 0


def test_a_frame_is_told_from_itself_and_the_frames_before():
    network, sound = random_network(2), levels(30)
    changed = sound.copy()
    changed[12] = FLOOR_DB
    one, other = NetworkStream(network).push(sound), NetworkStream(network).push(changed)
    differs = np.abs(one.onset - other.onset).max(axis=1) > 1e-7
    assert set(np.flatnonzero(differs)) <= set(range(12, 12 + CONTEXT + 1))
    assert differs[12]


@pytest.mark.parametrize("pitch", [33, 60, 84])
def test_a_key_looks_where_its_own_sine_stands(pitch):
    hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    frame = vqt(np.sin(2 * np.pi * hz * np.arange(12000) / 24000))[20]
    fundamental = harmonic_bins()[pitch - LOWEST_KEY].reshape(len(HARMONICS), -1)[1]
    assert frame.argmax() == fundamental[AROUND]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("into"), "lack the array 'into'"),
        (lambda w: w.update(key=np.zeros(3, np.float32)), "'key' must be"),
        (lambda w: w["out"].fill(np.nan), "'out' must hold finite numbers"),
    ],
)
def test_other_weights_are_refused(change, message):
    weights = {name: array.copy() for name, array in random_network(0).weights.items()}
    change(weights)
    with pytest.raises(ModelError, match=message):
        Network(weights, ("one", "two", "three"))


def test_the_shapes_are_those_of_the_weights():
    for name, shape in shapes(3).items():
        assert random_network(0).weights[name].shape == shape
