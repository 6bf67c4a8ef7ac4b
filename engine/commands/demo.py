"""Hear the ensemble without a keyboard: a Bach chorale, played on one keyboard, heard as a quartet.

In real time if there is a sound device, else rendered through the same callback. Writes demo.wav,
demo.mid (a track a part), demo.png (who played what, and the true parts) and demo.json (accuracy,
delays, xruns). With --continue eight bars are played, and the ensemble answers with eight of its
own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from engine.commands.arguments import (
    add_chord_window,
    add_ensemble,
    add_sound,
    add_soundfont,
    whole,
)

SUMMARY = "a chorale through the live path; writes sound, notes, picture, figures"
EXAMPLES = """\
examples:
  ripieno demo
  ripieno demo --ensemble satb_choir --chord-window 45 --out choir/
  ripieno demo --sound morph            the same, played by morph voices
  ripieno demo --offline
  ripieno demo --continue --seed 7"""
ENDINGS = ("wav", "mid", "png", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("demo"), help="folder (default: demo)"
    )
    add_ensemble(parser)
    add_sound(parser)
    add_chord_window(parser)
    add_soundfont(parser)
    parser.add_argument(
        "--offline", action="store_true", help="render, even if there is a sound device"
    )
    parser.add_argument(
        "--continue",
        dest="continuation",
        action="store_true",
        help="render eight bars, and the eight with which the ensemble plays on",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=whole(0, 2**31 - 1, ""),
        help="what the ensemble's chance begins with: another number is another answer",
    )


def run(arguments: argparse.Namespace) -> int:
    from engine import compiling, realtime, terminal
    from engine.demo import run_demo
    from engine.errors import RipienoError

    realtime.exit_on_signals()
    line = terminal.StatusLine(sys.stdout)
    compiling.say_if_first(line.say)
    if arguments.seed is not None and not arguments.continuation:
        raise RipienoError("--seed goes with --continue: the chorale itself is always the same")
    if arguments.continuation:
        return _continue(arguments, line)
    report = run_demo(
        arguments.out,
        ensemble_name=arguments.ensemble,
        sound=arguments.sound,
        chord_window_ms=arguments.chord_window,
        offline=arguments.offline,
        soundfont=arguments.soundfont,
        say=line.say,
        watch=line.show,
    )
    line.close()
    accuracy, delay_ms = report["accuracy_percent"], report["delay_ms"]
    print(
        f"{report['notes']} notes, {report['wrong_notes']} given to another part than the score's. "
        f"Right: {accuracy['zero_delay']:.1f} % with no delay, "
        f"{accuracy['window_45_ms']:.1f} % with a chord window of 45 ms."
    )
    print(
        f"Between key and sound the engine took {delay_ms['p50']:.1f} ms (median), "
        f"{delay_ms['p99']:.1f} ms (99 %), the device {report['device_latency_ms']:.1f} ms; "
        f"{report['xruns']} xruns ({report['mode']})."
    )
    _tell_written(arguments.out)
    return 0


def _continue(arguments: argparse.Namespace, line: Any) -> int:
    from engine.demo_continuation import SEED, run_continuation_demo

    report = run_continuation_demo(
        arguments.out,
        ensemble_name=arguments.ensemble,
        sound=arguments.sound,
        chord_window_ms=arguments.chord_window,
        soundfont=arguments.soundfont,
        seed=SEED if arguments.seed is None else arguments.seed,
        say=line.say,
    )
    line.close()
    notes = report["notes"]
    print(
        f"{notes['played']} notes played in eight bars, {notes['answered']} answered in eight "
        f"by {report['model']} (seed {report['seed']})."
    )
    _tell_written(arguments.out)
    return 0


def _tell_written(folder: Path) -> None:
    print(f"Written: {', '.join(str(folder / f'demo.{end}') for end in ENDINGS)}")
