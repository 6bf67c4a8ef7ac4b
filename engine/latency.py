"""How late every path of the engine is heard, from an event or an input to the device. [any]

Read from what the callback does at this moment. The time a chord window waits for a chord is not
part of a path: it is the player's choice, a note at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

from engine.rt.layout import (
    FIRST_RETURN,
    MASTER_CHAIN,
    MAX_PARTS,
    QUANTUM,
    RETURNS,
    SEND_A_CHAIN,
    SEND_B_CHAIN,
    SOUNDFONT,
)


@dataclass(frozen=True)
class PathLatency:
    """One path's latency in frames, by cause; its own output is spared `master_frames`.

    `input_frames`: a key's event waits so long that all wait equally (JACK's: 0);
    `source_frames`: at most, for the sound itself to begin (FluidSynth's blocks; 0 otherwise);
    `chain_frames`: the time a chain's host has; `plugin_frames`: what its plugins report;
    `compensation_frames`: waiting for the parts that are later. Of "midi out" `device_frames` is
    how long a message waits for the thread that sends it: a block; none where JACK carries it.
    """

    path: str
    rate_hz: int
    input_frames: int = 0
    source_frames: int = 0
    chain_frames: int = 0
    plugin_frames: int = 0
    compensation_frames: int = 0
    master_frames: int = 0
    device_frames: int = 0

    @property
    def stem_frames(self) -> int:
        """From the frame of a note, or of what came in, to the path's own output."""
        sound = self.source_frames + self.chain_frames + self.plugin_frames
        return sound + self.compensation_frames

    @property
    def total_frames(self) -> int:
        """From the key through the master to what is heard."""
        return self.input_frames + self.stem_frames + self.master_frames + self.device_frames

    @property
    def total_ms(self) -> float:
        """The same in milliseconds."""
        return 1000.0 * self.total_frames / self.rate_hz

    def to_table(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        total = {"total_frames": self.total_frames, "total_ms": round(self.total_ms, 3)}
        return asdict(self) | total


def path_latencies(
    rig: SimpleNamespace,
    lead_and_latency: Callable[[int], tuple[int, int] | None],
    input_frames: int,
    device_frames: int,
) -> list[PathLatency]:
    """Return a row for each active part, send with a chain, audio input, master and MIDI out. [any]

    A send's row counts from the stem it is taken from; it is heard that much after the dry sound.
    """
    rate_hz = int(rig.state[0]["rate_hz"])
    master_frames = int(rig.strips[MASTER_CHAIN]["delay"])

    def row(path: str, slot: int, source_frames: int = 0) -> PathLatency:
        delay = int(rig.strips[slot]["delay"])
        lead, plugin = (lead_and_latency(slot) if slot < FIRST_RETURN else None) or (0, 0)
        plugin = min(plugin, delay)
        lead = min(lead, delay - plugin)  # while it is being attached, or cannot be heard
        return PathLatency(
            path,
            rate_hz,
            input_frames=input_frames if slot < MAX_PARTS else 0,
            source_frames=source_frames,
            chain_frames=lead,
            plugin_frames=plugin,
            compensation_frames=delay - lead - plugin,
            master_frames=0 if slot == MASTER_CHAIN else master_frames,
            device_frames=device_frames,
        )

    rows = []
    for index in range(MAX_PARTS):
        part = rig.parts[index]
        if part["active"]:
            plays_chain = bool(rig.chains[index]["instrument"] and rig.chains[index]["rising"])
            on_grid = part["destination"] == SOUNDFONT and rig.state[0]["fluid"] and not plays_chain
            rows.append(row(f"part {index + 1}", index, QUANTUM - 1 if on_grid else 0))
    for name, slot in (("send a", SEND_A_CHAIN), ("send b", SEND_B_CHAIN)):
        if rig.chains[slot]["address"]:
            rows.append(row(name, slot))
    rows += [row(f"return {n + 1}", FIRST_RETURN + n) for n in range(RETURNS)]
    midi_out = PathLatency(
        "midi out", rate_hz, input_frames=input_frames, device_frames=input_frames
    )
    return [*rows, row("master", MASTER_CHAIN), midi_out]
