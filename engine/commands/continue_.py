"""Continue a score: the network hears it, or its beginning, and writes on.

The score is MIDI, MusicXML or a DAWproject. What is in it stays as it is; after it, or after its
first --prompt-beats, its instruments (or those you name) play on at its tempo and in its meter.
Drums and effects end there. The same seed and file give the same music.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.commands.arguments import whole
from engine.commands.making import add_making, make, players_of, targets_of, wish_of

SUMMARY = "a score in, the same and how it might go on out"
EXAMPLES = """\
examples:
  ripieno continue song.mid -o longer.mid
  ripieno continue quartet.musicxml -o quartet.mid --prompt-beats 16 --beats 64 --count 4 --png
  ripieno continue piano.mid -o strings.mid --instruments violin viola cello --seconds 30"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN", type=Path, help="MIDI, MusicXML or DAWproject")
    add_making(parser, 32, "those of the score")
    parser.add_argument(
        "--prompt-beats",
        metavar="N",
        type=whole(1, 100_000, "beats"),
        help="keep and continue only the first N quarter notes (default: all)",
    )


def run(arguments: argparse.Namespace) -> int:
    from engine.interchange.scores import read_score
    from engine.prompts import prompt_of, with_players

    targets = targets_of(arguments.output, arguments.count, arguments.input)
    players = players_of(arguments.instruments)
    score = read_score(arguments.input)
    prompt = with_players(prompt_of(score, arguments.input, arguments.prompt_beats), players)
    wish = wish_of(arguments, prompt, players)
    make(arguments, targets, prompt, wish, arguments.input.stem)
    for remark in (*score.remarks, *prompt.remarks):
        print(remark)
    return 0
