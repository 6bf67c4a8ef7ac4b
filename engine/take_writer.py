"""The thread that writes takes: it alone touches the disk, in the order things were queued.

Made by the recorder, which cuts the stream into takes. Whatever fails, above all for want of room,
ends the take being written with one sentence; the next take tries again. Once a second it has the
system put everything on the disk itself, so that a power cut costs no more than a crash. What the
player asks to keep afterwards, `engine.lately` knows. [worker]
"""

from __future__ import annotations

import contextlib
import errno
import queue
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from engine.disk import FAILURES, check_room, sync, sync_all, why
from engine.errors import RipienoError
from engine.keeping import Segment
from engine.lately import Lately
from engine.takes import (
    JOURNAL,
    JOURNAL_HEADER,
    MASTER,
    STEMS,
    TakeError,
    TakeInfo,
    found_end,
    lock_journal,
    read_journal,
    write_take_midi,
)
from engine.waves import SAMPLE_FORMATS, GrowingWave, file_name

SILENCE_SECONDS = 8.0
HEADER_SECONDS = 0.5  # the headers of the files on disk are brought up to date this often
LONGEST_SECONDS = 2 * 3600.0  # a take without a pause goes on as another
RESERVE_BYTES = 16 << 20  # left free on the disk
CLOSE_SECONDS = 10.0
SYNC_SECONDS = 1.0
SYNC_PAUSES = 4.0  # a disk that takes long to write is left alone for so many times as long
AUDIBLE = 1e-6  # -120 dBFS: a part that stays below has no stem


@dataclass(frozen=True)
class RecorderSettings:
    """How takes are recorded."""

    sample_format: str = "24-bit"
    silence_seconds: float = SILENCE_SECONDS
    stems: bool = True
    longest_seconds: float = LONGEST_SECONDS
    reserve_bytes: int = RESERVE_BYTES

    def __post_init__(self) -> None:
        if self.sample_format not in SAMPLE_FORMATS:
            raise ValueError(
                f"sample_format must be one of {', '.join(SAMPLE_FORMATS)}, "
                f"got {self.sample_format!r}"
            )
        if not 0.0 < self.silence_seconds <= 3600.0:
            raise ValueError(f"silence_seconds must be 0 to 3600, got {self.silence_seconds!r}")
        if not 1.0 <= self.longest_seconds <= LONGEST_SECONDS:
            raise ValueError(
                f"longest_seconds must be 1 to {LONGEST_SECONDS:g}, got {self.longest_seconds!r}"
            )


class TakeWriter:
    """The thread, and the files of the take being written."""

    def __init__(
        self,
        takes_folder: Path,
        rate_hz: int,
        settings: RecorderSettings,
        on_message: Callable[[str], None],
        keep_folder: Path | None = None,
    ) -> None:
        self.folder: Path | None = None
        self.backlog_frames = 0
        self._takes_folder = takes_folder
        self._keep_folder = keep_folder or takes_folder
        self._rolling = keep_folder is not None
        self._lately = Lately(rate_hz, self._rolling, settings.reserve_bytes, on_message)
        self._rate_hz = rate_hz
        self._settings = settings
        self._say = on_message
        self._info: TakeInfo | None = None  # of the take being written
        self._journal: FileIO | None = None
        self._waves: dict[int, GrowingWave] = {}  # -1 the master, else a part's stem
        self._header_frame = 0
        self._next_sync_s = 0.0
        self._said_failure = False
        self._ended = 0
        self._backlog_lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def recording(self) -> bool:
        """Whether files are open."""
        return self._info is not None

    @property
    def finished(self) -> int:
        """How many takes are whole on the disk, recorded and kept ones. [any]"""
        return self._ended + self._lately.kept

    def put(self, step: str, what: Any) -> None:
        """Queue one step: start, events, describe, end. [any]"""
        self._queue.put((step, what))

    def put_audio(self, frame: int, audio: np.ndarray) -> None:
        """Queue audio of the running take. [any]"""
        with self._backlog_lock:
            self.backlog_frames += len(audio)
        self._queue.put(("audio", (frame, audio)))

    def keep(self, first_frame: int, end_frame: int, started: str) -> Path:
        """Make a take of what is queued and written: its folder, filled by and by. [any]"""
        try:
            self._keep_folder.mkdir(parents=True, exist_ok=True)
            folder = _new_folder(self._keep_folder, started)
        except OSError as error:
            raise TakeError(f"Nothing could be kept: {self._reason(error)}") from error
        self._queue.put(("keep", (folder, first_frame, end_frame, started)))
        return folder

    def close(self) -> None:
        """Write out what is queued; gives up on a disk that hangs."""
        self._queue.put(("quit", None))
        self._thread.join(CLOSE_SECONDS)
        self._lately.close()
        if self._rolling:
            shutil.rmtree(self._takes_folder, ignore_errors=True)

    def _run(self) -> None:
        steps = {
            "start": self._start,
            "events": self._events,
            "audio": self._audio,
            "describe": self._describe,
            "end": self._end,
            "keep": self._keep,
        }
        while True:
            step, what = self._queue.get()
            if step == "quit":
                return
            try:
                steps[step](what)
            except FAILURES as error:
                self._give_up(error)
            if step == "audio":
                with self._backlog_lock:
                    self.backlog_frames -= len(what[1])

    def _start(self, info: TakeInfo) -> None:
        self._takes_folder.mkdir(parents=True, exist_ok=True)
        check_room(self._takes_folder, self._settings.reserve_bytes)
        folder = _new_folder(self._takes_folder, info.started)
        self.folder = folder
        info.save(folder)
        self._journal = FileIO(folder / JOURNAL, "w")
        lock_journal(self._journal.fileno())
        self._journal.write(JOURNAL_HEADER)
        self._waves = {-1: self._new_wave(folder / MASTER)}
        self._header_frame = 0
        self._waves[-1].update_header()
        self._info = info
        self._lately.forget_old(info.start_frame)
        if not self._rolling:
            sync(self._takes_folder)
            sync(folder)

    def _events(self, results: np.ndarray) -> None:
        if self._journal is None:
            return
        data = results.tobytes()
        if self._journal.write(data) != len(data):
            raise OSError(errno.ENOSPC, "No space left on device")

    def _audio(self, what: tuple[int, np.ndarray]) -> None:
        info = self._info
        if info is None or self.folder is None:
            return
        at_frame, audio = what[0] - info.start_frame, what[1]
        loudest = np.abs(audio).max(axis=0) if self._settings.stems else np.zeros(2)
        for part in range((len(loudest) - 2) // 2):
            if part not in self._waves and max(loudest[2 + 2 * part : 4 + 2 * part]) > AUDIBLE:
                self._waves[part] = self._new_wave(self._stem_path(self.folder, info, part))
        for part, wave in self._waves.items():
            wave.write(audio[:, 2 + 2 * part : 4 + 2 * part], at_frame)
        end = at_frame + len(audio)
        if end - self._header_frame >= HEADER_SECONDS * self._rate_hz:
            self._header_frame = end
            for wave in self._waves.values():
                wave.update_header()
            check_room(self._takes_folder, self._settings.reserve_bytes)
            self._lately.forget_old(info.start_frame + end)
            self._sync()

    def _describe(self, info: TakeInfo) -> None:
        if self._info is not None and self.folder is not None:
            self._info = replace(info, started=self._info.started)
            self._info.save(self.folder)

    def _end(self, info: TakeInfo) -> None:
        if self._info is None or self.folder is None:
            return
        info = replace(info, started=self._info.started)
        for wave in self._waves.values():
            wave.close((info.end_frame or 0) - info.start_frame)
        self._close_files()
        info.save(self.folder)
        self._lately.add(self.folder, info)
        if self._said_failure:
            self._said_failure = False
            what = "What you play can be kept again." if self._rolling else "Recording works again."
            self._say(what)
        if not self._rolling:
            self._write_midi(self.folder)
            sync_all(self.folder)
        self._ended += 1

    def _sync(self) -> None:
        """A slow disk is asked less often, so that it spends no more than a fifth on this."""
        begun_s = time.monotonic()
        if self._rolling or self.folder is None or begun_s < self._next_sync_s:
            return
        sync_all(self.folder)
        now_s = time.monotonic()
        self._next_sync_s = now_s + max(SYNC_SECONDS, SYNC_PAUSES * (now_s - begun_s))

    def _keep(self, what: tuple[Path, int, int, str]) -> None:
        running = None
        if self._info is not None and self.folder is not None:
            for wave in self._waves.values():
                wave.update_header()
            running = Segment(self.folder, replace(self._info, end_frame=what[2]))
        self._lately.keep(*what, running)

    def _write_midi(self, folder: Path) -> None:
        try:
            write_take_midi(folder)
        except RipienoError as error:
            self._say(f"The take is kept, its MIDI file comes at the next start: {error}")

    def _give_up(self, error: BaseException) -> None:
        """Keep what is written and say once why there is no more; the next take tries again."""
        info, folder = self._info, self.folder
        self._close_files()
        if info is not None and folder is not None:
            with contextlib.suppress(TakeError, OSError):
                end_frame = found_end(folder, info, read_journal(folder))
                self._lately.add(folder, replace(info, end_frame=end_frame))
        if not self._said_failure:
            self._said_failure = True
            stopped = "What you play cannot be kept" if self._rolling else "Recording stopped"
            self._say(f"{stopped}, the music goes on: {self._reason(error)}.")

    def _close_files(self) -> None:
        for wave in self._waves.values():
            with contextlib.suppress(*FAILURES):
                wave.close()
        if self._journal is not None:
            with contextlib.suppress(OSError):
                self._journal.close()
        self._waves, self._journal, self._info = {}, None, None

    def _reason(self, error: BaseException) -> str:
        return why(error, self._takes_folder, self._settings.reserve_bytes)

    def _new_wave(self, path: Path) -> GrowingWave:
        path.parent.mkdir(exist_ok=True)
        return GrowingWave(path, self._rate_hz, 2, self._settings.sample_format)

    def _stem_path(self, folder: Path, info: TakeInfo, part: int) -> Path:
        names = [parts[part].name for _, _, parts in info.ensembles if part < len(parts)]
        return folder / STEMS / f"{part + 1}-{file_name(names[-1] if names else 'part')}.wav"


def _new_folder(takes_folder: Path, started: str) -> Path:
    name = started.replace("T", "_").replace(":", "-")
    for number in range(1, 1000):
        folder = takes_folder / (name if number == 1 else f"{name}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise OSError(errno.EEXIST, "too many takes of one second", str(takes_folder / name))
