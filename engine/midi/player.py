"""A MIDI file as a live source: its events reach the engine a little ahead, stamped with frames.

`Player` plays in real time from a thread of its own [worker]; `Feeder` is the same without a
clock, for offline rendering. Since every event carries the frame it is meant for, timing does not
depend on when the thread runs, as long as it runs within the lead.
"""

import threading
import time
from typing import Protocol

import numpy as np

from engine.midi.outlet import MidiEngine, Outlet
from engine.midi.performance import Performance

LEAD_SECONDS = 0.08  # events go this far ahead; a busy interpreter delays a thread by some 10 ms
TICK_SECONDS = 0.01
FLUSH_SECONDS = 1.0  # how long stopping insists on being heard


class LiveEngine(MidiEngine, Protocol):
    """What of the engine a player needs."""

    @property
    def rate_hz(self) -> int:
        """Frames a second."""
        ...

    def now_frame(self) -> int:
        """The frame that sounds about now."""
        ...


class Feeder:
    """Pushes a performance into the engine in order; second 0 falls on `start_frame`."""

    def __init__(
        self,
        engine: MidiEngine,
        performance: Performance,
        *,
        rate_hz: int,
        start_frame: int = 0,
        source: int = 0,
    ) -> None:
        self._outlet = Outlet(engine, source)
        self._frames = start_frame + np.rint(performance.events["seconds"] * rate_hz).astype(int)
        self._messages = performance.messages()
        self._next = 0

    @property
    def done(self) -> bool:
        """Whether every event has reached the engine."""
        return self._next == len(self._messages) and not self._outlet.waiting

    @property
    def end_frame(self) -> int:
        """The frame of the last event."""
        return int(self._frames[-1]) if len(self._frames) else 0

    @property
    def refused_notes(self) -> int:
        """Notes the engine had no room for; neither their on nor their off was sent."""
        return self._outlet.refused_notes

    def feed(self, until_frame: int) -> bool:
        """Push what is meant for frames before `until_frame`; True when all is done. [worker]"""
        self._outlet.flush()
        end = int(np.searchsorted(self._frames, until_frame, side="left"))
        for index in range(self._next, end):
            self._outlet.send(self._messages[index], int(self._frames[index]))
        self._next = max(self._next, end)
        return self.done

    def release(self, frame: int) -> bool:
        """End what is held, from `frame` on, and feed no more; False while there is no room."""
        self._next = len(self._messages)
        return self._outlet.release(frame)


class Player:
    """Plays a performance once, in real time, into a running engine."""

    def __init__(self, engine: LiveEngine, performance: Performance, *, source: int = 0) -> None:
        self._engine = engine
        self._performance = performance
        self._source = source
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self._feeder: Feeder | None = None
        self._start_frame = 0

    def start(self, start_frame: int | None = None) -> None:
        """Play from now, or so that second 0 falls on `start_frame`. Once only. [main]"""
        soon = self._engine.now_frame() + self._lead_frames
        self._start_frame = soon if start_frame is None else start_frame
        self._feeder = Feeder(
            self._engine,
            self._performance,
            rate_hz=self._engine.rate_hz,
            start_frame=self._start_frame,
            source=self._source,
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop and release what is held; returns when that is done. Idempotent. [any]"""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; True if the performance has been played or stopped. [any]"""
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def playing(self) -> bool:
        """Whether events are still to sound."""
        return self._thread.is_alive()

    @property
    def position_seconds(self) -> float:
        """How much of the performance has sounded."""
        seconds = (self._engine.now_frame() - self._start_frame) / self._engine.rate_hz
        return min(max(seconds, 0.0), self._performance.seconds) if self._feeder else 0.0

    @property
    def _lead_frames(self) -> int:
        return round(LEAD_SECONDS * self._engine.rate_hz)

    def _run(self) -> None:
        feeder = self._feeder
        assert feeder is not None
        while not self._stop.is_set():
            now_frame = self._engine.now_frame()
            if feeder.feed(now_frame + self._lead_frames) and now_frame >= feeder.end_frame:
                break
            self._stop.wait(TICK_SECONDS)
        deadline = time.monotonic() + FLUSH_SECONDS
        done = feeder.release(self._engine.now_frame())
        while not done and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)
            done = feeder.release(self._engine.now_frame())
