"""What plugin chains cost the audio callback itself, beside the same engine without any.

Sixteen silent parts, no FluidSynth, blocks of 64 frames, offline; all engines take turns and the
best of their rounds counts. Chains are wet, or dead and bypassed. No plugin runs: what the host
would do is marked as done between two slices, so that only the callback is timed.
"""

import time
from typing import Any

import numpy as np

from engine.chain_memory import ChainMemory
from engine.core import Engine
from engine.ensembles import Ensemble, Part
from engine.rt import callback, shared
from engine.rt.layout import IN_CHANNELS, MAX_CHAINS, MAX_PARTS, OUT_CHANNELS
from tests.bench.report import arguments, report

RATE_HZ, BLOCK_FRAMES = 48000, 64
LEAD_FRAMES = 6464
SLICE_FRAMES = LEAD_FRAMES - 64
SETTLED_SLICES = 8
ROUNDS = 300
ALL = ("soprano", "alto", "tenor", "bass")
BAR_PERCENT = 3.0


class Runner:
    """An engine with chains in the slots given, and memory to render into."""

    def __init__(self, slots: range, dead: bool = False) -> None:
        self.engine = Engine(RATE_HZ)
        self.engine._rig.state[0]["fluid"] = 0
        parts = tuple(Part(f"Part {n}", 19, voices=ALL if n == 0 else ()) for n in range(MAX_PARTS))
        self.engine.apply(Ensemble(id="silent", name="Silent", parts=parts, assigner="zones"))
        self._audio = np.zeros((OUT_CHANNELS, SLICE_FRAMES), np.float32)
        self._addresses = np.array([row.ctypes.data for row in self._audio])
        self._inputs = np.zeros(IN_CHANNELS, np.int64)
        self.memories = [ChainMemory.create(RATE_HZ) for _ in slots]
        for slot, memory in zip(slots, self.memories, strict=True):
            self.engine.attach_chain(slot, memory, lead_frames=LEAD_FRAMES)
            memory.unlink()
        for _ in range(SETTLED_SLICES):
            self.run(dead=False)
        for _ in range(SETTLED_SLICES if dead else 0):
            self.run(dead)
        wet = [self.engine.chain_stats(slot).wet for slot in slots]
        if set(wet) - {0.0 if dead else 1.0}:
            raise RuntimeError(f"the chains are not as they should be: {wet}")
        self.dead = dead

    def run(self, dead: bool) -> int:
        """Render a slice; its time in ns. The hosts' work is done then, unless they are dead."""
        begun = time.perf_counter_ns()
        callback.render(
            self.engine._memory.table, self._addresses, SLICE_FRAMES, BLOCK_FRAMES, self._inputs
        )
        took_ns = time.perf_counter_ns() - begun
        if not dead:
            for memory in self.memories:
                memory.header[shared.PROCESSED] = memory.header[shared.WRITTEN]
        return took_ns


def main() -> None:
    options = arguments(__doc__)
    runners = {
        "no chain": Runner(range(0)),
        "1 insert": Runner(range(1)),
        "16 inserts": Runner(range(MAX_PARTS)),
        "all 19 chains": Runner(range(MAX_CHAINS)),
        "all 19, hosts dead": Runner(range(MAX_CHAINS), dead=True),
    }
    took_ns: dict[str, list[int]] = {name: [] for name in runners}
    for _ in range(ROUNDS):
        for name, runner in runners.items():
            took_ns[name].append(runner.run(runner.dead))
    blocks = SLICE_FRAMES / BLOCK_FRAMES
    block_ns = BLOCK_FRAMES / RATE_HZ * 1e9
    rows: list[dict[str, Any]] = [
        {
            "chains": name,
            "us_a_block": min(times) / blocks / 1000.0,
            "%_of_the_block": 100.0 * min(times) / blocks / block_ns,
        }
        for name, times in took_ns.items()
    ]
    for runner in runners.values():
        runner.engine.close()
    shares = {row["chains"]: row["%_of_the_block"] for row in rows}
    more = max(shares["all 19 chains"], shares["all 19, hosts dead"]) - shares["no chain"]
    claim = "all 19 chains, % of a block of 64 more than none"
    report(
        "chains", rows, {claim: (more, f"<= {BAR_PERCENT:g}", more <= BAR_PERCENT)}, options.json
    )


if __name__ == "__main__":
    main()
