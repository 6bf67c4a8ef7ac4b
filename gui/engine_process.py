"""Starting an engine, which then lives on its own: the window's end does not end the music. [main]

The engine is `ripieno play` in a session of its own, so that neither the window's death nor its
terminal's reaches it; what it says goes into a log. Before one is started, one is looked for.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from engine.paths import state_folder

LOG = "engine.log"
LAST_STATE = "last_state.toml"  # of engine.repertoire, which is too heavy to load here
LONGEST_LOG_BYTES = 1 << 20
SOON_S = 10.0  # an engine that ends sooner could not start, and is not started again
MOST_STARTS = 3


class EngineProcess:
    """The engine this window started, if it started one. [main]"""

    def __init__(self, port: int, options: tuple[str, ...] = ()) -> None:
        self.port, self.options = port, options
        self.log = state_folder() / LOG
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self.starts = 0
        self.resumed = False

    @property
    def ours(self) -> bool:
        """Whether an engine that this window started runs. [main]"""
        return self._process is not None and self._process.poll() is None

    def start(self, resume: bool = False) -> None:
        """Start one; OSError if the system refuses. It answers about a second later. [main]"""
        if self.ours:
            return
        command = [sys.executable, "-m", "engine.cli", "play", "--osc-port", str(self.port)]
        self.resumed = resume
        if resume:
            command.append("--resume")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        mode = "ab" if self.log.exists() and self.log.stat().st_size < LONGEST_LOG_BYTES else "wb"
        with self.log.open(mode) as log:
            self._process = subprocess.Popen(
                [*command, *self.options],
                cwd=Path(__file__).resolve().parents[1],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started_s = time.monotonic()
        self.starts += 1

    def died(self) -> int | None:
        """The exit code, once, of an engine of ours that has ended; else None. [main]"""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        self._process = None
        return code

    def left_state(self) -> bool:
        """Whether there is a state to go on with, as the last engine left it. [main]"""
        return (state_folder() / LAST_STATE).exists()

    def may_restart(self) -> bool:
        """Whether the one that died had run well enough to be started again. [main]"""
        return self.starts < MOST_STARTS and time.monotonic() - self._started_s > SOON_S

    def last_words(self) -> str:
        """The last line of the log: why an engine did not start. [main]"""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return ""
        said = [line.strip() for line in lines if line.strip()]
        return said[-1].removeprefix("ripieno: ") if said else ""
