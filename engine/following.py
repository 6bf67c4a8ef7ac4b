"""The transport follows the player: a beat tracker hears the notes and leads tempo and beat.

On while the transport's source is "playing". The pump feeds what the callback reports; the
thread "follower" tracks (engine.beat_tracking) and steers: the beat is never moved, only the
tempo, a little faster or slower than the player's until both fall together. So beats go by in
order, no clock tick is lost or doubled and what waits for a beat keeps it. Notes the ensemble
plays on its own, or that were sent to a part, are not heard. Without notes the beat goes on in
the last tempo.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
from typing import Any

import numpy as np

from engine.beat_tracking import Beat, BeatTracker
from engine.rt.layout import BY_ENSEMBLE, BY_SOURCE, NOTE_ON

PERIOD_S = 0.02
AHEAD_S = 0.01  # what is told to the callback acts this much later
PULL = 2.0  # of a beat's error is made up for within a beat, to begin with
TRUSTED = 0.3  # confidence from which on the tracker is followed at once
SLOWEST, FASTEST = 0.6, 1.6  # of the player's tempo, while catching up
LOWEST_BPM, HIGHEST_BPM = 20.0, 400.0
NOT_THE_PLAYERS = (BY_SOURCE, BY_ENSEMBLE)  # how notes got their part
TOLD_TEMPO = 2e-3  # relative; a smaller change of tempo is not told
PAUSE_S = 2.0  # after a stop, the first note after such a pause starts again
FADING_S = 4.0  # of silence, in which confidence halves

log = logging.getLogger(__name__)


def wrapped(beats: float) -> float:
    """The same place within a beat, from -0.5 to 0.5. [any]"""
    return beats - math.floor(beats + 0.5)


class Steering:
    """How a transport is brought to a beat that is known, by its tempo alone. [one thread]

    What is not sure is followed by as much less.
    """

    def __init__(self, tempo_bpm: float) -> None:
        self.tempo_bpm = tempo_bpm  # the player's, as far as it is believed
        self._beat: Beat | None = None

    def tempo(self, beat: Beat, at_s: float, transport_beat: float) -> float:
        """The tempo to go in from `at_s` on, where the transport will be at `transport_beat`."""
        trust = min(beat.confidence / TRUSTED, 1.0)
        if beat is not self._beat:
            self._beat = beat
            self.tempo_bpm *= (beat.tempo_bpm / self.tempo_bpm) ** trust
        off = wrapped(beat.phase_at(at_s) - transport_beat)
        speed = min(max(1.0 + PULL * trust * off, SLOWEST), FASTEST)
        return min(max(self.tempo_bpm * speed, LOWEST_BPM), HIGHEST_BPM)


class Follower:
    """Leads an engine's transport by what is played, until it is closed.

    `tempo_bpm`: one the player has set, which is then expected; None for any. [main]
    """

    def __init__(self, engine: Any, tempo_bpm: float | None = None) -> None:
        self._engine = engine
        self._tracker = BeatTracker()
        self._tracker.reset(tempo_bpm)
        self._notes: queue.SimpleQueue[tuple[int, int, int]] = queue.SimpleQueue()
        self._steering = Steering(engine.transport().tempo_bpm)
        self._armed = True  # the next note starts the transport
        self._last_frame = -(1 << 60)
        self._new_tempo: float | None = None
        self._leading = False  # the beat has once been sure
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Follow from now on; the very first time it compiles for some seconds. [main]"""
        self._thread.start()

    @property
    def confidence(self) -> float:
        """How sure the beat is, 0 to 1; less the longer nothing has been played. [any]"""
        beat = self._tracker.beat
        if beat is None:
            return 0.0
        silent_s = max(self._engine.frame - self._last_frame, 0) / self._engine.rate_hz
        return beat.confidence * 0.5 ** (silent_s / FADING_S)

    def feed(self, results: np.ndarray) -> None:
        """Hear the player's notes among what the callback reported. [any]"""
        heard = results[(results["kind"] == NOTE_ON) & ~np.isin(results["c"], NOT_THE_PLAYERS)]
        for record in heard:
            frame = int(record["frame"]) - int(record["delay_frames"])
            self._notes.put((frame, int(record["a"]), int(record["b"])))

    def set_tempo(self, tempo_bpm: float) -> None:
        """The player has said the tempo: expect it from now on. [any]"""
        self._new_tempo = tempo_bpm

    def stopped(self) -> None:
        """The player has stopped the transport: notes start it again after a pause. [any]"""
        self._armed = False

    def close(self) -> None:
        """Lead no more; the tempo stays the player's. Idempotent. [main]"""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        if self._leading:
            self._tell(min(max(self._steering.tempo_bpm, LOWEST_BPM), HIGHEST_BPM), None)

    def _run(self) -> None:
        BeatTracker().warm_up()
        while not self._stop.wait(PERIOD_S):
            try:
                self.work()
            except Exception:  # the beat goes on as it is; the next note is another chance
                log.exception("following failed")
                self._tracker.reset(None)

    def work(self) -> None:
        """Take in what was played since the last time, and steer. [worker]"""
        tempo_bpm, self._new_tempo = self._new_tempo, None
        if tempo_bpm is not None:
            self._tracker.reset(tempo_bpm)
            self._steering = Steering(tempo_bpm)
        while not self._notes.empty():
            self._take(*self._notes.get())
        beat = self._tracker.beat
        if beat is not None:
            self._leading |= beat.confidence >= TRUSTED
            if self._leading:
                self._lead(beat)

    def _take(self, frame: int, pitch: int, velocity: int) -> None:
        rate_hz = self._engine.rate_hz
        self._armed |= frame - self._last_frame > PAUSE_S * rate_hz
        self._last_frame = frame
        if self._armed and not self._engine.transport().rolling:
            self._begin()
        self._armed = False
        self._tracker.note(frame / rate_hz, pitch, velocity)

    def _begin(self) -> None:
        """Roll, from a whole beat."""
        engine = self._engine
        frame = engine.now_frame() + int(AHEAD_S * engine.rate_hz)
        beat = engine.transport().beat
        if abs(beat - round(beat)) > 1e-6:
            engine.locate(math.ceil(beat), frame)
        engine.set("rolling", 1, frame=frame)

    def _lead(self, beat: Beat) -> None:
        engine = self._engine
        transport = engine.transport()
        frame = max(engine.now_frame(), transport.frame) + int(AHEAD_S * engine.rate_hz)
        if not transport.rolling:
            return
        at_s, transport_beat = frame / engine.rate_hz, transport.beat_at(frame)
        self._tell(self._steering.tempo(beat, at_s, transport_beat), frame)

    def _tell(self, tempo_bpm: float, frame: int | None) -> None:
        now_bpm = self._engine.transport().tempo_bpm
        if not self._engine.transport().locked or abs(tempo_bpm / now_bpm - 1.0) > TOLD_TEMPO:
            self._engine.set("tempo_bpm", tempo_bpm, frame=frame)
