"""When a frame begins: told from blocks that are woken late, on cards that run off the clock."""

import numpy as np
import pytest

from engine.frame_clock import FrameClock

RATE_HZ, BLOCK = 48000, 128


class Blocks:
    """An engine whose callback was woken when it is told."""

    rate_hz = RATE_HZ

    def __init__(self) -> None:
        self.at: tuple[int, int] = (0, 0)

    def block_clock(self) -> tuple[int, int]:
        return self.at


def run(clock: FrameClock, blocks: Blocks, late_ns: np.ndarray, ppm: float = 0.0) -> np.ndarray:
    """Errors of the clock in us after each look, seven blocks apart."""
    errors = []
    for i, late in enumerate(late_ns):
        frame = i * 7 * BLOCK
        exact = 1e9 + frame * 1e9 / RATE_HZ * (1 + ppm * 1e-6)
        blocks.at = (frame, int(exact + late))
        clock.look()
        errors.append((clock.ns_of(frame) - exact) / 1000)
    return np.array(errors)


@pytest.mark.parametrize("ppm", [0, 100, -100])
def test_late_wakings_hardly_show(ppm: float) -> None:
    random = np.random.default_rng(1)
    late = np.abs(random.normal(0, 30_000, 2000))
    late[random.integers(100, 2000, 60)] = 15_000_000  # a busy system, now and then
    errors = run(FrameClock(blocks := Blocks()), blocks, late, ppm)
    assert np.abs(errors[100:]).max() < 200


def test_a_stream_that_stood_still_is_followed_again() -> None:
    late = np.zeros(300)
    late[100:] = 80_000_000
    errors = run(FrameClock(blocks := Blocks()), blocks, late)
    assert abs(errors[99]) < 1
    assert abs(errors[-1] - 80_000) < 1


def test_nothing_runs_before_the_first_block() -> None:
    clock = FrameClock(blocks := Blocks())
    clock.look()
    assert not clock.running
    blocks.at = (640, 5_000)
    clock.look()
    assert clock.running
    assert clock.ns_of(640 + 48) == pytest.approx(5_000 + 1e6)
