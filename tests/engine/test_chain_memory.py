"""The memory of a plugin chain: two maps of one file."""

import subprocess
import sys

import numpy as np
import pytest

from engine import mapped_memory
from engine.chain_memory import ChainMemory, shared
from engine.rt import shared as legend


@pytest.fixture
def memory():
    made = ChainMemory.create(48000)
    yield made
    made.unlink()
    made.close()


def test_what_one_side_writes_the_other_reads(memory: ChainMemory) -> None:
    other = ChainMemory.open(memory.path)
    assert other.address != memory.address
    assert other.header[legend.FORMAT] == legend.VERSION
    assert other.header[legend.RATE_HZ] == 48000
    memory.input[1, -1] = 0.5
    memory.output[0, 0] = 0.25
    memory.events[-1] = (7, legend.PARAMETER, (3, 0, 0), 12, 0.5, (0,) * 8)
    memory.publish(legend.WRITTEN, 64)
    assert other.acquire(legend.WRITTEN) == 64
    assert other.input[1, -1] == 0.5
    assert other.output[0, 0] == 0.25
    assert other.events[-1]["index"] == 12
    assert other.events[0]["frame"] == 0


def test_the_views_lie_where_the_legend_says(memory: ChainMemory) -> None:
    for view, offset in (
        (memory.input, legend.INPUT_AT),
        (memory.output, legend.OUTPUT_AT),
        (memory.events, legend.EVENTS_AT),
    ):
        assert view.ctypes.data - memory.address == offset
    assert memory.address % 4096 == 0
    assert memory.events.ctypes.data + memory.events.nbytes - memory.address == legend.BYTES


def test_the_map_outlives_its_file(memory: ChainMemory) -> None:
    other = ChainMemory.open(memory.path)
    memory.unlink()
    assert not memory.path.exists()
    other.input[0, :3] = 1.0
    assert np.array_equal(memory.input[0, :4], [1, 1, 1, 0])
    memory.unlink()
    other.close()
    other.close()


def test_a_map_of_another_version_or_size_is_refused(memory: ChainMemory, tmp_path) -> None:
    memory.header[legend.FORMAT] = 99
    with pytest.raises(ValueError, match="is of format 99, must be 1"):
        ChainMemory.open(memory.path)
    short = tmp_path / "short"
    short.write_bytes(bytes(100))
    with pytest.raises(ValueError, match="has 100 bytes"):
        ChainMemory.open(short)


def test_it_imports_nothing_compiled_and_has_the_callbacks_legend() -> None:
    names = [name for name in vars(legend) if name.isupper()]
    assert {name: getattr(shared, name) for name in names} == {
        name: getattr(legend, name) for name in names
    }
    code = "import sys, engine.chain_memory; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_where_there_is_no_memory_folder_the_temporary_one_serves(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(mapped_memory, "MEMORY_FOLDER", tmp_path / "none")
    monkeypatch.setattr(mapped_memory.tempfile, "tempdir", str(tmp_path))
    made = ChainMemory.create(44100)
    assert made.path.parent == tmp_path
    made.unlink()
    assert list(tmp_path.iterdir()) == []
