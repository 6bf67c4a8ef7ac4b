"""The device that is none: the engine runs in real time and nobody hears it.

The session uses it for `--out none` and while a real device is gone, so that the music, its notes
and its recording go on. One Python thread renders; it may be late, which only shows in how evenly
results arrive, never in what they are.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from engine.errors import RipienoError

MAX_BLOCK_FRAMES = 8192
LATEST_S = 0.5  # further behind than this, time is given up instead of caught up


class SilentDevice:
    """Same life as the other devices: start, tend, close; may be started again. [main]"""

    def __init__(self, rate_hz: int = 48000, block_frames: int = 256) -> None:
        if not 1 <= block_frames <= MAX_BLOCK_FRAMES:
            raise RipienoError(f"block must be 1 to {MAX_BLOCK_FRAMES} frames, got {block_frames}")
        self.rate_hz = rate_hz
        self.block_frames = block_frames
        self.latency_frames = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def description(self) -> str:
        """One phrase for the player. [main]"""
        return f"no sound ({self.rate_hz} Hz, {self.block_frames} frames)"

    @property
    def alive(self) -> bool:
        """True while the engine is being run. [any]"""
        return self._thread is not None and self._thread.is_alive()

    def start(self, engine: Any) -> None:
        """Run `engine` until `close`. [main]"""
        self._stop.clear()
        engine.begin(self.block_frames, False)
        self._thread = threading.Thread(
            target=self._run, args=(engine,), name="silent device", daemon=True
        )
        self._thread.start()

    def name_parts(self, names: Sequence[str]) -> None:
        """Nothing to do: there are no ports. [main]"""

    def tend(self) -> list[str]:
        """Nothing can be lost. [main]"""
        return []

    def close(self) -> None:
        """Stop; the engine may then be run by another device. Idempotent. [main]"""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2.0)
            self._thread = None

    def _run(self, engine: Any) -> None:
        block_s = self.block_frames / self.rate_hz
        due_s = time.monotonic()
        while not self._stop.is_set():
            engine.render(self.block_frames, self.block_frames)
            due_s += block_s
            wait_s = due_s - time.monotonic()
            if wait_s > 0:
                self._stop.wait(wait_s)
            elif wait_s < -LATEST_S:
                due_s = time.monotonic()
