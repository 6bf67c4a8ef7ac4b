"""Export a take to other programs, its bars in place: bar 1 is the one the first note falls in.

midi: a type 1 file with tempo, meter, markers and a track a part; stems: a 24-bit WAV a part and
the mix; dawproject: both in one file for Bitwig Studio, Studio One and Cubase; rpp: a project for
Reaper beside its stems.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "a recorded take as MIDI, stems, DAWproject or Reaper project"
EXAMPLES = """\
examples:
  ripieno export last --to dawproject
  ripieno export last --to midi stems -o ~/Desktop/duet
  ripieno export 2026-05-01_21-14-03 --to rpp
  ripieno takes                                     which takes there are"""
FORMS = ("midi", "stems", "dawproject", "rpp")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("take", metavar="TAKE", help="a take's folder or name, or last")
    parser.add_argument(
        "--to",
        metavar="FORM",
        nargs="+",
        choices=FORMS,
        default=["midi", "stems"],
        help=f"one or more of {', '.join(FORMS)} (default: midi stems)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        type=Path,
        help="where to write (default: the folder export of the take)",
    )
    parser.add_argument("--folder", metavar="DIR", type=Path, help="where the takes lie")


def run(arguments: argparse.Namespace) -> int:
    from engine.interchange.export import export_take, find_take
    from engine.paths import takes_folder

    take = find_take(arguments.take, arguments.folder or takes_folder())
    print(f"{export_take(take, arguments.to, arguments.output)}")
    return 0
