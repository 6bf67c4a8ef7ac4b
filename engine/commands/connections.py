"""What Ripieno's JACK ports are connected to by hand, and come back to; or forget some of it.

A connection made in any patchbay while Ripieno plays is remembered and made again when the other
program is back, or when Ripieno starts. One that is unmade by hand is forgotten.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "remembered JACK connections: list or forget them"
EXAMPLES = """\
examples:
  ripieno connections
  ripieno connections --forget ardour
  ripieno connections --forget-all"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--forget", metavar="TEXT", help="forget those whose port or program contains this"
    )
    choice.add_argument("--forget-all", action="store_true", help="forget every one")


def run(arguments: argparse.Namespace) -> int:
    from engine.connections import connections_file, read

    path = connections_file()
    connected, parted = read(path)  # a slip in the file is told before anything is changed
    if arguments.forget is not None or arguments.forget_all:
        return forget(path, arguments.forget or "")
    for link in sorted(connected):
        print(f"{link.port:<16} {link.peer}")
    for link in sorted(parted):
        print(f"{link.port:<16} {link.peer}  (not connected by itself)")
    if not connected | parted:
        print(f"Nothing is remembered in {path}: connect Ripieno's ports while it plays.")
    return 0


def forget(path: Path, text: str) -> int:
    from engine.connections import Connections
    from engine.errors import RipienoError

    memory = Connections(path)
    gone = memory.forget(text)
    if memory.trouble:
        raise RipienoError(memory.trouble)
    for link in gone:
        print(f"Forgotten: {link.port} and {link.peer}")
    if not gone:
        print(f"Nothing remembered contains {text!r}." if text else "Nothing is remembered.")
    return 0
