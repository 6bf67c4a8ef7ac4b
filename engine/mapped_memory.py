"""File-backed memory that two processes share: a header of int64 words, then records. [main]

Its maker hands the address to the audio callback, another process opens it again. Nothing compiled
is imported here, so that such a process starts quickly: a legend, one of engine/rt's modules, is
loaded by its path, since importing it from its package would load the compiler.
"""

from __future__ import annotations

import contextlib
import importlib.util
import mmap
import os
import tempfile
import threading
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

MEMORY_FOLDER = Path("/dev/shm")  # Linux: never written to a disk


def legend(name: str) -> Any:
    """Load a module of engine/rt by its path, its package left alone. [any]"""
    path = Path(__file__).with_name("rt") / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"engine_{name}_legend", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class MappedMemory:
    """What such memories have in common. Make one with `create` or `open`.

    A legend says VERSION, BYTES and HEADER_WORDS, and where in the header FORMAT and RATE_HZ are.
    """

    LEGEND: ClassVar[Any]
    PREFIX: ClassVar[str]  # of the file's name
    WHAT: ClassVar[str]  # it is, for messages

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        self.path = path
        self.header: np.ndarray = np.frombuffer(mapped, "i8", self.LEGEND.HEADER_WORDS)
        self._barrier = threading.Lock()

    @classmethod
    def create(cls, rate_hz: int) -> Self:
        """Make a new map, all of whose pages are there; OSError if there is no room. [main]"""
        folder = MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK) else None
        if folder is not None:
            _remove_left_over(folder, cls.PREFIX)
        descriptor, name = tempfile.mkstemp(prefix=f"{cls.PREFIX}{os.getpid()}-", dir=folder)
        try:
            with os.fdopen(descriptor, "r+b") as file:
                file.write(bytes(cls.LEGEND.BYTES))  # a hole could not be filled on a full disk
                file.flush()
                mapped = mmap.mmap(file.fileno(), cls.LEGEND.BYTES)
        except OSError:
            os.unlink(name)
            raise
        np.frombuffer(mapped, np.uint8)[...] = 0  # so that the callback never faults a page in
        memory = cls(Path(name), mapped)
        memory.header[cls.LEGEND.FORMAT] = cls.LEGEND.VERSION
        memory.header[cls.LEGEND.RATE_HZ] = rate_hz
        return memory

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map what another process made; ValueError if it is of another version. [any]"""
        with open(path, "r+b") as file:
            size = os.fstat(file.fileno()).st_size
            if size != cls.LEGEND.BYTES:
                raise ValueError(f"{path} has {size} bytes, {cls.WHAT} {cls.LEGEND.BYTES}")
            memory = cls(path, mmap.mmap(file.fileno(), size))
        version = int(memory.header[cls.LEGEND.FORMAT])
        if version != cls.LEGEND.VERSION:
            raise ValueError(f"{path} is of format {version}, must be {cls.LEGEND.VERSION}")
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

    def close(self) -> None:
        """Give the map back; whoever was given its address must be done. Idempotent. [main]"""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(self, name, np.zeros(0, value.dtype))

    def unlink(self) -> None:
        """Remove the file; maps of it stay. Idempotent; where refused, `close` first. [main]"""
        self.path.unlink(missing_ok=True)


def _remove_left_over(folder: Path, prefix: str) -> None:
    """Remove the maps of programs that were killed: who has one open goes on without its file."""
    for path in folder.glob(f"{prefix}*-*"):
        owner = path.name.removeprefix(prefix).split("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):
                path.unlink()
