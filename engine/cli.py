"""The command line: `ripieno COMMAND`, and `ripieno` alone for the window.

Finds the command, runs it, turns errors into one sentence. Each command is one file of
`engine.commands`; nothing heavy is imported before it is needed, so that `ripieno --help` answers
at once. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import subprocess
import sys
import traceback

from engine.commands import (
    arrange,
    compose,
    connections,
    continue_,
    demo,
    devices,
    doctor,
    export,
    play,
    plugins,
    render,
    rigs,
    takes,
    transcribe,
)
from engine.errors import RipienoError

COMMANDS = (
    demo,
    play,
    rigs,
    arrange,
    render,
    continue_,
    compose,
    transcribe,
    devices,
    doctor,
    takes,
    export,
    connections,
    plugins,
)
DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

DESCRIPTION = """\
One keyboard in, an ensemble out: every note you play goes to the instrument it belongs to."""
EPILOG = """\
`ripieno` alone opens the window.

examples:
  ripieno demo                          hear it (or get demo.wav) without a keyboard
  ripieno play                          play the keyboard that is plugged in
  ripieno play --ensemble brass_quartet --chord-window 20
  ripieno arrange piano.mid -o quartet.mid
  ripieno continue song.mid -o longer.mid
  ripieno doctor                        what is missing, and how to get it

`ripieno COMMAND --help` explains a command."""


class VersionAction(argparse.Action):
    """Looks the version up only when asked."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        from engine import version

        print(f"ripieno {version()}")
        parser.exit(DONE)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line as argparse knows it. [main]"""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--verbose",
        action="store_true",
        default=argparse.SUPPRESS,
        help="more messages, and the traceback of an error",
    )
    parser = argparse.ArgumentParser(
        prog="ripieno",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    parser.add_argument("--version", action=VersionAction, nargs=0, help="print the version")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for module in COMMANDS:
        name = module.__name__.rsplit(".", 1)[1].rstrip("_")
        command = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.__doc__,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[common],
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code. [main]"""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # names of devices on consoles of few characters
    if not (sys.argv[1:] if argv is None else argv):
        return open_window()
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as leaving:  # argparse has printed help, the version or what is wrong
        return leaving.code if isinstance(leaving.code, int) else WRONG_USAGE
    verbose = getattr(arguments, "verbose", False)
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="ripieno: %(message)s"
    )
    try:
        code = arguments.run(arguments) or DONE
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output left, as in `ripieno devices | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if verbose:
            traceback.print_exc()
        print(f"ripieno: {sentence(error)}", file=sys.stderr)
        return FAILED


def open_window() -> int:
    """Run the window, a program of its own, and return its exit code. [main]"""
    try:
        return subprocess.call([sys.executable, "-m", "gui"])
    except KeyboardInterrupt:  # it had it too
        return INTERRUPTED


def sentence(error: Exception) -> str:
    """One line that says what went wrong. [any]"""
    text = " ".join(str(error).split())
    if isinstance(error, RipienoError):
        return text
    if isinstance(error, MemoryError):
        return "there is not enough memory for this"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    kind = type(error).__name__
    return f"unexpected {kind}: {text or 'no details'} (--verbose shows where)"


if __name__ == "__main__":
    sys.exit(main())
