"""Functions of the callback: one version each inside others, whole for Python."""

import subprocess
import sys

import numpy as np
import pytest
from numba import cfunc, types
from numba.core.errors import TypingError

from engine.rt.compiler import rt, widened


@rt
def _twice(x):
    return 2 * x


@rt
def _inner(a, b):
    return _twice(a) + b


@rt
def _called(a, b):
    return _twice(a) + b


@rt
def _outer(numbers):
    total = np.int64(0)
    for i in range(numbers.size):
        total += _inner(numbers[i], np.uint8(3)) + _inner(np.int32(1), 7) + _twice(True)
    return total


@rt
def _halves(x):
    return _twice(x) / np.float32(4.0)


@rt
def _wrong(x):
    return _twice(x).nowhere


def test_what_others_call_is_compiled_once_for_words():
    cache = _outer._cache  # pyright: ignore[reportAttributeAccessIssue]
    cache.flush()  # compiled anew: from a run before it would come whole, and call nobody
    assert _outer(np.arange(4)) == 12 + 4 * (3 + 9 + 2)
    assert _inner.signatures == [] == _twice.signatures, "nobody called them from outside"
    assert list(_inner.unlinked) == [(types.int64, types.int64)]
    assert [args for args in _twice.unlinked if args != (types.float32,)] == [(types.int64,)]


def test_the_whole_holds_what_it_calls_and_leaves_nothing_open():
    _outer(np.arange(4))
    (compiled,) = _outer.overloads.values()
    code = compiled.library._get_module_for_linking()
    ours = [f for f in code.functions if "test_compiler" in f.name]
    assert ours
    assert not any(f.is_declaration for f in ours)


def test_python_may_call_any_of_them():
    assert _called(1, 2) == 4
    assert _called(np.int64(1), 2.5) == 4.5
    assert list(_called.overloads) == [(types.int64,) * 2, (types.int64, types.float64)]
    assert not _called.unlinked


def test_floats_keep_their_size():
    assert widened(types.float32) == types.float32
    assert widened(types.literal(3)) == widened(types.boolean) == types.int64
    assert widened(types.uint64) == types.uint64, "a word already"
    assert _halves(np.float32(6.0)) == 3.0


def test_a_mistake_is_named():
    with pytest.raises(TypingError, match="nowhere"):
        _wrong(1)


def test_a_c_callback_of_them():
    @cfunc(types.int64(types.int64), error_model="numpy")
    def tripled(n):
        return _inner(n, n)

    assert tripled.ctypes(14) == 42


@pytest.mark.slow
def test_another_process_finds_the_whole_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    program = (
        "from tests.engine.rt import test_compiler as t; import numpy as np;"
        "t._outer(np.arange(3));"
        "print(sum(t._outer.stats.cache_hits.values()), len(t._inner.unlinked))"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["0", "1"], ["1", "0"]]
