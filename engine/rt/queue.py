"""Events waiting for their frame: a binary heap inside the callback. [audio]

Ordered by frame; at one frame, what the callback scheduled itself comes first, then commands, then
notes, each in the order they came. So the order never depends on how the stream is cut in blocks.
"""

from engine.rt.layout import QUEUE
from engine.rt.native import rt


@rt
def _before(x, y):
    return x.frame < y.frame or (x.frame == y.frame and x.order < y.order)


@rt
def schedule(rig, frame, origin, packed, value):
    """Queue an event; False, and nothing queued, if the queue is full. [audio]"""
    state = rig.state[0]
    i = state.queued
    if i == QUEUE:
        return False
    heap = rig.queue
    state.order += 1
    order = origin << 56 | state.order
    while i > 0:
        parent = (i - 1) >> 1
        p = heap[parent]
        if p.frame < frame or (p.frame == frame and p.order < order):
            break
        heap[i] = p
        i = parent
    heap[i].frame = frame
    heap[i].order = order
    heap[i].packed = packed
    heap[i].value = value
    state.queued += 1
    return True


@rt
def drop_first(rig):
    """Take the first event off the queue, which must not be empty. [audio]"""
    state = rig.state[0]
    heap = rig.queue
    state.queued -= 1
    size = state.queued
    if size == 0:
        return
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and _before(heap[child + 1], heap[child]):
            child += 1
        if not _before(heap[child], heap[size]):
            break
        heap[i] = heap[child]
        i = child
    heap[i] = heap[size]
