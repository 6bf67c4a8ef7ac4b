"""The real-time performance engine: everything between a key and a sound."""

import functools


@functools.cache
def version() -> str:
    """The installed version, or "unknown" in a bare checkout. [any]"""
    from importlib import metadata

    try:
        return metadata.version("ripieno")
    except metadata.PackageNotFoundError:
        return "unknown"
