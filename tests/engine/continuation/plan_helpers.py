"""An engine with a plan's memory, and somebody who writes plans into it by hand."""

from __future__ import annotations

import numpy as np

from engine.continuation.memory import PlanMemory, plan_memory
from engine.core import Engine
from tests.engine.rig_helpers import new_engine

RATE_HZ = 48000
BEAT = 24000  # frames, at 120 beats a minute
MODES = ("off", "takeover", "trade", "accompany", "vary")


def floor_engine(mode: str = "takeover", **settings) -> tuple[Engine, PlanMemory]:
    """An engine at rest, at beat 0 of the music, and the memory it shares."""
    engine = new_engine(**settings)
    memory = PlanMemory.create(RATE_HZ)
    memory.unlink()
    engine.attach_plan(memory)
    engine.set("continuation_mode", MODES.index(mode))
    engine.render(0)
    return engine, memory


def write_records(memory: PlanMemory, records) -> None:
    """Append (kind, beat, duration, heard, part, pitch, velocity) records to PLAN."""
    at = int(memory.header[plan_memory.PLAN_WRITE])
    for record in records:
        row = memory.plan[at % plan_memory.PLAN]
        names = ("kind", "beat", "duration", "heard", "part", "pitch", "velocity")
        for name, value in zip(names, record, strict=True):
            row[name] = value
        at += 1
        memory.plan[(at - 1) % plan_memory.PLAN] = row
    memory.publish(plan_memory.PLAN_WRITE, at)


def write_plan(memory: PlanMemory, notes, begin: float, until: float, heard=None) -> None:
    """Plan (beat, part, pitch, duration) notes, or (.., velocity), for what was heard so far."""
    if heard is None:
        heard = int(memory.header[plan_memory.HEARD_NOTES])
    records = [(plan_memory.BEGIN, begin, 0.0, heard, 0, 0, 0)]
    for beat, part, pitch, duration, *velocity in notes:
        loud = velocity[0] if velocity else 90
        records.append((plan_memory.NOTE, beat, duration, 0, part, pitch, loud))
    records.append((plan_memory.UNTIL, until, 0.0, 0, 0, 0, 0))
    write_records(memory, records)


def scale(begin: float, count: int, part: int = 1, step: float = 0.5) -> list:
    """Notes going up from middle C, one each `step` beats, each as long."""
    return [(begin + i * step, part, 60 + i, step) for i in range(count)]


def heard(memory: PlanMemory, *kinds: int) -> np.ndarray:
    """The records of HEARD of some kinds; of all for none."""
    records, _ = memory.heard_since(0)
    return records[np.isin(records["kind"], kinds)] if kinds else records


def word(memory: PlanMemory, name: str) -> int:
    """A word of the header by its name."""
    return int(memory.header[getattr(plan_memory, name)])
