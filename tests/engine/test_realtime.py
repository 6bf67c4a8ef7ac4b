"""What the process asks of the system: granted, or refused in a plain sentence, never an error."""

import ctypes
import gc
import os
import resource
import signal
import subprocess
import sys
import threading

import pytest

from engine import realtime


def in_a_child(code: str) -> str:
    """What `code` prints in a process of its own, with engine.realtime imported."""
    done = subprocess.run(
        [sys.executable, "-c", f"import gc, os, resource\nfrom engine import realtime\n{code}"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_collector_is_frozen() -> None:
    frozen, thresholds = gc.get_freeze_count(), gc.get_threshold()
    try:
        realtime.calm_collector()
        assert gc.get_freeze_count() > frozen
        assert gc.get_threshold()[0] == realtime.COLLECT_AFTER[0]
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def test_memory_is_locked_or_the_fix_is_told() -> None:
    said = in_a_child(
        "said = realtime.prepare()\n"
        "locked = [l.split()[1] for l in open('/proc/self/status') if l.startswith('VmLck')]\n"
        "print(len(said), int(locked[0]) > 0)"
    )
    assert said in ("0 True", "1 False")


def test_a_small_limit_is_survived_and_the_fix_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    class Refusing:
        def mlockall(self, flags: int) -> int:
            libc.mlockall(0x7FFF)  # not a legal set of flags: sets errno
            return -1

    monkeypatch.setattr(realtime.ctypes, "CDLL", lambda *_, **__: Refusing())
    (sentence,) = realtime.lock_memory()
    assert "could not be locked" in sentence
    assert "/etc/security/limits.d/audio.conf" in sentence


def test_under_a_finite_limit_the_future_is_not_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Granting:
        def mlockall(self, flags: int) -> int:
            asked.append(flags)
            return 0

    monkeypatch.setattr(realtime.ctypes, "CDLL", lambda *_, **__: Granting())
    monkeypatch.setattr(realtime, "_effective_capabilities", lambda: 0)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 23, 1 << 23))
    assert realtime.lock_memory() == []
    assert asked == [realtime.MCL_CURRENT | realtime.MCL_ONFAULT]


def test_priority_is_of_the_calling_thread_alone() -> None:
    seen: dict[str, object] = {}

    def work() -> None:
        seen["said"] = realtime.raise_priority(7)
        seen["policy"] = os.sched_getscheduler(0) & 0xF
        seen["priority"] = os.sched_getparam(0).sched_priority

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    granted = (seen["policy"], seen["priority"]) == (os.SCHED_FIFO, 7)
    assert granted == (seen["said"] == [])
    assert os.sched_getscheduler(0) & 0xF == os.SCHED_OTHER


def test_a_refused_priority_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    (sentence,) = realtime.raise_priority()
    assert sentence.startswith("Realtime priority 40 was refused (Operation not permitted)")
    assert "rtprio 95" in sentence
    assert sentence in realtime.limits()
    assert not realtime.realtime_allowed()


def test_an_impossible_priority_is_a_sentence_too() -> None:
    (sentence,) = realtime.raise_priority(1000)
    assert "1000" in sentence


def test_looking_at_the_limits_changes_nothing() -> None:
    realtime.limits()
    assert os.sched_getscheduler(0) & 0xF == os.SCHED_OTHER


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_end_the_program_in_order(name: str) -> None:
    code = (
        "import atexit, os, signal, time\n"
        "from engine import realtime\n"
        "realtime.exit_on_signals()\n"
        "atexit.register(lambda: print('closed'))\n"
        f"os.kill(os.getpid(), signal.{name})\n"
        "time.sleep(5)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert done.returncode == 128 + getattr(signal, name)
    assert done.stdout == "closed\n"
    assert done.stderr == ""
