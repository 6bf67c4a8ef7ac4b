"""What recording asks of a disk: room, why it failed, and that it is written for good. [worker]"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

import soundfile

LEAST_ROOM_BYTES = 64 << 10  # with less than this, a failed write failed for want of room
FAILURES = (OSError, soundfile.SoundFileError, AssertionError)  # a short write is the last


def check_room(folder: Path, reserve_bytes: int, wanted_bytes: int = 0) -> None:
    """OSError ENOSPC unless `reserve_bytes` stay free beside what is wanted. [worker]"""
    if shutil.disk_usage(folder).free - wanted_bytes < reserve_bytes:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder))


def why(error: BaseException, folder: Path, reserve_bytes: int) -> str:
    """Why writing failed; libraries do not always pass on that it was for want of room. [any]"""
    with contextlib.suppress(OSError):
        if shutil.disk_usage(folder).free < max(reserve_bytes, LEAST_ROOM_BYTES):
            return "the disk is full"
    if getattr(error, "errno", None) == errno.ENOSPC:
        return "the disk is full"
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")


def sync(path: Path) -> None:
    """Have the system write a file or folder to the disk itself, so that a power cut spares it.

    [worker]
    """
    with contextlib.suppress(PermissionError):  # Windows knows no such thing for folders
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_all(folder: Path) -> None:
    """The same of a folder and everything in it. [worker]"""
    for path in [*folder.rglob("*"), folder]:
        sync(path)
