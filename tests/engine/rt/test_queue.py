"""The queue of waiting events: by frame, then origin, then in the order they came."""

# An intrinsic's first parameter is numba's own.
# pyright: reportCallIssue=false

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rt import layout
from engine.rt.native import rt
from engine.rt.queue import drop_first, schedule
from engine.rt.rig import rig_at
from tests.engine.rig_helpers import new_engine


@rt
def _push(table, frame, origin, packed, value):
    return schedule(rig_at(table), frame, origin, packed, value)


@rt
def _drop(table):
    drop_first(rig_at(table))


@pytest.fixture(scope="module")
def engine():
    engine = new_engine(ready=False)
    yield engine
    engine.close()


@pytest.fixture
def empty(engine):
    engine._rig.state[0]["queued"] = 0
    return engine


def pop(engine):
    first = engine._rig.queue[0]
    found = int(first["frame"]), int(first["packed"]), float(first["value"])
    _drop(engine.user_data)
    return found


event = st.tuples(st.integers(-1, 6), st.sampled_from([0, 1, 2]))


@settings(max_examples=200)
@given(st.lists(st.one_of(event, st.none()), max_size=120))
def test_events_leave_like_a_stable_sort(engine, steps):
    """None takes an event off, at whatever moment; the rest leave at the end."""
    engine._rig.state[0]["queued"] = 0
    waiting, expected, found = [], [], []
    for number, step in enumerate(steps):
        if step is not None:
            frame, origin = step
            assert _push(engine.user_data, frame, origin, number, number / 4)
            waiting.append((frame, origin, number))
        elif waiting:
            waiting.sort()
            frame, _, first = waiting.pop(0)
            expected.append((frame, first, first / 4))
            found.append(pop(engine))
    for frame, _, first in sorted(waiting):
        expected.append((frame, first, first / 4))
        found.append(pop(engine))
    assert found == expected
    assert engine._rig.state[0]["queued"] == 0


def test_a_full_queue_refuses_and_stays_in_order(empty):
    for i in range(layout.QUEUE):
        assert _push(empty.user_data, (i * 7919) % 1000, 2, i, 0.0)
    assert not _push(empty.user_data, 0, 0, 1, 0.0)
    assert empty._rig.state[0]["queued"] == layout.QUEUE
    frames = [pop(empty)[0] for _ in range(layout.QUEUE)]
    assert frames == sorted(frames)


def test_the_order_outlives_a_long_evening(empty):
    """Counts past 32 bits must not run into the bits of the origin."""
    empty._rig.state[0]["order"] = (1 << 40) - 1
    _push(empty.user_data, 5, 2, 1, 0.0)
    _push(empty.user_data, 5, 2, 2, 0.0)
    _push(empty.user_data, 5, 1, 3, 0.0)
    assert [pop(empty)[1] for _ in range(3)] == [3, 1, 2]
