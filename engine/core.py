"""The engine: one rig of parts, what is sent to it and what it tells, live and offline.

A device runs the native callbacks whose addresses are given here, or `render` drives the same code
offline. Everything else sends: notes through the event ring, parameters and panic through the
command ring; and reads: results, audio for the recorder, statistics. No method here waits for the
audio thread except quit_and_wait.
"""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from engine.banks import Bank
from engine.chain_memory import ChainMemory
from engine.chains import Chains, ChainStats
from engine.continuation.memory import PlanMemory
from engine.device_side import DeviceSide
from engine.ensembles import Ensemble
from engine.fluidsynth import FluidSynth
from engine.inbox import EngineError, Inbox
from engine.latency import PathLatency, path_latencies
from engine.outbox import Outbox
from engine.pads import Course, Pads
from engine.players import Players
from engine.rig_memory import RigMemory
from engine.rt import callback, layout, pad_memory, plan_memory
from engine.rt.layout import IN_CHANNELS, MAX_PARTS, OUT_CHANNELS
from engine.rt.rings import report_lost_off
from engine.separators import Separator
from engine.soundfonts import find_soundfont
from engine.stream_clock import AS_SOON_AS_POSSIBLE, clock_function
from models.morph.voice_model import MorphModel

__all__ = ["Engine", "EngineError"]

AHEAD_OF_SWITCH_S = 0.01  # time to send all of an ensemble's commands
LONGEST_KEPT_S = 600.0  # the delay of a chain that may come back


class Engine(Inbox, Outbox, DeviceSide):
    """One rig of parts and the stream that plays it. See the module."""

    def __init__(
        self,
        rate_hz: int = 48000,
        *,
        soundfont: Path | None = None,
        polyphony: int = 256,
        tap: bool = False,
    ) -> None:
        if not 8000 <= rate_hz <= 192000:
            raise ValueError(f"rate_hz must be 8000 to 192000, got {rate_hz}")
        if not 1 <= polyphony <= 8192:
            raise ValueError(f"polyphony must be 1 to 8192, got {polyphony}")
        self.ensemble: Ensemble | None = None
        self.soundfont = find_soundfont(soundfont)
        self._closed = False
        self._synth = FluidSynth(self.soundfont, rate_hz, MAX_PARTS)
        self._memory = RigMemory(rate_hz, polyphony, tap, self._synth)
        super().__init__(self._memory.rig)
        self._chains = Chains(self._rig)
        self._players = Players(self._rig, self._synth)
        self._warm_up()

    def _warm_up(self) -> None:
        """Have everything compiled that is called while a stream runs."""
        self.midi(b"\x80\x00\x00", 0)
        self.render(0)
        self.results()
        self.midi_out()
        self._state["out_ring"] = 0
        if self._state["tap"]:
            self.tap()
        report_lost_off(np.zeros(16, np.int64))

    def load_separator(
        self,
        weights: dict[str, np.ndarray] | None,
        middle_pitches: Sequence[int] | None = None,
    ) -> None:
        """Use a part-separation network, or rules alone for None. Not while a stream runs. [main]

        `middle_pitches`: the key each class plays about, where the closest-pitch rule starts.

        Raises ValueError naming the array if the weights are not those of a network.
        """
        self.use_separator(Separator.of(weights, middle_pitches))

    def use_separator(self, separator: Separator) -> None:
        """The same with one that is ready. Not while a stream runs; see apply. [main]"""
        self._memory.load_network(separator)
        if self.ensemble is not None:
            self._players.map_classes(self, self.ensemble, None)

    # Ensembles

    def apply(
        self,
        ensemble: Ensemble,
        frame: int | None = None,
        separator: Separator | None = None,
        keep_pads: bool = False,
    ) -> None:
        """Switch to an ensemble; notes that sound end where they began. [main]

        `separator`: another network, that knows the ensemble's voices, from the same frame on.
        `keep_pads`: where a part plays the morph sound it has, its pad stays as it is.
        Raises FluidSynthError if the SoundFont lacks a program, MorphSoundError if a morph sound
        cannot be played; then nothing has changed.
        """
        sounds = self._players.prepare(ensemble)
        if frame is None:
            frame = self._switch_frame = self._soon()
        if separator is not None:
            address, serial = self._memory.network_to_hand_over(separator)
            self.command(layout.TAKE_NETWORK, separator.classes, serial, float(address), frame)
        self._players.switch(self, ensemble, sounds, frame, keep_pads)
        self.ensemble = ensemble

    def _soon(self) -> int:
        """Return a frame far enough ahead that many commands sent now act together at it."""
        frame = self.now_frame()
        return frame if frame < 0 else frame + int(AHEAD_OF_SWITCH_S * self.rate_hz)

    def preload(self, ensembles: Iterable[Ensemble]) -> None:
        """Have the sounds of these ensembles at hand, so that a switch finds them. [worker]

        Not while `apply` runs. Those of an earlier call may go with the next switch.
        """
        self._players.preload(ensembles)

    def add_bank(self, bank: Bank) -> int:
        """Make a bank known to the callback; return its slot. ValueError when full. [main]"""
        return self._players.add_bank(bank)

    def remove_bank(self, slot: int, frame: int | None = None) -> None:
        """Let go of a bank; its memory is freed when no voice reads it any more. [main]"""
        self._players.remove_bank(self, slot, frame)

    def use_morph_model(self, model: MorphModel) -> None:
        """Play morph sounds from this model instead of the one that ships. [main]

        Only before any part played one; ModelError says why not.
        """
        self._players.morphs.use(model)

    # Pads of the parts with morph sounds

    @property
    def pads(self) -> Pads:
        """What the parts' pads were given, and where their pucks are. [any]"""
        return self._players.pads

    def set_course(self, part: int, course: Course) -> None:
        """Give a part's pad a trajectory of the player's own, or NO_COURSE. [main]

        MorphSoundError, and nothing changed, if it does not suit the part's sound.
        """
        self._players.set_course(self, part, course)

    def record_puck(self, part: int, on: bool) -> None:
        """Record a part's puck from now on, or end that: PAD_RECORDED says what there is. [any]"""
        self.command(layout.SET, pad_memory.PAD_RECORD, part, float(on), None)

    # Chains of plugins: slots 0..15 inserts of the parts, 16 and 17 sends A and B, 18 master

    def attach_chain(
        self,
        slot: int,
        memory: ChainMemory,
        *,
        instrument: bool = False,
        lead_frames: int,
        latency_frames: int = 0,
    ) -> None:
        """Give a slot a chain of plugins, heard when its host is in time. [main]

        One that is there fades out first and is then free; a strip's delay stays if both are
        equally late. `memory` is the new chain's alone; the engine keeps it mapped while needed.
        """
        self._chains.attach(
            self.command_bytes,
            slot,
            memory,
            instrument=instrument,
            lead_frames=lead_frames,
            latency_frames=latency_frames,
        )

    def detach_chain(self, slot: int, keep_delay_s: float = 0.0) -> None:
        """Let a slot's chain fade out; it is free within 200 frames, see chain_is_free. [main]

        Its delay stays for so long, for a chain that is expected back: timing does not change.
        """
        if not 0.0 <= keep_delay_s <= LONGEST_KEPT_S:
            raise ValueError(f"keep_delay_s must be 0 to {LONGEST_KEPT_S:g}, got {keep_delay_s:g}")
        self._chains.detach(self.command_bytes, slot, int(keep_delay_s * self.rate_hz))

    def chain_is_free(self, slot: int) -> bool:
        """Whether the callback touches no memory of a slot's chains any more. [main]"""
        return self._chains.is_free(slot)

    def set_chain(
        self,
        slot: int,
        lead_frames: int | None = None,
        latency_frames: int | None = None,
        bypass: bool | None = None,
    ) -> None:
        """Change a chain's lead, plugin latency or bypass, without a click. [main]"""
        self._chains.set(self.command_bytes, slot, lead_frames, latency_frames, bypass)

    def chain_event(
        self,
        slot: int,
        kind: int,
        plugin: int,
        index: int,
        value: float,
        frame: int | None = None,
    ) -> None:
        """Send a chain's host shared.PARAMETER or BYPASS; acts at `frame` or at once. [any]"""
        self._chains.event(self.command_bytes, slot, kind, plugin, index, value, frame)

    def chain_stats(self, slot: int) -> ChainStats:
        """Return how a slot's chain fares; its headroom is counted anew. [one reader]"""
        return self._chains.stats(slot)

    def attach_plan(self, memory: PlanMemory) -> None:
        """Hear and be continued through this memory from now on; not while a stream runs. [main]

        It must stay mapped until the engine is closed.
        """
        self._rig.floor[0]["memory"] = memory.address
        self._rig.floor[0]["read"] = memory.header[plan_memory.PLAN_WRITE]

    # Reading

    def results(self) -> np.ndarray:
        """Return what the callback reported since the last call, RESULT records. [one reader]"""
        records = super().results()
        self._memory.sweep()
        self._players.freed(records["a"][records["kind"] == layout.BANK_FREED])
        self._players.morphs.freed(records["a"][records["kind"] == layout.MORPH_FREED])
        if np.any(records["kind"] == layout.CHAIN_FREED):
            self._chains.sweep()
        return records

    def latencies(self, device_frames: int = 0) -> list[PathLatency]:
        """Return how late every path is heard, through a device that is so late itself. [any]"""
        state = self._state
        ahead = bool(state["deadline"]) and not state["midi_port"]  # see now_frame
        input_frames = int(state["block_frames"]) if ahead else 0
        return path_latencies(self._rig, self._chains.lead_and_latency, input_frames, device_frames)

    # Running

    def render(
        self,
        frames: int,
        block: int = 64,
        stems: bool = False,
        inputs: np.ndarray | None = None,
    ) -> np.ndarray:
        """Render offline: (frames, 2) or, with stems, (frames, OUT_CHANNELS) float32. [main]

        Not while a device runs the callback. `inputs`: what the audio inputs hear, (frames, at
        most IN_CHANNELS). Waits for the hosts of plugin chains unless the engine keeps real time.
        """
        if self._closed:
            raise RuntimeError("the engine is closed")
        if frames < 0:
            raise ValueError(f"frames must be at least 0, got {frames}")
        if block < 1:
            raise ValueError(f"block must be at least 1, got {block}")
        channels = OUT_CHANNELS if stems else 2
        audio = np.zeros((channels, frames), np.float32)
        played = np.zeros((0, frames), np.float32)
        if inputs is not None:
            if inputs.shape[0] != frames or inputs.shape[1] > IN_CHANNELS:
                raise ValueError(
                    f"inputs must be ({frames}, 1 to {IN_CHANNELS}), got {inputs.shape}"
                )
            played = np.ascontiguousarray(inputs.T, np.float32)
        done, in_real_time = 0, bool(self._rig.native[layout.CLOCK])
        while True:
            end = frames
            if self._chains.in_use and not in_real_time:
                self._chains.wait_for_hosts()
                end = self._chains.slice_end(self.frame, self.frame + frames - done)
                end += done - self.frame
            self._render(audio[:, done:end], played[:, done:end], block)
            done = end
            if done == frames:
                return audio.T

    def _render(self, audio: np.ndarray, played: np.ndarray, block: int) -> None:
        """Render into audio (channels, frames) what follows; played: the audio inputs."""
        addresses = np.zeros(OUT_CHANNELS, np.int64)
        addresses[: len(audio)] = [row.ctypes.data for row in audio]
        sources = np.zeros(IN_CHANNELS, np.int64)
        sources[: len(played)] = [row.ctypes.data for row in played]
        callback.render(self._memory.table, addresses, audio.shape[1], block, sources)

    @property
    def user_data(self) -> int:
        """The void* that belongs to every native callback. [main]"""
        return self._memory.table.ctypes.data

    def begin(self, block_frames: int, deadline: bool) -> None:
        """A device will run the callback: start its clock, with a deadline if live. [main]"""
        state = self._state
        state["block_frames"] = block_frames
        state["deadline"] = int(deadline)
        state["clock_ns"] = 0
        state["quit_done"] = 0
        state["freewheel"] = 0
        self._switch_frame = AS_SOON_AS_POSSIBLE
        self.command(layout.QUIT, 0, -1, 1.0, None)  # void what an earlier stream never saw
        self.set("master_gain_db", self._values["master_gain_db", None])
        address, first = clock_function()
        self._rig.native[layout.CLOCK] = address
        self._rig.scratch[1] = first

    def quit_and_wait(self, timeout_s: float = 0.5) -> bool:
        """Fade out and wait for the callback's word; False if it no longer runs. [main]"""
        self.command(layout.QUIT, 0, -1, 0.0, AS_SOON_AS_POSSIBLE)
        until = time.monotonic() + timeout_s
        while not self._state["quit_done"]:
            if time.monotonic() > until:
                return False
            time.sleep(0.002)
        return True

    def close(self) -> None:
        """Free the synth; no device may run the callback any more. Idempotent. [main]"""
        if not self._closed:
            self._closed = True
            self._state["fluid"] = 0
            self._synth.close()
            self._chains.close()
