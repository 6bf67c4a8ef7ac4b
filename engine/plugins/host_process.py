"""One host process as the engine sees it: started, asked, watched, ended. See `host` for its side.

Whoever calls never waits for it: a thread of its own starts to talk to the process, then takes its
answers to those who asked and says when it has ended.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.chain_memory import HOST_PLUGIN, ChainMemory, shared
from engine.plugins.chain import PluginError

HANGS = "hangs"  # what to say of a plugin that does not return
QUIT_S = 1.0  # for the process to leave in order
log = logging.getLogger(__name__)
Answer = Callable[[dict[str, Any]], None]  # gets {"ok": ...} or {"error": sentence}


class HostProcess:
    """A process and the memory it shares with the callback. [any]

    `on_end` is called once, on the process's thread, when the process has ended unasked.
    """

    def __init__(self, rate_hz: int, on_end: Callable[[], None]) -> None:
        try:
            self.memory = ChainMemory.create(rate_hz)
        except OSError as error:
            raise PluginError(f"there is no memory for a plugin chain: {error.strerror}") from error
        self.began_s = time.monotonic()
        self._on_end = on_end
        self._lock = threading.Lock()
        self._asked: dict[int, Answer] = {}
        self._next_id = 0
        self._leaving = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engine.plugins.host", str(self.memory.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if log.isEnabledFor(logging.INFO) else subprocess.DEVNULL,
            encoding="utf-8",
            env=host_environment(),
            start_new_session=os.name == "posix",  # Ctrl-C is for the engine
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.pid = self._process.pid

    def begin(self, then: Answer, **request: Any) -> None:
        """Ask it to load a chain; `then` gets the answer on the process's thread. [any]"""
        threading.Thread(
            target=self._talk, args=(then, request), name=f"plugins {self.pid}", daemon=True
        ).start()

    def ask(self, do: str, then: Answer, **values: Any) -> None:
        """Send a short request; `then` gets the answer, on the process's thread. [any]"""
        assert self._process.stdin is not None
        with self._lock:
            self._next_id += 1
            request = {"id": self._next_id, "do": do, **values}
            self._asked[self._next_id] = then
            try:
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
            except (OSError, ValueError):
                pass  # it has ended, and `on_end` will say so

    @property
    def seconds_busy(self) -> float:
        """How long it has been inside its plugins. [any]"""
        since_ns = int(self.memory.header[shared.BUSY_SINCE_NS])
        return (time.monotonic_ns() - since_ns) * 1e-9 if since_ns else 0.0

    @property
    def plugin(self) -> int | None:
        """Which plugin of the chain it is inside of, None: of none. [any]"""
        header = self.memory.header
        return int(header[HOST_PLUGIN]) if header[shared.BUSY_SINCE_NS] else None

    @property
    def ended(self) -> str:
        """How the process ended: "" if it has not, else what to say of it. [any]"""
        code = self._process.poll()
        if code is None:
            return ""
        if code < 0 and -code == getattr(signal, "SIGXCPU", 0):  # the host's own limit
            return HANGS
        return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"

    def kill(self) -> None:
        """End it at once; `on_end` follows. [any]"""
        self._process.kill()

    def leave(self) -> None:
        """Ask it to end and do not tell `on_end`; the callback must be done with it. [any]"""
        self._leaving = True
        with self._lock:
            try:
                assert self._process.stdin is not None
                self._process.stdin.close()  # the end of its input is the end of it
            except OSError:
                pass

    def close(self) -> None:
        """Wait for its end; the engine keeps the memory as long as it needs it. [any]"""
        self.leave()
        try:
            self._process.wait(QUIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _talk(self, then: Answer, request: dict[str, Any]) -> None:
        self.ask("load", then, **request)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                answer = json.loads(line)
                action = self._asked.pop(answer["id"])
            except (ValueError, KeyError, TypeError):
                log.info("a plugin host said what it should not: %.200s", line)
                continue
            self.memory.unlink()  # both have it open
            try:
                action(answer)
            except Exception:
                log.exception("an answer of a plugin host could not be used")
        self._process.stdout.close()
        self._process.wait()
        self.memory.unlink()
        if not self._leaving:
            self._on_end()


def host_environment() -> dict[str, str]:
    """The environment of a process that loads plugins: it finds this very engine. [any]"""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
