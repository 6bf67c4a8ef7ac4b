"""The process that runs one chain: `python -m engine.plugins.host MAP`. Started by `host_process`.

Main thread: loads the plugins, opens their windows, answers requests, one JSON object a line on
stdin and stdout: {"id", "do", ...} -> {"id", "ok"} or {"id", "error"}. Audio thread: `processing`.
A third thread reads stdin, so that the process ends with the engine, whatever a plugin does.
Once loaded, all three run ahead of other programs, since they share one interpreter.

Nothing here can disturb the engine: it may crash, hang or be killed at any moment.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import gc
import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from engine import realtime
from engine.chain_memory import ChainMemory, shared
from engine.plugins.chain import NEURAL, PluginError
from engine.plugins.loading import LoadedPlugin
from engine.plugins.processing import Processor, Stage

SWITCH_INTERVAL_S = 1e-5  # how long the main thread may keep the audio thread from the interpreter
BUSY_LIMIT_S = 1  # of a realtime thread that never sleeps, before the system ends the process


class Host:
    """The chain and the answers to what the engine asks. [main]"""

    def __init__(self, memory: ChainMemory, send: Callable[[dict[str, Any]], None]) -> None:
        self.requests: queue.Queue[dict[str, Any]] = queue.Queue()
        self.close_editor = threading.Event()
        self._memory = memory
        self._send = send
        self._plugins: list[Any] = []  # LoadedPlugin, or what has the same methods
        self._processor: Processor | None = None
        self.helpers = [threading.get_native_id()]  # threads that use the interpreter now and then
        self._helpers_priority = 0

    def serve(self) -> None:
        """Answer requests for ever. [main]"""
        actions = {
            "load": self._load,
            "state": self._state,
            "editor": self._editor,
            "priority": self._priority,
        }
        while True:
            request = self.requests.get()
            try:
                answer = {"ok": actions[request["do"]](request)}
            except PluginError as error:
                answer = {"error": str(error)}
            except Exception as error:  # a plugin may fail in any way; the engine decides
                answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
            self._send({"id": request["id"], **answer})

    def _load(self, request: dict[str, Any]) -> dict[str, Any]:
        header = self._memory.header
        rate_hz = int(header[shared.RATE_HZ])
        try:
            for entry in request["plugins"]:
                self._plugins.append(_prepared(entry, rate_hz, not self._plugins))
        except BaseException:
            header[shared.HOST_STATE] = shared.FAILED
            raise
        stages = [
            Stage(plugin, entry["bypass"])
            for plugin, entry in zip(self._plugins, request["plugins"], strict=True)
        ]
        self._processor = Processor(self._memory, stages)
        gc.collect()
        gc.freeze()
        gc.disable()  # nothing here makes cycles, and the audio thread must not wait for it
        self._processor.start()
        self._priority(request)
        self._memory.publish(shared.HOST_STATE, shared.RUNNING)
        return {"plugins": [_description(plugin) for plugin in self._plugins], **self._state({})}

    def _state(self, request: dict[str, Any]) -> dict[str, Any]:
        states = [base64.b64encode(plugin.state).decode("ascii") for plugin in self._plugins]
        values = [plugin.values() for plugin in self._plugins]
        return {"states": states, "values": values}

    def _editor(self, request: dict[str, Any]) -> dict[str, Any]:
        """Show a window until it is closed; the state it left is the answer."""
        self.close_editor.clear()
        _forgive_window_errors()
        realtime.set_priority(0, 0)  # drawing may wait
        try:
            self._plugins[request["plugin"]].show_editor(self.close_editor)
        finally:
            realtime.set_priority(0, self._helpers_priority)
        return self._state({})

    def _priority(self, request: dict[str, Any]) -> None:
        """Go ahead of other programs: the audio thread, and behind it those it may wait for.

        While one of them has the interpreter, nothing else on the system may keep it from going on.
        """
        if self._processor is not None:
            self._processor.set_priority(request["priority"])
            self._helpers_priority = max(request["priority"] - 1, 0)
            for thread_id in self.helpers:
                realtime.set_priority(thread_id, self._helpers_priority)


def _loaded(path: str, name: str, rate_hz: int) -> Any:
    """A plugin, or the instrument that is none but plays like one."""
    if not path.startswith(NEURAL):
        return LoadedPlugin(path, name, rate_hz)
    from engine.neural.instrument import NeuralInstrument  # only hosts that play it pay for it

    return NeuralInstrument(path, rate_hz)


def _prepared(entry: dict[str, Any], rate_hz: int, first: bool) -> Any:
    plugin = _loaded(entry["path"], entry["name"], rate_hz)
    if plugin.instrument and not first:
        raise PluginError(f"{plugin.name} is an instrument: it must be the first of its chain")
    plugin.state = base64.b64decode(entry["state"])
    for name, value in entry["parameters"].items():
        if name in plugin.indices:
            plugin.set(plugin.indices[name], value)
    plugin.settle()
    return plugin


def _description(plugin: Any) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "manufacturer": plugin.manufacturer,
        "version": plugin.version,
        "instrument": plugin.instrument,
        "latency_frames": plugin.latency_frames,
        "parameters": [asdict(parameter) for parameter in plugin.parameters()],
    }


def _read(lines: TextIO, host: Host) -> None:
    """Pass requests on; end the process with the engine. [worker]"""
    host.helpers.append(threading.get_native_id())
    with contextlib.suppress(Exception):
        for line in lines:
            request = json.loads(line)
            if request["do"] == "close_editor":
                host.close_editor.set()
            else:
                host.requests.put(request)
    os._exit(0)  # orderly leaving would call into plugins, which may be what hangs


def _forgive_window_errors() -> None:
    """Ignore what a window system of X11 complains of; by default its library ends the process."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libX11.so.6").XSetErrorHandler(_ignore)


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
def _ignore(display: int | None, error: int | None) -> int:
    return 0


def _limit_busy_time() -> None:
    """Have the system itself end a realtime thread that never sleeps."""
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        limit_us = BUSY_LIMIT_S * 1_000_000
        resource.setrlimit(resource.RLIMIT_RTTIME, (limit_us, 2 * limit_us))


def main() -> None:
    """Run the chain whose map is the first argument."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what plugins print must not meet the answers

    def send(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    _limit_busy_time()
    host = Host(ChainMemory.open(Path(sys.argv[1])), send)
    threading.Thread(target=_read, args=(requests, host), name="requests", daemon=True).start()
    host.serve()


if __name__ == "__main__":
    main()
