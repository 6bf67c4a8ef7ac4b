"""The picture of a held chord: what it shows has moved, and nothing in it clicks."""

import itertools

import numpy as np
import pytest
from matplotlib.image import imread

from engine import morph_picture


def spectrum_db(audio: np.ndarray) -> np.ndarray:
    """Levels of third octaves from 100 Hz to 10 kHz."""
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    hz = np.arange(power.size) * morph_picture.RATE_HZ / len(audio)
    edges = np.geomspace(100, 10000, 21)
    bands = [power[(hz >= a) & (hz < b)].sum() for a, b in itertools.pairwise(edges)]
    return 10 * np.log10(bands)


def test_a_held_chord_moves_and_is_drawn(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(morph_picture, "REST_S", 0.5)
    monkeypatch.setattr(morph_picture, "WAY_S", 0.5)
    audio = morph_picture.held_chord("cello_flute_trumpet", 1)
    half = morph_picture.RATE_HZ // 4
    before, after = audio[half : 2 * half], audio[5 * half : 6 * half]
    assert np.abs(spectrum_db(after) - spectrum_db(before)).mean() > 3
    on_the_way = np.abs(np.diff(audio[2 * half : 4 * half], 3)).max()
    at_rest = max(np.abs(np.diff(piece, 3)).max() for piece in (before, after))
    assert on_the_way < 1.5 * at_rest
    path = tmp_path / "chord.png"
    morph_picture.draw(path, audio, "cello_flute_trumpet")
    picture = imread(path)[..., :3].mean(axis=2)
    assert picture.shape[0] > 400
    assert picture.std() > 0.1
