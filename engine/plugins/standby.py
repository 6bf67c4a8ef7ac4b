"""Hosts that have loaded plugins nobody hears yet: those of the rigs that may come next. [any]

The manager prepares them and takes them when just these plugins are wanted. One that fails here is
forgotten: it is loaded anew when it is wanted, and what is wrong is told then.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable
from typing import Any

from engine.chain_memory import BLOCK_FRAMES, shared
from engine.plugins.chain import ChainSpec
from engine.plugins.host_process import HostProcess


def request_of(spec: ChainSpec) -> list[dict[str, Any]]:
    """What a host is asked to load. [any]"""
    return [
        {
            "path": plugin.path,
            "name": plugin.name,
            "bypass": plugin.bypass,
            "parameters": dict(plugin.parameters),
            "state": base64.b64encode(plugin.state).decode("ascii"),
        }
        for plugin in spec.plugins
    ]


class Waiting:
    """One host that loads or has loaded; whoever adopts it hears of it from then on."""

    def __init__(self, rate_hz: int, block_frames: int, spec: ChainSpec, priority: int) -> None:
        self.spec = spec
        self.host = HostProcess(rate_hz, self._ended)
        self.failed = False
        self._lock = threading.Lock()
        self._answer: dict[str, Any] | None = None
        self._then: Callable[[dict[str, Any]], None] | None = None
        self._on_end: Callable[[], None] | None = None
        self.host.memory.header[BLOCK_FRAMES] = block_frames
        self.host.begin(self._loaded, plugins=request_of(spec), priority=priority)

    @property
    def ready(self) -> bool:
        """Whether its plugins are loaded. [any]"""
        return self._answer is not None and not self.failed

    def adopt(self, then: Callable[[dict[str, Any]], None], on_end: Callable[[], None]) -> None:
        """Have `then` get the host's answer, at once if it is there, and `on_end` its end. [any]"""
        with self._lock:
            self._then, self._on_end = then, on_end
            answer = self._answer
        if answer is not None:
            then(answer)

    def _loaded(self, answer: dict[str, Any]) -> None:
        with self._lock:
            self._answer = answer
            self.failed = "error" in answer
            then = self._then
        if then is not None:
            then(answer)

    def _ended(self) -> None:
        with self._lock:
            self.failed = True
            on_end = self._on_end
        if on_end is not None:
            on_end()


class Standby:
    """All hosts that wait; any thread."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._waiting: list[Waiting] = []

    def prepare(self, specs: Iterable[ChainSpec], priority: int) -> None:
        """Have exactly these loaded, each once for each time it is named. [any]"""
        wanted = list(specs)
        with self._lock:
            kept = []
            for waiting in self._waiting:
                if waiting.spec in wanted and not waiting.failed:
                    wanted.remove(waiting.spec)
                    kept.append(waiting)
            gone = [waiting for waiting in self._waiting if waiting not in kept]
            rate_hz = self._engine.rate_hz
            block_frames = max(int(self._engine.stats().block_frames), shared.CHUNK)
            new = [Waiting(rate_hz, block_frames, spec, priority) for spec in wanted]
            self._waiting = kept + new
        for waiting in gone:
            waiting.host.leave()
        for waiting in gone:
            waiting.host.close()

    def take(self, spec: ChainSpec) -> Waiting | None:
        """The host that waits with just these plugins, if any; it is the caller's now. [any]"""
        with self._lock:
            for waiting in self._waiting:
                if waiting.spec == spec and not waiting.failed:
                    self._waiting.remove(waiting)
                    return waiting
        return None

    def close(self) -> None:
        """End every host that waits. Idempotent. [main]"""
        self.prepare((), 0)
