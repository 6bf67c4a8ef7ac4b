"""Whether the machine kept time, and what follows for the figures."""

import time

import numpy as np

from tests.bench.plugins import _told_apart
from tests.bench.witness import LATE_NS, Witness

MS = 1_000_000


def test_only_what_is_dry_while_the_machine_stands_still_is_the_machines() -> None:
    pauses = np.array([[100 * MS, 1 * MS], [200 * MS, 5 * MS], [900 * MS, 30 * MS]])
    dry = [(90 * MS, 110 * MS, 128), (195 * MS, 215 * MS, 300), (400 * MS, 420 * MS, 64)]
    assert _told_apart(dry, pauses, 128) == {"by_machine": 3, "machine_still_ms": 30.0}
    assert _told_apart(dry, np.zeros((0, 2), np.int64), 128)["by_machine"] == 0


def test_it_watches_until_its_end_and_pauses_lie_in_its_time() -> None:
    begun_ns = time.monotonic_ns()
    with Witness() as witness:
        time.sleep(0.2)
    ended_ns = time.monotonic_ns()
    pauses = witness.pauses()
    assert pauses.shape[1:] == (2,)
    assert np.all(pauses[:, 0] >= begun_ns)
    assert np.all(pauses.sum(axis=1) <= ended_ns)
    assert np.all(pauses[:, 1] > LATE_NS)
    count = len(pauses)
    time.sleep(0.05)
    assert len(witness.pauses()) == count
