"""Ableton Link: one tempo, beat and start button with every program on the network that has it.

Through LinkPython-extern, an extra dependency: a thin binding of the library itself that says the
beat at any moment (others say only the present one), with wheels for Linux, macOS and Windows. Off
until the transport's source is "link". One thread of this module carries: Link's beat at the moment
a frame is *heard* (the frame's time by engine.frame_clock, and the device's latency) becomes the
beat of that frame. With peers there, their place in the bar is taken over; alone, ours is kept.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable
from typing import Any

from engine.errors import RipienoError
from engine.frame_clock import FrameClock
from engine.stream_clock import clock_ns

PERIOD_S = 0.02
AHEAD_S = 0.01  # what is told to the callback acts this much later
LOWEST_BPM, HIGHEST_BPM = 20.0, 400.0
SAME_BPM = 1e-4
MISSING = (
    "Ableton Link needs one more package: pip install 'ripieno[link]' (LinkPython-extern), or "
    "choose another source"
)


def load_link() -> Any:
    """The binding's module; RipienoError that says how to get it. [main]"""
    try:
        return importlib.import_module("link")
    except ImportError as error:
        raise RipienoError(MISSING) from error


class LinkPeer:
    """One peer of the Link session, leading an engine's transport until it is closed.

    `latency_frames` tells how long after the callback a frame is heard. [main]
    """

    def __init__(self, engine: Any, latency_frames: Callable[[], int]) -> None:
        module = load_link()
        self._engine = engine
        self._latency_frames = latency_frames
        self._clock = FrameClock(engine)
        self._lock = threading.Lock()  # of the Link session's state, for a few microseconds
        transport = engine.transport()
        self._tempo_bpm = transport.tempo_bpm
        self._rolling = transport.rolling
        self._link = module.Link(transport.tempo_bpm)
        self._link.startStopSyncEnabled = True
        self._link.enabled = True
        with self._changed() as (state, now_us):
            quantum = transport.beats_per_bar
            state.requestBeatAtTime(transport.beat, now_us, quantum)
            if transport.rolling and not self.peers:
                state.setIsPlaying(True, now_us)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._thread.start()

    @property
    def peers(self) -> int:
        """How many others there are. [any]"""
        return int(self._link.numPeers())

    def set_tempo(self, tempo_bpm: float) -> None:
        """Propose a tempo to all. [any]"""
        with self._changed() as (state, now_us):
            state.setTempo(tempo_bpm, now_us)

    def roll(self, rolling: bool) -> None:
        """Start everybody at the next bar line, or stop them. [any]"""
        with self._changed() as (state, now_us):
            if rolling:
                quantum = self._engine.transport().beats_per_bar
                beat = self._engine.transport().beat
                state.setIsPlayingAndRequestBeatAtTime(True, now_us, beat, quantum)
            else:
                state.setIsPlaying(False, now_us)

    def locate(self, beat: float) -> None:
        """Go to a beat, at the others' place in the bar. [any]"""
        with self._changed() as (state, now_us):
            state.requestBeatAtTime(beat, now_us, self._engine.transport().beats_per_bar)

    def beat_at_ns(self, ns: float) -> float:
        """Link's beat at a time of `stream_clock.clock_ns`. [any]"""
        with self._lock:
            state = self._link.captureAppSessionState()
        quantum = self._engine.transport().beats_per_bar
        return state.beatAtTime(int(self._us_of(ns)), quantum)

    def close(self) -> None:
        """Leave the Link session. Idempotent. [main]"""
        self._stop.set()
        self._thread.join(2.0)
        self._link.enabled = False

    @contextlib.contextmanager
    def _changed(self) -> Any:
        with self._lock:
            state = self._link.captureAppSessionState()
            yield state, self._link.clock().micros()
            self._link.commitAppSessionState(state)

    def _us_of(self, ns: float) -> float:
        """A time of our clock by Link's, which may be another clock of the system."""
        before = clock_ns()
        now_us = self._link.clock().micros()
        return now_us + (ns - 0.5 * (before + clock_ns())) * 1e-3

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            self._clock.look()
            if self._clock.running:
                self._lead()

    def _lead(self) -> None:
        """Tell the callback what Link says of a frame a little ahead. [worker]"""
        engine = self._engine
        frame = engine.now_frame() + int(AHEAD_S * engine.rate_hz)
        heard_ns = self._clock.ns_of(frame + self._latency_frames())
        beat = self.beat_at_ns(heard_ns)
        with self._lock:
            state = self._link.captureAppSessionState()
        tempo_bpm = min(max(state.tempo(), LOWEST_BPM), HIGHEST_BPM)
        rolling = bool(state.isPlaying()) and beat_has_come(state, self._us_of(heard_ns))
        if abs(tempo_bpm - self._tempo_bpm) > SAME_BPM:
            self._tempo_bpm = tempo_bpm
            engine.set("tempo_bpm", tempo_bpm, frame=frame)
        if rolling != self._rolling:
            self._rolling = rolling
            if rolling:
                engine.locate(beat, frame)
            engine.set("rolling", int(rolling), frame=frame)
        elif rolling:
            engine.align(beat, frame)


def beat_has_come(state: Any, us: float) -> bool:
    """Whether the moment to start has come at that time. [any]"""
    return us >= state.timeForIsPlaying()
