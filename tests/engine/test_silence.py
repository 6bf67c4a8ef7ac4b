"""The device that is none runs the engine in real time and stops when told."""

import time

import pytest

from engine.errors import RipienoError
from engine.silence import LATEST_S, SilentDevice


class Engine:
    """Counts frames; may be slow."""

    def __init__(self, block_s: float = 0.0) -> None:
        self.frame = 0
        self.block_s = block_s
        self.begun: list[tuple[int, bool]] = []

    def begin(self, block_frames: int, deadline: bool) -> None:
        self.begun.append((block_frames, deadline))

    def render(self, frames: int, block: int) -> None:
        self.frame += frames
        time.sleep(self.block_s)


def test_it_keeps_time_and_stops() -> None:
    engine, device = Engine(), SilentDevice(48000, 480)
    assert not device.alive
    device.start(engine)
    assert device.alive
    assert engine.begun == [(480, False)]
    time.sleep(0.4)
    device.close()
    device.close()
    assert not device.alive
    played = engine.frame
    assert 0.3 * 48000 < played < 0.6 * 48000
    time.sleep(0.05)
    assert engine.frame == played


def test_it_may_be_started_again() -> None:
    engine, device = Engine(), SilentDevice(48000, 480)
    for _ in range(2):
        device.start(engine)
        device.close()
    assert len(engine.begun) == 2


def test_time_that_is_long_gone_is_given_up(monkeypatch) -> None:
    engine, device = Engine(), SilentDevice(48000, 480)
    device.start(engine)
    time.sleep(0.05)
    now_s = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now_s() + 20 * LATEST_S)
    time.sleep(0.2)
    device.close()
    assert engine.frame < 48000


@pytest.mark.parametrize("block_frames", [0, 8193])
def test_blocks_have_limits(block_frames: int) -> None:
    with pytest.raises(RipienoError, match="1 to 8192"):
        SilentDevice(48000, block_frames)
