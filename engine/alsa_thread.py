"""The thread PortAudio plays ALSA with: its priority, and the way out of its endless loop.

Debian's PortAudio 19.6, as all before mid-2025, has an error path that jumps to itself
(PortAudio issue 1037): when a card is unplugged or PipeWire goes away while a rest of frames is
left, the thread prints and spins for ever, and as it has switched its cancellation off,
Pa_AbortStream waits for it for ever too. A signal whose handler, in that thread, switches
cancellation on lets Pa_AbortStream end it in its next print.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from typing import Any

LOOK_S = 0.2


def ask_for_realtime(sounddevice: Any, stream: Any) -> None:
    """Let the thread of a stream that is not started yet run with FIFO priority. [main]

    PortAudio does so where the system allows it.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(sounddevice._libname)
    if hasattr(library, "PaAlsa_EnableRealtimeScheduling"):
        address = int(sounddevice._ffi.cast("uintptr_t", stream))
        library.PaAlsa_EnableRealtimeScheduling(ctypes.c_void_p(address), 1)


def running_threads() -> set[int]:
    """The ids of this process's threads; nothing on other systems. [main]"""
    if sys.platform != "linux":
        return set()
    return {int(name) for name in os.listdir("/proc/self/task")}


def allow_cancelling_of_spinning(threads: set[int]) -> None:
    """Let those of these threads be cancelled that do nothing but run, for LOOK_S. [main]

    Not those that wait: they may be inside ALSA, which would not survive it. The handler stays,
    as a thread may see the signal later.
    """
    before = {thread: _run_time_s(thread) for thread in threads}
    if not before:
        return
    time.sleep(LOOK_S)
    spinning = [t for t in threads if _run_time_s(t) - before[t] > LOOK_S / 2]
    if not spinning:
        return
    from engine.rt.cancelling import handler

    libc = ctypes.CDLL(None)
    libc.signal(signal.SIGRTMAX, ctypes.c_void_p(handler.address))
    for thread in spinning:
        libc.tgkill(os.getpid(), thread, signal.SIGRTMAX)


def _run_time_s(thread: int) -> float:
    """How long a thread has run on a processor; 0 of one that has ended."""
    try:
        with open(f"/proc/self/task/{thread}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
