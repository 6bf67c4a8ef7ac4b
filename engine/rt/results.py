"""What the callback tells the rest: records in a ring of one producer and one consumer. [audio]"""

from engine.rt.native import load_acquire, rt, store_release
from engine.rt.rings import READ, WRITE


@rt
def can_emit(rig):
    """Return whether there is room for a report. [audio]"""
    cursor = rig.result_cursor
    return cursor[WRITE] - load_acquire(cursor, READ) < rig.results.size


@rt
def emit(rig, kind, part, note, delay_frames, confidence, a, b, c):
    """Report something that happens at this frame; counted as dropped if nobody reads. [audio]"""
    cursor = rig.result_cursor
    write = cursor[WRITE]
    if not can_emit(rig):
        rig.stats[0].results_dropped += 1
        return
    record = rig.results[write & (rig.results.size - 1)]
    record.frame = rig.state[0].frame
    record.note = note
    record.delay_frames = delay_frames
    record.confidence = confidence
    record.part = part
    record.kind = kind
    record.a = a
    record.b = b
    record.c = c
    store_release(cursor, WRITE, write + 1)
