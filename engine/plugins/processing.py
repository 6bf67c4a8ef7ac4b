"""The audio thread of a host process: takes chunks out of the map, plays them through the chain.

There is no signal from the audio callback, which never calls the system; the thread sleeps until
the next block is expected, then looks for it ten thousand times a second. So it notices a block on
average 0.1 ms after it was written, and costs two or three short wake-ups a block. A stream that
has stopped is looked for less and less often.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from engine import realtime
from engine.chain_memory import BLOCK_FRAMES, HOST_PLUGIN, ChainMemory, shared

CHUNK, CAPACITY = shared.CHUNK, shared.CAPACITY
FADE_FRAMES = 64
SKIP_FRAMES = CAPACITY // 2  # further behind, catching up would only sound late
LOOK_NS = 100_000
IDLE_LOOK_NS = 2_000_000
LATENCY_EVERY = 256  # chunks
RING_OUT_CHUNKS = 8000  # about ten seconds
SILENT, SILENT_FRAMES = 1e-4, 4800  # so quiet, for so long, it has rung out


class Stage:
    """One plugin of the chain, and the way around it, which is as late as the plugin."""

    def __init__(self, plugin: Any, bypass: bool = False) -> None:
        self.plugin = plugin
        self.bypass = bypass
        self._wet = 0.0 if bypass else 1.0
        self._latency_frames = 0
        self._chunks_to_ring_out = 0
        self._silent_frames = 0
        self._late = np.zeros((2, 0), np.float32)  # the newest input, as long as the latency

    def update_latency(self) -> int:
        """Ask the plugin how late it is, and be as late around it. [worker]"""
        frames = min(self.plugin.latency_frames, CAPACITY // 2)
        if frames != self._latency_frames:
            self._late = np.zeros((2, frames), np.float32)
            self._latency_frames = frames
        return frames

    def process(self, audio: np.ndarray, events: list[tuple[bytes, int]]) -> np.ndarray:
        """Sound (2, n) through the plugin, around it, or on the way between. [worker]"""
        around = self._delayed(audio)
        if self._chunks_to_ring_out > 0:
            self._ring_out(audio)
            return around
        wet = self.plugin.process(audio, events)
        target = 0.0 if self.bypass else 1.0
        if self._wet == target:
            return around if self.bypass else wet
        step = 1.0 / FADE_FRAMES if target > self._wet else -1.0 / FADE_FRAMES
        ramp = self._wet + step * np.arange(1, audio.shape[1] + 1, dtype=np.float32)
        np.clip(ramp, 0.0, 1.0, out=ramp)
        self._wet = float(ramp[-1])
        return around + ramp * (wet - around)

    def quiet(self) -> None:
        """Let nothing be heard any more of what an effect was given so far. [worker]"""
        if self.plugin.instrument:
            return
        self._late[...] = 0.0
        if not self.plugin.forget_tail():
            self._chunks_to_ring_out = RING_OUT_CHUNKS
            self._silent_frames = 0

    def _ring_out(self, audio: np.ndarray) -> None:
        """Play silence to the plugin, unheard, until it is silent itself."""
        tail = self.plugin.process(np.zeros_like(audio), [])
        self._chunks_to_ring_out -= 1
        self._silent_frames = self._silent_frames + tail.shape[1] if _silent(tail) else 0
        if self._silent_frames > self._latency_frames + SILENT_FRAMES:
            self._chunks_to_ring_out = 0
        self._wet = 0.0

    def _delayed(self, audio: np.ndarray) -> np.ndarray:
        if self.plugin.instrument:
            return np.zeros_like(audio)
        if self._latency_frames == 0:
            return audio
        frames = audio.shape[1]
        joined = np.concatenate((self._late, audio), axis=1)
        self._late = joined[:, frames:]
        return joined[:, :frames]


class Processor:
    """Plays the chain as long as the process lives. See the module."""

    def __init__(self, memory: ChainMemory, stages: list[Stage]) -> None:
        self._memory = memory
        self._stages = stages
        self._header = memory.header
        self._rate_hz = int(memory.header[shared.RATE_HZ])
        self._frame_ns = 1_000_000_000 // self._rate_hz
        self._position = 0
        self._seen = 0  # of WRITTEN
        self._block_from = 0  # where the newest block began, and when it was seen
        self._block_ns = time.monotonic_ns()
        self._update_latency()
        self._thread = threading.Thread(target=self._run, name="plugins", daemon=True)

    def start(self) -> None:
        """Begin to play. [main]"""
        self._thread.start()

    def set_priority(self, priority: int) -> None:
        """Run the audio thread under SCHED_FIFO, where allowed; 0: as any other. [main]"""
        if self._thread.native_id is not None:
            realtime.set_priority(self._thread.native_id, priority)

    def _run(self) -> None:
        while True:
            self._header[shared.BEAT] += 1
            written = self._memory.acquire(shared.WRITTEN)
            if written != self._seen:
                self._note_block(written)
            if written - self._position >= CHUNK:
                self._catch_up(written)
            time.sleep(self._pause_ns() * 1e-9)

    def _note_block(self, written: int) -> None:
        """Something was written: the beginning of a block, or more of the same."""
        now_ns = time.monotonic_ns()
        if now_ns - self._block_ns > self._block_frames() * self._frame_ns // 2:
            self._block_from, self._block_ns = self._seen, now_ns
        self._seen = written

    def _pause_ns(self) -> int:
        """How long to sleep: until just before the block that completes the next chunk."""
        block = self._block_frames()
        written = self._memory.acquire(shared.WRITTEN)
        since_ns = time.monotonic_ns() - self._block_ns
        if written - self._block_from >= block:  # all of the newest block is there
            lacking = self._position + CHUNK - written
            blocks = max(1, -(-lacking // block))
            early_ns = blocks * block * self._frame_ns - LOOK_NS - since_ns
            if early_ns > 0:
                return early_ns
        return min(max(LOOK_NS, since_ns // 64), IDLE_LOOK_NS)

    def _block_frames(self) -> int:
        return min(max(int(self._header[BLOCK_FRAMES]), 1), CAPACITY)

    def _catch_up(self, written: int) -> None:
        header, memory = self._header, self._memory
        if written - self._position > SKIP_FRAMES:
            self._position = written - written % CHUNK
            header[shared.VALID_FROM] = self._position
            memory.publish(shared.PROCESSED, self._position)
        while written - self._position >= CHUNK:
            began_ns = time.monotonic_ns()
            header[shared.BUSY_SINCE_NS] = began_ns
            self._chunk(self._position)
            took_ns = time.monotonic_ns() - began_ns
            header[shared.BUSY_SINCE_NS] = 0
            self._position += CHUNK
            memory.publish(shared.PROCESSED, self._position)
            header[shared.CHUNKS] += 1
            header[shared.CHUNK_NS] += took_ns
            header[shared.CHUNK_NS_MAX] = max(int(header[shared.CHUNK_NS_MAX]), took_ns)
            if header[shared.CHUNKS] % LATENCY_EVERY == 0:
                self._update_latency()
            written = memory.acquire(shared.WRITTEN)

    def _update_latency(self) -> None:
        self._header[shared.LATENCY_FRAMES] = sum(s.update_latency() for s in self._stages)

    def _chunk(self, start: int) -> None:
        """Play one chunk, cut where a parameter or a bypass changes."""
        at = start % CAPACITY
        source = self._memory.input[:, at : at + CHUNK]
        target = self._memory.output[:, at : at + CHUNK]
        messages: list[tuple[bytes, int]] = []
        done = 0
        for event in self._take_events(start + CHUNK):
            frame = min(max(int(event["frame"]) - start, done), CHUNK)
            if event["kind"] == shared.MIDI_MESSAGE:
                messages.append((_message(event["data"]), frame))
                if not _is_all_sound_off(event["data"]):
                    continue
            if frame > done:
                before = [message for message in messages if message[1] < frame]
                target[:, done:frame] = self._piece(source[:, done:frame], before, done)
                messages, done = messages[len(before) :], frame
            self._change(event)
        if done < CHUNK:
            target[:, done:] = self._piece(source[:, done:], messages, done)

    def _piece(
        self, audio: np.ndarray, messages: list[tuple[bytes, int]], first: int
    ) -> np.ndarray:
        events = [(message, frame - first) for message, frame in messages]
        for number, stage in enumerate(self._stages):
            self._header[HOST_PLUGIN] = number
            audio = stage.process(audio, events if number == 0 else [])
        return audio

    def _change(self, event: np.void) -> None:
        if event["kind"] == shared.MIDI_MESSAGE:
            for stage in self._stages:
                stage.quiet()
            return
        number = int(event["data"][0])
        if number >= len(self._stages):
            return
        if event["kind"] == shared.PARAMETER:
            value = min(max(float(event["value"]), 0.0), 1.0)
            self._stages[number].plugin.set(int(event["index"]), value)
        elif event["kind"] == shared.BYPASS:
            self._stages[number].bypass = bool(event["value"])

    def _take_events(self, end: int) -> list[np.void]:
        """Events that act before the frame `end`, in the order they were sent."""
        memory = self._memory
        read = int(self._header[shared.EVENT_READ])
        write = memory.acquire(shared.EVENT_WRITE)
        taken: list[np.void] = []
        while read < write:
            event = memory.events[read % shared.EVENTS]
            if event["frame"] >= end:
                break
            taken.append(event.copy())
            read += 1
        if taken:
            memory.publish(shared.EVENT_READ, read)
        return taken


def _silent(audio: np.ndarray) -> bool:
    return bool(np.abs(audio).max() < SILENT)


def _is_all_sound_off(data: np.ndarray) -> bool:
    return int(data[0]) & 0xF0 == 0xB0 and data[1] == 120


def _message(data: np.ndarray) -> bytes:
    """The bytes of a channel message: program change and pressure have two."""
    short = int(data[0]) & 0xF0 in (0xC0, 0xD0)
    return bytes(data[:2].tolist()) if short else bytes(data.tolist())
