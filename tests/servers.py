"""JACK servers of our own for tests and benchmarks: the dummy driver, a name nobody else uses.

Started and ended by process id; whatever server the system runs is never touched.
"""

import contextlib
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Iterator

from engine.realtime import realtime_allowed

PRIORITY = 70
_numbers = itertools.count()


class JackServer:
    """One jackd with the dummy driver, synchronous (-S), realtime where the system allows it."""

    def __init__(
        self,
        block_frames: int = 128,
        rate_hz: int = 48000,
        playback_channels: int = 2,
        name: str | None = None,
    ) -> None:
        self.name = name or f"ripieno-test-{os.getpid()}-{next(_numbers)}"
        self.block_frames = block_frames
        self.rate_hz = rate_hz
        self.playback_channels = playback_channels
        self.process: subprocess.Popen[str] | None = None

    @property
    def env(self) -> dict[str, str]:
        """The environment in which JACK programs find this server."""
        return {
            **os.environ,
            "JACK_DEFAULT_SERVER": self.name,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
        }

    def start(self) -> None:
        """Start the server and wait until clients may join."""
        realtime = ["-R", "-P", str(PRIORITY)] if realtime_allowed() else ["-r"]
        self.process = subprocess.Popen(
            ["jackd", "-n", self.name, "-S", *realtime, "-p", "1024", "--no-mlock", "-t", "2000"]
            + ["-d", "dummy", "-r", str(self.rate_hz), "-p", str(self.block_frames)]
            + ["-C", "2", "-P", str(self.playback_channels)],
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        deadline = time.monotonic() + 10.0
        while not self.ports():
            if self.process.poll() is not None:
                raise RuntimeError(f"jackd ended with code {self.process.returncode}")
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("jackd did not answer within 10 s")
            time.sleep(0.02)

    def ports(self, *options: str) -> list[str]:
        """What jack_lsp prints, line by line; empty if the server does not answer."""
        done = subprocess.run(
            ["jack_lsp", *options], env=self.env, capture_output=True, text=True, timeout=10
        )
        return done.stdout.splitlines() if done.returncode == 0 else []

    def connect(self, source: str, destination: str) -> None:
        """Connect two ports; raises if the server refuses."""
        subprocess.run(["jack_connect", source, destination], env=self.env, check=True, timeout=10)

    def wait_for(self, port: str, timeout_s: float = 10.0) -> None:
        """Wait until the server has a port of this name."""
        deadline = time.monotonic() + timeout_s
        while port not in self.ports():
            if time.monotonic() > deadline:
                raise RuntimeError(f"no port {port!r} within {timeout_s} s: {self.ports()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End the server without a chance to say goodbye."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the server in order; idempotent."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def jack_server(
    block_frames: int = 128, rate_hz: int = 48000, playback_channels: int = 2
) -> Iterator[JackServer]:
    """A running server, and this process's JACK libraries pointed at it while it lasts."""
    server = JackServer(block_frames, rate_hz, playback_channels)
    previous = {name: os.environ.get(name) for name in ("JACK_DEFAULT_SERVER", *_FIXED)}
    os.environ.update({"JACK_DEFAULT_SERVER": server.name, **_FIXED})
    try:
        server.start()
        yield server
    finally:
        server.stop()
        for name, value in previous.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_FIXED = {"JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"}
