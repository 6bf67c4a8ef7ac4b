"""Fixtures of the whole test suite."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from engine import portaudio
from engine.paths import state_folder
from tests import servers

# On a busy machine, or while numba compiles, a single example may take seconds.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


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
def pipewire(monkeypatch: pytest.MonkeyPatch) -> Iterator[servers.PipeWire]:
    """A PipeWire with a null sink of the test's own, found by this process and its children."""
    if shutil.which("pipewire-pulse") is None:
        pytest.fail("PipeWire is not installed (Debian: apt-get install pipewire-pulse)")
    with tempfile.TemporaryDirectory(prefix="ripieno-", ignore_cleanup_errors=True) as folder:
        server = servers.PipeWire(Path(folder))  # a short path: sockets' names are limited
        try:
            server.start()
            for name, value in server.env.items():
                monkeypatch.setenv(name, value)
            portaudio.list_again()
            yield server
        finally:
            server.stop()
