"""What the tests of plugins share: our own plugins, hosts that end with the test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.chain_memory import shared
from engine.plugins.host_process import HostProcess
from tests.engine.plugins.callback_role import CallbackRole, wait_until
from tests.plugins_fixture import plugins_folder

RATE_HZ = 48000


@pytest.fixture(scope="session")
def our_plugins() -> Path:
    """The folder of our own test plugins."""
    return plugins_folder()


class RunningHost:
    """A host process with a chain, and the callback's role at its memory."""

    def __init__(self, process: HostProcess, ends: list[float]) -> None:
        self.process = process
        self.ends = ends
        self.loaded: dict[str, Any] = {}
        self.role = CallbackRole(process.memory)

    def parameter(self, name: str, plugin: int = 0) -> int:
        """The index of a parameter."""
        listed = self.loaded["ok"]["plugins"][plugin]["parameters"]
        return next(p["index"] for p in listed if p["name"] == name)

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """What the host answers."""
        answers: list[dict[str, Any]] = []
        self.process.ask(do, answers.append, **values)
        wait_until(lambda: answers)
        return answers[0]


Start = Callable[..., RunningHost]


@pytest.fixture
def start_host() -> Iterator[Start]:
    """Start a host with plugins given as tables; it runs, or has failed, when this returns."""
    started: list[HostProcess] = []

    def start(*plugins: dict[str, Any], rate_hz: int = RATE_HZ) -> RunningHost:
        ends: list[float] = []
        process = HostProcess(rate_hz, lambda: ends.append(1.0))
        started.append(process)
        host = RunningHost(process, ends)
        usual = {"name": "", "bypass": False, "parameters": {}, "state": ""}
        process.begin(
            host.loaded.update, plugins=[{**usual, **plugin} for plugin in plugins], priority=0
        )
        wait_until(lambda: host.loaded or host.ends, 30.0)
        if "ok" in host.loaded:
            assert process.memory.header[shared.HOST_STATE] == shared.RUNNING
        return host

    yield start
    for process in started:
        process.close()
