"""The code that runs inside the audio callback, compiled by numba; nothing else lives here.

numba's on-disk cache looks at the file of the cached function only, not at the functions it calls
in other files, so an edited helper would leave stale machine code behind. The cache folder is
therefore named after a hash of every source file here and of the compiler's version, and set
before the first function is compiled.
"""

import hashlib
import os
import sys
from pathlib import Path

import numba
import numpy as np


def _cache_folder() -> Path:
    """Return the folder for machine code compiled from exactly these sources. [main]"""
    home = os.environ.get("NUMBA_CACHE_DIR")
    if home:
        return Path(home)
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__} {sys.version_info}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return base / "ripieno" / f"machine-code-{digest.hexdigest()[:16]}"


numba.config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]
