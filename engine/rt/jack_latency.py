"""What JACK is told of our latency: how late each port is beside those it hears or feeds.

A native callback, called by JACK's own thread whenever connections change, or asked for after a
change of ours. A part's own sound has no latency here; its chain of plugins, the compensation and
the master's chain have. Sends are a little later than what they are mixed with, and not counted.
"""

import numpy as np
from numba import cfunc, types

from engine.rt.layout import (
    FIRST_RETURN,
    IN_CHANNELS,
    JACK_CONNECTED,
    JACK_GET_LATENCY,
    JACK_SET_LATENCY,
    MASTER_CHAIN,
    MAX_PARTS,
    OUT_CHANNELS,
)
from engine.rt.native import foreign, rt
from engine.rt.rig import rig_at

CAPTURE = 0  # mode: how old what leaves an output is; else: when what enters an input is heard
FOREVER = 1 << 31

_range = foreign(types.none, types.int64, types.int32, types.int64)
_connected = foreign(types.int32, types.int64)


@rt
def _look(rig, mode, port, least, most):
    """Let what lies behind a connected port widen span = (shortest, longest), each later by
    `least` and `most`. [worker]"""
    span = rig.latency_span
    native = rig.native
    if port == 0 or _connected(native[JACK_CONNECTED], (port,)) == 0:
        return
    _range(native[JACK_GET_LATENCY], (port, mode, rig.latency_range.ctypes.data))
    span[0] = min(span[0], np.int64(rig.latency_range[0]) + least)
    span[1] = max(span[1], np.int64(rig.latency_range[1]) + most)


@rt
def _tell(rig, mode, port, shortest, longest):
    """Tell JACK the range of one port. [worker]"""
    if port != 0:
        rig.latency_range[0] = max(shortest, 0)
        rig.latency_range[1] = max(longest, 0)
        _range(rig.native[JACK_SET_LATENCY], (port, mode, rig.latency_range.ctypes.data))


@rt
def _part_delays(rig):
    """Return the shortest and the longest delay of the parts in use. [worker]"""
    shortest = FOREVER
    longest = 0
    for index in range(MAX_PARTS):
        if rig.parts[index].active != 0:
            shortest = min(shortest, rig.strips[index].delay)
            longest = max(longest, rig.strips[index].delay)
    return min(shortest, longest), longest


@rt
def _tell_outputs(rig):
    """Capture latency: that of our inputs, and ours. [worker]"""
    span = rig.latency_span
    span[0] = FOREVER
    span[1] = 0
    _look(rig, CAPTURE, rig.state[0].midi_port, 0, 0)
    for channel in range(IN_CHANNELS):
        _look(rig, CAPTURE, rig.input_ports[channel], 0, 0)
    before = min(span[0], span[1])
    shortest, longest = _part_delays(rig)
    master = rig.strips[MASTER_CHAIN].delay
    for channel in range(OUT_CHANNELS):
        least = shortest + master
        most = longest + master
        if channel >= 2:
            least = most = rig.strips[(channel - 2) >> 1].delay
        _tell(rig, CAPTURE, rig.ports[channel], before + least, span[1] + most)


@rt
def _tell_inputs(rig, mode):
    """Playback latency: that of our outputs, and ours. [worker]"""
    span = rig.latency_span
    master = rig.strips[MASTER_CHAIN].delay
    for pair in range(IN_CHANNELS >> 1):  # what comes in is heard in the master alone
        late = rig.strips[FIRST_RETURN + pair].delay + master
        span[0] = FOREVER
        span[1] = 0
        for channel in range(2):
            _look(rig, mode, rig.ports[channel], late, late)
        for channel in range(2):
            _tell(rig, mode, rig.input_ports[2 * pair + channel], min(span[0], span[1]), span[1])
    shortest, longest = _part_delays(rig)
    span[0] = FOREVER
    span[1] = 0
    for channel in range(OUT_CHANNELS):
        if channel < 2:
            _look(rig, mode, rig.ports[channel], shortest + master, longest + master)
        else:
            late = rig.strips[(channel - 2) >> 1].delay
            _look(rig, mode, rig.ports[channel], late, late)
    _tell(rig, mode, rig.state[0].midi_port, min(span[0], span[1]), span[1])


@cfunc(types.void(types.int32, types.voidptr), cache=True, error_model="numpy")
def jack_latency(mode, user):
    """JackLatencyCallback. [worker]"""
    rig = rig_at(user)
    if rig.native[JACK_SET_LATENCY] == 0:
        return
    if mode == CAPTURE:
        _tell_outputs(rig)
    else:
        _tell_inputs(rig, np.int64(mode))
