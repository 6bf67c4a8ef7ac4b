"""Arrange a score for an ensemble: every note goes to a part, nothing else changes.

The score is MIDI, MusicXML or a DAWproject. All its tracks are read as one keyboard (drums left
out); the result has a track a part, with its name and program, and keeps tempo, meter and key. No
sound is made, so it takes seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.commands.arguments import add_chord_window, add_ensemble

SUMMARY = "a score in, the same music for an ensemble out"
EXAMPLES = """\
examples:
  ripieno arrange piano.mid -o quartet.mid
  ripieno arrange hymn.musicxml -o choir.mid --ensemble satb_choir
  ripieno arrange piano.mid -o live.mid --chord-window 0     as it would be played live"""
WINDOW_MS = 45.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN", type=Path, help="MIDI, MusicXML or DAWproject")
    parser.add_argument(
        "-o", "--output", metavar="OUT.mid", type=Path, required=True, help="where to write"
    )
    add_ensemble(parser)
    add_chord_window(parser, f"{WINDOW_MS:g}: a file can wait")


def run(arguments: argparse.Namespace) -> int:
    from engine.compiling import say_if_first
    from engine.ensembles import load_ensemble
    from engine.interchange.scores import read_score
    from engine.midi.files import write_midi
    from engine.separate import arrange

    ensemble = load_ensemble(arguments.ensemble)
    performance = read_score(arguments.input)
    say_if_first()
    window_ms = WINDOW_MS if arguments.chord_window is None else arguments.chord_window
    arrangement = arrange(performance, ensemble, window_ms)
    write_midi(
        arguments.output,
        arrangement.tracks,
        arrangement.events,
        performance.tempo,
        time_signatures=performance.time_signatures,
        key_signatures=performance.key_signatures,
        title=performance.name,
    )
    for remark in arrangement.remarks:
        print(remark)
    counts = zip(ensemble.parts, arrangement.notes_in_part, strict=True)
    print(f"{arguments.output}: " + ", ".join(f"{part.name} {n}" for part, n in counts))
    return 0
