"""What was recorded lately, for the player who asks for it afterwards. [worker]

The writer of takes tells it what it has written. It copies what is asked for into a take, in a
thread of its own since that may take seconds, and forgets what is too old; a rolling recording,
which nobody asked for, is deleted then.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from engine.disk import FAILURES, check_room, sync_all, why
from engine.errors import RipienoError
from engine.keeping import KEEP_SECONDS, Segment, keep_take
from engine.takes import TakeError, TakeInfo

CLOSE_SECONDS = 60.0  # how long closing waits for a kept take to be copied


class Lately:
    """The recordings of the last ten minutes, in rising order, and the threads that copy them."""

    def __init__(
        self, rate_hz: int, rolling: bool, reserve_bytes: int, on_message: Callable[[str], None]
    ) -> None:
        self._rate_hz = rate_hz
        self._rolling = rolling
        self._reserve_bytes = reserve_bytes
        self._say = on_message
        self._segments: list[Segment] = []
        self._keepers: list[threading.Thread] = []
        self.kept = 0  # takes that are whole

    def add(self, folder: Path, info: TakeInfo) -> None:
        """A recording has ended. [worker]"""
        self._segments.append(Segment(folder, info))

    def keep(
        self,
        folder: Path,
        first_frame: int,
        end_frame: int,
        started: str,
        running: Segment | None,
    ) -> None:
        """Make a take in `folder` of these frames, of which some may still be recorded. [worker]"""
        segments = [*self._segments, *([running] if running else [])]
        wanted = [
            segment
            for segment in segments
            if segment.end_frame > first_frame and segment.info.start_frame < end_frame
        ]
        keeper = threading.Thread(
            target=self._copy,
            args=(wanted, first_frame, end_frame, folder, started),
            name="keeper",
            daemon=True,
        )
        self._keepers = [old for old in self._keepers if old.is_alive()] + [keeper]
        keeper.start()

    def forget_old(self, now_frame: int) -> None:
        """Let go of what is too old to be kept, unless somebody copies now. [worker]"""
        if any(keeper.is_alive() for keeper in self._keepers):
            return
        oldest_frame = now_frame - round(KEEP_SECONDS * self._rate_hz)
        while self._segments and self._segments[0].end_frame < oldest_frame:
            segment = self._segments.pop(0)
            if self._rolling:
                shutil.rmtree(segment.folder, ignore_errors=True)

    def close(self) -> None:
        """Wait until what was asked for is copied. [main]"""
        for keeper in self._keepers:
            keeper.join(CLOSE_SECONDS)

    def _copy(
        self,
        segments: list[Segment],
        first_frame: int,
        end_frame: int,
        folder: Path,
        started: str,
    ) -> None:
        try:
            if not segments:
                raise TakeError("none of it could be written to disk")
            check_room(folder, self._reserve_bytes, sum(map(_bytes_on_disk, segments)))
            keep_take(segments, first_frame, end_frame, folder, started)
            sync_all(folder)
        except (RipienoError, *FAILURES) as error:
            with contextlib.suppress(OSError):
                folder.rmdir()  # if nothing is in it yet
            reason = why(error, folder.parent, self._reserve_bytes)
            self._say(f"What you played could not be kept: {reason}.")
        else:
            self.kept += 1
            seconds = (end_frame - first_frame) / self._rate_hz
            self._say(f"Kept {seconds:.0f} s of what you played: {folder}")


def _bytes_on_disk(segment: Segment) -> int:
    return sum(path.stat().st_size for path in segment.folder.rglob("*.wav"))
