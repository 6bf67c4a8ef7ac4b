"""The recorder: every take as it happens, to a folder of its own.

The session's pump thread hands over what the callback reported and rendered; a writer thread does
everything that touches the disk, in blocks of a quarter second, so neither a slow disk nor a full
one is felt by the music. A take begins with the first note after silence and ends after
`silence_seconds` without a held note. See `engine.takes` for what a take's folder holds.

With a `keep_folder` the takes are cut short and deleted when they are ten minutes old; only what
`keep` asks for stays. So the last minutes can be kept as they sounded, plugins and all, for the
price of a disk that turns over, not of gigabytes of memory.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import RipienoError
from engine.keeping import KEEP_SECONDS
from engine.rt.layout import (
    CONTROLLER,
    MOVED,
    NOTE_OFF,
    NOTE_ON,
    OUT_CHANNELS,
    PANICKED,
    RESULT,
    TRANSPORT,
)
from engine.take_writer import RecorderSettings, TakeWriter
from engine.takes import TakeInfo, TakePart, TransportPoint, transport_point

if TYPE_CHECKING:
    from engine.ensembles import Ensemble

CHUNK_SECONDS = 0.25  # audio goes to disk in blocks of this
HISTORY_SECONDS = 1.0  # a note's report may come this much after its sound
BACKLOG_SECONDS = 5.0  # what the disk may owe before audio is dropped
MOST_FRAMES = (4 << 30) // 8 - 100_000  # a stereo WAV of floats ends at 4 GiB
KEPT_AT_LEAST_SECONDS = 1.0
ROLLING = RecorderSettings(longest_seconds=60.0, reserve_bytes=1 << 30)
JOURNALLED = (NOTE_ON, NOTE_OFF, MOVED, CONTROLLER, PANICKED, TRANSPORT)


class Recorder:
    """Cuts the stream into takes and queues them for the writer; never waits for the disk."""

    def __init__(
        self,
        takes_folder: Path,
        ensemble: Ensemble,
        rate_hz: int,
        *,
        tempo_bpm: float = 120.0,
        settings: RecorderSettings | None = None,
        on_message: Callable[[str], None] = lambda sentence: None,
        keep_folder: Path | None = None,
        delays: Callable[[], list[int]] = list,
    ) -> None:
        """`on_message` gets sentences for the player, from the writer's or the pump's thread.

        `delays` tells `TakeInfo.delay_frames` when a take begins. With a `keep_folder`,
        `takes_folder` is the recorder's own and gone when it is closed.
        """
        self._settings = settings or (ROLLING if keep_folder else RecorderSettings())
        self._rate_hz = rate_hz
        self._ensembles = [_described(0, ensemble)]
        self._clock = self._clock_at_start = TransportPoint(0, tempo_bpm)
        self._delays = delays
        self._delay_frames: list[int] = []
        self._channels = _channels(ensemble)
        self._writer = TakeWriter(
            Path(takes_folder), rate_hz, self._settings, on_message, keep_folder
        )
        self._say = on_message
        self._lock = threading.Lock()  # held for memory work only
        self._start_frame = -1  # of the take; -1: none
        self._last_frame = 0  # of the last key-up
        self._played: deque[tuple[int, int]] = deque()  # first and last frame of takes that ended
        self._held: dict[int, tuple] = {}  # note id -> its record as it is now
        self._controls: dict[tuple[int, int, int], tuple] = {}  # the newest of each
        self._history: deque[tuple[int, np.ndarray]] = deque()
        self._audio_frame = 0  # the next audio block's
        self._chunk: list[np.ndarray] = []
        self._chunk_frame = 0
        self._said_slow = False
        self.dropped_frames = 0
        self.kept_folder: Path | None = None

    @property
    def recording(self) -> bool:
        """Whether a take is being written."""
        return self._start_frame >= 0 and self._writer.recording

    @property
    def finished(self) -> int:
        """How many takes are whole on the disk since it began. [any]"""
        return self._writer.finished

    @property
    def take_folder(self) -> Path | None:
        """The folder of the newest take."""
        return self._writer.folder

    @property
    def take_seconds(self) -> float:
        """How long the take that is being recorded is by now; 0 without one."""
        start_frame = self._start_frame
        return max(self._audio_frame - start_frame, 0) / self._rate_hz if start_frame >= 0 else 0.0

    def events(self, results: np.ndarray) -> None:
        """Take the RESULT records of one drain, before the audio of the same drain. [main]"""
        if len(results):
            with self._lock:
                self._take_events(results)

    def _take_events(self, results: np.ndarray) -> None:
        begun = 0 if self._start_frame >= 0 else len(results)
        for index, record in enumerate(results.tolist()):
            frame, note, _, _, part, kind, a, b, _ = record[:9]
            if kind == NOTE_ON:
                self._held[note] = record
                if self._start_frame < 0:
                    self._start_take(frame)
                    begun = index
            elif kind == MOVED and note in self._held:
                self._held[note] = (*self._held[note][:4], part, *self._held[note][5:])
            elif kind == NOTE_OFF:
                self._held.pop(note, None)
                self._last_frame = max(self._last_frame, frame)
            elif kind == CONTROLLER:
                self._controls[(part, a, b if a in (0xA0, 0xB0) else 0)] = record
            elif kind == TRANSPORT:
                self._clock = transport_point(record)
            elif kind == PANICKED:
                self._held.clear()
                self._last_frame = max(self._last_frame, frame)
        if self._start_frame >= 0 and begun < len(results):
            own = results[begun:]
            self._writer.put("events", own[np.isin(own["kind"], JOURNALLED)])

    def audio(self, block: np.ndarray, frame: int | None = None) -> None:
        """Take audio (frames, OUT_CHANNELS) float32: master, then a stem pair a part. [main]

        `frame` is the stream frame of its first; None if it follows the block before.
        """
        if block.ndim != 2 or block.shape[1] > OUT_CHANNELS:
            raise ValueError(f"block must be (frames, {OUT_CHANNELS}), got {block.shape}")
        if len(block):
            with self._lock:
                self._take_audio(block, frame)

    def _take_audio(self, block: np.ndarray, frame: int | None) -> None:
        if frame is not None:
            self._audio_frame = frame
        first_frame, own = self._audio_frame, block[:, : self._channels].copy()
        self._audio_frame += len(block)
        self._history.append((first_frame, own))
        while self._history[0][0] < self._audio_frame - HISTORY_SECONDS * self._rate_hz:
            self._history.popleft()
        if self._start_frame < 0:
            return
        end_frame = self._end_frame()
        self._append(first_frame, own, end_frame)
        if end_frame <= self._audio_frame:
            went_on = end_frame == self._longest_frame()
            self._end_take(end_frame)
            if went_on:
                self._go_on(end_frame)

    def ensemble_changed(self, ensemble: Ensemble, frame: int) -> None:
        """From `frame` on, another ensemble plays. [any]"""
        with self._lock:
            self._channels = max(self._channels, _channels(ensemble))
            self._ensembles.append(_described(frame, ensemble))
            self._description_changed()

    def keep(self, seconds: float = KEEP_SECONDS) -> Path:
        """Make a take of what was played in the last `seconds`: its folder, which fills by and by.

        RipienoError if that was nothing. [any]
        """
        if not KEPT_AT_LEAST_SECONDS <= seconds <= KEEP_SECONDS:
            raise RipienoError(
                f"seconds to keep: {seconds:g} is outside {KEPT_AT_LEAST_SECONDS:g} .. "
                f"{KEEP_SECONDS:g}"
            )
        with self._lock:
            end_frame = self._audio_frame
            first_frame = self._first_played(end_frame - round(seconds * self._rate_hz))
            self._flush_chunk()
        ago_s = (end_frame - first_frame) / self._rate_hz
        started = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() - ago_s))
        self.kept_folder = self._writer.keep(first_frame, end_frame, started)
        return self.kept_folder

    def _first_played(self, since_frame: int) -> int:
        """The first frame from `since_frame` on at which something was played."""
        spans = [*self._played]
        if self._start_frame >= 0:
            last_frame = self._audio_frame if self._held else self._last_frame
            spans.append((self._start_frame, last_frame))
        for first_frame, last_frame in spans:
            if last_frame > since_frame:
                return max(first_frame, since_frame)
        raise RipienoError("There is nothing to keep: nothing was played in that time")

    def close(self) -> None:
        """End the take and write everything out. Idempotent. [main]"""
        with self._lock:
            if self._start_frame >= 0:
                self._end_take(max(self._audio_frame, self._start_frame))
        self._writer.close()

    def _start_take(self, frame: int) -> None:
        self._start_frame = self._last_frame = frame
        self._ensembles = self._ensembles[-1:]
        self._clock_at_start = self._clock
        self._delay_frames = self._delays()
        self._channels = 2 + 2 * len(self._ensembles[0][2])
        self._said_slow = False
        self.dropped_frames = 0
        self._writer.put("start", self._info())
        at_start = [(frame, *record[1:]) for record in self._controls.values()]
        if at_start:
            self._writer.put("events", np.array(at_start, RESULT))
        self._chunk, self._chunk_frame = [], frame
        for block_frame, block in self._history:
            self._append(block_frame, block, self._audio_frame)

    def _end_frame(self) -> int:
        """Where the running take ends if nothing more is played."""
        if self._held:
            return self._longest_frame()
        silence = round(self._settings.silence_seconds * self._rate_hz)
        return min(self._last_frame + silence, self._longest_frame())

    def _longest_frame(self) -> int:
        frames = round(self._settings.longest_seconds * self._rate_hz)
        return self._start_frame + min(frames, MOST_FRAMES)

    def _go_on(self, frame: int) -> None:
        """Begin the next take in the middle of the music, with the notes that are held."""
        held = [(frame, *record[1:]) for record in self._held.values()]
        last_frame = self._last_frame
        self._start_take(frame)
        self._last_frame = last_frame
        self._writer.put("events", np.array(held, RESULT))

    def _end_take(self, frame: int) -> None:
        self._flush_chunk()
        self._writer.put("end", replace(self._info(), end_frame=frame))
        self._played.append((self._start_frame, frame if self._held else self._last_frame))
        while self._played[0][1] < frame - KEEP_SECONDS * self._rate_hz:
            self._played.popleft()
        self._start_frame = -1

    def _append(self, frame: int, block: np.ndarray, end_frame: int) -> None:
        """Add what lies within the take to the chunk; hand that over when it is long enough."""
        block = block[max(self._start_frame - frame, 0) : max(end_frame - frame, 0)]
        frame = max(frame, self._start_frame)
        if not len(block):
            return
        frames = sum(map(len, self._chunk))
        if self._chunk and (  # audio is missing, or there are more parts than before
            frame != self._chunk_frame + frames or block.shape[1] != self._chunk[0].shape[1]
        ):
            self._flush_chunk()
            frames = 0
        if not self._chunk:
            self._chunk_frame = frame
        self._chunk.append(block)
        if frames + len(block) >= CHUNK_SECONDS * self._rate_hz:
            self._flush_chunk()

    def _flush_chunk(self) -> None:
        if not self._chunk:
            return
        audio = np.concatenate(self._chunk)
        self._chunk = []
        if self._writer.backlog_frames > BACKLOG_SECONDS * self._rate_hz:
            self.dropped_frames += len(audio)
            if not self._said_slow:
                self._said_slow = True
                self._say("The disk is too slow: the recording has gaps, the music goes on.")
            return
        self._writer.put_audio(self._chunk_frame, audio)

    def _info(self) -> TakeInfo:
        return TakeInfo(
            started=time.strftime("%Y-%m-%dT%H:%M:%S"),
            rate_hz=self._rate_hz,
            start_frame=self._start_frame,
            ensembles=list(self._ensembles),
            transport=[self._clock_at_start],
            dropped_frames=self.dropped_frames,
            delay_frames=self._delay_frames,
        )

    def _description_changed(self) -> None:
        if self._start_frame >= 0:
            self._writer.put("describe", self._info())
        else:
            self._ensembles = self._ensembles[-1:]


def _channels(ensemble: Ensemble) -> int:
    return 2 + 2 * len(ensemble.parts)


def _described(frame: int, ensemble: Ensemble) -> tuple[int, str, list[TakePart]]:
    parts = [
        TakePart(part.name, part.program, part.bank, part.midi_channel) for part in ensemble.parts
    ]
    return frame, ensemble.name, parts
