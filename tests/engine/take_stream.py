"""A made-up stream for recorder tests: notes that sound as tones in their part's stem.

As a script it records until it is killed:  python -m tests.engine.take_stream TAKES_FOLDER
"""

import math
import sys
import time
from pathlib import Path

import numpy as np

from engine.ensembles import Ensemble, Part
from engine.recorder import Recorder, RecorderSettings
from engine.rt.layout import (
    CONTROLLER,
    MOVED,
    NOTE_OFF,
    NOTE_ON,
    OUT_CHANNELS,
    PANICKED,
    RESULT,
    TRANSPORT,
)
from engine.takes import TransportPoint

RATE_HZ = 8000
BLOCK = 400


def ensemble(*names: str, ident: str = "test", first_program: int = 52) -> Ensemble:
    voices = ("soprano", "alto", "tenor", "bass")
    given = [voices[number :: len(names)] for number in range(len(names))]
    parts = tuple(
        Part(name, first_program + number, midi_channel=number + 1, voices=given[number])
        for number, name in enumerate(names)
    )
    return Ensemble(id=ident, name=ident.title(), description="For tests.", tags=(), parts=parts)


def results(*rows: tuple) -> np.ndarray:
    """RESULT records of (kind, frame, note, part, a, b, c), and of clocks two numbers more."""
    records = np.zeros(len(rows), RESULT)
    for record, (kind, frame, note, part, a, b, c, *more) in zip(records, rows, strict=True):
        if more:
            record["delay_frames"], record["confidence"] = more
        record["kind"], record["frame"], record["note"], record["part"] = kind, frame, note, part
        record["a"], record["b"], record["c"] = a, b, c
    return records


def on(frame: int, note: int, part: int, pitch: int = 60, velocity: int = 100) -> tuple:
    return NOTE_ON, frame, note, part, pitch, velocity, 0


def off(frame: int, note: int, part: int, pitch: int = 60) -> tuple:
    return NOTE_OFF, frame, note, part, pitch, 64, 0


def moved(frame: int, note: int, part: int, left: int) -> tuple:
    return MOVED, frame, note, part, 60, 100, left


def control(frame: int, part: int, status: int, data1: int, data2: int) -> tuple:
    return CONTROLLER, frame, 0, part, status, data1, data2


def clock(point: TransportPoint) -> tuple:
    """What the callback reports when the transport goes on as `point` says."""
    whole = math.floor(point.beat)
    part = int((point.beat - whole) * 2**30)
    place = (TRANSPORT, point.frame, whole, -1)
    return (*place, int(point.rolling), 0, point.beats_per_bar, part, point.tempo_bpm)


def panic(frame: int) -> tuple:
    return PANICKED, frame, 0, 0, 0, 0, 0


class Stream:
    """Feeds a recorder block by block; audio holds its own frame number while notes sound."""

    def __init__(self, recorder: Recorder, rows: list[tuple], block: int = BLOCK) -> None:
        self.recorder = recorder
        self.rows = sorted(rows, key=lambda row: row[1])
        self.block = block
        self.frame = 0
        self.sounding: dict[int, int] = {}

    def run(self, seconds: float) -> None:
        end = self.frame + round(seconds * RATE_HZ)
        while self.frame < end:
            self.step(min(self.block, end - self.frame))

    def step(self, frames: int) -> None:
        due = [row for row in self.rows if row[1] < self.frame + frames]
        self.rows = self.rows[len(due) :]
        audio = np.zeros((frames, OUT_CHANNELS), np.float32)
        ramp = sample(np.arange(self.frame, self.frame + frames))
        changes: list[tuple] = [*due, (0, self.frame + frames, 0, 0, 0, 0, 0)]
        at = 0
        for row in changes:
            until = row[1] - self.frame
            for part in self.sounding.values():
                audio[at:until, 2 + 2 * part : 4 + 2 * part] = ramp[at:until, None]
            if self.sounding:
                audio[at:until, :2] = ramp[at:until, None]
            at = until
            if row[0] == NOTE_ON:
                self.sounding[row[2]] = row[3]
            elif row[0] == NOTE_OFF:
                self.sounding.pop(row[2])
            elif row[0] == MOVED:
                self.sounding[row[2]] = row[3]
            elif row[0] == PANICKED:
                self.sounding.clear()
        self.recorder.events(results(*due))
        self.recorder.audio(audio, self.frame)
        self.frame += frames


def sample(frame: np.ndarray) -> np.ndarray:
    """A sample value that tells its stream frame, exact in 24 bits."""
    return ((np.asarray(frame) % 100_000 + 1) / 2.0**17).astype(np.float32)


def main(takes_folder: Path) -> None:
    """A note a tenth of a second in each of two parts, in real time, until killed."""
    rows = []
    for number in range(1000):
        start = 400 + number * 800
        rows += [on(start, number, number % 2, 60 + number % 12)]
        rows += [off(start + 700, number, number % 2, 60 + number % 12)]
    recorder = Recorder(
        takes_folder, ensemble("High", "Low"), RATE_HZ, settings=RecorderSettings(reserve_bytes=0)
    )
    stream = Stream(recorder, rows)
    begun = time.monotonic()
    while True:
        stream.run(0.05)
        time.sleep(max(0.0, begun + stream.frame / RATE_HZ - time.monotonic()))
        print(stream.frame, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
