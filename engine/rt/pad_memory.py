"""The memory of the pads: what a morph sound says of its plane, and where each part's puck is.

PAD_SOUND is filled on the main thread (engine.pad_records), then only read; the callback is given
its address. PAD is the callback's own, one a part. Only numpy is needed here.
"""

import numpy as np

ANCHORS = 8
SOURCES = 8
CELLS = 14  # that eight anchors can have
EDGES = 8
CURVE_POINTS = 33
PATH_POINTS = 2048
CONTROL_FRAMES = 64  # between two looks at a pad, the stream's quantum
RECORD_EVERY = 16  # looks

X, Y = 0, 1
CC, AFTERTOUCH, BEND, VELOCITY, KEY, ENVELOPE, LFO = 0, 1, 2, 3, 4, 5, 6  # kinds of sources
SINE, TRIANGLE, SAW, RANDOM = 0, 1, 2, 3
SECONDS, BEATS = 0, 1
NO_PATH, ON_PLANE, OF_WEIGHTS = 0, 1, 2  # what a path's points are

# Parameters of a part, set by a SET event.
PAD_X, PAD_Y, PAD_MODE, PAD_TEXTURE = 96, 97, 98, 99
PAD_PLAY, PAD_LOOP, PAD_RECORD = 100, 101, 102

PAD_SOUND = np.dtype(
    [
        ("serial", "i8"),
        ("anchors", "i8"),
        ("x", "f8", (ANCHORS,)),
        ("y", "f8", (ANCHORS,)),
        ("cells", "i8"),  # convex, their anchors counted against the clock
        ("cell_size", "i8", (CELLS,)),
        ("cell", "i8", (CELLS * ANCHORS,)),
        ("edges", "i8"),  # of what all cells cover; without cells the line through the anchors
        ("edge_from", "i8", (EDGES,)),
        ("edge_to", "i8", (EDGES,)),
        ("sources", "i8"),
        ("axis", "i8", (SOURCES,)),
        ("kind", "i8", (SOURCES,)),
        ("controller", "i8", (SOURCES,)),
        ("low", "f8", (SOURCES,)),
        ("high", "f8", (SOURCES,)),
        ("shape", "i8", (SOURCES,)),
        ("period_s", "f8", (SOURCES,)),
        ("period_beats", "f8", (SOURCES,)),  # 0: in seconds
        ("attack_s", "f8", (SOURCES,)),
        ("decay_s", "f8", (SOURCES,)),
        (
            "curve",
            "f4",
            (SOURCES * CURVE_POINTS,),
        ),  # from a source's value to the one it is heard as
        ("path_kind", "i8"),
        ("path_points", "i8"),
        ("path_stepped", "i8"),  # 1: a point holds until the next
        ("path_unit", "i8"),
        ("path_length", "f8"),  # seconds or beats
        ("path", "f4", (PATH_POINTS * ANCHORS,)),  # x and y, or a weight an anchor, a row a point
    ],
    align=True,
)

PAD = np.dtype(
    [
        ("sound", "i8"),  # address of a PAD_SOUND; 0: none
        ("serial", "i8"),  # of the last sound it was given
        ("base_x", "f8"),  # where the puck was put
        ("base_y", "f8"),
        ("x", "f8"),  # where it is
        ("y", "f8"),
        ("weights", "f4", (ANCHORS,)),  # as they sound: their sum is one
        ("target", "f4", (ANCHORS,)),  # where they are going
        ("mode", "i8"),
        ("texture", "f4"),
        ("beats", "f8"),  # the transport's, going on in its tempo while it stands
        ("playing", "i8"),
        ("loop", "i8"),
        ("path_at", "f8"),
        ("recording", "i8"),
        ("recorded", "i8"),  # points
        ("looks", "i8"),  # since the recording began
        ("newest_frame", "i8"),  # of the newest note; -1: none yet
        ("newest_pitch", "i8"),
        ("newest_velocity", "i8"),
        ("pressure", "i8"),
        ("bend", "i8"),
        ("controllers", "u1", (128,)),
        ("key_pressure", "u1", (128,)),
        ("pressed", "i8"),  # 1: a key's pressure is not 0
    ],
    align=True,
)
