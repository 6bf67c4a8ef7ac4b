"""The clock and the statistics the callback keeps about itself. [audio]"""

import sys

from numba import types

from engine.rt.layout import CLOCK, LOAD_BINS
from engine.rt.native import foreign, rt

if sys.platform == "win32":
    _read_clock = foreign(types.int32, types.int64)  # QueryPerformanceCounter(ticks)

    @rt
    def now_ns(rig):
        """Return a monotonic time in ns; scratch[1] holds ns a tick. [audio]"""
        scratch = rig.scratch
        if rig.native[CLOCK] == 0:
            return 0
        _read_clock(rig.native[CLOCK], (scratch.ctypes.data,))
        return scratch[0] * scratch[1]

else:
    _read_clock = foreign(types.int32, types.int32, types.int64)  # clock_gettime(clock, timespec)

    @rt
    def now_ns(rig):
        """Return the monotonic time in ns, as time.monotonic_ns does; 0 offline. [audio]"""
        scratch = rig.scratch
        if rig.native[CLOCK] == 0:
            return 0
        _read_clock(rig.native[CLOCK], (scratch[1], scratch.ctypes.data + 16))
        return scratch[2] * 1000000000 + scratch[3]


@rt
def begin_block(rig, frames):
    """Note when and where a block starts. [audio]"""
    state = rig.state[0]
    state.block_start_ns = now_ns(rig)
    state.block_ns = int(frames * 1e9 / state.rate_hz)
    state.block_frames = frames
    state.clock_frame = state.frame
    state.clock_ns = state.block_start_ns


@rt
def end_block(rig):
    """Count the block and how much of its time it took. [audio]"""
    state = rig.state[0]
    stats = rig.stats[0]
    stats.cycles += 1
    if state.block_ns == 0 or rig.native[CLOCK] == 0:
        return
    load = (now_ns(rig) - state.block_start_ns) / state.block_ns
    stats.load[min(max(int(load * 200.0), 0), LOAD_BINS - 1)] += 1
    stats.max_load = max(stats.max_load, load)
