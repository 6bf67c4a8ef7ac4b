"""The transport as others see it: where it is, and the callback's reports of how it moved. [any]"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.parameters import SYNC_SOURCES
from engine.rt.layout import TRANSPORT
from engine.rt.transport import FRACTION, SHOWN_BEAT, SHOWN_TEMPO


@dataclass(frozen=True)
class Transport:
    """Where the transport was at a frame. A beat is a quarter note; below 0 is a count-in."""

    frame: int
    beat: float
    tempo_bpm: float
    rolling: bool
    source: str  # of SYNC_SOURCES
    beats_per_bar: int
    locked: bool  # what leads it is there: a clock ticks, a master says the bar
    rate_hz: int

    def beat_at(self, frame: float) -> float:
        """The beat of a frame, if nothing changes until then."""
        if not self.rolling:
            return self.beat
        return self.beat + (frame - self.frame) * self.tempo_bpm / (60.0 * self.rate_hz)

    def frame_at(self, beat: float) -> float:
        """The frame of a beat, if nothing changes until then and it rolls."""
        return self.frame + (beat - self.beat) * 60.0 * self.rate_hz / self.tempo_bpm


def read_transport(words: np.ndarray, rate_hz: int) -> Transport:
    """What the callback last left in its `transport_words`."""
    while True:
        turn = int(words[0])
        _, frame, beat, tempo, rolling, source, beats_per_bar, locked = words[:8].tolist()
        if turn % 2 == 0 and turn == int(words[0]):
            break
    return Transport(
        frame=frame,
        beat=beat / SHOWN_BEAT,
        tempo_bpm=tempo / SHOWN_TEMPO,
        rolling=bool(rolling),
        source=SYNC_SOURCES[source],
        beats_per_bar=beats_per_bar,
        locked=bool(locked),
        rate_hz=rate_hz,
    )


def show_at_rest(words: np.ndarray, tempo_bpm: float, beats_per_bar: int) -> None:
    """Write what a transport that has not moved yet shows: beat 0, at rest, our own clock."""
    words[3], words[6], words[7] = round(tempo_bpm * SHOWN_TEMPO), beats_per_bar, 1


def reported(records: np.ndarray, rate_hz: int) -> list[Transport]:
    """The movements of the transport among RESULT records, in order."""
    return [
        Transport(
            frame=int(record["frame"]),
            beat=int(record["note"]) + int(record["delay_frames"]) / FRACTION,
            tempo_bpm=float(record["confidence"]),
            rolling=bool(record["a"] & 1),
            source=SYNC_SOURCES[record["b"]],
            beats_per_bar=int(record["c"]),
            locked=bool(record["a"] & 2),
            rate_hz=rate_hz,
        )
        for record in records[records["kind"] == TRANSPORT]
    ]
