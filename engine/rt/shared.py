"""The memory a plugin chain shares between the audio callback and its host process.

One file-backed map a host process: a header of int64 words, each cursor a cache line of its own,
then the audio to be processed, the processed audio and the events for instruments. Positions are
counts of frames since the chain was attached, the same on both sides; frame k lies at k % CAPACITY.
Only numpy is needed here: the host process imports nothing that is compiled.
"""

import numpy as np

VERSION = 1
CHUNK = 64  # frames a host processes at a time, on the absolute grid: the same sound at any block
CAPACITY = 16384  # frames of each ring; lead and plugin latency together stay below half of it
EVENTS = 2048  # of the event ring, a power of two
HEADER_WORDS = 256

# Words of the header. Written by the callback:
FORMAT = 0  # VERSION
RATE_HZ = 1
WRITTEN = 8  # frames to be processed so far
EVENT_WRITE = 16  # events sent so far
PLAYED = 24  # frames taken out so far, whether they had been processed in time or not
# Written by the host:
PROCESSED = 32  # frames processed so far
VALID_FROM = 40  # position from which on processed audio is good (a host that fell behind skips)
EVENT_READ = 48  # events taken so far
BEAT = 56  # counted up whenever the host looks for work: it lives
BUSY_SINCE_NS = 64  # monotonic time at which the plugins were called; 0: they have returned
LATENCY_FRAMES = 72  # of the plugins together, as they report it
HOST_STATE = 80  # one of LOADING ... below
CHUNKS, CHUNK_NS, CHUNK_NS_MAX = 88, 89, 90  # processed; time in plugins, summed and longest

LOADING, RUNNING, FAILED = 0, 1, 2

# Kinds of event.
MIDI_MESSAGE = 1  # data: status, data1, data2
PARAMETER = 2  # data[0]: plugin of the chain; index: its parameter; value 0..1
BYPASS = 3  # data[0]: plugin of the chain; value 0 or 1

EVENT = np.dtype(
    [
        ("frame", "i8"),  # position at which it acts
        ("kind", "u1"),
        ("data", "u1", (3,)),
        ("index", "i4"),
        ("value", "f8"),
        ("pad", "u1", (8,)),
    ]
)

HEADER_BYTES = 8 * HEADER_WORDS
AUDIO_BYTES = 4 * 2 * CAPACITY
INPUT_AT = HEADER_BYTES  # float32 (2, CAPACITY)
OUTPUT_AT = INPUT_AT + AUDIO_BYTES  # float32 (2, CAPACITY)
EVENTS_AT = OUTPUT_AT + AUDIO_BYTES
BYTES = EVENTS_AT + EVENT.itemsize * EVENTS
