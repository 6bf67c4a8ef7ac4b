"""Notes while they sound: frames of the live network in, MIDI messages out, at once. [worker]"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.midi.messages import MIDDLE_VELOCITY, NOTE_OFF, NOTE_ON
from models.transcription.network import KEYS, LOWEST_KEY, VELOCITIES, Heard


@dataclass(frozen=True)
class LiveThresholds:
    """Probabilities between 0 and 1, and frames of 21 ms."""

    onset: float = 0.2
    sounding: float = 0.3  # with the onset
    going_on: float = 0.6
    silent_frames: int = 2  # below `going_on`, and the note ends
    again: float = 0.5  # an onset of a key that is down
    again_frames: int = 4  # between two onsets of a key
    unstruck: float = 0.9  # a note without an onset: all of so many frames
    unstruck_frames: int = 5

    def __post_init__(self) -> None:
        for name in ("onset", "sounding", "going_on", "again", "unstruck"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")


class LiveNotes:
    """What sounds now; every message it gives out keeps a receiver in step."""

    def __init__(self, thresholds: LiveThresholds | None = None, channel: int = 1) -> None:
        """Notes go out on `channel`, 1..16."""
        if not 1 <= channel <= 16:
            raise ValueError(f"channel must be 1 to 16, got {channel}")
        self._thresholds = thresholds or LiveThresholds()
        self._channel = channel - 1
        self._since = np.full(KEYS, -1)  # frames since the key's onset, -1 where it is up
        self._silent = np.zeros(KEYS, int)
        self._sure = np.zeros(KEYS, int)
        self.notes = 0

    def push(self, heard: Heard) -> list[bytes]:
        """Return the messages of the next frames."""
        messages = []
        for frame in range(len(heard)):
            messages += self._frame(
                heard.onset[frame], heard.sounding[frame], heard.dynamics[frame]
            )
        return messages

    def release(self) -> list[bytes]:
        """End whatever sounds."""
        ended = [self._off(int(key)) for key in np.flatnonzero(self._since >= 0)]
        self._since[:] = -1
        return ended

    def _frame(self, onset: np.ndarray, sounding: np.ndarray, dynamics: np.ndarray) -> list[bytes]:
        t, down = self._thresholds, self._since >= 0
        self._silent = np.where(sounding < t.going_on, self._silent + 1, 0)
        self._sure = np.where(sounding >= t.unstruck, self._sure + 1, 0)
        struck = (onset >= np.where(down, t.again, t.onset)) & (sounding >= t.sounding)
        struck &= ~down | (self._since >= t.again_frames)
        struck |= ~down & (self._sure >= t.unstruck_frames)
        ended = down & ((self._silent >= t.silent_frames) | struck)
        messages = [self._off(int(key)) for key in np.flatnonzero(ended)]
        self._since[ended] = -1
        self._since[self._since >= 0] += 1
        for key in np.flatnonzero(struck):
            loud = np.exp(dynamics[key])
            velocity = min(127, max(1, round(float(loud @ VELOCITIES / loud.sum()))))
            messages.append(bytes((NOTE_ON | self._channel, LOWEST_KEY + int(key), velocity)))
            self._since[key] = self._silent[key] = 0
            self.notes += 1
        return messages

    def _off(self, key: int) -> bytes:
        return bytes((NOTE_OFF | self._channel, LOWEST_KEY + key, MIDDLE_VELOCITY))
