"""The very first start compiles: telling the player why it takes long, and tidying up. [main]

    python -m engine.compiling

compiles the engine and, beside it, the worker that plays on, as first starts would, and ends.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

UNUSED_DAYS = 30
SENTENCE = "The first start compiles the engine for this computer: once, about a minute."
CONTINUATION = "from engine.continuation.warming import load, warm; warm(load())"


def machine_code_folder() -> Path:
    """Where the compiled callback of exactly these sources lies, or will. [any]"""
    import numba

    import engine.rt  # names the folder

    assert engine.rt
    return Path(str(numba.config.CACHE_DIR))  # type: ignore[attr-defined]


def say_if_first(say: Callable[[str], None] | None = None) -> None:
    """Say SENTENCE, on stderr if nothing else is given, when nothing is compiled yet. [main]"""
    if not machine_code_folder().exists():
        _forget_old_code()
        (say or (lambda sentence: print(sentence, file=sys.stderr)))(SENTENCE)


def _forget_old_code() -> None:
    """Delete the machine code of versions that have not been compiled for a month."""
    for old in machine_code_folder().parent.glob("machine-code-*"):
        if time.time() - old.stat().st_mtime > UNUSED_DAYS * 86400:
            shutil.rmtree(old, ignore_errors=True)


def main() -> int:
    """Have all compiled that an engine and its worker need. [main]"""
    say_if_first()
    with subprocess.Popen([sys.executable, "-c", CONTINUATION]) as worker:
        from engine.core import Engine

        Engine().close()
    return worker.returncode


if __name__ == "__main__":
    sys.exit(main())
