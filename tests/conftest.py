"""Fixtures of the whole test suite."""

import shutil
from collections.abc import Iterator

import pytest
from hypothesis import settings

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
