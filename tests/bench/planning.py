"""How soon a plan follows what was heard: somebody who looks at the plan's memory all the time.

Runs in a process of its own beside engine and worker, for the benchmark of takeovers. A note-on
counts from the start of the block in which the callback wrote it down to the moment at which a plan
made for it is seen in the memory, whole up to its first notes. Of notes struck together only the
last gets a plan; the others are told apart. So are plans that came while this process itself was
kept from looking: it has realtime priority, but a whole machine may stand still.

`Watching` is that without memory and clock; `watch` brings it what it sees.
"""

import select
import sys
import time
from pathlib import Path

import numpy as np

from engine.continuation.memory import PlanMemory
from engine.continuation.memory import plan_memory as pm
from engine.realtime import set_priority

LOOK_S = 0.0002
UNSEEN_NS = 2_000_000  # nobody looked for so long: when something came is not known well enough
KEPT = 64  # plans remembered, by the note-ons they are for


class Watching:
    """What was seen so far: note-ons that wait for their plan, plans, how long each took."""

    def __init__(self) -> None:
        self.taken_ms: list[float] = []
        self.superseded = self.unseen = 0
        self._waiting: tuple[int, int] | None = None  # note-ons so far, ns at which it was heard
        self._plans: dict[int, tuple[int, int]] = {}  # note-ons -> first seen, looked before, in ns
        self._looked_ns = 0

    def look(self, now_ns: int, struck: list[tuple[int, int]], plans: list[int]) -> None:
        """Take in what is new: note-ons (their number so far, when heard), plans (made for which
        number of note-ons)."""
        before_ns, self._looked_ns = self._looked_ns, now_ns
        for heard in plans:
            self._plans.setdefault(heard, (now_ns, before_ns or now_ns))
        for one in struck:
            self.superseded += self._waiting is not None
            self._waiting = one
        if self._waiting and self._waiting[0] in self._plans:
            heard, heard_ns = self._waiting
            seen_ns, unseen_since_ns = self._plans[heard]
            if seen_ns - unseen_since_ns > UNSEEN_NS:
                self.unseen += 1
            else:
                self.taken_ms.append((seen_ns - heard_ns) / 1e6)
            self._waiting = None
        for heard in sorted(self._plans)[:-KEPT]:
            del self._plans[heard]

    def figures(self) -> dict[str, float]:
        """What is told of it. RuntimeError if there was nothing to see."""
        if not self.taken_ms:
            raise RuntimeError("no plan was made")
        told = {
            f"planned_p{p}_ms": float(np.percentile(self.taken_ms, p)) for p in (50, 90, 99, 100)
        }
        return {
            "plans": len(self.taken_ms),
            "without_a_plan": self.superseded,
            "unseen": self.unseen,
            **told,
        }


def watch(path: str, block_frames: int, priority: int = 0) -> dict[str, float]:
    """Look until stdin ends; figures of the note-ons since."""
    set_priority(0, priority)
    memory, watching = PlanMemory.open(Path(path)), Watching()
    rate_hz = int(memory.header[pm.RATE_HZ])
    place = memory.acquire(pm.HEARD_WRITE)
    planned = memory.acquire(pm.PLAN_WRITE)
    while not _ended(LOOK_S):
        struck: list[tuple[int, int]] = []
        if memory.acquire(pm.HEARD_WRITE) != place:
            number, records, place = _heard(memory, place)
            frame, ns, *_ = memory.now()
            blocks = records["frame"][records["kind"] == pm.NOTE_ON] // block_frames * block_frames
            for later, block in enumerate(blocks[::-1].tolist()):
                struck.insert(0, (number - later, ns + (block - frame) * 10**9 // rate_hz))
        plans: list[int] = []
        write = memory.acquire(pm.PLAN_WRITE)
        if write != planned:
            made = memory.plan[np.arange(max(planned, write - pm.PLAN), write) % pm.PLAN]
            planned = write
            plans = made["heard"][made["kind"] == pm.BEGIN].tolist()
        watching.look(time.monotonic_ns(), struck, plans)
    return watching.figures()


def _heard(memory: PlanMemory, place: int) -> tuple[int, np.ndarray, int]:
    """Note-ons so far, the records that are new, the next place: all of one moment."""
    while True:
        number = memory.acquire(pm.HEARD_NOTES)
        records, end = memory.heard_since(place)
        if (number, end) == (memory.acquire(pm.HEARD_NOTES), memory.acquire(pm.HEARD_WRITE)):
            return number, records, end


def _ended(wait_s: float) -> bool:
    """Whether stdin has ended, after waiting so long for it."""
    readable, _, _ = select.select([sys.stdin], [], [], wait_s)
    return bool(readable) and not sys.stdin.read(1)
