"""Arrange a score for an ensemble: every note goes to a part, nothing else changes.

The score is MIDI, MusicXML or a DAWproject. All its tracks are read as one keyboard (drums left
out); the result has a track a part, with its name and program, and keeps tempo, meter and key. No
sound is made, so it takes seconds. A folder is arranged file by file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from engine.commands.arguments import add_chord_window, add_ensemble

SUMMARY = "a score in, the same music for an ensemble out"
EXAMPLES = """\
examples:
  ripieno arrange piano.mid -o quartet.mid
  ripieno arrange hymn.musicxml -o choir.musicxml --ensemble satb_choir --offline
  ripieno arrange piano.mid -o live.mid --chord-window 0     as it would be played live
  ripieno arrange hymns/ -o quartets/ --offline --hints cello.toml"""
WINDOW_MS = 45.0
SCORES = (".mid", ".midi", ".kar", ".musicxml", ".xml", ".mxl", ".dawproject")
MUSICXML = (".musicxml", ".xml")
FORMS = ("mid", "musicxml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", metavar="IN", type=Path, help="MIDI, MusicXML, DAWproject, or a folder of them"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help="where to write: .mid or .musicxml, or a folder if IN is one",
    )
    add_ensemble(parser)
    add_chord_window(parser, f"{WINDOW_MS:g}: a file can wait")
    parser.add_argument(
        "--offline",
        action="store_true",
        help="decide with the whole score in view, its beats and durations, not as if played",
    )
    parser.add_argument(
        "--model", metavar="NAME", help="the offline model (default: that of the ensemble's voices)"
    )
    parser.add_argument(
        "--hints",
        metavar="FILE",
        type=Path,
        help="what is known of the parts: where they lie, when they enter (with --offline)",
    )
    parser.add_argument(
        "--form", choices=FORMS, default=FORMS[0], help="what a folder is written as (%(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    from engine.compiling import say_if_first
    from engine.ensembles import load_ensemble
    from engine.errors import RipienoError

    if not arguments.offline and (arguments.model or arguments.hints):
        raise RipienoError("--model and --hints are for --offline")
    if arguments.offline and arguments.chord_window is not None:
        raise RipienoError("--offline has the whole score in view: --chord-window means nothing")
    ensemble = load_ensemble(arguments.ensemble)
    if not arguments.offline:
        say_if_first()
    if arguments.input.is_dir():
        return _arrange_folder(arguments, ensemble)
    for line in _arrange_file(arguments, ensemble, arguments.input, arguments.output):
        print(line)
    return 0


def _arrange_folder(arguments: argparse.Namespace, ensemble: Any) -> int:
    """Arrange every score in a folder; one that cannot be is told of, the rest goes on."""
    from engine.errors import RipienoError

    scores = sorted(p for p in arguments.input.iterdir() if p.suffix.lower() in SCORES)
    if not scores:
        raise RipienoError(f"{arguments.input}: no scores in it ({', '.join(SCORES)})")
    arguments.output.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    for number, score in enumerate(scores, start=1):
        _show_progress(number - 1, len(scores), score.name)
        target = arguments.output / f"{score.stem}.{arguments.form}"
        try:
            _arrange_file(arguments, ensemble, score, target)
        except RipienoError as error:
            failed.append(str(error))
    _show_progress(len(scores), len(scores), "")
    for sentence in failed:
        print(sentence, file=sys.stderr)
    print(f"{arguments.output}: {len(scores) - len(failed)} of {len(scores)} scores arranged")
    return 1 if failed else 0


def _show_progress(done: int, count: int, name: str) -> None:
    """A bar on the terminal's line; nothing where nobody watches."""
    if not sys.stderr.isatty():
        return
    width = 30
    full = width * done // count
    end = "\n" if done == count else ""
    bar = "#" * full + "." * (width - full)
    print(f"\r[{bar}] {done}/{count} {name[:40]:40}", end=end, file=sys.stderr, flush=True)


def _arrange_file(
    arguments: argparse.Namespace, ensemble: Any, source: Path, target: Path
) -> list[str]:
    """Arrange one score; sentences for the player."""
    from engine.interchange.musicxml_writing import write_musicxml
    from engine.interchange.scores import read_score
    from engine.midi.files import write_midi
    from engine.offline_arranging import arrange_offline
    from engine.separate import arrange

    performance = read_score(source)
    if arguments.offline:
        arrangement = arrange_offline(performance, ensemble, arguments.model or "", arguments.hints)
    else:
        window_ms = WINDOW_MS if arguments.chord_window is None else arguments.chord_window
        arrangement = arrange(performance, ensemble, window_ms)
    what = (target, arrangement.tracks, arrangement.events, performance.tempo)
    marks = {
        "time_signatures": performance.time_signatures,
        "key_signatures": performance.key_signatures,
        "title": performance.name,
    }
    if target.suffix.lower() in MUSICXML:
        write_musicxml(*what, **marks, ranges=[(p.low, p.high) for p in ensemble.parts])
    else:
        write_midi(*what, **marks)
    counts = zip(ensemble.parts, arrangement.notes_in_part, strict=True)
    told = ", ".join(f"{part.name} {number}" for part, number in counts)
    return [*arrangement.remarks, f"{target}: {told}"]
