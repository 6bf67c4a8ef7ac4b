"""The continuation worker as the engine sees it: started, told, listened to, ended.

`python -m engine.continuation.worker PATH` maps the memory at PATH (`engine.continuation.memory`;
its legend is `engine.rt.plan_memory`) and talks in lines of JSON. It ends when its stdin ends.

Down, on stdin:

    {"do": "set", "mode": "takeover", "silence_beats": 2.0, "bars": 4, "length_bars": 0,
     "temperature": 1.0, "density": 0.0, "variation": 0.3, "memory_beats": 64, "seed": 0,
     "beats_per_bar": 4, "ensemble": "string_quartet", "priority": 38, "offline": false,
     "parts": [{"name": "Violin I", "program": 40, "bank": 0, "low": 55, "high": 103,
                "polyphony": 4, "continues": true}, ...]}

comes first, and again, whole, whenever something of it changed. A process that has not been told it
yet loads the model and then waits, so that one is at hand when another dies; only from then on it
reads the memory and writes. `parts` in the order of their
numbers; records count them from 0. `priority`: of a realtime thread, below the audio's; 0: none may
be had. Modes: off, takeover, trade, accompany, vary. `offline`: plan only when asked, by

    {"do": "plan", "id": 7, "from": 32.0, "until": 64.0}

which makes the worker read all of HEARD, write BEGIN at `from`, every note before `until`, UNTIL,
and then answer {"id": 7, "notes": 118}; or {"id": 7, "error": "sentence"}.

While somebody wants to see what the network looks at, again and again

    {"do": "attend", "seconds": 2.0}

Up, on stdout:

    {"state": "loading" | "ready", "message": "", "model": "mmt_small", "notes_per_s": 412.5}

first of all and whenever it changed;

    {"plan": [[part from 1, pitch, velocity, beat, duration_beats], ...], "until_beat": 64.0}

at most ten times a second, when the plan changed: what is ahead, for players to see;

    {"attention": [[part, pitch, beat, duration_beats, share], ...], "note": [part, pitch, beat,
     duration_beats], "notes": 312}

at most four times a second, only while wanted and when nothing is to be planned: of the notes the
network knew when it drew the plan's last `note`, how much of its attention each had, the mean over
all heads and layers, largest first, 256 at most; part 0 is none of the ensemble's; and

    {"say": "sentence"}

what a player should know. {"state": "failed", "message": "sentence"} before it ends: it cannot work
here (no model), and starting it again would not help.

Whoever calls never waits for the process: a thread of its own listens and says when it has ended.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.plugins.host_process import host_environment

QUIT_S = 1.0  # for the process to leave in order
COMMAND = (sys.executable, "-m", "engine.continuation.worker")
log = logging.getLogger(__name__)


class WorkerProcess:
    """One worker. `hear` gets its lines, `ended` is called once when it ends unasked. [any]

    Both are called on the process's own thread. `command` is followed by the memory's path.
    """

    def __init__(
        self,
        memory_path: Path,
        hear: Callable[[dict[str, Any]], None],
        ended: Callable[[], None],
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._hear = hear
        self._ended = ended
        self._lock = threading.Lock()
        self._leaving = False
        self._process = subprocess.Popen(
            [*command, str(memory_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if log.isEnabledFor(logging.INFO) else subprocess.DEVNULL,
            encoding="utf-8",
            env={**host_environment(), "NUMBA_NUM_THREADS": "1"},
            start_new_session=os.name == "posix",  # Ctrl-C is for the engine
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.pid = self._process.pid
        threading.Thread(target=self._listen, name=f"continuation {self.pid}", daemon=True).start()

    def tell(self, **line: Any) -> None:
        """Send it a line; if it has ended, `ended` says so. [any]"""
        assert self._process.stdin is not None
        with self._lock:
            try:
                self._process.stdin.write(json.dumps(line) + "\n")
                self._process.stdin.flush()
            except (OSError, ValueError):
                pass

    def kill(self) -> None:
        """End it at once; `ended` follows. [any]"""
        self._process.kill()

    def close(self) -> None:
        """Have it end, and wait for that; nobody is told. [main]"""
        self._leaving = True
        with self._lock:
            try:
                assert self._process.stdin is not None
                self._process.stdin.close()  # the end of its input is the end of it
            except OSError:
                pass
        try:
            self._process.wait(QUIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            try:
                line = json.loads(text)
                if not isinstance(line, dict):
                    raise ValueError(text)
                if not self._leaving:
                    self._hear(line)
            except Exception:  # whatever it says, the next line is read
                log.info("the continuation worker said what it should not: %.200s", text)
        self._process.stdout.close()
        self._process.wait()
        if not self._leaving:
            self._ended()
