"""Sound servers of our own for tests and benchmarks: JACK with the dummy driver, PipeWire.

Started and ended by process id; whatever server the system runs is never touched. JACK keeps a
slot for every server name until a server of that name ends in order, and has eight: so names
come from a small pool, each held by a lock, and a killed server's slot is used again.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from engine.realtime import realtime_allowed

PRIORITY = 70
NAMES = 6  # of the eight servers a system may have
CACHES = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))  # before HOME is moved


class JackServer:
    """One jackd with the dummy driver, synchronous (-S), realtime where the system allows it."""

    def __init__(
        self,
        block_frames: int = 128,
        rate_hz: int = 48000,
        playback_channels: int = 2,
    ) -> None:
        self.name, self._name_lock = _take_name()
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
        general = ["-n", self.name, "-S", *realtime, "-p", "1024", "--no-mlock", "-t", "2000"]
        driver = ["-d", "dummy", "-r", str(self.rate_hz), "-p", str(self.block_frames)]
        self.process = subprocess.Popen(
            ["jackd", *general, *driver, "-C", "2", "-P", str(self.playback_channels)],
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=_end_with_parent,
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
        try:
            done = subprocess.run(
                ["jack_lsp", *options], env=self.env, capture_output=True, text=True, timeout=5
            )
        except subprocess.TimeoutExpired:
            return []
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
        """End the server in order; it may be started again."""
        self._end(signal.SIGTERM)

    def release(self) -> None:
        """End the server for good and give its name back; idempotent."""
        self.stop()
        self._name_lock.close()

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
        server.release()
        for name, value in previous.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _end_with_parent() -> None:
    """Linux: ask for SIGKILL when the process that started this one ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _take_name(timeout_s: float = 60.0) -> tuple[str, IO[str]]:
    """A server name that no other run on this machine uses, and the lock that keeps it so."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for number in range(NAMES):
            name = f"ripieno-test-{number}"
            lock = open(Path(tempfile.gettempdir()) / f"{name}.lock", "w")  # noqa: SIM115
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return name, lock
            except BlockingIOError:
                lock.close()
        time.sleep(0.1)
    raise RuntimeError(f"all {NAMES} test servers of this machine are in use")


_FIXED = {"JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"}


SINK = "ripieno_test_sink"
TRIES = 3


class PipeWire:
    """A PipeWire of our own with a null sink, in a runtime folder and on a bus of its own."""

    def __init__(self, folder: Path, block_frames: int = 128) -> None:
        self.folder = folder
        self.block_frames = block_frames
        self._processes: list[subprocess.Popen[bytes]] = []
        self.env = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            "HOME": str(folder),
            "PIPEWIRE_LATENCY": f"{block_frames}/48000",
        }
        self.env.pop("PULSE_SERVER", None)

    @property
    def jack_env(self) -> dict[str, str]:
        """The environment in which JACK programs play through it, by its own JACK library."""
        libraries = sorted(Path("/usr/lib").glob("*/pipewire-0.3/jack"))
        if not libraries:
            raise RuntimeError("PipeWire's JACK is missing (Debian: apt-get install pipewire-jack)")
        return {**self.env, "LD_LIBRARY_PATH": str(libraries[0]), "XDG_CACHE_HOME": CACHES}

    def start(self) -> None:
        """Start bus, server, session manager and pulse server; then load the null sink.

        On a busy machine one of the five may hang as it starts: then all are started afresh.
        """
        for attempt in range(TRIES):
            try:
                return self._start()
            except (RuntimeError, subprocess.TimeoutExpired):
                self.stop()
                if attempt == TRIES - 1:
                    raise

    def _start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        # Where no logind runs (a container), WirePlumber would die looking for Bluetooth.
        rules = self.folder / "config" / "wireplumber" / "bluetooth.lua.d" / "51-off.lua"
        rules.parent.mkdir(parents=True, exist_ok=True)
        rules.write_text(
            'bluez_monitor.enabled = false\nbluez_monitor.properties["with-logind"] = false\n'
        )
        for left in self.folder.glob("pipewire-*"):
            left.unlink()
        bus = self.folder / "bus"
        bus.unlink(missing_ok=True)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={bus}"
        self._run("dbus-daemon", "--session", "--nofork", f"--address=unix:path={bus}")
        self._wait(bus.exists)
        self._run("pipewire")
        self._wait((self.folder / "pipewire-0").exists)
        self._run("wireplumber")
        self._run("pipewire-pulse")
        self._wait(lambda: self._pactl("info"))
        sink = ["module-null-sink", "media.class=Audio/Sink", f"sink_name={SINK}"]
        self._wait(lambda: self._pactl("load-module", *sink, "channel_map=stereo"))
        self._wait(lambda: self._pactl("set-default-sink", SINK))

    def add_sink(self, name: str, channels: int) -> None:
        """Another null sink, of channels that are no loudspeakers', to be played to by default."""
        sink = ["module-null-sink", "media.class=Audio/Sink", f"sink_name={name}"]
        self._wait(
            lambda: self._pactl("load-module", *sink, f"channels={channels}", _map_of(channels))
        )
        self._wait(lambda: self._pactl("set-default-sink", name))

    def listen_to(self, sink: str) -> None:
        """Let programs that record hear what a sink hears."""
        self._wait(lambda: self._pactl("set-default-source", f"{sink}.monitor"))

    def record(self, seconds: float, sink: str = SINK, channels: int = 2) -> np.ndarray:
        """What the sink hears from now on, (frames, channels) float32 at 48000 Hz."""
        command = ["parec", "--latency-msec=200", "-d", f"{sink}.monitor", *_raw(channels)]
        done = subprocess.run(
            ["timeout", str(seconds), *command], env=self.env, capture_output=True
        )
        whole = len(done.stdout) // (4 * channels) * 4 * channels
        return np.frombuffer(done.stdout[:whole], "<f4").reshape(-1, channels)

    def play(self, audio: np.ndarray, sink: str) -> None:
        """Play (frames, channels) float32 at 48000 Hz into a sink, to its end."""
        command = ["pacat", "--latency-msec=200", "-d", sink, *_raw(audio.shape[1])]
        sound = audio.astype("<f4").tobytes()
        subprocess.run(command, env=self.env, input=sound, check=True, timeout=30)

    def hang(self, hangs: bool) -> None:
        """Let all of it stand still, or go on."""
        for process in self._processes:
            process.send_signal(signal.SIGSTOP if hangs else signal.SIGCONT)

    def stop(self) -> None:
        """End all of it, last started first; idempotent."""
        while self._processes:
            process = self._processes.pop()
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _run(self, *command: str) -> None:
        process = subprocess.Popen(
            command,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_end_with_parent,
        )
        self._processes.append(process)

    def _pactl(self, *command: str) -> bool:
        done = subprocess.run(["pactl", *command], env=self.env, capture_output=True, timeout=10)
        return done.returncode == 0

    def _wait(self, true: Callable[[], bool], timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not true():
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"PipeWire did not start within {timeout_s} s")
            time.sleep(0.05)


def _raw(channels: int) -> list[str]:
    """Options of parec and pacat."""
    sound = ["--format=float32le", "--rate=48000", f"--channels={channels}", "--raw"]
    return sound if channels == 2 else [*sound, f"--{_map_of(channels).replace('_', '-', 1)}"]


def _map_of(channels: int) -> str:
    return "channel_map=" + ",".join(f"aux{i}" for i in range(channels))
