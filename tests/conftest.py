"""Fixtures of the whole test suite, and what may run beside what.

`make test` has two workers. Whatever plays in real time or waits for somebody who does is one
group: one worker runs it, a test after the other, as without workers. The tests that keep no time
go to the other, which leaves the processor to the first whenever that wants it. Where another
program holds the processor all the same, a test that keeps time may fail for that alone: beside
workers it is run once more, which pytest's summary tells; run by hand it is not.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from engine import portaudio
from engine.paths import state_folder
from tests import servers

# On a busy machine, or while numba compiles, a single example may take seconds.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

UNTIMED = (
    *("tests/models/", "tests/training/", "tests/engine/rt/"),
    "tests/engine/test_endurance.py::test_hours_pass",
)
TIMED = tuple(
    f"tests/engine/rt/test_{name}.py" for name in ("boundary", "chains", "mixer", "rings")
)
NICENESS = os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else 0
BEHIND = min(NICENESS + 5, 19)  # of a test that keeps no time, where another worker plays


def keeps_time(nodeid: str) -> bool:
    """Whether a test plays in real time, or may: all that are not known to keep no time."""
    return nodeid.startswith(TIMED) or not nodeid.startswith(UNTIMED)


def piece_of_work(nodeid: str) -> str:
    """Return what a worker runs as a whole: all that keeps time, or this test alone."""
    return "keeps time" if keeps_time(nodeid) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out pieces of work: what keeps time goes to one worker as a whole."""
    from xdist.scheduler import LoadScopeScheduling

    class ByTime(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return piece_of_work(nodeid)

    return ByTime(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Beside workers, what keeps time has a second try."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        for item in items:
            if keeps_time(item.nodeid):
                item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def out_of_the_way(request: pytest.FixtureRequest) -> None:
    """Beside another worker, what keeps no time leaves the processor to what does."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        niceness = NICENESS if keeps_time(request.node.nodeid) else BEHIND
        with contextlib.suppress(PermissionError, AttributeError):  # root's alone; POSIX
            os.setpriority(os.PRIO_PROCESS, 0, niceness)


@pytest.fixture(scope="session", autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, and no process it starts, writes into the folders of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RIPIENO_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(autouse=True)
def nothing_remembered(user_folders: None) -> Iterator[None]:
    """What a test lets the program remember (connections, the last state) ends with the test."""
    yield
    shutil.rmtree(state_folder(), ignore_errors=True)


@pytest.fixture
def jack_server(request: pytest.FixtureRequest) -> Iterator[servers.JackServer]:
    """A JACK server of the test's own; JACK_DEFAULT_SERVER names it in this process.

    Other settings: `@pytest.mark.parametrize("jack_server", [{"block_frames": 64}],
    indirect=True)` with any argument of `servers.JackServer`.
    """
    if shutil.which("jackd") is None:
        pytest.fail("jackd is not installed (Debian: apt-get install jackd2)")
    settings = getattr(request, "param", {})
    with servers.jack_server(**settings) as server:
        yield server


@pytest.fixture
def pipewire(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[servers.PipeWire]:
    """A PipeWire with a null sink of the test's own, found by this process and its children.

    `@pytest.mark.parametrize("pipewire", [{"block_frames": 128}], indirect=True)` as above.
    """
    if shutil.which("pipewire-pulse") is None:
        pytest.fail("PipeWire is not installed (Debian: apt-get install pipewire-pulse)")
    with tempfile.TemporaryDirectory(prefix="ripieno-", ignore_cleanup_errors=True) as folder:
        # a short path: sockets' names are limited
        server = servers.PipeWire(Path(folder), **getattr(request, "param", {}))
        try:
            server.start()
            for name, value in server.env.items():
                monkeypatch.setenv(name, value)
            portaudio.list_again()
            yield server
        finally:
            server.stop()
