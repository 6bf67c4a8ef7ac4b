"""The processes of a continuation: one worker at work, another waiting with its model loaded.

When the first dies or hangs, the second reads what was heard from the memory and goes on. Owned by
the manager. No method waits for a process but `close`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from engine.continuation.memory import PlanMemory, plan_memory
from engine.continuation.process import WorkerProcess

HANG_S = 5.0  # without a look for work
STEADY_S = 30.0  # a fault after so long begins the count anew
TRIES = 5


class Keeper:
    """Keeps a worker at work. [any]

    `hear` gets the lines of the worker at work; `lost` is told when it has ended unasked, with
    whether another has taken its place. Both on threads of the processes.
    """

    def __init__(
        self,
        memory: PlanMemory,
        command: Sequence[str],
        hear: Callable[[dict[str, Any]], None],
        lost: Callable[[bool], None],
    ) -> None:
        self._memory = memory
        self._command = command
        self._hear = hear
        self._lost = lost
        self._lock = threading.Lock()
        self._worker: WorkerProcess | None = None
        self._spare: WorkerProcess | None = None
        self._told: dict[str, Any] = {}
        self._faults = 0
        self._began_s = 0.0
        self._alive = (0, 0.0)
        self._closed = False

    @property
    def working(self) -> bool:
        """Whether a worker is at work. [any]"""
        return self._worker is not None

    def tell(self, settings: dict[str, Any]) -> None:
        """Give the worker its settings, if they are others; begin with one if there is none."""
        with self._lock:
            if self._closed:
                return
            if self._worker is None:
                self._told = settings
                self._begin()
            elif settings != self._told:
                self._told = settings
                self._worker.tell(**settings)

    def ask(self, **line: Any) -> None:
        """Send the worker another line. [any]"""
        with self._lock:
            if self._worker is not None:
                self._worker.tell(**line)

    def have_spare(self) -> None:
        """Let another load its model and wait. [any]"""
        with self._lock:
            if self._spare is None and not self._closed:
                self._spare = self._new()

    def end_if_hanging(self) -> None:
        """End the worker if it has not looked for work in a long time. [any]"""
        with self._lock:
            alive, now_s = int(self._memory.header[plan_memory.ALIVE]), time.monotonic()
            if alive != self._alive[0]:
                self._alive = alive, now_s
            elif self._worker is not None and now_s - self._alive[1] > HANG_S:
                self._alive = alive, now_s
                self._worker.kill()

    def kill(self) -> None:
        """End the worker as a fault would. [any]"""
        with self._lock:
            if self._worker is not None:
                self._worker.kill()

    def close(self) -> None:
        """End both. Idempotent. [main]"""
        with self._lock:
            self._closed = True
            leaving = [each for each in (self._worker, self._spare) if each is not None]
            self._worker = self._spare = None
        for process in leaving:
            process.close()

    def _begin(self) -> None:
        self._began_s = time.monotonic()
        self._alive = int(self._memory.header[plan_memory.ALIVE]), self._began_s
        self._worker, self._spare = self._spare or self._new(), None
        self._worker.tell(**self._told)

    def _new(self) -> WorkerProcess:
        made: list[WorkerProcess] = []
        known = threading.Event()  # a process may speak before it is known here

        def hear(line: dict[str, Any]) -> None:
            known.wait()
            if made[0] is self._worker:
                self._hear(line)

        def ended() -> None:
            known.wait()
            self._ended(made[0])

        made.append(WorkerProcess(self._memory.path, hear, ended, self._command))
        known.set()
        return made[0]

    def _ended(self, process: WorkerProcess) -> None:
        with self._lock:
            if process is self._spare:
                self._spare = None
            if process is not self._worker or self._closed:
                return
            self._worker = None
            steady = time.monotonic() - self._began_s > STEADY_S
            self._faults = 1 if steady else self._faults + 1
            again = self._faults < TRIES
        self._lost(again)  # before the next one has anything to say
        with self._lock:
            if again and self._worker is None and not self._closed:
                self._begin()
