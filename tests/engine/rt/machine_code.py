"""A reader of the machine-independent code (LLVM) of a numba callback: what may it call?

    python -m tests.engine.rt.machine_code

prints, as JSON, the complaints about every native callback of the engine and about controls that
do what is forbidden. What was compiled before is read from where numba keeps it, beside the machine
code that was made of it: it is what runs.

A callback consists of a wrapper, made by numba, and of the functions it calls. Were one of these to
return another status than 0, the wrapper would take the interpreter's lock and report an exception.
So two things are looked for in every function but the wrapper: calls that leave the code for
anything but arithmetic, and statuses that are not 0.
"""

import json
import re
import sys
from typing import Any

import numpy as np
from numba import carray, cfunc, njit, objmode, types

ALLOWED = re.compile(
    r"llvm\.|(log|log2|log10|exp|exp2|sin|cos|tan|pow|sqrt|floor|ceil|fmod)f?$|mem(set|cpy|move)$"
)
# The status of another of our functions, which is looked at itself; attributes may stand before it.
OUR_STATUS = re.compile(r'call (?:[a-z]+(?:\([^)]*\))? )*i32 @("_Z[^"]+"|_Z[\w.$]+)\(')
# Releases what was allocated: unreachable, as long as nothing is. Its caller is numba's own.
RELEASE = ("NRT_decref", "NRT_MemInfo_call_dtor")


def functions(code: str) -> dict[str, str]:
    """Return name -> body of every function that LLVM code defines."""
    pattern = r'^define [^\n]*?@("[^"\n]+"|[\w.$]+)\((.*?)^}'
    return {name.strip('"'): body for name, body in re.findall(pattern, code, re.M | re.S)}


def complaints(code: str) -> list[str]:
    """Return a sentence for each thing a callback must not do; empty for a clean one."""
    bodies = functions(code)
    found = []
    for name, body in bodies.items():
        if name.startswith("cfunc."):
            continue
        for called in sorted(
            set(re.findall(r'\b(?:call|invoke)\b[^\n]*?@("[^"\n]+"|[\w.$]+)\(', body))
        ):
            if called not in bodies and not ALLOWED.match(called) and (name, called) != RELEASE:
                found.append(f"{name} calls {called}")
        if name.startswith("_Z"):
            found += [f"{name} may return status {status}" for status in statuses(body)]
    return found


def statuses(body: str) -> list[str]:
    """Return the statuses other than 0 and those of called functions that a body may return."""
    defined = dict(re.findall(r"^  (%[\w.$-]+) = ([^\n]*)", body, re.M))
    waiting = re.findall(r"^  ret i32 ([^,\s]+)", body, re.M)
    seen, found = set(), []
    while waiting:
        value = waiting.pop()
        if value in seen or value == "0":
            continue
        seen.add(value)
        source = defined.get(value, "")
        if source.startswith("phi i32 "):
            waiting += re.findall(r"\[ ([^,]+), ", source)
        elif not OUR_STATUS.search(source):
            found.append(f"{value} = {source}" if source else value)
    return found


@njit(error_model="numpy")
def _allocate(n):
    return np.zeros(n).sum()


@cfunc(types.float64(types.int64), error_model="numpy")
def allocating(n):
    return _allocate(n)


@njit(error_model="numpy")
def _grow(n):
    numbers = [0]
    for i in range(n):
        numbers.append(i)
    return len(numbers)


@cfunc(types.int64(types.int64), error_model="numpy")
def growing(n):
    return _grow(n)


@njit
def _ask_python(n):
    with objmode(answer="int64"):
        answer = hash(n)
    return answer


@cfunc(types.int64(types.int64))
def asking(n):
    return _ask_python(n)


@njit
def _divide(a, b):
    return a // b


@cfunc(types.int64(types.int64, types.int64))
def raising(a, b):
    return _divide(a, b)


@cfunc(types.int64(types.int64), error_model="numpy")
def printing(n):
    print(n)
    return n


@njit(error_model="numpy")
def _add(a, n):
    for i in range(n):
        a[i] += np.sin(a[i])


@cfunc(types.int32(types.voidptr, types.int64), error_model="numpy")
def harmless(address, n):
    _add(carray(address, n, np.float32), n)
    return 0


CONTROLS = (allocating, growing, asking, raising, printing, harmless)


def main() -> None:
    from engine.rt import callback, jack_latency, listening

    real = (
        callback.play_block,
        callback.jack_process,
        callback.jack_timebase,
        callback.portaudio_process,
        callback.count_xrun,
        callback.server_gone,
        callback.freewheel,
        jack_latency.jack_latency,
        listening.jack_listen,
        listening.jack_gone,
    )
    report = {}
    compiled: tuple[Any, ...] = (*real, *CONTROLS)
    for function in compiled:
        code = str(function._library._get_module_for_linking())
        report[function.__name__] = {
            "functions": list(functions(code)),
            "complaints": complaints(code),
        }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
