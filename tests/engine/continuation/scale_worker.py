"""A small continuation worker for tests: it plans a scale, whatever it has heard.

Run as `python -m tests.engine.continuation.scale_worker PATH`, it does what
engine/continuation/process.py says a worker does. `--fail` cannot work, `--mad` says nonsense.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

from engine.continuation.memory import PlanMemory
from engine.continuation.memory import plan_memory as pm

AHEAD_BEATS = 4.0
STEP_BEATS = 0.5
MARGIN_BEATS = 0.05


class Scale:
    """Keeps so many beats of a scale ready from now on."""

    def __init__(self, memory: PlanMemory) -> None:
        self.memory = memory
        self.count = -1
        self.floor = -1
        self.next_beat = 0.0

    def look(self) -> list[list[Any]]:
        """Plan on, or anew if something has changed; the notes that were planned now."""
        memory = self.memory
        memory.header[pm.ALIVE] += 1
        count = memory.acquire(pm.HEARD_NOTES)
        floor = int(memory.header[pm.FLOOR])
        now = memory.now()[2]
        stale = floor == pm.PLAYER and self.next_beat < now + AHEAD_BEATS / 2
        records = []
        if count != self.count or (floor == pm.PLAYER and floor != self.floor) or stale:
            self.next_beat = (now + MARGIN_BEATS) // STEP_BEATS * STEP_BEATS + STEP_BEATS
            records.append((self.next_beat, 0.0, count, pm.BEGIN, 0, 0, 0, 0))
        self.count, self.floor = count, floor
        return self.plan(records, now + AHEAD_BEATS)

    def compose(self, start: float, until: float) -> int:
        """Plan from one beat to another."""
        self.next_beat = start
        heard = self.memory.acquire(pm.HEARD_NOTES)
        return len(self.plan([(start, 0.0, heard, pm.BEGIN, 0, 0, 0, 0)], until))

    def plan(self, records: list[tuple], until: float) -> list[list[Any]]:
        notes = []
        while self.next_beat < until:
            step = int(self.next_beat / STEP_BEATS)
            pitch, part = 60 + step % 12, step % 4
            records.append((self.next_beat, 0.4, 0, pm.NOTE, part, pitch, 80, 0))
            notes.append([part + 1, pitch, 80, self.next_beat, 0.4])
            self.next_beat += STEP_BEATS
        if records:
            records.append((self.next_beat, 0.0, 0, pm.UNTIL, 0, 0, 0, 0))
            self.write(records)
        return notes

    def write(self, records: list[tuple]) -> None:
        place = self.memory.acquire(pm.PLAN_WRITE)
        for record in records:
            self.memory.plan[place % pm.PLAN] = record
            place += 1
        self.memory.publish(pm.PLAN_WRITE, place)


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def main() -> None:
    lines: queue.SimpleQueue = queue.SimpleQueue()

    def listen() -> None:
        for text in sys.stdin:
            lines.put(json.loads(text))
        lines.put(None)

    threading.Thread(target=listen, daemon=True).start()
    say(state="loading", message="", model="scale", notes_per_s=0.0)
    if "--mad" in sys.argv:
        print("this is no JSON\n[1, 2]\n" + json.dumps({"plan": 5, "state": []}), flush=True)
    settings = lines.get()
    if settings is None:
        return
    if "--fail" in sys.argv:
        say(state="failed", message="there is no model here")
        sys.exit(1)
    worker = Scale(PlanMemory.open(Path(sys.argv[-1])))
    say(state="ready", message="", model="scale", notes_per_s=1234.5)
    while True:
        try:
            line = lines.get(timeout=0.003)
        except queue.Empty:
            if not settings["offline"]:
                notes = worker.look()
                if notes:
                    say(plan=notes, until_beat=worker.next_beat)
            continue
        if line is None:
            return
        if line["do"] == "set":
            settings = line
            say(say=f"mode is {line['mode']}")
        elif line["do"] == "attend":
            seen = [[1, 60, 0.0, 0.5, 0.6], [2, 64, 0.5, 0.5, 0.3]]
            say(attention=seen, note=[3, 67, worker.next_beat, 0.4], notes=2)
        elif line["do"] == "plan":
            say(id=line["id"], notes=worker.compose(line["from"], line["until"]))
        elif line["do"] == "crash":
            sys.exit(3)
        elif line["do"] == "hang":
            time.sleep(1000.0)


if __name__ == "__main__":
    main()
