"""The file-backed memory of one plugin chain, mapped by the engine and by the chain's host.

Made by the plugin manager [main], handed to the callback as an address, opened again by the host
process. `engine.rt.shared` is its legend. Nothing compiled is imported here, so that a host starts
quickly: the legend is loaded by its path, since importing it from its package loads the compiler.
"""

from __future__ import annotations

import importlib.util
import mmap
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from engine.rt import shared
else:
    _spec = importlib.util.spec_from_file_location(
        "engine_chain_layout", Path(__file__).with_name("rt") / "shared.py"
    )
    shared = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(shared)

MEMORY_FOLDER = Path("/dev/shm")  # Linux: never written to a disk
PREFIX = "ripieno-chain-"
# Words of the header between the manager and the host, not for the callback:
HOST_PLUGIN = 128  # which plugin the host called last
BLOCK_FRAMES = 136  # of the stream, so that the host knows when to wake up


class ChainMemory:
    """The rings between callback and host. Make one with `create` or `open`."""

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        def view(dtype: Any, count: int, offset: int) -> np.ndarray:
            return np.frombuffer(mapped, dtype, count, offset)

        frames = shared.CAPACITY
        self.path = path
        self.header = view("i8", shared.HEADER_WORDS, 0)
        self.input = view("f4", 2 * frames, shared.INPUT_AT).reshape(2, frames)
        self.output = view("f4", 2 * frames, shared.OUTPUT_AT).reshape(2, frames)
        self.events = view(shared.EVENT, shared.EVENTS, shared.EVENTS_AT)
        self._barrier = threading.Lock()

    @classmethod
    def create(cls, rate_hz: int) -> ChainMemory:
        """Make a new map, all of whose pages are there; OSError if there is no room. [main]"""
        folder = MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK) else None
        descriptor, name = tempfile.mkstemp(prefix=PREFIX, dir=folder)
        try:
            with os.fdopen(descriptor, "r+b") as file:
                file.write(bytes(shared.BYTES))  # a hole could not be filled on a full disk
                file.flush()
                memory = cls(Path(name), mmap.mmap(file.fileno(), shared.BYTES))
        except OSError:
            os.unlink(name)
            raise
        for view in (memory.header, memory.input, memory.output, memory.events.view(np.uint8)):
            view[...] = 0  # so that the callback never faults a page in
        memory.header[shared.FORMAT] = shared.VERSION
        memory.header[shared.RATE_HZ] = rate_hz
        return memory

    @classmethod
    def open(cls, path: Path) -> ChainMemory:
        """Map what another process made; ValueError if it is of another version. [any]"""
        with open(path, "r+b") as file:
            size = os.fstat(file.fileno()).st_size
            if size != shared.BYTES:
                raise ValueError(f"{path} has {size} bytes, a chain's memory {shared.BYTES}")
            memory = cls(path, mmap.mmap(file.fileno(), shared.BYTES))
        if memory.header[shared.FORMAT] != shared.VERSION:
            raise ValueError(
                f"{path} is of format {memory.header[shared.FORMAT]}, must be {shared.VERSION}"
            )
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
        empty = np.zeros(0, np.int64)
        self.header = self.input = self.output = self.events = empty

    def unlink(self) -> None:
        """Remove the file; maps of it stay. Idempotent; where refused, `close` first. [main]"""
        self.path.unlink(missing_ok=True)
