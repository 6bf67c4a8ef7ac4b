"""How soon a plan follows what was heard: somebody who looks at the plan's memory all the time.

Runs in a process of its own beside engine and worker, for the benchmark of takeovers. A note-on
counts from the start of the block in which the callback wrote it down to the moment at which a plan
made for it is in the memory, whole up to its first notes. Of notes struck together only the last
gets a plan; the others are told apart.
"""

import select
import sys
import time
from pathlib import Path

import numpy as np

from engine.continuation.memory import PlanMemory
from engine.continuation.memory import plan_memory as pm

LOOK_S = 0.0002


def watch(path: str, block_frames: int) -> dict[str, float]:
    """Look until stdin ends; figures of the note-ons since."""
    memory = PlanMemory.open(Path(path))
    rate_hz = int(memory.header[pm.RATE_HZ])
    heard = memory.acquire(pm.HEARD_NOTES)
    place = memory.acquire(pm.HEARD_WRITE)
    planned = memory.acquire(pm.PLAN_WRITE)
    waiting: tuple[int, int] | None = None  # note-ons so far, ns at which the last was heard
    taken_ms: list[float] = []
    superseded = 0
    while not _ended(LOOK_S):
        notes = memory.acquire(pm.HEARD_NOTES)
        if notes != heard:
            records, place = memory.heard_since(place)
            struck = records[records["kind"] == pm.NOTE_ON]
            if len(struck):
                frame, ns, *_ = memory.now()
                block = int(struck["frame"][-1]) // block_frames * block_frames
                superseded += (waiting is not None) + len(struck) - 1
                waiting = notes, ns + (block - frame) * 10**9 // rate_hz
            heard = notes
        write = memory.acquire(pm.PLAN_WRITE)
        if write != planned:
            now_ns = time.monotonic_ns()
            made = memory.plan[np.arange(max(planned, write - pm.PLAN), write) % pm.PLAN]
            planned = write
            begins = made[made["kind"] == pm.BEGIN]
            if waiting and len(begins) and int(begins["heard"][-1]) == waiting[0]:
                taken_ms.append((now_ns - waiting[1]) / 1e6)
                waiting = None
    return figures(taken_ms, superseded)


def figures(taken_ms: list[float], superseded: int) -> dict[str, float]:
    """What is told of plans that took so long, and of note-ons that got none."""
    if not taken_ms:
        raise RuntimeError("no plan was made")
    told = {f"planned_p{p}_ms": float(np.percentile(taken_ms, p)) for p in (50, 90, 99)}
    return {"plans": len(taken_ms), "without_a_plan": superseded, **told}


def _ended(wait_s: float) -> bool:
    """Whether stdin has ended, after waiting so long for it."""
    readable, _, _ = select.select([sys.stdin], [], [], wait_s)
    return bool(readable) and not sys.stdin.read(1)
