"""What the engine's process asks of the system so that nothing disturbs the audio thread.

Called by the session before the stream starts, by worker threads for themselves, and by
`ripieno doctor`, which only looks. A refusal is never an error: it comes back as a plain
sentence with the fix, and the music plays all the same.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

WORKER_PRIORITY = 40  # below the audio thread: jackd runs its clients at 65 or more
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4
COLLECT_AFTER = (50_000, 50, 100)
FIX = (
    "put yourself in the audio group (sudo usermod -aG audio $USER), write the lines "
    "'@audio - rtprio 95' and '@audio - memlock unlimited' to "
    "/etc/security/limits.d/audio.conf, and log in again"
)


def prepare() -> list[str]:
    """Freeze the collector and lock memory; a sentence for each refusal. Never raises. [main]

    Call it when everything long-lived has been loaded, before the stream starts.
    """
    calm_collector()
    return lock_memory()


def calm_collector() -> None:
    """Move everything alive out of the garbage collector's sight and let it run seldom. [main]"""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def lock_memory() -> list[str]:
    """Keep the process's pages in memory; a sentence if refused. [main]

    Later allocations are locked too, as they are touched, but only where no limit can make them
    fail: under a finite limit only what is there now is locked.
    """
    if sys.platform != "linux":
        return []
    libc = ctypes.CDLL(None, use_errno=True)
    wishes = [MCL_CURRENT | MCL_ONFAULT]
    if _memory_lock_unlimited():
        wishes.insert(0, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)
    for flags in wishes:
        if libc.mlockall(flags) == 0:
            return []
    return [
        f"Memory could not be locked ({os.strerror(ctypes.get_errno())}), "
        f"so a busy system may delay the sound: {FIX}."
    ]


def raise_priority(priority: int = WORKER_PRIORITY) -> list[str]:
    """Run the calling thread under SCHED_FIFO; a sentence if refused. Never raises. [worker]

    `priority`: 1 to 99, to stay below the audio thread's. Its children do not inherit it.
    """
    return set_priority(0, priority)


def set_priority(thread_id: int, priority: int) -> list[str]:
    """Run a thread of this process under SCHED_FIFO; a sentence if refused. Never raises. [any]

    `thread_id`: the system's (`Thread.native_id`), 0: the caller's. Priority 0: as any other's.
    """
    if not hasattr(os, "sched_setscheduler"):
        return []
    try:
        policy = os.SCHED_FIFO if priority else os.SCHED_OTHER
        policy |= getattr(os, "SCHED_RESET_ON_FORK", 0)
        os.sched_setscheduler(thread_id, policy, os.sched_param(priority))
    except (OSError, ValueError) as error:
        return [f"Realtime priority {priority} was refused ({error.args[-1]}): {FIX}."]
    return []


def audio_priority() -> int:
    """The highest realtime priority of this process's threads, 0 if none has one. [any]"""
    found = [0]
    try:
        for task in os.listdir("/proc/self/task"):
            found.append(os.sched_getparam(int(task)).sched_priority)
    except OSError:  # another system, or a thread that has just ended
        pass
    return max(found)


def limits() -> list[str]:
    """What the system would refuse, with the fix; changes nothing. Never raises. [any]"""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(raise_priority()), daemon=True)
    thread.start()
    thread.join()
    if sys.platform == "linux" and not _memory_lock_unlimited():
        found.append(f"Only a little memory may be locked: {FIX}.")
    return found


def realtime_allowed() -> bool:
    """True if this user may run threads under SCHED_FIFO. [any]"""
    return not any(sentence.startswith("Realtime") for sentence in limits())


def exit_on_signals() -> None:
    """Let SIGINT, SIGTERM and SIGHUP end the program in order, with exit code 128 + signal.

    They raise SystemExit in the main thread, so that `finally` and atexit close the stream
    before anything is freed. A second signal while that happens is ignored. [main]
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, _exit)


def _exit(number: int, frame: FrameType | None) -> Any:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        other = getattr(signal, name, None)
        if other is not None:
            signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _memory_lock_unlimited() -> bool:
    import resource  # not on Windows

    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    return bool(_effective_capabilities() >> 14 & 1)  # CAP_IPC_LOCK


def _effective_capabilities() -> int:
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("CapEff:"):
                    return int(line.split()[1], 16)
    except OSError:
        pass
    return 0
