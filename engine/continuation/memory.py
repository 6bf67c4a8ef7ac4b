"""The file-backed memory between the audio callback and the continuation worker.

Made by the continuation's manager [main], handed to the callback as an address, opened again by the
worker process. `engine.rt.plan_memory` is its legend; it is loaded by its path, since importing it
from its package would load the compiler.
"""

from __future__ import annotations

import contextlib
import importlib.util
import mmap
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from engine.rt import plan_memory
else:
    _spec = importlib.util.spec_from_file_location(
        "engine_plan_layout", Path(__file__).parents[1] / "rt" / "plan_memory.py"
    )
    plan_memory = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(plan_memory)

MEMORY_FOLDER = Path("/dev/shm")  # Linux: never written to a disk
PREFIX = "ripieno-plan-"


class PlanMemory:
    """The rings between callback and worker. Make one with `create` or `open`.

    `header` and `header_f8` are the same words, as int64 and as float64.
    """

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        def view(dtype: Any, count: int, offset: int) -> np.ndarray:
            return np.frombuffer(mapped, dtype, count, offset)

        self.path = path
        self.header: np.ndarray = view("i8", plan_memory.HEADER_WORDS, 0)
        self.header_f8: np.ndarray = self.header.view(np.float64)
        self.heard: np.ndarray = view(
            plan_memory.HEARD_RECORD, plan_memory.HEARD, plan_memory.HEARD_AT
        )
        self.plan: np.ndarray = view(plan_memory.PLAN_RECORD, plan_memory.PLAN, plan_memory.PLAN_AT)
        self._barrier = threading.Lock()

    @classmethod
    def create(cls, rate_hz: int) -> PlanMemory:
        """Make a new map, all of whose pages are there; OSError if there is no room. [main]"""
        folder = MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK) else None
        if folder is not None:
            _remove_left_over(folder)
        descriptor, name = tempfile.mkstemp(prefix=f"{PREFIX}{os.getpid()}-", dir=folder)
        try:
            with os.fdopen(descriptor, "r+b") as file:
                file.write(bytes(plan_memory.BYTES))  # a hole could not be filled on a full disk
                file.flush()
                memory = cls(Path(name), mmap.mmap(file.fileno(), plan_memory.BYTES))
        except OSError:
            os.unlink(name)
            raise
        for array in (memory.header, memory.heard.view(np.uint8), memory.plan.view(np.uint8)):
            array[...] = 0  # so that the callback never faults a page in
        memory.header[plan_memory.FORMAT] = plan_memory.VERSION
        memory.header[plan_memory.RATE_HZ] = rate_hz
        return memory

    @classmethod
    def open(cls, path: Path) -> PlanMemory:
        """Map what another process made; ValueError if it is of another version. [any]"""
        with open(path, "r+b") as file:
            size = os.fstat(file.fileno()).st_size
            if size != plan_memory.BYTES:
                raise ValueError(f"{path} has {size} bytes, a plan's memory {plan_memory.BYTES}")
            memory = cls(path, mmap.mmap(file.fileno(), plan_memory.BYTES))
        version = int(memory.header[plan_memory.FORMAT])
        if version != plan_memory.VERSION:
            raise ValueError(f"{path} is of format {version}, must be {plan_memory.VERSION}")
        return memory

    @property
    def address(self) -> int:
        """Where it lies in this process, valid until `close`. [any]"""
        return self.header.ctypes.data

    def publish(self, word: int, value: int) -> None:
        """Set a word of the header after everything written before it. [any]"""
        with self._barrier:  # taking a lock orders memory on every processor
            pass
        self.header[word] = value

    def acquire(self, word: int) -> int:
        """Read a word of the header before everything read after it. [any]"""
        value = int(self.header[word])
        with self._barrier:
            pass
        return value

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

    def close(self) -> None:
        """Give the map back; whoever was given its address must be done. Idempotent. [main]"""
        self.header = self.heard = self.plan = np.zeros(0, np.int64)
        self.header_f8 = np.zeros(0)

    def unlink(self) -> None:
        """Remove the file; maps of it stay. Idempotent; where refused, `close` first. [main]"""
        self.path.unlink(missing_ok=True)


def _remove_left_over(folder: Path) -> None:
    """Remove the maps of programs that were killed: the workers' are open without their files."""
    for path in folder.glob(f"{PREFIX}*-*"):
        owner = path.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):
                path.unlink()
