"""What the live transcription would have sent for a recording, and when."""

import numpy as np

from engine.midi.messages import NOTE_ON
from engine.transcription.live_notes import LiveNotes, LiveThresholds
from engine.transcription.notes import FOUND
from models.transcription.network import HOP_S, Heard


def live_notes(
    heard: Heard, lag: int, thresholds: LiveThresholds | None = None, delay_s: float = 0.0
) -> np.ndarray:
    """Return notes (n,) of FOUND at the moments they tell of, or `delay_s` after them."""
    tracker, rows, open_notes = LiveNotes(thresholds), [], {}
    for frame in range(len(heard)):
        at_s = (frame - lag) * HOP_S + delay_s
        for message in tracker.push(heard.at(frame)):
            if message[0] & 0xF0 == NOTE_ON:
                open_notes[message[1]] = (at_s, message[2])
            elif message[1] in open_notes:
                start_s, velocity = open_notes.pop(message[1])
                rows.append((start_s, at_s, message[1], velocity, 1.0))
    end_s = (len(heard) - lag) * HOP_S + delay_s
    rows += [(start, end_s, key, velocity, 1.0) for key, (start, velocity) in open_notes.items()]
    return np.sort(np.array(rows, FOUND), order="start_s")
