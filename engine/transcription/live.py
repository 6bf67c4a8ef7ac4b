"""An audio input as a MIDI source: what `ripieno transcribe --live` runs, in its own process.

Sound is read, notes are sent while they sound. The delay is inherent: low notes need windows of
170 ms to be told apart, and the network waits until it has heard 64 ms of a note. [worker]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from engine.transcription.live_notes import LiveNotes, LiveThresholds
from models.morph.spectrum import VqtStream
from models.transcription.network import HOP_S, Network, NetworkStream

IDLE_S = 0.002
FOR = "fine for teaching and looping, not for playing through"


class Listener(Protocol):
    """Where the sound comes from and the notes go."""

    rate_hz: int
    block_frames: int

    @property
    def alive(self) -> bool: ...
    @property
    def input_delay_s(self) -> float: ...
    def begin(self) -> None: ...
    def read(self) -> np.ndarray: ...
    def send(self, message: bytes) -> bool: ...


@dataclass
class Figures:
    """What a session of listening was like."""

    seconds: float = 0.0
    notes: int = 0
    refused: int = 0
    level_db: float = -100.0
    work_s: list[float] = field(default_factory=list)  # a reading that gave frames

    @property
    def work_ms(self) -> tuple[float, float]:
        """Return the median and the 99th percentile of the time a reading took."""
        if not self.work_s:
            return 0.0, 0.0
        half, most = np.percentile(self.work_s, [50, 99]) * 1000
        return float(half), float(most)


class LiveTranscription:
    """Sound in, messages out."""

    def __init__(
        self, network: Network, rate_hz: float, thresholds: LiveThresholds | None = None
    ) -> None:
        self.spectra = VqtStream(rate_hz, HOP_S, early=network.early)
        self.network = network
        self._rate_hz = rate_hz
        self._stream = NetworkStream(network)
        self._notes = LiveNotes(thresholds)

    @property
    def delay_s(self) -> float:
        """Return seconds from a note's beginning to its message, on average, without devices."""
        return self.spectra.latency_s + (self.network.lag + 0.5) * HOP_S

    @property
    def notes(self) -> int:
        """Return how many notes there were."""
        return self._notes.notes

    def warm_up(self) -> None:
        """Hear a moment of silence, since the first frames take long."""
        self.push(np.zeros(round(0.2 * self._rate_hz), np.float32))

    def push(self, audio: np.ndarray) -> list[bytes]:
        """Take mono sound (n,); return the messages it completes."""
        frames = self.spectra.push(audio)
        return self._notes.push(self._stream.push(frames)) if len(frames) else []

    def release(self) -> list[bytes]:
        """End whatever sounds."""
        return self._notes.release()


def listen(
    listener: Listener,
    transcription: LiveTranscription,
    seconds: float | None = None,
    gain_db: float = 0.0,
    watch: Callable[[Figures], Any] = lambda figures: None,
) -> Figures:
    """Play what is heard until the time is over, Ctrl-C or the listener's end."""
    figures, factor = Figures(), np.float32(10 ** (gain_db / 20))
    transcription.warm_up()
    listener.begin()
    began = time.monotonic()
    try:
        while listener.alive and (seconds is None or figures.seconds < seconds):
            audio = listener.read()
            figures.seconds = time.monotonic() - began
            if len(audio) == 0:
                time.sleep(IDLE_S)
                continue
            at = time.perf_counter()
            audio = audio * factor
            messages = transcription.push(audio)
            figures.work_s.append(time.perf_counter() - at)
            figures.refused += sum(not listener.send(message) for message in messages)
            figures.notes = transcription.notes
            peak = float(np.abs(audio).max())
            figures.level_db = max(20 * np.log10(max(peak, 1e-5)), figures.level_db - 1.0)
            watch(figures)
    except KeyboardInterrupt:
        pass
    finally:
        for message in transcription.release():
            listener.send(message)
        time.sleep(2 * listener.block_frames / listener.rate_hz + IDLE_S)  # till they are sent
    return figures


def delay_sentence(listener: Listener, transcription: LiveTranscription) -> str:
    """Return what the player should know before playing."""
    delay_ms = 1000 * (transcription.delay_s + listener.input_delay_s)
    return f"A note's MIDI comes about {delay_ms:.0f} ms after its sound: {FOR}."
