"""The engine's plugin chains, from outside the callback: attach, detach, set, look at. [main]

A chain is memory shared with a host process (`engine.chain_memory`), in one of MAX_CHAINS slots:
0..15 inserts of the parts, 16 and 17 sends A and B, 18 the master's insert. The engine keeps the
memory mapped until the callback has let go of it, whatever its owner does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from engine.chain_memory import ChainMemory
from engine.rt import layout, shared
from engine.rt.chains import LAST, NEXT, NO_HEADROOM, PRESENT
from engine.rt.delays import FADE_FRAMES
from engine.rt.layout import MAX_CHAINS, MAX_DELAY, MAX_PARTS, QUANTUM

MIN_LEAD = 2 * QUANTUM  # one quantum is processed while the next is played, and a fade kept
SERIALS = 1 << 15
Send = Callable[..., None]
# How long an offline stream waits for a host that does nothing, and for one that was detached: that
# one only fades out, and may have died.
PATIENCE_S, LEAVING_PATIENCE_S = 10.0, 0.1


@dataclass(frozen=True)
class ChainStats:
    """How a chain fares. Counts are of the chain attached now, and begin with it.

    `headroom_frames`: fewest frames that were processed ahead of need since last asked, None if
    nothing was heard of it; below 0 it was missed. `lag_frames`: how late the strip is heard in
    all, compensation included.
    """

    attached: bool
    wet: float
    misses: int
    dry_frames: int
    headroom_frames: int | None
    lead_frames: int
    latency_frames: int
    lag_frames: int
    wrong_samples: int
    events_lost: int


class Chains:
    """The slots of one engine. `send(kind, a, b, c, index, value, frame)` sends it a command."""

    def __init__(self, rig: SimpleNamespace) -> None:
        self._rig = rig
        self._headers: list[dict[int, np.ndarray]] = [{} for _ in range(MAX_CHAINS)]
        self._seen: list[set[int]] = [set() for _ in range(MAX_CHAINS)]  # by the callback
        self._leads: dict[int, tuple[int, int]] = {}
        self._serial = 0
        self._given_up: set[tuple[int, int]] = set()

    def attach(
        self,
        send: Send,
        slot: int,
        memory: ChainMemory,
        *,
        instrument: bool = False,
        lead_frames: int,
        latency_frames: int = 0,
    ) -> None:
        """Give a slot a chain; what is there fades out first. ValueError names the range. [main]"""
        _check_slot(slot)
        if instrument and slot >= MAX_PARTS:
            raise ValueError(f"an instrument needs the slot of a part, 0 to {MAX_PARTS - 1}")
        delays = _delays(lead_frames, latency_frames)
        header = memory.header
        if header.size != shared.HEADER_WORDS or header[shared.WRITTEN] != 0:
            raise ValueError("a chain needs memory of its own that has never been attached")
        rate_hz = int(self._rig.state[0]["rate_hz"])
        if header[shared.RATE_HZ] != rate_hz:
            raise ValueError(f"the chain's rate must be {rate_hz} Hz, got {header[shared.RATE_HZ]}")
        _touch(memory)
        self._sweep(slot)
        self._serial = self._serial % (SERIALS - 1) + 1
        self._headers[slot][self._serial] = header
        self._leads[slot] = lead_frames, latency_frames
        b, c = int(instrument) | (self._serial & 127) << 1, self._serial >> 7
        send(layout.ATTACH_CHAIN, slot, b, c, delays, float(memory.address), None)

    def detach(self, send: Send, slot: int, keep_delay_frames: int) -> None:
        """Let a slot's chain fade out; `is_free` tells when it has. [main]"""
        _check_slot(slot)
        self._leads.pop(slot, None)
        send(layout.DETACH_CHAIN, slot, 0, 0, 0, float(keep_delay_frames), None)

    def is_free(self, slot: int) -> bool:
        """Whether the callback touches no memory of a slot any more. [main]"""
        _check_slot(slot)
        self._sweep(slot)
        return not self._headers[slot]

    def set(
        self,
        send: Send,
        slot: int,
        lead_frames: int | None = None,
        latency_frames: int | None = None,
        bypass: bool | None = None,
    ) -> None:
        """Change a chain's lead, plugin latency or bypass; None leaves as it is. [main]"""
        _check_slot(slot)
        if slot not in self._leads:
            raise ValueError(f"slot {slot} has no chain")
        lead, latency = self._leads[slot]
        wanted = (
            lead if lead_frames is None else lead_frames,
            latency if latency_frames is None else latency_frames,
        )
        if wanted != (lead, latency):
            delays = _delays(*wanted)
            self._leads[slot] = wanted
            send(layout.SET_CHAIN, slot, layout.CHAIN_DELAYS, 0, delays, 0.0, None)
        if bypass is not None:
            send(layout.SET_CHAIN, slot, layout.CHAIN_BYPASS, 0, int(bypass), 0.0, None)

    def event(
        self,
        send: Send,
        slot: int,
        kind: int,
        plugin: int,
        index: int,
        value: float,
        frame: int | None,
    ) -> None:
        """Send a chain's host a PARAMETER or BYPASS event, at a frame of the stream. [any]"""
        _check_slot(slot)
        if kind not in (shared.PARAMETER, shared.BYPASS):
            raise ValueError(f"kind must be PARAMETER or BYPASS, got {kind}")
        if not 0 <= plugin <= 255 or not 0 <= index < 1 << 31:
            raise ValueError(f"there is no parameter {index} of plugin {plugin}")
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"value must be 0 to 1, got {value:g}")
        send(layout.CHAIN_EVENT, slot, kind, plugin, index, value, frame)

    def stats(self, slot: int) -> ChainStats:
        """Return how a slot's chain fares. [one reader]"""
        _check_slot(slot)
        chain = self._rig.chains[slot]
        headroom = int(chain["headroom"])
        chain["headroom"] = NO_HEADROOM
        lead, latency = self._leads.get(slot, (0, 0))
        return ChainStats(
            attached=bool(chain["address"]),
            wet=float(chain["wet"]),
            misses=int(chain["misses"]),
            dry_frames=int(chain["dry_frames"]),
            headroom_frames=headroom if abs(headroom) < NO_HEADROOM else None,
            lead_frames=lead,
            latency_frames=latency,
            lag_frames=int(self._rig.strips[slot]["delay"]),
            wrong_samples=int(chain["wrong_samples"]),
            events_lost=int(chain["events_lost"]),
        )

    def lead_and_latency(self, slot: int) -> tuple[int, int] | None:
        """What a slot's chain was last given, in frames; None without one. [any]"""
        return self._leads.get(slot)

    # Offline

    @property
    def in_use(self) -> bool:
        """Whether there may be a host to wait for. [main]"""
        return any(self._headers)

    def slice_end(self, frame: int, end: int) -> int:
        """Return how far a stream may be rendered before its hosts must have caught up. [main]"""
        leads = []
        for slot, (lead, _) in self._leads.items():
            strip = self._rig.strips[slot]  # which may still be heard as it was before
            heard = [strip["delay"] - strip["latency"]]
            if frame - strip["fade_at"] < FADE_FRAMES:
                heard.append(strip["from_delay"] - strip["from_latency"])
            leads += [lead, *(int(late) for late in heard if late > 0)]
        if not leads:
            return end
        return min(end, (frame // QUANTUM + min(leads) // QUANTUM - 1) * QUANTUM)

    def wait_for_hosts(self) -> None:
        """Wait until every host has processed what it was given, if it does anything. [main]"""
        for slot in range(MAX_CHAINS):
            serial = int(self._rig.chain_serials[3 * slot + PRESENT])
            header = self._headers[slot].get(serial)
            if header is not None:
                self._wait_for(slot, serial, header)

    def _wait_for(self, slot: int, serial: int, header: np.ndarray) -> None:
        wanted = header[shared.WRITTEN] // shared.CHUNK * shared.CHUNK
        if header[shared.PROCESSED] >= wanted:
            self._given_up.discard((slot, serial))
            return
        if (slot, serial) in self._given_up:
            return
        seen, since_s = int(header[shared.PROCESSED]), time.monotonic()
        while header[shared.PROCESSED] < wanted:
            time.sleep(0.0001)
            if header[shared.PROCESSED] != seen:
                seen, since_s = int(header[shared.PROCESSED]), time.monotonic()
                continue
            patience_s = PATIENCE_S if slot in self._leads else LEAVING_PATIENCE_S
            if time.monotonic() - since_s > patience_s:
                self._given_up.add((slot, serial))
                return

    def _sweep(self, slot: int) -> None:
        """Forget memory the callback has let go of."""
        kept = self._headers[slot]
        words = self._rig.chain_serials[3 * slot : 3 * slot + 3]
        last, following, present = int(words[LAST]), int(words[NEXT]), int(words[PRESENT])
        if last in kept:
            order = list(kept)  # in which they were attached
            self._seen[slot].update(order[: order.index(last) + 1])
        gone = self._seen[slot] - {following, present}
        self._seen[slot] -= gone
        for serial in gone:
            del kept[serial]

    def sweep(self) -> None:
        """Forget all memory the callback has let go of. [main]"""
        for slot in range(MAX_CHAINS):
            self._sweep(slot)

    def close(self) -> None:
        """Forget all memory; no device may run the callback any more. [main]"""
        for kept, seen in zip(self._headers, self._seen, strict=True):
            kept.clear()
            seen.clear()


def _delays(lead_frames: int, latency_frames: int) -> int:
    if not MIN_LEAD <= lead_frames <= MAX_DELAY:
        raise ValueError(f"lead_frames must be {MIN_LEAD} to {MAX_DELAY}, got {lead_frames}")
    if not 0 <= latency_frames <= MAX_DELAY - lead_frames:
        raise ValueError(
            f"latency_frames must be 0 to {MAX_DELAY - lead_frames} with a lead of "
            f"{lead_frames}, got {latency_frames}"
        )
    return lead_frames | latency_frames << 16


def _touch(memory: ChainMemory) -> None:
    """Have every page there before the callback needs it."""
    for view in (memory.header, memory.input, memory.output, memory.events.view(np.uint8)):
        np.count_nonzero(view)


def _check_slot(slot: int) -> None:
    if not 0 <= slot < MAX_CHAINS:
        raise ValueError(f"slot must be 0 to {MAX_CHAINS - 1}, got {slot}")
