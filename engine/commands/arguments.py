"""Arguments several commands share, and types that refuse a value with its legal range. [main]"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

DEFAULT_ENSEMBLE = "string_quartet"
DEFAULT_RATE_HZ = 48000
MOST_CHANNELS = 34  # a stereo master and a stereo stem for each of 16 parts


def number(low: float, high: float, unit: str) -> Callable[[str], float]:
    """An argparse type: a number from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of {unit}") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is outside {low:g} .. {high:g} {unit}")
        return value

    return parse


def whole(low: int, high: int, unit: str) -> Callable[[str], int]:
    """An argparse type: a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {unit}") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is outside {low} .. {high} {unit}")
        return value

    return parse


def channels(text: str) -> int:
    """An argparse type: an even number of channels, or `all`, which is 0."""
    if text == "all":
        return 0
    count = whole(2, MOST_CHANNELS, "channels")(text)
    if count % 2:
        raise argparse.ArgumentTypeError(f"{text}: channels come in pairs, 2 .. {MOST_CHANNELS}")
    return count


def add_ensemble(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ensemble",
        metavar="NAME",
        default=DEFAULT_ENSEMBLE,
        help="a name (`ripieno devices` lists them) or a TOML file (default: %(default)s)",
    )


def add_sound(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sound",
        metavar="NAME",
        help="let every part play this morph sound (presets/sounds has them) or TOML file; morph: "
        "each part its own; neural:NAME: by the paper's decoder, in processes of its own, some "
        "milliseconds later",
    )


def add_chord_window(parser: argparse.ArgumentParser, default: str = "the ensemble's own") -> None:
    parser.add_argument(
        "--chord-window",
        metavar="MS",
        type=number(0, 45, "ms"),
        help="how long a chord may wait for its last note before its parts are chosen: 0 is "
        f"fastest, 45 most accurate (default: {default})",
    )


def add_rate(parser: argparse.ArgumentParser, default: int | None = DEFAULT_RATE_HZ) -> None:
    parser.add_argument(
        "--rate",
        metavar="HZ",
        type=whole(22050, 192000, "Hz"),
        default=default,
        help="sampling rate (default: %(default)s)" if default else "sampling rate",
    )


def add_soundfont(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--soundfont",
        metavar="SF2",
        type=Path,
        help="a SoundFont to play with instead of the found one",
    )
