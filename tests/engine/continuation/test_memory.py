"""The map between callback and worker: made, opened, refused, read while it is written."""

import sys
from pathlib import Path

import numpy as np
import pytest

from engine.continuation.memory import PlanMemory
from engine.continuation.memory import plan_memory as pm


@pytest.fixture
def memory():
    made = PlanMemory.create(48000)
    yield made
    made.unlink()


def test_what_one_side_writes_the_other_reads(memory):
    other = PlanMemory.open(memory.path)
    memory.plan[7] = (1.5, 0.5, 3, pm.NOTE, 1, 60, 90, 0)
    memory.publish(pm.PLAN_WRITE, 8)
    assert other.acquire(pm.PLAN_WRITE) == 8
    assert other.plan[7]["beat"] == 1.5
    assert other.header[pm.RATE_HZ] == 48000
    memory.header_f8[pm.NEXT_BEAT] = 2.25
    assert other.header_f8[pm.NEXT_BEAT] == 2.25


def test_another_size_or_version_is_refused(memory, tmp_path):
    short = tmp_path / "short"
    short.write_bytes(b"\0" * 100)
    with pytest.raises(ValueError, match="has 100 bytes"):
        PlanMemory.open(short)
    memory.header[pm.FORMAT] = 99
    with pytest.raises(ValueError, match="format 99, must be 1"):
        PlanMemory.open(memory.path)


def test_the_records_lie_where_the_legend_says():
    assert pm.HEARD_RECORD.itemsize == 64
    assert pm.PLAN_RECORD.itemsize == 32
    for count in (pm.HEARD, pm.PLAN, pm.PENDING):
        assert count & (count - 1) == 0
    words = [value for name, value in vars(pm).items() if name.isupper() and name in WORDS]
    assert len(set(words)) == len(words) == len(WORDS)
    assert max(words) < pm.HEADER_WORDS


WORDS = (
    *("FORMAT", "RATE_HZ", "HEARD_WRITE", "HEARD_NOTES", "PLAN_READ", "NOW_FRAME", "NOW_NS"),
    *("NOW_BEAT", "NOW_BPM", "FLOOR", "MODE", "NEXT_BEAT", "END_BEAT", "LATE", "PLAYED_NOTES"),
    *("VOID_NOTES", "BAD_RECORDS", "TAKEOVERS", "YIELDS", "SCHEDULED", "SCHEDULED_FRAMES"),
    *("SOUNDED", "SOUNDED_FRAMES", "STARVED", "BEATS_PER_BAR", "PLAN_WRITE", "HEARD_READ"),
    "ALIVE",
)


def test_a_reader_that_was_late_gets_what_is_left(memory):
    memory.heard["id"] = np.arange(pm.HEARD) + pm.HEARD
    memory.publish(pm.HEARD_WRITE, 2 * pm.HEARD)
    records, place = memory.heard_since(5)
    assert place == 2 * pm.HEARD
    assert records["id"][-1] == 2 * pm.HEARD - 1
    assert len(records) == pm.HEARD - 1, "the oldest may be being written over"
    again, _ = memory.heard_since(place)
    assert len(again) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system empties its folder")
def test_what_a_killed_program_left_is_removed(memory):
    import subprocess

    code = (
        "import os; from engine.continuation.memory import PlanMemory;"
        "print(PlanMemory.create(48000).path, flush=True); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    left = Path(done.stdout.strip())
    assert left.exists()
    PlanMemory.create(48000).unlink()
    assert not left.exists()
    assert memory.path.exists(), "that of a program that runs stays"


def test_it_needs_no_compiler():
    import subprocess

    code = "import engine.continuation.memory, sys; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
