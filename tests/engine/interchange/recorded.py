"""Takes for tests of exports: recorded by the real recorder from a made-up stream."""

from collections.abc import Sequence
from pathlib import Path

from engine.recorder import Recorder, RecorderSettings
from engine.takes import TransportPoint
from tests.engine.take_stream import RATE_HZ, Stream, clock, control, ensemble, moved, off, on

SETTINGS = RecorderSettings("24-bit", silence_seconds=1.0, reserve_bytes=0)
TRIO = ensemble("Violin 1", "Viola & Co", "Bass*Pedal", first_program=40)

# At 8000 Hz and 120 bpm a beat is 4000 frames, a bar 16000. The transport rolls from frame 10000,
# its beat 1 there: its bar lines are at frames 6000, 22000, 38000 ...
ROLLING = [TransportPoint(10_000, 120.0, 1.0, True, 4)]
FIRST_NOTE = 24_000  # half a beat after the bar line at 22000
ROWS = [
    control(23_000, 1, 0xB0, 64, 127),
    on(24_000, 1, 0, 72),
    on(26_000, 2, 1, 60, 64),
    control(30_000, 1, 0xE0, 0, 96),
    off(30_000, 1, 0, 72),
    control(32_000, 1, 0xB0, 64, 0),
    moved(32_500, 2, 1, 1),
    off(34_000, 2, 1, 60),
    control(35_000, 1, 0xD0, 33, 0),
    on(38_000, 3, 0, 74),
    off(54_000, 3, 0, 74),
]


def record(
    folder: Path,
    points: Sequence[TransportPoint] = (),
    rows: Sequence[tuple] = ROWS,
    settings: RecorderSettings = SETTINGS,
    tempo_bpm: float = 120.0,
    delay_frames: Sequence[int] = (),
) -> Path:
    """The folder of the one take that is recorded of `rows`."""
    recorder = Recorder(
        folder,
        TRIO,
        RATE_HZ,
        settings=settings,
        tempo_bpm=tempo_bpm,
        delays=lambda: list(delay_frames),
    )
    stream = Stream(recorder, [*rows, *map(clock, points)])
    stream.run(max(row[1] for row in rows) / RATE_HZ + 2.0)
    recorder.close()
    (take,) = folder.iterdir()
    return take
