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

    folder = arguments.folder or takes_folder()
    print(folder)
    return 0
