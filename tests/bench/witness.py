"""Whether the machine itself keeps time while something is measured on it.

One thread on each processor, ahead of every other program (SCHED_FIFO 95) and in no interpreter's
hands, sleeps a millisecond at a time and notes when it was woken late: then nothing ran there,
whatever its priority. Virtual machines do this when their host gives their time to others.
"""

import ctypes
import os
import threading
import time
from types import TracebackType
from typing import Any

import numpy as np
from numba import types

from engine import realtime
from engine.libjack import address_of
from engine.rt.native import foreign, rt

SLEEP_NS = 1_000_000
LATE_NS = 1_000_000  # what counts as a pause
PRIORITY = 95
CAPACITY = 1 << 16
COUNT, STOP = 0, 1
_clock: Any = foreign(types.int32, types.int32, types.int64)
_sleep: Any = foreign(types.int32, types.int32, types.int32, types.int64, types.int64)


@rt
def _watch(clock, sleep, times, words, pauses):
    """Note (when it should have woken, by how much it was late) until STOP is set. [worker]"""
    address = times.ctypes.data
    while words[STOP] == 0:
        _clock(clock, (time.CLOCK_MONOTONIC, address))
        due_ns = times[0] * 1000000000 + times[1] + SLEEP_NS
        times[0] = due_ns // 1000000000
        times[1] = due_ns % 1000000000
        _sleep(sleep, (time.CLOCK_MONOTONIC, 1, address, 0))  # 1: until that time
        _clock(clock, (time.CLOCK_MONOTONIC, address))
        late_ns = times[0] * 1000000000 + times[1] - due_ns
        if late_ns > LATE_NS:
            at = words[COUNT] % CAPACITY
            pauses[at, 0] = due_ns
            pauses[at, 1] = late_ns
            words[COUNT] += 1


class Witness:
    """Watches every processor this process may use, from `with` to its end."""

    def __enter__(self) -> "Witness":
        self._cpus = sorted(os.sched_getaffinity(0))
        self._words = np.zeros((len(self._cpus), 2), np.int64)
        self._pauses = np.zeros((len(self._cpus), CAPACITY, 2), np.int64)
        self._threads = [
            threading.Thread(target=self._run, args=(row, cpu), daemon=True)
            for row, cpu in enumerate(self._cpus)
        ]
        libc = ctypes.CDLL(None)
        self._functions = address_of(libc.clock_gettime), address_of(libc.clock_nanosleep)
        words = np.array([0, 1])
        _watch(*self._functions, np.zeros(2, np.int64), words, self._pauses[0])  # compiles it
        for thread in self._threads:
            thread.start()
        return self

    def _run(self, row: int, cpu: int) -> None:
        os.sched_setaffinity(0, {cpu})
        realtime.raise_priority(PRIORITY)
        _watch(*self._functions, np.zeros(2, np.int64), self._words[row], self._pauses[row])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._words[:, STOP] = 1
        for thread in self._threads:
            thread.join()

    def pauses(self) -> np.ndarray:
        """(pauses, 2) int64: monotonic time at which each began, and its length, in ns."""
        counts = np.minimum(self._words[:, COUNT], CAPACITY)
        found = [pauses[:count] for pauses, count in zip(self._pauses, counts, strict=True)]
        return np.concatenate(found)
