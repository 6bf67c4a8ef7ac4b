"""The continuation worker: a process that keeps a plan ready of what the ensemble would play.

`python -m engine.continuation.worker PATH`; engine/continuation/process.py starts it and says what
is said to it and what it answers. It looks at the memory at PATH every few milliseconds, tells the
planner what was heard and what time it is, and lets it work in small pieces between two looks.
One thread does everything; another only waits for lines on stdin. [worker]
"""

import argparse
import json
import math
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.continuation.memory import PlanMemory
from engine.continuation.memory import plan_memory as pm
from engine.continuation.planner import Planner
from engine.continuation.settings import OFF, Settings, read
from engine.continuation.warming import MODEL, load, notes_per_s, warm
from engine.realtime import calm_collector, set_priority
from models.errors import ModelError
from models.mmt.representation import TICKS
from models.mmt.stream import Note, Stream

LOOK_S, LOOK_OFF_S = 0.002, 0.02  # between two looks: playing, or mode off
PIECE_S = 0.003  # of work before the next look
TOLD_S = 0.1  # between two plans for players to see
ATTENDED_S = 0.25  # between two looks at the network's attention, while somebody wants to see it
MOST_ATTENDED = 256  # notes told of one look
LATEST_S = 0.1  # after the last block, time stands still: nobody renders
_ROOM = 512  # records of PLAN that must be free before anything is planned


class Worker:
    """A planner between the memory and the engine's lines."""

    def __init__(self, memory: PlanMemory, settings: Settings, stream: Stream) -> None:
        self.memory = memory
        self.planner = Planner(stream, settings, memory.acquire(pm.PLAN_WRITE))
        self._place = 0  # of the next record of HEARD
        self._mode = int(memory.header[pm.MODE])
        self._shown: list[Any] = []
        self._shown_s = 0.0
        self._attend_until_s = self._attended_s = 0.0
        self._attended: Note | None = None
        self._remember()

    def look(self) -> bool:
        """Take what happened, work a little, write what came of it; return whether to hurry."""
        memory, planner = self.memory, self.planner
        memory.header[pm.ALIVE] += 1
        self._hear()
        until = time.perf_counter() + PIECE_S
        busy = memory.acquire(pm.PLAN_WRITE) - memory.acquire(pm.PLAN_READ) <= pm.PLAN - _ROOM
        while busy and planner.work():
            if len(planner.telling) or time.perf_counter() > until:
                break
            if memory.acquire(pm.HEARD_NOTES) != planner.heard:
                break  # the player has struck another key: this is void
        else:
            busy = False
        self._write()
        return busy

    def compose(self, start_beat: float, until_beat: float) -> int:
        """Plan all from one beat to another now; return how many notes. ValueError if too many."""
        self._hear()
        notes = self.planner.compose(start_beat, until_beat)
        ahead = self.memory.acquire(pm.PLAN_WRITE) - self.memory.acquire(pm.PLAN_READ)
        if ahead + len(self.planner.telling) > pm.PLAN or notes > pm.PENDING:
            self.planner.telling.take()
            raise ValueError(f"{notes} notes are too many to plan at once; ask for fewer beats")
        self._write()
        return notes

    def shown(self) -> dict[str, Any] | None:
        """Return the line that shows the plan, if it changed and is not too soon."""
        now_s = time.monotonic()
        if now_s - self._shown_s < TOLD_S:
            return None
        self._shown_s = now_s
        plan = [
            [n.part + 1, n.key, n.velocity, round(n.tick / TICKS, 3), round(n.length / TICKS, 3)]
            for n in self.planner.plan
        ]
        if plan == self._shown:
            return None
        self._shown = plan
        return {"plan": plan, "until_beat": round(self.planner.until / TICKS, 3)}

    def attend(self, seconds: float) -> None:
        """Somebody wants to see the network's attention, for so long."""
        self._attend_until_s = time.monotonic() + seconds

    def attended(self) -> dict[str, Any] | None:
        """Return the line that shows what the network looked at when it drew the last note.

        None if nobody wants to see it, if it is too soon, or if there is nothing new.
        """
        now_s = time.monotonic()
        if now_s > self._attend_until_s:
            self._attended = None
            return None
        if now_s - self._attended_s < ATTENDED_S:
            return None
        self._attended_s = now_s
        plan = self.planner.plan
        if not plan or plan[-1] is self._attended:
            return None
        seen = self.planner.stream.attention(plan[-1])
        if seen is None:
            return None
        self._attended = plan[-1]
        return {
            "attention": [[*_told(n), round(share, 5)] for n, share in seen[:MOST_ATTENDED]],
            "note": _told(plan[-1]),
            "notes": len(seen),
        }

    def _hear(self) -> None:
        """Bring the planner up to what is there."""
        memory, planner = self.memory, self.planner
        notes = memory.acquire(pm.HEARD_NOTES)
        if memory.acquire(pm.HEARD_WRITE) != self._place:
            records, self._place = memory.heard_since(self._place)
            planner.hear(records)
            memory.publish(pm.HEARD_READ, self._place)
        _, ns, beat, bpm = memory.now()
        passed_s = min(max((time.monotonic_ns() - ns) / 1e9, 0.0), LATEST_S) if ns else 0.0
        words = memory.header_f8
        planner.at(
            beat + passed_s * bpm / 60,
            bpm,
            notes,
            float(words[pm.NEXT_BEAT]) if words[pm.NEXT_BEAT] > 0 else math.inf,
            float(words[pm.END_BEAT]) if words[pm.END_BEAT] > 0 else math.inf,
        )
        if self._mode != int(memory.header[pm.MODE]):  # the callback has let the plan go
            self._mode = int(memory.header[pm.MODE])
            planner.renew()

    def _write(self) -> None:
        records = self.planner.telling.take()
        if len(records):
            memory, place = self.memory, self.planner.telling.written
            memory.plan[np.arange(place - len(records), place) % pm.PLAN] = records
            memory.publish(pm.PLAN_WRITE, place)

    def _remember(self) -> None:
        """Learn from the memory what was before this process."""
        memory, planner = self.memory, self.planner
        notes = memory.acquire(pm.HEARD_NOTES)
        records, self._place = memory.heard_since(0)
        forgets = np.flatnonzero(records["kind"] == pm.FORGET)
        if len(forgets):
            records = records[forgets[-1] + 1 :]
        if len(records):
            since = records["beat"][-1] - planner.settings.memory_beats
            planner.hear(records[records["beat"] >= since])
        memory.publish(pm.HEARD_READ, self._place)
        planner.listener.floor = int(memory.header[pm.FLOOR])
        _, _, beat, bpm = memory.now()
        planner.at(beat, bpm, notes)
        end = planner.telling.written
        first = max(0, end - pm.PLAN + _ROOM)
        if planner.listener.floor == pm.ENSEMBLE:
            planner.resume(memory.plan[np.arange(first, end) % pm.PLAN].copy(), first)


def main() -> None:
    """Run the worker until its stdin ends."""
    parser = argparse.ArgumentParser(description="the continuation's process; started by Ripieno")
    parser.add_argument("memory", type=Path)
    options = parser.parse_args()
    lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    try:
        _say(state="loading", message="", model=MODEL, notes_per_s=0.0)
        memory = PlanMemory.open(options.memory)
        decoder = load()
        warm(decoder)
        speed = notes_per_s(decoder)
        first = lines.get()  # one that is kept at hand waits here until another has died
        while first is not None and first.get("do") != "set":
            first = lines.get()
        if first is None:
            return
        settings = read(first)
        stream = Stream(decoder, [part.code for part in settings.parts])
        worker = Worker(memory, settings, stream)
    except (ModelError, ValueError, OSError) as error:
        _say(state="failed", message=str(error))
        sys.exit(1)
    _take_priority(first)
    calm_collector()
    _say(state="ready", message="", model=MODEL, notes_per_s=round(speed, 1))
    _run(worker, lines, bool(first.get("offline", False)))


def _run(worker: Worker, lines: "queue.SimpleQueue[dict[str, Any] | None]", offline: bool) -> None:
    """Look and plan until stdin ends; offline only when asked."""
    busy = False
    while True:
        wait = LOOK_OFF_S if worker.planner.settings.mode == OFF else LOOK_S
        try:
            line = lines.get(block=not busy, timeout=None if offline else wait)
            if line is None:
                return
            _obey(worker, line)
            continue
        except queue.Empty:
            pass
        except ValueError as error:
            _say(say=str(error))
            continue
        busy = worker.look()
        shown = worker.shown()
        if shown:
            _say(**shown)
        attended = None if busy else worker.attended()
        if attended:
            _say(**attended)


def _told(note: Note) -> list[float]:
    """A note as players are told of it: part from 1, 0 if none has it, pitch, beats."""
    return [note.part + 1, note.key, round(note.tick / TICKS, 3), round(note.length / TICKS, 3)]


def _obey(worker: Worker, line: dict[str, Any]) -> None:
    if line.get("do") == "set":
        worker.planner.configure(read(line))
        _take_priority(line)
    elif line.get("do") == "attend":
        worker.attend(float(line["seconds"]))
    elif line.get("do") == "plan":
        try:
            notes = worker.compose(float(line["from"]), float(line["until"]))
            _say(id=line["id"], notes=notes)
        except ValueError as error:
            _say(id=line["id"], error=str(error))


def _take_priority(line: dict[str, Any]) -> None:
    """Run this thread at the line's realtime priority, which is known once a stream runs."""
    if line.get("priority"):
        for refusal in set_priority(0, int(line["priority"])):
            _say(say=refusal)


def _listen(lines: "queue.SimpleQueue[dict[str, Any] | None]") -> None:
    """Pass the engine's lines on; None when there are no more."""
    for text in sys.stdin:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            lines.put(line)
    lines.put(None)


def _say(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
