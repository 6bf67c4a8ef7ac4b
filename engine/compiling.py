"""Telling the player why the very first start takes so long. [main]"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

SENTENCE = "The first start compiles the engine for this computer: once, a minute or two."


def machine_code_folder() -> Path:
    """Where the compiled callback of exactly these sources lies, or will. [any]"""
    import numba

    import engine.rt  # names the folder

    assert engine.rt
    return Path(str(numba.config.CACHE_DIR))  # type: ignore[attr-defined]


def say_if_first(say: Callable[[str], None] | None = None) -> None:
    """Say SENTENCE, on stderr if nothing else is given, when nothing is compiled yet. [main]"""
    if not machine_code_folder().exists():
        (say or (lambda sentence: print(sentence, file=sys.stderr)))(SENTENCE)
