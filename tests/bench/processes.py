"""Processes of their own for benchmarks: each runs one function and prints its figures as JSON."""

import json
import subprocess
import sys
import threading
from typing import Any

CALL = (
    "import importlib, json, sys;"
    "module, name, arguments = sys.argv[1:];"
    "figures = getattr(importlib.import_module(module), name)(**json.loads(arguments));"
    "print('figures ' + json.dumps(figures), flush=True)"
)


def start(function: Any, env: dict[str, str], **arguments: Any) -> subprocess.Popen[str]:
    """Start `function(**arguments)` in a process of its own; stdin and stdout are pipes."""
    module = function.__module__
    if module == "__main__":  # run by python -m: its importable name is in the spec
        module = sys.modules["__main__"].__spec__.name  # type: ignore[union-attr]
    return subprocess.Popen(
        [sys.executable, "-c", CALL, module, function.__name__, json.dumps(arguments)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout_s: float = 120.0) -> Any:
    """What the function returned. Its stdin is closed first; RuntimeError if it died."""
    output, _ = process.communicate(timeout=timeout_s)
    for line in output.splitlines():
        if line.startswith("figures "):
            return json.loads(line.removeprefix("figures "))
    raise RuntimeError(f"a process of the benchmark ended with code {process.returncode}")


def call(function: Any, env: dict[str, str], **arguments: Any) -> Any:
    """What `function(**arguments)` returns in a process of its own."""
    return finish(start(function, env, **arguments))


def hog_interpreter() -> threading.Event:
    """Start a thread that wants the interpreter's lock at every moment, until the event is set."""
    rest = threading.Event()

    def hog() -> None:
        count = 0
        while not rest.is_set():
            for _ in range(10000):
                count += 1

    threading.Thread(target=hog, daemon=True).start()
    return rest
