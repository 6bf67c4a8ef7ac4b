"""The file-backed memory of one plugin chain, mapped by the engine and by the chain's host.

Made by the plugin manager [main], handed to the callback as an address, opened again by the host
process. `engine.rt.shared` is its legend.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.mapped_memory import MappedMemory, legend

if TYPE_CHECKING:
    from engine.rt import shared
else:
    shared = legend("shared")

# Words of the header between the manager and the host, not for the callback:
HOST_PLUGIN = 128  # which plugin the host called last
BLOCK_FRAMES = 136  # of the stream, so that the host knows when to wake up


class ChainMemory(MappedMemory):
    """The rings between callback and host. Make one with `create` or `open`."""

    LEGEND, PREFIX, WHAT = shared, "ripieno-chain-", "a chain's memory"

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        super().__init__(path, mapped)
        frames = shared.CAPACITY
        self.input, self.output = (
            np.frombuffer(mapped, "f4", 2 * frames, at).reshape(2, frames)
            for at in (shared.INPUT_AT, shared.OUTPUT_AT)
        )
        self.events = np.frombuffer(mapped, shared.EVENT, shared.EVENTS, shared.EVENTS_AT)
