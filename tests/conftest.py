"""Fixtures of the whole test suite."""

import shutil
from collections.abc import Iterator

import pytest

from tests import servers

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
