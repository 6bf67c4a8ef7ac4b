"""The memory the audio callback shares with the continuation worker.

One file-backed map: a header of int64 words (three of them hold float64), each cursor a cache line
of its own, then two rings of records. HEARD: what the player played and what of the plan sounded,
written by the callback; a worker that was started anew reads its past there. PLAN: what the
ensemble would play, written by the worker. Cursors count records ever written or taken; record k
lies at k % (length of the ring). Only numpy is needed here: the worker loads nothing of the engine.

Reading HEARD: HEARD_NOTES first, then HEARD_WRITE, then the records; so what is read holds at least
that many. Records older than HEARD are overwritten: look at HEARD_WRITE again after reading.
Reading "now": NOW_FRAME, the words beside it, NOW_FRAME again until both are the same and not -1.

Writing PLAN: begin at the PLAN_WRITE that is there (another worker may have written before), never
let PLAN_WRITE - PLAN_READ exceed PLAN; records first, then PLAN_WRITE. After BEGIN the notes come
in order of their beats, none before BEGIN's; then UNTIL; more NOTEs and an UNTIL may follow.
The callback holds PENDING notes: no more can be ahead. What is malformed is counted and ignored.
"""

import numpy as np

VERSION = 1
HEARD, PLAN = 8192, 4096  # records of the rings, powers of two
HEADER_WORDS = 256

# Words of the header. Written by the callback:
FORMAT = 0  # VERSION
RATE_HZ = 1
HEARD_WRITE = 8  # records of HEARD so far
HEARD_NOTES = 16  # note-ons of the player (and FORGETs) so far: what a plan is made for
PLAN_READ = 24  # records of PLAN taken so far
NOW_FRAME, NOW_NS = 32, 33  # start of the last block
NOW_BEAT, NOW_BPM = 34, 35  # float64
FLOOR, MODE = 36, 37
NEXT_BEAT, END_BEAT = 38, 39  # float64: where the ensemble takes over, and rests; inf: unknown
LATE, PLAYED_NOTES, VOID_NOTES = 40, 41, 42  # plan notes: too late, sounded, never needed
BAD_RECORDS = 43  # of PLAN, that mean nothing
TAKEOVERS, YIELDS = 44, 45
SCHEDULED, SCHEDULED_FRAMES = 46, 47  # takeovers whose first note was there; how long after
SOUNDED, SOUNDED_FRAMES = 48, 49  # takeovers whose first note sounded; how long after
STARVED = 50  # times the plan ended while the ensemble had the floor
BEATS_PER_BAR = 51
# Written by the worker:
PLAN_WRITE = 64  # records of PLAN so far
HEARD_READ = 72  # records of HEARD taken so far
ALIVE = 80  # counted up whenever it looks for work

PLAYER, ENSEMBLE, BOTH = 0, 1, 2  # who has the floor
OFF, TAKEOVER, TRADE, ACCOMPANY, VARY = 0, 1, 2, 3, 4  # modes

# Kinds of HEARD records.
NOTE_ON, NOTE_OFF = 1, 2  # of the player; id joins them. A second NOTE_ON: it moved to this part
PLAYED = 3  # a note of the plan begins; duration as planned, id its place in PLAN
FLOOR_IS = 4  # part: PLAYER, ENSEMBLE or BOTH
TEMPO_IS = 5  # duration: beats a minute
FORGET = 6  # the past does not count any more: a new place, another ensemble, panic
STOPPED = 7  # a note of the plan ends before its time (yield); id as in PLAYED

HEARD_RECORD = np.dtype(
    [
        ("frame", "i8"),
        ("beat", "f8"),  # quarter notes
        ("duration", "f8"),
        ("id", "i8"),
        ("kind", "u1"),
        ("part", "u1"),  # from 0
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("pad", "u1", (28,)),
    ]
)

# Kinds of PLAN records.
BEGIN = 1  # a plan from `beat` on, made for `heard` note-ons of the player
NOTE = 2
UNTIL = 3  # the plan is whole up to `beat`

PLAN_RECORD = np.dtype(
    [
        ("beat", "f8"),
        ("duration", "f8"),
        ("heard", "i8"),
        ("kind", "u1"),
        ("part", "u1"),
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("pad", "u1", (4,)),
    ]
)

PENDING = 1024  # notes of the plan the callback holds, a power of two

HEADER_BYTES = 8 * HEADER_WORDS
HEARD_AT = HEADER_BYTES
PLAN_AT = HEARD_AT + HEARD * HEARD_RECORD.itemsize
BYTES = PLAN_AT + PLAN * PLAN_RECORD.itemsize
