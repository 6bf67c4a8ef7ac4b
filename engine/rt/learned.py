"""What the player moves, reported for MIDI learn; what was learned is kept from the parts. [audio]

Controllers, bend, pressure and program changes of a keyboard are reported as they come; note-ons
only where one is taken or a session waits to learn one, for then the next key is a control and not
music (a file's are never learned, and sound). `rig.taken` says, for each channel, what has been
learned as a control and so is no longer music.
"""

import numpy as np

from engine.rt.layout import PLAYED, RESULTS
from engine.rt.native import load_acquire, rt
from engine.rt.results import emit
from engine.rt.rings import READ, WRITE

# Places in a channel's row of `taken`: 128 controllers, 128 notes, then:
NOTES, BEND, PRESSURE, PROGRAMS, NEVER = 128, 256, 257, 258, 259
PLACES = 260
CHANNELS = 16
KEPT_FREE = RESULTS // 4  # places among the results that a storm of controllers leaves to notes


@rt
def place_of(kind, data1):
    """Return the place of a message in a channel's row of `taken`; NEVER for what can't be one."""
    if kind == 0xB0:
        return data1
    if kind == 0x90:
        return NOTES + data1
    if kind == 0xE0:
        return BEND
    if kind == 0xD0:
        return PRESSURE
    if kind == 0xC0:
        return PROGRAMS
    return NEVER


@rt
def report_played(rig, source, status, data1, data2):
    """Report a message of the player's, unless results are waiting in their thousands. [audio]"""
    cursor = rig.result_cursor
    if cursor[WRITE] - load_acquire(cursor, READ) < RESULTS - KEPT_FREE:
        emit(rig, PLAYED, -1, source, 0, np.float32(0.0), status, data1, data2)


@rt
def take(rig, index, taken):
    """Keep a control from the parts, or give it back; `index` is channel * PLACES + place. [audio]

    Places that nothing is ever taken at stay free, whatever was asked.
    """
    place = index % PLACES
    if 0 <= index < CHANNELS * PLACES and place != NEVER:
        rig.taken[index // PLACES, place] = 1 if taken else 0
