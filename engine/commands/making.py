"""What `continue` and `compose` share: options, progress, files, the table. [main]"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.arguments import number, whole

if TYPE_CHECKING:
    from engine.composing import Candidate, Wish
    from engine.general_midi import Player
    from engine.prompts import Prompt

COMPILING = "The network's step is compiled for this computer: once, about a minute."
MIDI = (".mid", ".midi")


def add_making(parser: argparse.ArgumentParser, beats: int, playing: str) -> None:
    parser.add_argument(
        "-o", "--output", metavar="OUT.mid", type=Path, required=True, help="where to write"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--beats",
        metavar="N",
        type=number(1, 2048, "beats"),
        default=beats,
        help="how many quarter notes are made (default: %(default)s)",
    )
    length.add_argument(
        "--seconds", metavar="S", type=number(1, 3600, "s"), help="the same in seconds"
    )
    parser.add_argument(
        "--instruments",
        metavar="NAME",
        nargs="+",
        default=[],
        help="who plays, names of General MIDI or programs 0 to 127, commas between names of "
        f"several words or quotes around them (default: {playing})",
    )
    parser.add_argument(
        "--count",
        metavar="K",
        type=whole(1, 64, "candidates"),
        default=1,
        help="make so many, OUT-1.mid the likeliest to the network (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=whole(0, 2**31 - 1, ""),
        default=1,
        help="another number, other music; the same, the same (default: %(default)s)",
    )
    parser.add_argument(
        "--temperature",
        metavar="T",
        type=number(0.1, 2, ""),
        default=1.0,
        help="below 1 more predictable, above 1 more daring (default: %(default)g)",
    )
    parser.add_argument("--png", action="store_true", help="also draw each as a piano roll")


def players_of(words: Sequence[str]) -> list[Player]:
    """Return who is meant by the words of --instruments, each instrument once. [main]"""
    from engine.general_midi import player

    text = ",".join(words) if not any("," in word for word in words) else " ".join(words)
    found = [player(name) for name in text.split(",") if name.strip()]
    return list({one.code: one for one in found}.values())


def wish_of(arguments: argparse.Namespace, prompt: Prompt, players: Sequence[Player]) -> Wish:
    """Return what the command line wishes after a prompt. [main]"""
    from engine.composing import Wish

    seconds = arguments.seconds
    return Wish(
        beats=arguments.beats if seconds is None else prompt.beats_of(seconds),
        instruments=tuple(player.code for player in players),
        count=arguments.count,
        seed=arguments.seed,
        temperature=arguments.temperature,
    )


def targets_of(output: Path, count: int, source: Path | None = None) -> list[Path]:
    """Return the file of each candidate, the likeliest first: `output`, or OUTPUT-1 and so on.

    `source` is a score that must not be written over. ComposingError, before anything is made, if
    a file cannot be written. [main]
    """
    from engine.composing import ComposingError

    if output.suffix.lower() not in MIDI:
        raise ComposingError(f"{output}: what is written is MIDI, its name must end in .mid")
    if not output.parent.is_dir():
        raise ComposingError(f"{output}: there is no folder {output.parent}")
    targets = [output]
    if count > 1:
        ranks = range(1, count + 1)
        targets = [output.with_name(f"{output.stem}-{rank}{output.suffix}") for rank in ranks]
    for path in targets:
        if path.is_dir():
            raise ComposingError(f"{path}: cannot be written: it is a folder")
        if source is not None and path.exists() and source.exists() and path.samefile(source):
            raise ComposingError(f"{path}: that is the score itself; name another file to write")
    return targets


def make(
    arguments: argparse.Namespace, targets: Sequence[Path], prompt: Prompt, wish: Wish, title: str
) -> None:
    """Make a candidate for each of `targets`, write them and say what they are. [main]"""
    import time

    from engine.composing import candidates
    from engine.terminal import StatusLine
    from models.mmt.decoder import is_compiled, shipped

    line = StatusLine()
    if not is_compiled():
        line.say(COMPILING)
    line.draw("loading the network")
    decoder = shipped()

    def watch(candidate: int, notes: int, beats: float) -> None:
        if notes % 16 == 1:
            of = f"{candidate} of {wish.count}: " if wish.count > 1 else ""
            line.draw(f"{of}{notes} notes, beat {beats:.0f} of {wish.beats:g}")

    began = time.perf_counter()
    made = candidates(decoder, prompt.notes, prompt.seam, wish, watch)
    took_s = time.perf_counter() - began
    line.draw("")
    rows = [("file", "notes", "nats a note", "instruments")]
    for path, candidate in zip(targets, made, strict=True):
        _write(path, prompt, candidate, title, arguments.png)
        who = ", ".join(_names(candidate))
        rows.append((str(path), str(len(candidate.notes)), f"{candidate.nll:.2f}", who))
    line.close()
    _print(rows)
    notes = sum(len(candidate.notes) for candidate in made)
    print(f"{wish.beats:g} beats each, {notes} notes in {took_s:.1f} s; likeliest first")


def _write(path: Path, prompt: Prompt, candidate: Candidate, title: str, png: bool) -> None:
    from engine.general_midi import Player
    from engine.midi.files import write_midi
    from engine.prompts import continued, with_players
    from models.mmt.instruments import name_of, program_of
    from models.mmt.representation import PLAYER

    codes = sorted(set(candidate.notes[:, PLAYER].tolist()))
    named = [Player(code, program_of(code), name_of(code).capitalize()) for code in codes]
    prompt = with_players(prompt, named)
    score = continued(prompt, candidate.notes)
    write_midi(
        path,
        score.tracks,
        score.events,
        score.tempo,
        time_signatures=score.time_signatures,
        key_signatures=score.key_signatures,
        title=title,
        markers=[(prompt.seam_beat, "continued")] if prompt.seam_beat else (),
    )
    if png:
        _draw(path.with_suffix(".png"), prompt, score, title, candidate)


def _draw(path: Path, prompt: Prompt, score, title: str, candidate: Candidate) -> None:
    from engine.pictures import RollNote, draw_rolls

    roll = [
        RollNote(
            float(note["start_seconds"]),
            float(note["end_seconds"]),
            int(note["pitch"]),
            int(note["track"]),
        )
        for note in score.notes()
        if not score.tracks[int(note["track"])].drums
    ]
    seam_s = score.tempo.second_at(prompt.seam_beat) if prompt.seam_beat else None
    given = f"{prompt.seam_beat} beats given, then " if prompt.seam_beat else ""
    caption = f"{given}{len(candidate.notes)} notes made, {candidate.nll:.2f} nats a note"
    names = [track.name for track in score.tracks]
    draw_rolls(path, [("", roll)], names, title, caption, seam_s=seam_s)


def _names(candidate: Candidate) -> list[str]:
    """Return who plays how many notes."""
    import numpy as np

    from models.mmt.instruments import name_of
    from models.mmt.representation import PLAYER

    codes, counts = np.unique(candidate.notes[:, PLAYER], return_counts=True)
    return [f"{name_of(int(code))} {n}" for code, n in zip(codes, counts, strict=True)]


def _print(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for name, notes, nats, who in rows:
        print(f"{name:{widths[0]}}  {notes:>{widths[1]}}  {nats:>{widths[2]}}  {who}")
