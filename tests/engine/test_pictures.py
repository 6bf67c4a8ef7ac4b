"""The piano roll: it is drawn, it marks errors, and its colours differ for every eye."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from engine.pictures import PALETTE, RollNote, draw_rolls, part_colour

# Machado, Oliveira, Fernandes 2009: how linear RGB looks without one kind of cone.
EYES = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
LEAST_DISTANCE = 25.0  # CIE 1976; 2.3 is just noticeable side by side


def lab(colour: str, eyes: np.ndarray) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(eyes @ linear, 0, 1)
    xyz = (
        np.array(
            [
                [0.4124564, 0.3575761, 0.1804375],
                [0.2126729, 0.7151522, 0.0721750],
                [0.0193339, 0.1191920, 0.9503041],
            ]
        )
        @ seen
    )
    f = np.cbrt(xyz / [0.95047, 1.0, 1.08883])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", EYES)
def test_the_first_six_colours_differ_for_every_eye(eyes: str) -> None:
    seen = [lab(colour, EYES[eyes]) for colour in PALETTE[:6]]
    least = min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))
    assert least > LEAST_DISTANCE


def test_sixteen_parts_have_sixteen_colours() -> None:
    assert len({part_colour(part) for part in range(16)}) == 16


def pixels(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return (imread(str(path))[:, :, :3] * 255).round().astype(int)


def count(image: np.ndarray, colour: str) -> int:
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((image == rgb).all(axis=2).sum())


def test_a_roll_shows_each_part_in_its_colour(tmp_path: Path) -> None:
    notes = [RollNote(0.0, 1.0, 60, 0), RollNote(1.0, 2.0, 64, 1, also=2)]
    draw_rolls(tmp_path / "a.png", [("Above", notes), ("Below", notes)], ["A", "B", "C"], "T", "c")
    image = pixels(tmp_path / "a.png")
    assert image.shape[1] == 1960
    for part in range(3):
        assert count(image, part_colour(part)) > 500
    assert count(image, part_colour(3)) == 0


def test_errors_are_marked(tmp_path: Path) -> None:
    for name, wrong in (("right", False), ("wrong", True)):
        note = RollNote(0.0, 1.0, 60, 0, wrong=wrong)
        draw_rolls(tmp_path / f"{name}.png", [("Roll", [note])], ["A"], "T")
    right, wrong = (pixels(tmp_path / f"{name}.png") for name in ("right", "wrong"))
    assert count(wrong, "#22262B") > count(right, "#22262B") + 300


def test_nothing_to_draw_is_an_empty_roll(tmp_path: Path) -> None:
    draw_rolls(tmp_path / "empty.png", [("Roll", [])], ["A"], "T")
    assert (tmp_path / "empty.png").stat().st_size > 1000
