"""What the callback leaves for others: results, audio for the recorder, MIDI to send, counts."""

from types import SimpleNamespace

import numpy as np

from engine.rt import layout
from engine.rt.layout import OUT_CHANNELS
from engine.rt.rings import drain, drain_audio
from engine.statistics import Stats, snapshot
from engine.stream_clock import StreamClock

TAP_READ_FRAMES = 4096  # at a time


class Outbox(StreamClock):
    """The way out of one rig; each ring has one reader. See the module."""

    def __init__(self, rig: SimpleNamespace) -> None:
        super().__init__(rig)
        self._drained = np.zeros(layout.RESULTS, layout.RESULT)
        self._drained_out = np.zeros(layout.OUT_RING, layout.OUT_EVENT)
        self._tapped = np.zeros((TAP_READ_FRAMES, OUT_CHANNELS), np.float32)

    def results(self) -> np.ndarray:
        """Return what the callback reported since the last call, RESULT records. [one reader]"""
        count = drain(self._rig.results, self._rig.result_cursor, self._drained)
        return self._drained[:count].copy()

    def tap(self) -> np.ndarray:
        """Return audio (frames, OUT_CHANNELS) rendered since the last call. [one reader]"""
        if not self._state["tap"]:
            return np.zeros((0, OUT_CHANNELS), np.float32)
        pieces = []
        while True:
            count = drain_audio(self._rig.tap, self._rig.tap_cursor, self._tapped)
            pieces.append(self._tapped[:count].copy())
            if count < len(self._tapped):
                return np.concatenate(pieces)

    def stats(self) -> Stats:
        """Return a snapshot of the callback's own counts. [any]"""
        return snapshot(self._rig)

    def raw_counts(self) -> np.void:
        """Return the callback's own counts, layout.STATS, as they change. [any]"""
        return self._stats

    def reset_stats(self) -> None:
        """Begin counting anew. [any]"""
        for name in self._rig.stats.dtype.names or ():
            self._stats[name] = 0

    def midi_out(self) -> np.ndarray:
        """Return what was sent out since the last call, OUT_EVENT records. [one reader]

        The callback keeps them from the first call on.
        """
        self._state["out_ring"] = 1
        count = drain(self._rig.out_ring, self._rig.out_cursor, self._drained_out)
        return self._drained_out[:count].copy()
