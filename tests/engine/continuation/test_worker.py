"""The worker's process over the real memory: it plans, says what it does, outlives a crash."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.continuation.memory import PlanMemory
from engine.continuation.memory import plan_memory as pm
from engine.continuation.worker import Worker
from models.mmt.stream import Note, Stream
from tests.engine.continuation.stage import CHOIR, VOICES, tiny
from tests.engine.continuation.test_settings import LINE

PATIENCE_S = 240  # the first start compiles
MOST_MB = 250
CHOIR_LINE = {
    **LINE,
    "mode": "takeover",
    "beats_per_bar": 4,
    "parts": [
        {"name": f"Voice {n}", "program": 52, "bank": 0, "low": part.low, "high": part.high,
         "polyphony": 8, "continues": True}
        for n, part in enumerate(CHOIR)
    ],
}  # fmt: skip


class Callback:
    """What the callback writes into the memory, by a clock that the test moves."""

    def __init__(self, memory: PlanMemory) -> None:
        self.memory = memory
        self.at(0.0)
        memory.header[pm.MODE] = pm.TAKEOVER
        memory.header_f8[[pm.NEXT_BEAT, pm.END_BEAT]] = np.inf

    def at(self, beat: float) -> None:
        """It is so late."""
        memory = self.memory
        memory.header[pm.NOW_FRAME] = -1
        memory.header[pm.NOW_NS] = time.monotonic_ns() + 10**12  # time stands still between
        memory.header_f8[[pm.NOW_BEAT, pm.NOW_BPM]] = beat, 120
        memory.header[pm.NOW_FRAME] = int(beat * 24000)

    def tell(self, kind: int, beat: float, **values: float) -> None:
        """Write a record of HEARD."""
        place = int(self.memory.header[pm.HEARD_WRITE])
        record = np.zeros(1, pm.HEARD_RECORD)
        record["kind"], record["beat"] = kind, beat
        for name, value in values.items():
            record[name] = value
        self.memory.heard[place % pm.HEARD] = record[0]
        self.memory.publish(pm.HEARD_WRITE, place + 1)
        if kind == pm.NOTE_ON:
            self.memory.header[pm.HEARD_NOTES] += 1

    def chord(self, beat: float) -> None:
        """The player plays four notes of a beat."""
        for part, pitch in enumerate((72, 64, 55, 48)):
            number = int(beat) * 4 + part + 1
            self.tell(pm.NOTE_ON, beat, part=part, pitch=pitch, velocity=80, id=number)
        for part in range(4):
            number = int(beat) * 4 + part + 1
            self.tell(pm.NOTE_OFF, beat + 0.9, part=part, id=number)

    def give(self, floor: int, beat: float) -> None:
        self.memory.header[pm.FLOOR] = floor
        self.tell(pm.FLOOR_IS, beat, part=floor)

    def plan(self) -> np.ndarray:
        """The records since the last BEGIN, and that all have been taken."""
        memory = self.memory
        end = memory.acquire(pm.PLAN_WRITE)
        memory.publish(pm.PLAN_READ, end)
        records = memory.plan[np.arange(max(0, end - pm.PLAN), end) % pm.PLAN]
        begins = np.flatnonzero(records["kind"] == pm.BEGIN)
        return records[begins[-1] :] if len(begins) else records[:0]

    def is_planned(self, until_beat: float) -> bool:
        """Whether the plan is made for what was played and whole so far."""
        plan = self.plan()
        untils = plan["beat"][plan["kind"] == pm.UNTIL]
        notes = int(self.memory.header[pm.HEARD_NOTES])
        return len(untils) > 0 and plan["heard"][0] == notes and untils[-1] >= until_beat


class Process:
    """A worker's process and what it has said."""

    def __init__(self, path: Path, **changes: Any) -> None:
        self.lines: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.continuation.worker", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.say(**{**CHOIR_LINE, **changes})

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(json.loads(line) for line in self.process.stdout)

    def say(self, **line: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()

    def end(self) -> int:
        """Close its stdin and return its exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        code = self.process.wait(PATIENCE_S)
        self._reader.join()
        return code

    def memory_mb(self) -> float:
        """The most memory it has had; 0 where the system does not tell."""
        status = Path(f"/proc/{self.process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))

    def said(self, **wanted: Any) -> bool:
        return any(wanted.items() <= line.items() for line in self.lines)


def wait_for(what: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    until = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.005)


@pytest.fixture
def callback() -> Iterator[Callback]:
    memory = PlanMemory.create(48000)
    yield Callback(memory)
    memory.unlink()


@pytest.mark.slow
def test_a_process_plans_what_is_played_and_goes_on_after_a_crash(callback: Callback):
    process = Process(callback.memory.path)
    wait_for(lambda: process.said(state="ready"))
    assert process.lines[0]["state"] == "loading"
    ready = next(line for line in process.lines if line.get("state") == "ready")
    assert ready["model"] == "mmt_small"
    assert ready["notes_per_s"] > 1
    for beat in range(4):
        callback.at(beat)
        callback.chord(beat)
    callback.at(4)
    wait_for(lambda: callback.is_planned(5.5))
    plan = callback.plan()
    assert (plan["beat"] >= 4).all()
    notes = plan[plan["kind"] == pm.NOTE]
    assert len(notes) >= 4
    assert (np.diff(notes["beat"]) >= 0).all()
    assert notes["part"].max() < 4
    callback.give(pm.ENSEMBLE, 4.2)
    callback.at(4.2)
    wait_for(lambda: callback.is_planned(12))
    before = callback.plan()
    wait_for(lambda: any("plan" in line for line in process.lines))
    assert not any("attention" in line for line in process.lines)
    process.say(do="attend", seconds=60.0)
    callback.at(5)
    wait_for(lambda: any("attention" in line for line in process.lines))
    assert process.memory_mb() <= MOST_MB
    process.process.kill()
    process.process.wait()
    again = Process(callback.memory.path)
    callback.at(6)
    wait_for(lambda: callback.is_planned(14))
    assert again.said(state="ready")
    after = callback.plan()
    np.testing.assert_array_equal(after[: len(before)], before)  # nothing is taken back
    assert len(after) > len(before)
    alive = int(callback.memory.header[pm.ALIVE])
    wait_for(lambda: int(callback.memory.header[pm.ALIVE]) > alive + 10)
    assert again.end() == 0
    process.end()


@pytest.mark.slow
def test_offline_it_plans_when_asked_and_the_same_by_seed(callback: Callback):
    for beat in range(8):
        callback.chord(beat)
    callback.at(8)
    plans = []
    for _ in range(2):
        process = Process(callback.memory.path, offline=True, seed=4)
        process.say(do="plan", id=7, **{"from": 8.0, "until": 24.0})
        wait_for(lambda process=process: process.said(id=7))
        answer = next(line for line in process.lines if line.get("id") == 7)
        plan = callback.plan()
        assert answer["notes"] == (plan["kind"] == pm.NOTE).sum() > 8
        assert (plan[0]["beat"], plan[-1]["beat"], plan[-1]["kind"]) == (8, 24, pm.UNTIL)
        plans.append(plan)
        assert process.end() == 0
    np.testing.assert_array_equal(*plans)


@pytest.mark.slow
def test_what_cannot_work_is_said(callback: Callback):
    process = Process(callback.memory.path, density=7)
    wait_for(lambda: process.said(state="failed"))
    assert process.end() == 1
    assert "density must be -1 to 1, got 7" in process.lines[-1]["message"]


def worker_for(callback: Callback) -> Worker:
    from engine.continuation.settings import Settings

    settings = Settings(parts=CHOIR, memory_beats=32)
    return Worker(callback.memory, settings, Stream(tiny(), [VOICES]))


def look(worker: Worker, times: int = 200) -> None:
    for _ in range(times):
        worker.look()


def test_a_look_hears_plans_and_writes(callback: Callback):
    worker = worker_for(callback)
    callback.chord(0)
    callback.at(1)
    look(worker)
    assert callback.is_planned(2)
    assert int(callback.memory.header[pm.HEARD_READ]) == 8
    shown = worker.shown()
    assert shown
    assert all(1 <= part <= 4 and beat >= 1 for part, _, _, beat, _ in shown["plan"])
    assert worker.shown() is None  # not again so soon, nor unchanged


def test_a_look_ends_when_a_key_is_struck_or_its_time_is_up(callback: Callback, monkeypatch):
    worker = worker_for(callback)
    calls = []

    def endless() -> bool:
        calls.append(len(calls))
        if len(calls) == 3:
            callback.chord(1)
        assert len(calls) < 10, "it works on for nothing"
        return True

    monkeypatch.setattr(worker.planner, "work", endless)
    monkeypatch.setattr("engine.continuation.worker.PIECE_S", 3600.0)
    assert worker.look()
    assert len(calls) == 3
    monkeypatch.setattr("engine.continuation.worker.PIECE_S", -1.0)
    assert worker.look()
    assert len(calls) == 4


def test_what_is_planned_is_told_before_the_next_note_is_sought(callback: Callback, monkeypatch):
    monkeypatch.setattr("engine.continuation.worker.PIECE_S", 3600.0)
    worker = worker_for(callback)
    callback.chord(0)
    callback.at(1)
    while not len(callback.plan()):
        assert worker.look()  # it is not done yet


def test_attention_is_reckoned_only_while_wanted(callback: Callback, monkeypatch):
    worker = worker_for(callback)
    looked = []
    attention = Stream.attention

    def counted(stream: Stream, note: Note):
        looked.append(note)
        return attention(stream, note)

    monkeypatch.setattr(Stream, "attention", counted)
    callback.chord(0)
    callback.at(1)
    look(worker)
    assert worker.attended() is None
    assert looked == []
    worker.attend(60.0)
    line = worker.attended()
    assert line
    last = worker.planner.plan[-1]
    assert looked == [last]
    assert line["note"] == [
        last.part + 1,
        last.key,
        round(last.tick / 12, 3),
        round(last.length / 12, 3),
    ]
    assert line["notes"] == len(line["attention"]) == worker.planner.stream.notes.index(last)
    shares = [note[4] for note in line["attention"]]
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= 1
    assert worker.attended() is None  # not again so soon, nor of the same note
    worker.attend(0.0)
    wait_for(lambda: worker.attended() is None)
    assert len(looked) == 1


def test_the_ring_is_never_overrun(callback: Callback):
    worker = worker_for(callback)
    for beat in range(300):
        callback.chord(beat % 8)
        callback.at(beat % 8)
        look(worker, 8)
        memory = callback.memory
        assert memory.acquire(pm.PLAN_WRITE) - memory.acquire(pm.PLAN_READ) <= pm.PLAN
    written = callback.memory.acquire(pm.PLAN_WRITE)
    assert written > pm.PLAN / 2
    callback.plan()  # takes them all
    callback.chord(9)
    callback.at(9)
    look(worker)
    assert callback.is_planned(10)


def test_another_mode_of_the_callback_asks_for_another_plan(callback: Callback):
    worker = worker_for(callback)
    callback.chord(0)
    callback.at(1)
    look(worker)
    begins = (callback.memory.plan["kind"] == pm.BEGIN).sum()
    callback.memory.header[pm.MODE] = pm.VARY
    look(worker)
    assert (callback.memory.plan["kind"] == pm.BEGIN).sum() == begins + 1


def test_another_worker_goes_on_with_what_is_planned(callback: Callback):
    """The one before it has gone while the ensemble plays: nothing is planned anew."""
    callback.chord(0)
    callback.at(1)
    worker = worker_for(callback)
    callback.give(pm.ENSEMBLE, 1)
    look(worker)
    before = callback.plan()
    assert (before["kind"] == pm.NOTE).sum() > 4
    again = worker_for(callback)
    callback.at(3)
    look(again)
    after = callback.plan()
    np.testing.assert_array_equal(after[: len(before)], before)
    assert after["beat"][-1] > before["beat"][-1]


def test_what_is_older_than_is_to_be_remembered_is_not_told_to_a_new_worker(callback: Callback):
    for beat in (0, 10, 40, 50):
        callback.chord(beat)
    callback.at(51)
    ticks = {note.tick for note in worker_for(callback).planner.stream.notes}
    assert max(ticks) - min(ticks) <= 32 * 12
    worker = worker_for(callback)
    assert len(worker.planner.listener.player) == 8


def test_only_the_past_since_the_last_forgetting_is_remembered(callback: Callback):
    callback.chord(0)
    callback.tell(pm.FORGET, 2)
    callback.chord(3)
    callback.at(4)
    worker = worker_for(callback)
    assert [note.tick for note in worker.planner.stream.notes] == [36] * 4
    callback.give(pm.ENSEMBLE, 4)
    assert worker_for(callback).planner.listener.floor == pm.ENSEMBLE
