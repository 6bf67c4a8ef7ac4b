"""List the takes that were recorded, newest last, with their length and folder."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "list recorded takes"
EXAMPLES = """\
examples:
  ripieno takes
  ripieno takes --folder ~/Music/Ripieno"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", metavar="DIR", type=Path, help="where the takes lie")


def run(arguments: argparse.Namespace) -> int:
    from engine.paths import takes_folder
    from engine.takes import list_takes
    from engine.terminal import clock

    folder = arguments.folder or takes_folder()
    takes = list_takes(folder)
    if not takes:
        print(f"There are no takes in {folder}: `ripieno play` records them.")
    for take in reversed(takes):
        unfinished = "" if take.complete else "  (being recorded, or cut short)"
        print(
            f"{take.started.replace('T', ' ')}  {clock(take.seconds):>6}  {take.notes:>5} notes  "
            f"{take.ensemble}  {take.folder}{unfinished}"
        )
    return 0
