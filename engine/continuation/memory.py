"""The file-backed memory between the audio callback and the continuation worker.

Made by the continuation's manager [main], handed to the callback as an address, opened again by the
worker process. `engine.rt.plan_memory` is its legend.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.mapped_memory import MappedMemory, legend

if TYPE_CHECKING:
    from engine.rt import plan_memory
else:
    plan_memory = legend("plan_memory")


class PlanMemory(MappedMemory):
    """The rings between callback and worker. Make one with `create` or `open`.

    `header` and `header_f8` are the same words, as int64 and as float64.
    """

    LEGEND, PREFIX, WHAT = plan_memory, "ripieno-plan-", "a plan's memory"

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        super().__init__(path, mapped)
        rings = plan_memory
        self.header_f8: np.ndarray = self.header.view(np.float64)
        self.heard = np.frombuffer(mapped, rings.HEARD_RECORD, rings.HEARD, rings.HEARD_AT)
        self.plan = np.frombuffer(mapped, rings.PLAN_RECORD, rings.PLAN, rings.PLAN_AT)

    def now(self) -> tuple[int, int, float, float]:
        """Where the last block began: frame, ns of its start, beat, tempo in bpm. [any]"""
        while True:
            frame = self.acquire(plan_memory.NOW_FRAME)
            ns = int(self.header[plan_memory.NOW_NS])
            beat = float(self.header_f8[plan_memory.NOW_BEAT])
            bpm = float(self.header_f8[plan_memory.NOW_BPM])
            if frame >= 0 and frame == self.acquire(plan_memory.NOW_FRAME):
                return frame, ns, beat, bpm

    def heard_since(self, place: int) -> tuple[np.ndarray, int]:
        """The records of HEARD from `place` on, as far as they are kept; the next place. [any]"""
        end = self.acquire(plan_memory.HEARD_WRITE)
        start = max(place, end - plan_memory.HEARD)
        records = self.heard[np.arange(start, end) % plan_memory.HEARD]
        oldest = self.acquire(plan_memory.HEARD_WRITE) - plan_memory.HEARD + 1  # being written now
        return records[max(oldest - start, 0) :], end
