"""Render a score to audio: what the ensemble makes of it, as fast as the computer goes.

The score (MIDI, MusicXML or a DAWproject) is played at the keyboard, and every note is given to a
part as it would be live. If its tracks bear the names of the ensemble's parts, as those `ripieno
arrange` writes do, each track goes straight to its part. The WAV is stereo, 24 bit; --stems adds
one for each part.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.commands.arguments import (
    add_chord_window,
    add_ensemble,
    add_rate,
    add_sound,
    add_soundfont,
    number,
)

SUMMARY = "a score in, the ensemble's sound out (and its stems)"
EXAMPLES = """\
examples:
  ripieno render piano.mid -o quartet.wav
  ripieno render piano.mid -o choir.wav --ensemble satb_choir --chord-window 45
  ripieno render piano.mid -o winds.wav --sound breathing_winds
  ripieno render piano.mid -o paper.wav --sound neural:breathing_winds
  ripieno arrange piano.mid -o parts.mid && ripieno render parts.mid -o parts.wav --stems stems/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN", type=Path, help="MIDI, MusicXML or DAWproject")
    parser.add_argument(
        "-o", "--output", metavar="OUT.wav", type=Path, required=True, help="where to write"
    )
    parser.add_argument(
        "--stems", metavar="DIR", type=Path, help="also write a stereo WAV of each part here"
    )
    add_ensemble(parser)
    add_sound(parser)
    add_chord_window(parser)
    add_rate(parser)
    add_soundfont(parser)
    parser.add_argument(
        "--tail",
        metavar="S",
        type=number(0, 60, "s"),
        default=6.0,
        help="at most so much after the last note, for it to ring out (default: %(default)g)",
    )


def run(arguments: argparse.Namespace) -> int:
    from engine.compiling import say_if_first
    from engine.ensembles import load_ensemble, with_sound
    from engine.interchange.scores import read_score
    from engine.rendering import render_file

    performance, ensemble = read_score(arguments.input), load_ensemble(arguments.ensemble)
    if arguments.sound:
        ensemble = with_sound(ensemble, arguments.sound)
    say_if_first()
    rendered = render_file(
        performance,
        ensemble,
        arguments.output,
        stems_folder=arguments.stems,
        rate_hz=arguments.rate,
        chord_window_ms=arguments.chord_window,
        soundfont=arguments.soundfont,
        tail_s=arguments.tail,
        sound=arguments.sound,
    )
    for remark in rendered.remarks:
        print(remark)
    way = "each track on its part" if rendered.direct else "parts found note by note"
    print(
        f"{arguments.output}: {rendered.notes} notes, {way}, {rendered.seconds:.1f} s of sound "
        f"in {rendered.took_s:.1f} s"
    )
    return 0
