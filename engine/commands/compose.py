"""Compose from nothing: the network writes for the instruments you name, or names its own.

The same seed gives the same music.
"""

from __future__ import annotations

import argparse

from engine.commands.arguments import number
from engine.commands.making import add_making, make, players_of, targets_of, wish_of

SUMMARY = "new music for the instruments you name"
EXAMPLES = """\
examples:
  ripieno compose -o new.mid
  ripieno compose -o quartet.mid --instruments violin viola cello --count 4 --png
  ripieno compose -o hymn.mid --instruments "string ensemble" "church organ" --tempo 84"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_making(parser, 64, "the network chooses")
    parser.add_argument(
        "--tempo",
        metavar="BPM",
        type=number(20, 400, "bpm"),
        default=100.0,
        help="quarter notes a minute (default: %(default)g)",
    )


def run(arguments: argparse.Namespace) -> int:
    from engine.prompts import empty_prompt, with_players

    targets = targets_of(arguments.output, arguments.count)
    players = players_of(arguments.instruments)
    prompt = with_players(empty_prompt(arguments.tempo), players)
    wish = wish_of(arguments, prompt, players)
    make(arguments, targets, prompt, wish, arguments.output.stem)
    return 0
