"""Hear the ensemble without a keyboard: a Bach chorale, played on one keyboard, heard as a quartet.

In real time if there is a sound device, else rendered through the same callback. Writes demo.wav,
demo.mid (a track a part), demo.png (who played what, and the true parts) and demo.json (accuracy,
delays, xruns).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.commands.arguments import add_chord_window, add_ensemble, add_soundfont

SUMMARY = "a chorale through the live path; writes sound, notes, picture, figures"
EXAMPLES = """\
examples:
  ripieno demo
  ripieno demo --ensemble satb_choir --chord-window 45 --out choir/
  ripieno demo --offline"""
ENDINGS = ("wav", "mid", "png", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("demo"), help="folder (default: demo)"
    )
    add_ensemble(parser)
    add_chord_window(parser)
    add_soundfont(parser)
    parser.add_argument(
        "--offline", action="store_true", help="render, even if there is a sound device"
    )


def run(arguments: argparse.Namespace) -> int:
    from engine import compiling, realtime, terminal
    from engine.demo import run_demo

    realtime.exit_on_signals()
    line = terminal.StatusLine(sys.stdout)
    compiling.say_if_first(line.say)
    report = run_demo(
        arguments.out,
        ensemble_name=arguments.ensemble,
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
    print(f"Written: {', '.join(str(arguments.out / f'demo.{end}') for end in ENDINGS)}")
    return 0
