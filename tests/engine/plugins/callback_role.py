"""Stands in for the audio callback at a chain's memory: writes, waits, reads, sends events."""

import time
from typing import Any

import numpy as np

from engine.chain_memory import ChainMemory, shared


class CallbackRole:
    """Plays sound through a host as fast as the host can. Frames count from 0."""

    def __init__(self, memory: ChainMemory) -> None:
        self.memory = memory
        self.written = 0

    def play(self, sound: np.ndarray, block: int = 128, timeout_s: float = 10.0) -> np.ndarray:
        """What became of (2, frames, a multiple of 64) float32, waiting for each block."""
        out = np.zeros_like(sound)
        begin = taken = self.written
        for start in range(0, sound.shape[1], block):
            piece = sound[:, start : start + block]
            at = (self.written + np.arange(piece.shape[1])) % shared.CAPACITY
            self.memory.input[:, at] = piece
            self.written += piece.shape[1]
            self.memory.publish(shared.WRITTEN, self.written)
            ready = self.written // shared.CHUNK * shared.CHUNK
            wait_until(lambda: self.memory.acquire(shared.PROCESSED) >= ready, timeout_s)  # noqa: B023
            at = np.arange(taken, ready) % shared.CAPACITY
            out[:, taken - begin : ready - begin] = self.memory.output[:, at]
            taken = ready
        return out

    def silence(self, frames: int, block: int = 128) -> np.ndarray:
        """What comes of silence."""
        return self.play(np.zeros((2, frames), np.float32), block)

    def send(
        self,
        frame: int,
        kind: int,
        data: tuple[int, ...] = (0, 0, 0),
        index: int = 0,
        value: float = 0.0,
    ) -> None:
        """Append an event that acts at a frame; `data` of a parameter or bypass: the plugin."""
        write = int(self.memory.header[shared.EVENT_WRITE])
        event = self.memory.events[write % shared.EVENTS]
        event["frame"], event["kind"], event["index"], event["value"] = frame, kind, index, value
        event["data"] = (*data, 0, 0, 0)[:3]
        self.memory.publish(shared.EVENT_WRITE, write + 1)


def wait_until(true: Any, timeout_s: float = 10.0) -> None:
    """Return as soon as `true()` is; RuntimeError if that takes too long."""
    until_s = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > until_s:
            raise RuntimeError(f"not so within {timeout_s} s")
        time.sleep(0.001)
