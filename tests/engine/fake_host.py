"""A plugin host of a test's own: a thread that does something simple to what a chain is given."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from engine.chain_memory import ChainMemory
from engine.rt import shared
from engine.rt.shared import CAPACITY, CHUNK

Work = Callable[[np.ndarray, int, np.ndarray], np.ndarray]


def invert(audio: np.ndarray, frame: int, events: np.ndarray) -> np.ndarray:
    """What went in, upside down: (2, CHUNK) at a frame of the chain."""
    return -audio


def echo(audio: np.ndarray, frame: int, events: np.ndarray) -> np.ndarray:
    """What went in."""
    return audio


class Delay:
    """A plugin that is late by `frames`, and upside down, so that it can be told from the dry."""

    def __init__(self, frames: int) -> None:
        self._kept = np.zeros((2, frames), np.float32)

    def __call__(self, audio: np.ndarray, frame: int, events: np.ndarray) -> np.ndarray:
        whole = np.concatenate([self._kept, audio], axis=1)
        self._kept = whole[:, CHUNK:]
        return -whole[:, :CHUNK]


def clicks(audio: np.ndarray, frame: int, events: np.ndarray) -> np.ndarray:
    """An instrument whose notes are one sample long: +velocity / 128 on, -1 / 128 off."""
    made = np.zeros((2, CHUNK), np.float32)
    for event in events:
        status, _, velocity = event["data"]
        if event["kind"] == shared.MIDI_MESSAGE and status & 0xF0 in (0x80, 0x90):
            struck = status & 0xF0 == 0x90
            made[:, event["frame"] - frame] += velocity / 128 if struck else -1 / 128
    return made


class FakeHost:
    """Processes whatever the callback gives it. `paused` makes it hang; close it."""

    def __init__(self, work: Work = invert, rate_hz: int = 48000) -> None:
        self.memory = ChainMemory.create(rate_hz)
        self.memory.unlink()
        self.events: list[np.ndarray] = []
        self.paused = threading.Event()
        self._work = work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        memory, done, read = self.memory, 0, 0
        while not self._stop.is_set():
            written = memory.acquire(shared.WRITTEN)
            if self.paused.is_set() or written - done < CHUNK:
                time.sleep(0.0001)
                continue
            if written - done > CAPACITY // 2:  # it slept too long: go on with what is new
                done = written - written % CHUNK - CHUNK
                memory.header[shared.VALID_FROM] = done
            last = memory.acquire(shared.EVENT_WRITE)
            first = read
            while read < last and memory.events[read % shared.EVENTS]["frame"] < done + CHUNK:
                read += 1
            due = memory.events[np.arange(first, read) % shared.EVENTS]
            self.events.extend(due)
            memory.publish(shared.EVENT_READ, read)
            places = np.arange(done, done + CHUNK) % CAPACITY
            memory.output[:, places] = self._work(memory.input[:, places], done, due)
            done += CHUNK
            memory.publish(shared.PROCESSED, done)

    def go_on(self) -> None:
        """Let it process everything it was given, and wait until it has."""
        self.paused.clear()
        header = self.memory.header
        while header[shared.PROCESSED] < header[shared.WRITTEN] // CHUNK * CHUNK:
            time.sleep(0.001)

    def close(self) -> None:
        """End it, as if its process had been killed."""
        self._stop.set()
        self._thread.join()
